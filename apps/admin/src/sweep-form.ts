/**
 * The form of a sweep as a request: keys of the run's configuration, and for each the values to try. Pure. What the
 * coordinator decides (whether a key exists, whether a value is allowed) is not asked here.
 */
import { SWEEP_TRIALS_MAX, type SweepRequest } from '@murmuration/protocol';

export interface ParameterRow {
  readonly id: number;
  readonly key: string;
  readonly kind: 'list' | 'range';
  /** Values with commas. */
  readonly values: string;
  readonly min: string;
  readonly max: string;
  readonly scale: 'linear' | 'log';
  readonly integer: boolean;
}
export type Value = number | string | boolean | null;
type Parameter = SweepRequest['search']['parameters'][number];

export type SweepFault = {
  readonly row: number;
  readonly fault: 'key' | 'values' | 'range' | 'log' | 'twice';
};

/** `0.1, 0.01`, `adam, rmsprop-floored`, `true`, `null`: each as what it looks like. */
export const valuesOf = (text: string): Value[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
    .map(valueOf);

function valueOf(word: string): Value {
  if (word === 'true' || word === 'false') return word === 'true';
  if (word === 'null') return null;
  return Number.isFinite(Number(word)) ? Number(word) : word;
}

/** The first row that cannot be meant, by its index. */
export function faultOf(kind: 'grid' | 'random', rows: readonly ParameterRow[]): SweepFault | null {
  for (const [row, each] of rows.entries()) {
    if (each.key.trim() === '') return { row, fault: 'key' };
    if (rows.findIndex(({ key }) => key.trim() === each.key.trim()) !== row) return { row, fault: 'twice' };
    if (kind === 'grid' || each.kind === 'list') {
      if (valuesOf(each.values).length === 0) return { row, fault: 'values' };
      continue;
    }
    const [min, max] = [Number(each.min), Number(each.max)];
    if (each.min.trim() === '' || each.max.trim() === '' || !(min < max)) return { row, fault: 'range' };
    if (each.scale === 'log' && min <= 0) return { row, fault: 'log' };
  }
  return null;
}

export function searchOf(
  kind: 'grid' | 'random',
  rows: readonly ParameterRow[],
  { trials, seed }: { readonly trials: number; readonly seed: number },
): SweepRequest['search'] {
  const listed = ({ key, values }: ParameterRow) => ({ key: key.trim(), values: valuesOf(values) });
  if (kind === 'grid') return { kind, parameters: rows.map(listed) };
  const parameters: Parameter[] = rows.map((row) =>
    row.kind === 'list'
      ? listed(row)
      : {
          ...{ key: row.key.trim(), min: Number(row.min), max: Number(row.max), scale: row.scale },
          ...(row.integer ? { integer: true } : {}),
        },
  );
  return { kind, trials, seed, parameters };
}

/** How many runs it would be; more than the coordinator takes is said as it is. */
export const trialCount = (kind: 'grid' | 'random', rows: readonly ParameterRow[], trials: number): number =>
  kind === 'random' ? trials : rows.reduce((product, { values }) => product * valuesOf(values).length, 1);

export const isTooMany = (count: number): boolean => count > SWEEP_TRIALS_MAX;
