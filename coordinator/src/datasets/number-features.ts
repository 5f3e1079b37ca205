/**
 * Features that are columns of numbers and of categories. Raw: a float64 a value, a category as its number, NaN where
 * the value is missing. Encoded: float32; numbers standardised with the training rows' mean and deviation (a missing one
 * is the mean, 0), a category as as many values as there are categories, one of them 1 (none, where it is missing).
 */
import type { Preprocessing, Preview } from '@murmuration/protocol';
import { Histogram, Moments, type FeatureForm } from './row-form.ts';

export type Column =
  /** `size` neighbouring values that share their mean and deviation: 1, or a whole sample of an array. */
  | { readonly name: string; readonly kind: 'number'; readonly size: number }
  | { readonly name: string; readonly kind: 'category'; readonly categories: readonly string[] };

interface Part {
  readonly column: Column;
  readonly rawFrom: number;
  readonly from: number;
  readonly moments: Moments;
  readonly histogram: Histogram;
  readonly categoryCounts: number[];
  missing: number;
}

/** Columns that the preview describes; the preprocessing has all. */
const PREVIEW_COLUMNS_MAX = 200;
const PREVIEW_CATEGORIES_MAX = 20;

export class NumberFeatures implements FeatureForm {
  readonly encoding = 'float32';
  readonly sampleShape: readonly number[];
  readonly rawBytes: number;
  readonly #parts: Part[] = [];
  readonly #leftOut: readonly { name: string; reason: string }[];

  /** @param sampleShape when the values are no flat list */
  constructor(
    columns: readonly Column[],
    leftOut: readonly { name: string; reason: string }[] = [],
    sampleShape?: readonly number[],
  ) {
    let raw = 0;
    let size = 0;
    for (const column of columns) {
      this.#parts.push({
        column,
        rawFrom: raw,
        from: size,
        moments: new Moments(),
        histogram: new Histogram(),
        categoryCounts: column.kind === 'category' ? column.categories.map(() => 0) : [],
        missing: 0,
      });
      raw += column.kind === 'number' ? column.size : 1;
      size += column.kind === 'number' ? column.size : column.categories.length;
    }
    this.rawBytes = 8 * raw;
    this.sampleShape = sampleShape ?? [size];
    this.#leftOut = leftOut;
  }

  survey(view: DataView, at: number): void {
    for (const part of this.#parts)
      for (let i = 0; i < rawSize(part.column); i++)
        if (Number.isNaN(view.getFloat64(at + 8 * (part.rawFrom + i), true))) part.missing += 1;
  }

  fit(view: DataView, at: number): void {
    for (const part of this.#parts)
      for (let i = 0; i < rawSize(part.column); i++) {
        const value = view.getFloat64(at + 8 * (part.rawFrom + i), true);
        if (Number.isNaN(value)) continue;
        if (part.column.kind === 'number') part.moments.add(value);
        else part.categoryCounts[value]! += 1;
      }
  }

  encode(view: DataView, at: number, out: DataView, outAt: number): void {
    for (const { column, rawFrom, from, moments } of this.#parts) {
      if (column.kind === 'number')
        for (let i = 0; i < column.size; i++) {
          const value = view.getFloat64(at + 8 * (rawFrom + i), true);
          out.setFloat32(outAt + 4 * (from + i), Number.isNaN(value) ? 0 : moments.standardised(value), true);
        }
      else {
        const category = view.getFloat64(at + 8 * rawFrom, true);
        for (let i = 0; i < column.categories.length; i++)
          out.setFloat32(outAt + 4 * (from + i), i === category ? 1 : 0, true);
      }
    }
  }

  count(view: DataView, at: number): void {
    for (const { column, rawFrom, moments, histogram } of this.#parts)
      if (column.kind === 'number')
        for (let i = 0; i < column.size; i++) {
          const value = view.getFloat64(at + 8 * (rawFrom + i), true);
          if (!Number.isNaN(value)) histogram.add(value, moments);
        }
  }

  preprocessing(): Preprocessing['input'] {
    return {
      kind: 'numbers',
      sampleShape: [...this.sampleShape],
      columns: this.#parts.map(({ column, from, moments }) =>
        column.kind === 'number'
          ? {
              name: column.name,
              kind: 'number',
              from,
              size: column.size,
              mean: moments.mean,
              stdDev: moments.stdDev,
            }
          : { name: column.name, kind: 'category', from, categories: [...column.categories] },
      ),
      leftOut: [...this.#leftOut],
    };
  }

  preview(): Pick<Preview, 'columns' | 'values'> {
    return {
      values: null,
      columns: this.#parts
        .slice(0, PREVIEW_COLUMNS_MAX)
        .map(({ column, missing, moments, histogram, categoryCounts }) =>
          column.kind === 'number'
            ? {
                name: column.name,
                kind: 'number',
                missing,
                mean: moments.mean,
                stdDev: moments.stdDev,
                min: moments.count === 0 ? null : moments.min,
                max: moments.count === 0 ? null : moments.max,
                histogram: histogram.bins,
              }
            : {
                name: column.name,
                kind: 'category',
                missing,
                categories: column.categories
                  .map((name, i) => ({ name, count: categoryCounts[i]! }))
                  .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
                  .slice(0, PREVIEW_CATEGORIES_MAX),
              },
        ),
    };
  }

  sample(view: DataView, at: number): Preview['samples'][number]['input'] {
    const shown = this.#parts.slice(0, PREVIEW_COLUMNS_MAX);
    return {
      kind: 'row',
      cells: shown.flatMap(({ column, rawFrom }) =>
        Array.from({ length: Math.min(rawSize(column), PREVIEW_COLUMNS_MAX) }, (_, i) => {
          const value = view.getFloat64(at + 8 * (rawFrom + i), true);
          if (Number.isNaN(value)) return null;
          return column.kind === 'number' ? value : column.categories[value]!;
        }),
      ),
    };
  }
}

const rawSize = (column: Column): number => (column.kind === 'number' ? column.size : 1);
