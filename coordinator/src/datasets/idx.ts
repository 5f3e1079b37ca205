/**
 * IDX files, the format of MNIST: an images file and a labels file, each plain or gzipped.
 *
 *     byte 0-1   0 0
 *     byte 2     type of the values; only 08, unsigned byte, is taken
 *     byte 3     number of dimensions: 3 for images (count, rows, columns), 1 for labels (count)
 *     byte 4-    each dimension as a big-endian u32, then the values, row-major, and nothing after them
 *
 * The files come from a stranger. The headers are read first and judged against LIMITS; then at most the bytes they
 * announce are read, so a gzip bomb costs no more than an honest file of its header.
 */
import { LIMITS, sampleSize } from '@murmuration/protocol';
import { ByteReader, fileBytes } from './byte-stream.ts';
import { DatasetError } from './dataset-error.ts';
import type { SampleSource } from './make-shards.ts';
import { ByteFeatures, ClassTarget, labelledRows } from './row-form.ts';

const TYPE_NAMES: Readonly<Record<number, string>> = {
  0x08: 'unsigned byte',
  0x09: 'signed byte',
  0x0b: '16-bit integer',
  0x0c: '32-bit integer',
  0x0d: '32-bit float',
  0x0e: '64-bit float',
};
const UNSIGNED_BYTE = 0x08;
const IMAGE_RANK = 3;
const LABEL_RANK = 1;
const BLOCK_BYTES = 256 * 1024;

/**
 * Samples of shape [rows, columns, 1]; classes are 0 to the largest label.
 * @throws DatasetError naming the file, the byte and what was expected there; so does reading the blocks
 */
export async function idxSource(files: { images: string; labels: string }): Promise<SampleSource> {
  const images = new ByteReader(fileBytes('images', files.images));
  const labels = new ByteReader(fileBytes('labels', files.labels));
  const close = async () => {
    await images.close();
    await labels.close();
  };
  try {
    const [imageCount, rows, columns] = (await readHeader('images', images, IMAGE_RANK)) as [
      number,
      number,
      number,
    ];
    const [labelCount] = (await readHeader('labels', labels, LABEL_RANK)) as [number];
    if (imageCount !== labelCount)
      throw new DatasetError(
        'labels',
        `${labelCount} labels for ${imageCount} images; both files need the same count`,
      );
    const features = new ByteFeatures([rows, columns, 1]);
    const target = new ClassTarget('labels');
    return {
      features,
      target,
      async *blocks() {
        try {
          const rowsAtOnce = Math.max(1, Math.floor(BLOCK_BYTES / features.rawBytes));
          for (let row = 0; row < imageCount; row += rowsAtOnce) {
            const count = Math.min(rowsAtOnce, imageCount - row);
            yield labelledRows(
              await readValues('images', images, count * features.rawBytes, imageCount * features.rawBytes),
              await readValues('labels', labels, count, labelCount),
            );
          }
          await expectEnd('images', images);
          await expectEnd('labels', labels);
        } finally {
          await close();
        }
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type IdxField = 'images' | 'labels';

/** The dimensions, each within its limit, and their product too. */
async function readHeader(field: IdxField, file: ByteReader, rank: number): Promise<number[]> {
  const { samplesMax, dimensionMax, uploadMaxBytes, shardMaxBytes } = LIMITS;
  const magic = `00 00 08 ${hex(rank)}`;
  const start = await file.read(4);
  if (start.length === 0) throw new DatasetError(field, 'is empty (ends at byte 0); expected an IDX file');
  if (start.length < 4)
    throw new DatasetError(field, `ends at byte ${start.length}; an IDX file begins with ${magic}`);
  const [zero, secondZero, type, dimensionCount] = start as unknown as [number, number, number, number];
  if (zero !== 0 || secondZero !== 0)
    throw new DatasetError(
      field,
      `begins with ${Array.from(start, hex).join(' ')}; an IDX file begins with ${magic}`,
    );
  if (type !== UNSIGNED_BYTE)
    throw new DatasetError(
      field,
      `holds values of ${TYPE_NAMES[type] ?? 'an unknown type'} (${hex(type)} at byte 2); only unsigned byte (08) is taken`,
    );
  if (dimensionCount !== rank) {
    const swapped = (rank === IMAGE_RANK ? LABEL_RANK : IMAGE_RANK) === dimensionCount;
    throw new DatasetError(
      field,
      `has ${dimensionCount} dimensions at byte 3; expected ${rank}${swapped ? '; are the two files swapped?' : ''}`,
    );
  }
  const dimensions = await file.read(4 * rank);
  if (dimensions.length < 4 * rank)
    throw new DatasetError(
      field,
      `ends at byte ${4 + dimensions.length}, inside the header of ${4 + 4 * rank} bytes`,
    );
  const view = new DataView(dimensions.buffer, dimensions.byteOffset);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 * i));
  for (const [i, size] of shape.entries()) {
    const max = i === 0 ? samplesMax : dimensionMax;
    if (size < 1 || size > max)
      throw new DatasetError(field, `dimension ${i} at byte ${4 + 4 * i} is ${size}; expected 1 to ${max}`);
  }
  // Each factor is bounded above, and the sample before the whole, so that no product passes 2^53.
  const sampleBytes = sampleSize(shape.slice(1));
  if (sampleBytes >= shardMaxBytes)
    throw new DatasetError(
      field,
      `one sample of [${shape.slice(1)}] has ${sampleBytes} bytes; the limit is ${shardMaxBytes - 1}`,
    );
  if (shape[0]! * sampleBytes > uploadMaxBytes)
    throw new DatasetError(
      field,
      `announces ${shape[0]! * sampleBytes} bytes of values; at most ${uploadMaxBytes} are taken`,
    );
  return shape;
}

/** @param announced all bytes of values, by the header */
async function readValues(
  field: IdxField,
  file: ByteReader,
  count: number,
  announced: number,
): Promise<Uint8Array> {
  const bytes = await file.read(count);
  if (bytes.length < count)
    throw new DatasetError(
      field,
      `ends at byte ${file.offset}; the header announces ${announced + headerBytes(field)} bytes`,
    );
  return bytes;
}

async function expectEnd(field: IdxField, file: ByteReader): Promise<void> {
  const end = file.offset;
  if ((await file.read(1)).length > 0)
    throw new DatasetError(field, `goes on after byte ${end}, where the header says it ends`);
}

const headerBytes = (field: IdxField) => 4 + 4 * (field === 'images' ? IMAGE_RANK : LABEL_RANK);
const hex = (byte: number) => byte.toString(16).padStart(2, '0');
