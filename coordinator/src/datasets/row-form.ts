/**
 * What a row of a source is made of: its features and its target, as they lie in the spool while a data set is made
 * (raw), and as they stand in a shard (encoded). A form learns what it must know on the way: it surveys every row, is
 * fitted on the training rows only, and then encodes any row.
 *
 * Raw features are as a form says; a raw target is float64 values, little endian. `at` is where the row's features or
 * target begin in `view`.
 */
import {
  LIMITS,
  sampleSize,
  type Encoding,
  type Preprocessing,
  type Preview,
  type Target,
} from '@murmuration/protocol';
import { DatasetError } from './dataset-error.ts';

export interface FeatureForm {
  readonly encoding: Encoding;
  readonly sampleShape: readonly number[];
  readonly rawBytes: number;
  survey(view: DataView, at: number): void;
  fit(view: DataView, at: number): void;
  encode(view: DataView, at: number, out: DataView, outAt: number): void;
  /** Counts a training row for the histograms, after all were fitted. */
  count(view: DataView, at: number): void;
  preprocessing(): Preprocessing['input'];
  preview(): Pick<Preview, 'columns' | 'values'>;
  /** One row for people. */
  sample(view: DataView, at: number): Preview['samples'][number]['input'];
}

export interface TargetForm {
  /** Raw float64 values a row. */
  readonly rawSize: number;
  survey(view: DataView, at: number, rowIndex: number): void;
  fit(view: DataView, at: number): void;
  encode(view: DataView, at: number, out: DataView, outAt: number): void;
  /** After the survey and the fit. @throws DatasetError when nothing can be learned */
  target(): Target;
  /** Rows of each class, after the survey; null: there are no classes. */
  classCounts(): readonly number[] | null;
  classOf(view: DataView, at: number): number;
  preprocessing(): Preprocessing['target'];
  sample(view: DataView, at: number): Preview['samples'][number]['target'];
}

const HISTOGRAM_BINS = 16;

/** Bytes that train as p / 255: pixels. */
export class ByteFeatures implements FeatureForm {
  readonly encoding = 'uint8';
  readonly sampleShape: readonly number[];
  readonly rawBytes: number;
  readonly #resize: Extract<Preprocessing['input'], { kind: 'bytes' }>['resize'];
  readonly #histogram = new Array<number>(HISTOGRAM_BINS).fill(0);

  constructor(
    sampleShape: readonly number[],
    resize?: Extract<Preprocessing['input'], { kind: 'bytes' }>['resize'],
  ) {
    this.sampleShape = sampleShape;
    this.rawBytes = sampleSize(sampleShape);
    this.#resize = resize;
  }
  survey(): void {}
  fit(): void {}
  encode(view: DataView, at: number, out: DataView, outAt: number): void {
    bytesOf(out, outAt, this.rawBytes).set(bytesOf(view, at, this.rawBytes));
  }
  count(view: DataView, at: number): void {
    for (const byte of bytesOf(view, at, this.rawBytes)) this.#histogram[byte >> 4]! += 1;
  }
  preprocessing(): Preprocessing['input'] {
    return {
      kind: 'bytes',
      sampleShape: [...this.sampleShape],
      divideBy: 255,
      ...(this.#resize === undefined ? {} : { resize: this.#resize }),
    };
  }
  preview(): Pick<Preview, 'columns' | 'values'> {
    return { columns: [], values: { min: 0, max: 256, histogram: [...this.#histogram] } };
  }
  sample(view: DataView, at: number): Preview['samples'][number]['input'] {
    return { kind: 'bytes', base64: Buffer.from(bytesOf(view, at, this.rawBytes)).toString('base64') };
  }
}

/** The row's class as a whole number from 0. */
export class ClassTarget implements TargetForm {
  readonly rawSize = 1;
  readonly #field: string;
  readonly #column: string | null;
  readonly #names: readonly string[] | null;
  readonly #counts: number[] = [];

  /** @param names by class; null: classes are 0 to the largest that comes */
  constructor(field: string, names: readonly string[] | null = null, column: string | null = null) {
    this.#field = field;
    this.#names = names;
    this.#column = column;
    for (const _ of names ?? []) this.#counts.push(0);
  }
  survey(view: DataView, at: number, rowIndex: number): void {
    const label = view.getFloat64(at, true);
    const end = this.#names?.length ?? LIMITS.datasetClassesMax;
    if (!Number.isInteger(label) || label < 0 || label >= end)
      throw new DatasetError(
        this.#field,
        `row ${rowIndex} has the class ${label}; expected a whole number from 0 to ${end - 1}`,
      );
    while (this.#counts.length <= label) this.#counts.push(0);
    this.#counts[label]! += 1;
  }
  fit(): void {}
  encode(view: DataView, at: number, out: DataView, outAt: number): void {
    out.setUint8(outAt, view.getFloat64(at, true));
  }
  target(): Target {
    const used = this.#counts.filter((count) => count > 0).length;
    if (used < 2)
      throw new DatasetError(
        this.#field,
        `all ${this.#counts.reduce((a, b) => a + b, 0)} rows are of one class (${this.#names?.[0] ?? this.#counts.length - 1}); at least two classes are needed`,
      );
    const names = this.#names?.map((name) => name.slice(0, LIMITS.nameMaxCharacters));
    const travels = names !== undefined && JSON.stringify(names).length <= CLASS_NAMES_MAX_CHARACTERS;
    return {
      kind: 'class',
      classCount: this.#counts.length,
      ...(travels ? { classNames: names } : {}),
    };
  }
  classCounts(): readonly number[] {
    return this.#counts;
  }
  classOf(view: DataView, at: number): number {
    return view.getFloat64(at, true);
  }
  preprocessing(): Preprocessing['target'] {
    return {
      kind: 'class',
      column: this.#column,
      classNames: this.#names === null ? this.#counts.map((_, label) => String(label)) : [...this.#names],
    };
  }
  sample(view: DataView, at: number): Preview['samples'][number]['target'] {
    const label = view.getFloat64(at, true);
    return this.#names?.[label] ?? String(label);
  }
}

/** The manifest travels to every tab in one message; longer lists of names stay in the preprocessing. */
const CLASS_NAMES_MAX_CHARACTERS = 8_192;

/** Numbers to be predicted, standardised as the training rows say. */
export class ValueTarget implements TargetForm {
  readonly rawSize: number;
  readonly #field: string;
  readonly #columns: readonly string[] | null;
  readonly #moments: Moments[];

  constructor(field: string, size: number, columns: readonly string[] | null = null) {
    this.rawSize = size;
    this.#field = field;
    this.#columns = columns;
    this.#moments = Array.from({ length: size }, () => new Moments());
  }
  survey(view: DataView, at: number, rowIndex: number): void {
    for (let i = 0; i < this.rawSize; i++) {
      const value = view.getFloat64(at + 8 * i, true);
      if (!Number.isFinite(value))
        throw new DatasetError(
          this.#field,
          `row ${rowIndex} has the value ${value}; expected a finite number`,
        );
    }
  }
  fit(view: DataView, at: number): void {
    for (const [i, moments] of this.#moments.entries()) moments.add(view.getFloat64(at + 8 * i, true));
  }
  encode(view: DataView, at: number, out: DataView, outAt: number): void {
    for (const [i, moments] of this.#moments.entries())
      out.setFloat32(outAt + 4 * i, moments.standardised(view.getFloat64(at + 8 * i, true)), true);
  }
  target(): Target {
    return { kind: 'value', size: this.rawSize, ...this.#scale() };
  }
  classCounts(): null {
    return null;
  }
  classOf(): number {
    return 0;
  }
  preprocessing(): Preprocessing['target'] {
    return { kind: 'value', columns: this.#columns === null ? null : [...this.#columns], ...this.#scale() };
  }
  sample(view: DataView, at: number): Preview['samples'][number]['target'] {
    return Array.from({ length: this.rawSize }, (_, i) => view.getFloat64(at + 8 * i, true));
  }
  #scale() {
    return {
      mean: this.#moments.map(({ mean }) => mean),
      stdDev: this.#moments.map(({ stdDev }) => stdDev),
    };
  }
}

/** Rows of raw features of one size, each followed by its class as a raw target. */
export function labelledRows(features: Uint8Array, labels: Uint8Array): Uint8Array {
  const size = features.length / labels.length;
  const block = new Uint8Array(labels.length * (size + 8));
  const view = new DataView(block.buffer);
  for (const [row, label] of labels.entries()) {
    block.set(features.subarray(row * size, (row + 1) * size), row * (size + 8));
    view.setFloat64(row * (size + 8) + size, label, true);
  }
  return block;
}

/** Mean and standard deviation of what was added (Welford 1962), and its range. */
export class Moments {
  count = 0;
  mean = 0;
  min = Infinity;
  max = -Infinity;
  #squares = 0;

  add(value: number): void {
    this.count += 1;
    const delta = value - this.mean;
    this.mean += delta / this.count;
    this.#squares += delta * (value - this.mean);
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  /** Of the population; 1 when all values are the same, so that they become 0. */
  get stdDev(): number {
    const deviation = this.count === 0 ? 0 : Math.sqrt(this.#squares / this.count);
    return deviation > 0 && Number.isFinite(deviation) ? deviation : 1;
  }

  /** Within float32: a value of 1e300 must not become infinite. */
  standardised(value: number): number {
    return Math.max(-FLOAT32_SAFE, Math.min(FLOAT32_SAFE, (value - this.mean) / this.stdDev));
  }
}
const FLOAT32_SAFE = 1e30;

/** Counts values between the smallest and the largest into equal bins. */
export class Histogram {
  readonly bins = new Array<number>(HISTOGRAM_BINS).fill(0);

  add(value: number, { min, max }: { readonly min: number; readonly max: number }): void {
    const share = max > min ? (value - min) / (max - min) : 0;
    this.bins[Math.max(0, Math.min(HISTOGRAM_BINS - 1, Math.floor(share * HISTOGRAM_BINS)))]! += 1;
  }
}

const bytesOf = (view: DataView, at: number, length: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + at, length);
