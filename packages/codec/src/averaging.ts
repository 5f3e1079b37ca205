/**
 * The mean of a group's updates: weighted by samples, each update clipped to the group's median norm, independent of
 * the order in which the updates came. Every member that holds the same updates computes the same bits: updates are
 * sorted by author, sums run in double precision in that order, and only the result is rounded to float32.
 *
 * Clipping to the median costs 0.4 % without attackers and turns two of sixteen peers that send -10x from a run's end
 * into a small loss (ALGORITHMS study, 5.3). A group of one or two has no meaningful median: nothing is clipped.
 */
import { addDecoded, encodedNorm } from './update-codec.ts';

export interface GroupUpdate {
  readonly author: string;
  /** Samples behind the update; its weight. At least 1. */
  readonly sampleCount: number;
  /** Bytes that `inspectUpdate` accepted. */
  readonly encoded: Uint8Array;
}

/** One author's share of a group's weight is bounded: claimed sample counts are the author's word. */
const WEIGHT_RATIO_MAX = 4;

/**
 * What a value's weighted sum is divided by: the weight of all updates, or of those that sent the value. For dense
 * updates they are the same. By senders, a value that one of sixteen sent is applied whole (SparseLoCo's rule).
 */
export type Divisor = 'all' | 'senders';

/**
 * Weighted mean of the updates, float32.
 * @param count values of one update.
 * @throws Error when there is no update: a round without updates must not be averaged.
 */
export function averageUpdates(
  updates: readonly GroupUpdate[],
  count: number,
  divisor: Divisor = 'all',
): Float32Array {
  if (updates.length === 0) throw new Error('averageUpdates: no updates');
  const sorted = [...updates].sort((a, b) => (a.author < b.author ? -1 : 1));
  const norms = sorted.map((update) => encodedNorm(update.encoded));
  const clipNorm = sorted.length >= 3 ? median(norms) : Infinity;
  const weightMax = WEIGHT_RATIO_MAX * median(sorted.map((update) => update.sampleCount));
  const weights = sorted.map((update) => Math.min(update.sampleCount, weightMax));
  const totalWeight = weights.reduce((a, b) => a + b, 0);
  const sum = new Float64Array(count);
  const senders = divisor === 'senders' ? new Float64Array(count) : null;
  for (const [i, update] of sorted.entries()) {
    const clip = norms[i]! > clipNorm ? clipNorm / norms[i]! : 1;
    const weight = weights[i]! / totalWeight;
    addDecoded(update.encoded, clip * weight, sum, senders === null ? undefined : { sums: senders, weight });
  }
  if (senders !== null) for (let i = 0; i < count; i++) if (senders[i]! > 0) sum[i]! /= senders[i]!;
  return Float32Array.from(sum);
}

/** Below this many values, sorting by insertion beats calling anybody. */
const SMALL_COUNT = 40;

/** Median; the mean of the two middle values for an even count. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values);
  if (sorted.length > SMALL_COUNT) sorted.sort();
  else
    for (let i = 1; i < sorted.length; i++) {
      const value = sorted[i]!;
      let at = i;
      for (; at > 0 && sorted[at - 1]! > value; at--) sorted[at] = sorted[at - 1]!;
      sorted[at] = value;
    }
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
