/**
 * IDX files, the format of MNIST: an images file and a labels file, each plain or gzipped.
 *
 *     byte 0-1   0 0
 *     byte 2     type of the values; only 08, unsigned byte, is taken
 *     byte 3     number of dimensions: 3 for images (count, rows, columns), 1 for labels (count)
 *     byte 4-    each dimension as a big-endian u32, then the values, row-major, and nothing after them
 *
 * The files come from a stranger. The header is read first, from the first bytes alone, and judged against LIMITS;
 * then at most the bytes it announces are inflated, so a gzip bomb costs no more than an honest file of its header.
 */
import { constants, gunzipSync } from 'node:zlib';
import { LIMITS, sampleSize } from '@murmuration/protocol';
import { checkLabelledSamples, DatasetError, type LabelledSamples } from './labelled-samples.ts';

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
/** Enough of a gzip stream to hold its own header with a file name, and our 16 bytes. Inflates to 1 MiB at most. */
const GZIP_HEAD_BYTES = 1024;

/**
 * Samples of shape [rows, columns, 1]; `classCount` is the largest label + 1. The results of plain files are views
 * into the arguments.
 * @throws DatasetError naming the file, the byte and what was expected there.
 */
export function parseIdx(images: Uint8Array, labels: Uint8Array): LabelledSamples & { sampleCount: number } {
  const [imageCount, rows, columns] = readHeader('images', images, IMAGE_RANK) as [number, number, number];
  const [labelCount] = readHeader('labels', labels, LABEL_RANK) as [number];
  if (imageCount !== labelCount)
    throw new DatasetError(
      'labels',
      `${labelCount} labels for ${imageCount} images; both files need the same count`,
    );
  const sampleShape = [rows, columns, 1];
  const samples = readValues('images', images, IMAGE_RANK, imageCount * sampleSize(sampleShape));
  const values = readValues('labels', labels, LABEL_RANK, labelCount);
  const largest = values.reduce((a, b) => Math.max(a, b));
  if (values.every((label) => label === largest))
    throw new DatasetError(
      'labels',
      `all ${labelCount} labels are ${largest}; at least two classes are needed`,
    );
  const set = { sampleShape, samples, labels: values, classCount: largest + 1 };
  checkLabelledSamples(set);
  return { ...set, sampleCount: imageCount };
}

type IdxField = 'images' | 'labels';

/** The dimensions, each within its limit, and their product too. */
function readHeader(field: IdxField, file: Uint8Array, rank: number): number[] {
  const { uploadMaxBytes, samplesMax, dimensionMax, shardMaxBytes } = LIMITS;
  if (file.length === 0) throw new DatasetError(field, 'the file is empty; expected an IDX file');
  if (file.length > uploadMaxBytes)
    throw new DatasetError(field, `the file has ${file.length} bytes; at most ${uploadMaxBytes} are taken`);
  const head = isGzip(file) ? inflate(field, file.subarray(0, GZIP_HEAD_BYTES), 'head') : file;
  const magic = `00 00 08 ${hex(rank)}`;
  if (head.length < 4)
    throw new DatasetError(
      field,
      `ends at byte ${head.length}; expected the magic number ${magic} at byte 0`,
    );
  const found = [...head.subarray(0, 4)].map(hex).join(' ');
  const [zero0, zero1, type, dimensions] = head as unknown as [number, number, number, number];
  if (zero0 !== 0 || zero1 !== 0)
    throw new DatasetError(field, `begins with ${found}; expected the IDX magic number ${magic} at byte 0`);
  if (type !== UNSIGNED_BYTE) {
    const name = TYPE_NAMES[type] ?? 'an unknown type';
    throw new DatasetError(
      field,
      `values are ${name} (${hex(type)} at byte 2); expected unsigned bytes (08)`,
    );
  }
  if (dimensions !== rank) {
    const other = dimensions === (rank === IMAGE_RANK ? LABEL_RANK : IMAGE_RANK);
    const hint = other ? '; are the images and the labels file swapped?' : '';
    throw new DatasetError(field, `${dimensions} dimensions at byte 3; expected ${rank}${hint}`);
  }
  if (head.length < headerBytes(rank))
    throw new DatasetError(
      field,
      `ends at byte ${head.length}, inside the header of ${headerBytes(rank)} bytes`,
    );
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const byte = 4 + 4 * i;
    const size = view.getUint32(byte);
    const max = i === 0 ? samplesMax : dimensionMax;
    if (size < 1 || size > max)
      throw new DatasetError(field, `dimension ${i} at byte ${byte} is ${size}; expected 1 to ${max}`);
    shape.push(size);
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

/** Exactly the values that the header announced. */
function readValues(field: IdxField, file: Uint8Array, rank: number, valueCount: number): Uint8Array {
  const expected = headerBytes(rank) + valueCount;
  const bytes = isGzip(file) ? inflate(field, file, expected) : file;
  if (bytes.length < expected)
    throw new DatasetError(field, `ends at byte ${bytes.length}; the header announces ${expected} bytes`);
  if (bytes.length > expected)
    throw new DatasetError(field, `goes on after byte ${expected}, where the header says it ends`);
  return new Uint8Array(bytes.buffer, bytes.byteOffset + headerBytes(rank), valueCount);
}

/** @param bound `'head'`: whatever the beginning of a stream gives. A number: the whole stream, so many bytes at most. */
function inflate(field: IdxField, bytes: Uint8Array, bound: 'head' | number): Uint8Array {
  try {
    return bound === 'head'
      ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
      : gunzipSync(bytes, { maxOutputLength: bound });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw new DatasetError(field, `inflates beyond byte ${bound}, where the header says it ends`);
    if (code === 'Z_BUF_ERROR')
      throw new DatasetError(field, 'the gzip stream is cut off; upload the whole file');
    throw new DatasetError(field, `the gzip stream is broken (${message}); upload the file again`);
  }
}

const isGzip = (file: Uint8Array) => file[0] === 0x1f && file[1] === 0x8b;
const headerBytes = (rank: number) => 4 + 4 * rank;
const hex = (byte: number) => byte.toString(16).padStart(2, '0');
