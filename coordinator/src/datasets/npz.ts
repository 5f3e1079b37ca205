/**
 * NumPy's arrays: two of one .npz (a zip of .npy), or two .npy. The first dimension counts the samples.
 *
 *     0x93 'NUMPY', version (2 bytes), length of the header (2 or 4 bytes, little endian), the header as a Python
 *     literal {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 784), }, then the values
 *
 * Bytes of at least two dimensions are pictures and train as p / 255; anything else is standardised: value by value when
 * samples are flat, as a whole otherwise. A NaN is a missing value.
 */
import { LIMITS, sampleSize, type DatasetRequest } from '@murmuration/protocol';
import { ByteReader, fileBytes } from './byte-stream.ts';
import { DatasetError } from './dataset-error.ts';
import type { SampleSource } from './make-shards.ts';
import { NumberFeatures } from './number-features.ts';
import { ByteFeatures, ClassTarget, ValueTarget, type FeatureForm, type TargetForm } from './row-form.ts';
import { Zip } from './zip.ts';

const HEADER_MAX_BYTES = 65_536;
const BLOCK_BYTES = 256 * 1024;
const FEATURE_NAMES = ['x', 'x_train', 'features', 'images', 'data', 'inputs', 'arr_0'];
const TARGET_NAMES = ['y', 'y_train', 'labels', 'label', 'target', 'targets', 'arr_1'];

type Read = (view: DataView, at: number, isLittle: boolean) => number;
const TYPES: Readonly<
  Record<string, { readonly bytes: number; readonly isWhole: boolean; readonly read: Read }>
> = {
  b1: { bytes: 1, isWhole: true, read: (view, at) => view.getUint8(at) },
  u1: { bytes: 1, isWhole: true, read: (view, at) => view.getUint8(at) },
  i1: { bytes: 1, isWhole: true, read: (view, at) => view.getInt8(at) },
  u2: { bytes: 2, isWhole: true, read: (view, at, isLittle) => view.getUint16(at, isLittle) },
  i2: { bytes: 2, isWhole: true, read: (view, at, isLittle) => view.getInt16(at, isLittle) },
  u4: { bytes: 4, isWhole: true, read: (view, at, isLittle) => view.getUint32(at, isLittle) },
  i4: { bytes: 4, isWhole: true, read: (view, at, isLittle) => view.getInt32(at, isLittle) },
  u8: { bytes: 8, isWhole: true, read: (view, at, isLittle) => Number(view.getBigUint64(at, isLittle)) },
  i8: { bytes: 8, isWhole: true, read: (view, at, isLittle) => Number(view.getBigInt64(at, isLittle)) },
  f4: { bytes: 4, isWhole: false, read: (view, at, isLittle) => view.getFloat32(at, isLittle) },
  f8: { bytes: 8, isWhole: false, read: (view, at, isLittle) => view.getFloat64(at, isLittle) },
};

interface OpenArray {
  readonly field: string;
  readonly name: string;
  readonly reader: ByteReader;
  readonly type: string;
  readonly isLittle: boolean;
  readonly shape: readonly number[];
}

type NpzWish = Pick<Extract<DatasetRequest, { kind: 'npz' }>, 'features' | 'target' | 'task'>;

/** @throws DatasetError naming the array and the byte; so does reading the blocks */
export async function npzSource(
  files: { readonly file: string; readonly labels?: string },
  wish: NpzWish,
): Promise<SampleSource> {
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const [features, targets] =
      files.labels === undefined
        ? await openZipped(files.file, wish, closers)
        : [
            await openArray('file', 'file', fileBytes('file', files.file), closers),
            await openArray('labels', 'labels', fileBytes('labels', files.labels), closers),
          ];
    const [count, ...sampleShape] = features.shape as [number, ...number[]];
    const [targetCount, ...targetShape] = targets.shape as [number, ...number[]];
    if (count !== targetCount)
      throw new DatasetError(
        targets.field,
        `${targetCount} in "${targets.name}" for ${count} samples in "${features.name}"; both need the same count`,
      );
    const form = featureForm(features, sampleShape);
    const target = targetForm(targets, sampleSize(targetShape), wish.task);
    return {
      features: form,
      target,
      async *blocks() {
        try {
          yield* rowsOf(features, targets, form, target, count);
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

async function* rowsOf(
  features: OpenArray,
  targets: OpenArray,
  form: FeatureForm,
  target: TargetForm,
  count: number,
): AsyncGenerator<Uint8Array, void, void> {
  const size = sampleSize(features.shape.slice(1));
  const rowBytes = form.rawBytes + 8 * target.rawSize;
  const rowsAtOnce = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes));
  for (let row = 0; row < count; row += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, count - row);
    const from = await valuesOf(features, rows * size);
    const targetsFrom = await valuesOf(targets, rows * target.rawSize);
    const block = new Uint8Array(rows * rowBytes);
    const view = new DataView(block.buffer);
    for (let i = 0; i < rows; i++) {
      const at = i * rowBytes;
      if (form.encoding === 'uint8') block.set(from.bytes.subarray(i * size, (i + 1) * size), at);
      else
        for (let j = 0; j < size; j++) {
          const value = from.read(i * size + j);
          if (value === Infinity || value === -Infinity)
            throw new DatasetError(
              features.field,
              `"${features.name}": value ${j} of sample ${row + i} is ${value}`,
            );
          view.setFloat64(at + 8 * j, value, true);
        }
      for (let j = 0; j < target.rawSize; j++)
        view.setFloat64(at + form.rawBytes + 8 * j, targetsFrom.read(i * target.rawSize + j), true);
    }
    yield block;
  }
  for (const { field, name, reader } of [features, targets])
    if ((await reader.read(1)).length > 0)
      throw new DatasetError(
        field,
        `"${name}" goes on after byte ${reader.offset - 1}, where its header says it ends`,
      );
}

async function valuesOf(array: OpenArray, count: number) {
  const { bytes: width, read } = TYPES[array.type]!;
  const bytes = await array.reader.read(count * width);
  if (bytes.length < count * width)
    throw new DatasetError(
      array.field,
      `"${array.name}" ends at byte ${array.reader.offset}; its header announces [${array.shape}] of ${width} bytes`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { bytes, read: (i: number) => read(view, i * width, array.isLittle) };
}

function featureForm({ field, name, type }: OpenArray, sampleShape: readonly number[]): FeatureForm {
  if (sampleShape.length === 0 || sampleShape.length > LIMITS.rankMax)
    throw new DatasetError(
      field,
      `"${name}" has ${sampleShape.length + 1} dimensions; expected 2 to ${LIMITS.rankMax + 1}, the first counts samples`,
    );
  const size = sampleSize(sampleShape);
  if (type === 'u1' && sampleShape.length >= 2)
    return new ByteFeatures(sampleShape.length === 2 ? [...sampleShape, 1] : sampleShape);
  return sampleShape.length === 1 && size <= LIMITS.columnsMax
    ? new NumberFeatures(
        Array.from({ length: size }, (_, i) => ({ name: `${name}[${i}]`, kind: 'number', size: 1 })),
      )
    : new NumberFeatures([{ name, kind: 'number', size }], [], sampleShape);
}

function targetForm({ field, name, type }: OpenArray, size: number, task: NpzWish['task']): TargetForm {
  if (size > LIMITS.targetValuesMax)
    throw new DatasetError(
      field,
      `"${name}" has ${size} values a sample; at most ${LIMITS.targetValuesMax} can be predicted`,
    );
  const isClass = task === 'classes' || (task === undefined && TYPES[type]!.isWhole);
  if (isClass && size !== 1)
    throw new DatasetError(field, `"${name}" has ${size} values a sample; a class is one whole number`);
  return isClass ? new ClassTarget(field) : new ValueTarget(field, size);
}

async function openZipped(
  path: string,
  wish: NpzWish,
  closers: (() => unknown)[],
): Promise<[OpenArray, OpenArray]> {
  const zip = await Zip.open('file', path);
  closers.push(() => zip.close());
  const names = zip.files
    .filter(({ name }) => name.endsWith('.npy'))
    .map(({ name }) => name.slice(0, -'.npy'.length));
  const choose = (field: 'features' | 'target', known: readonly string[]): string => {
    const asked = wish[field];
    const name = asked ?? known.flatMap((k) => names.filter((n) => n.toLowerCase() === k))[0];
    if (name !== undefined && names.includes(name)) return name;
    throw new DatasetError(
      field,
      `${asked === undefined ? 'which array is it?' : `there is no array "${asked}".`} The file holds ${names.join(', ').slice(0, 100) || 'no .npy'}`,
    );
  };
  const features = choose('features', FEATURE_NAMES);
  const target = choose('target', TARGET_NAMES);
  const opened = (name: string) => openArray('file', name, zip.bytes('file', `${name}.npy`), closers);
  return [await opened(features), await opened(target)];
}

async function openArray(
  field: string,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  closers: (() => unknown)[],
): Promise<OpenArray> {
  const reader = new ByteReader(pieces);
  closers.push(() => reader.close());
  const refuse = (problem: string) => new DatasetError(field, `"${name}" ${problem}`);
  const start = await reader.read(8);
  if (start.length < 8 || Buffer.from(start.subarray(0, 6)).toString('latin1') !== '\x93NUMPY')
    throw refuse('is no .npy: it does not begin with 93 4e 55 4d 50 59');
  const version = start[6]!;
  if (version < 1 || version > 3) throw refuse(`has version ${version} at byte 6; expected 1, 2 or 3`);
  const lengthBytes = Buffer.from(await reader.read(version === 1 ? 2 : 4));
  if (lengthBytes.length < (version === 1 ? 2 : 4))
    throw refuse(`ends at byte ${reader.offset}, in its header`);
  const length = lengthBytes.readUIntLE(0, lengthBytes.length);
  if (length > HEADER_MAX_BYTES)
    throw refuse(`announces a header of ${length} bytes at byte 8; at most ${HEADER_MAX_BYTES} are taken`);
  const header = Buffer.from(await reader.read(length)).toString('latin1');
  if (header.length < length) throw refuse(`ends at byte ${reader.offset}, in its header`);
  const [, order = '', type = ''] = /'descr':\s*'([<>|=]?)([a-zA-Z]\d+)'/.exec(header) ?? [];
  if (TYPES[type] === undefined)
    throw refuse(
      `holds values of type ${/'descr':\s*('[^']*'|\[)/.exec(header)?.[1] ?? '(none)'}; expected numbers (${Object.keys(TYPES).join(', ')}); save it with astype('float32')`,
    );
  if (!/'fortran_order':\s*False/.test(header))
    throw refuse('is in Fortran order; save numpy.ascontiguousarray of it');
  const sizes = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  const shape = (sizes ?? '')
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  const [count] = shape;
  if (count === undefined) throw refuse('has no dimensions; the first counts the samples');
  if (count < 1 || count > LIMITS.samplesMax)
    throw refuse(`holds ${count} samples; expected 1 to ${LIMITS.samplesMax}`);
  for (const size of shape.slice(1))
    if (size < 1 || size > LIMITS.dimensionMax)
      throw refuse(`has a dimension of ${size}; expected 1 to ${LIMITS.dimensionMax}`);
  if (sampleSize(shape.slice(1)) > LIMITS.shardMaxBytes / 4)
    throw refuse(
      `has samples of [${shape.slice(1)}]; at most ${LIMITS.shardMaxBytes / 4} values are possible`,
    );
  return { field, name, reader, type, isLittle: order !== '>', shape };
}
