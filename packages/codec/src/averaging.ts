/**
 * The mean of a group's updates: weighted by samples, robust against hostile authors, independent of the order in which
 * the updates came. Every member that holds the same updates computes the same bits: updates are sorted by author, what
 * is decided about them is computed in double precision in that order, and the sum itself in whole numbers
 * (exact-mean.ts), which is what lets a GPU do it too.
 *
 * Mental model. `weighUpdates` decides about each update as a whole, `averageUpdates` adds them up:
 *   size: what is longer than the group's median norm is shortened to it, so a factor of -1000 is worth no more than -1;
 *     updates that keep more values than others are longer for that alone, and are measured by what is usual for their k;
 *   direction: what points against the others does not count (`outvoted`): a sign flip, or the others' mean reversed at
 *     an honest norm, is out, whoever sends it;
 *   presence: an update of nothing but zeros, and bytes that another author sent too, take no share of the mean.
 * A verdict is one number an update, so it does not matter how updates are encoded or what a sum is divided by.
 * All of it needs a crowd: two or three updates have no meaningful median.
 *
 * It refuses to know who an author is and what it did before: members that joined at different times must agree.
 * Cost: O(n P) for norms and sums, and n^2 / 2 products of at most SAMPLE_VALUES values.
 */
import { planSum, sumOf, type SumPart, type SumPlan } from './exact-mean.ts';
import { FOLLOWED, type MeanRule } from './mean-rule.ts';
import { mulberry } from './random.ts';
import { ENTRY_INDEX, ENTRY_LARGER, ENTRY_NEGATIVE, magnitudeOfLevel, type KeptValues } from './top-k.ts';
import { addOpen, decodeRange, openNorm, openUpdate, type OpenUpdate } from './update-codec.ts';

export interface GroupUpdate {
  readonly author: string;
  /** Samples behind the update; its weight. At least 1. */
  readonly sampleCount: number;
  /** Local steps of a tab behind it. Where it may stand for several tabs, it says for how many (mean-rule.ts). */
  readonly stepCount?: number;
  /** Bytes that `inspectUpdate` accepted. */
  readonly encoded: Uint8Array;
}

/** An update's part in the mean. The weights of those that count sum to 1. */
export interface WeighedUpdate {
  readonly update: GroupUpdate;
  readonly open: OpenUpdate;
  /** Share of the mean; 0: it does not count. */
  readonly weight: number;
  /** Factor that shortens it to the group's median norm, in (0, 1]. */
  readonly clip: number;
}

/** One author's share of a group's weight is bounded: claimed sample counts are the author's word. */
const WEIGHT_RATIO_MAX = 4;
/** From so many updates on, norms have a median worth the name. */
const CLIP_UPDATES_MIN = 3;
/** From so many on, there can be a majority of directions. */
const VOTE_UPDATES_MIN = 4;
/**
 * Less than this share of updates that agree with most others is no verdict at all: late in training, or when each tab
 * has labels of its own, directions differ for honest reasons. Measured with a half: sign flips of 20 % cost 5.1 %
 * instead of 4.8 %; without any bound, data split by label lost 5 %.
 */
const JURY_SHARE_MIN = 0.4;
/** An update that agrees with the jury less than a third as much as is usual is out, if chance does not explain it. */
const AGREEMENT_SHARE_MIN = 1 / 3;
/** Directions are compared on so many values at most: cosines are then known to 0.003. */
const SAMPLE_VALUES = 131_072;
/** Block of values that is looked at or not; the sparse codecs choose their values in blocks of this size too. */
const SAMPLE_BLOCK_VALUES = 4_096;

/**
 * What a value's weighted sum is divided by: the weight of all updates, or of those that sent the value. For dense
 * updates they are the same. By senders, a value that one of sixteen sent is applied whole (SparseLoCo's rule).
 */
export type Divisor = 'all' | 'senders';

/**
 * Weighted mean of the updates times `rate`, float32.
 * @param count values of one update.
 * @param rule whether directions are voted on, and how long an update may be (mean-rule.ts)
 * @throws Error when there is no update: a round without updates must not be averaged.
 */
export function averageUpdates(
  updates: readonly GroupUpdate[],
  count: number,
  divisor: Divisor = 'all',
  rate = 1,
  rule: MeanRule = FOLLOWED,
): Float32Array {
  return divisor === 'all'
    ? sumOf(planMean(updates, count, rate, rule), count)
    : meanOfSenders(weighUpdates(updates, count, rule), count, rate);
}

/** The mean over all, times `rate`, as whole numbers that are still to be added: here (`sumOf`) or on a GPU. */
export const planMean = (
  updates: readonly GroupUpdate[],
  count: number,
  rate: number,
  rule: MeanRule = FOLLOWED,
): SumPlan => planSum(partsOf(weighUpdates(updates, count, rule), rate), count);

/** What the mean times `rate` is the sum of: those that count, ascending by author. */
export const partsOf = (weighed: readonly WeighedUpdate[], rate: number): SumPart[] =>
  weighed.flatMap(({ open, weight, clip }) =>
    weight > 0 ? [{ update: open, factor: rate * clip * weight }] : [],
  );

function meanOfSenders(weighed: readonly WeighedUpdate[], count: number, rate: number): Float32Array {
  const sum = new Float64Array(count);
  const senders = new Float64Array(count);
  for (const { open, weight, clip } of weighed)
    if (weight > 0) addOpen(open, clip * weight, sum, { sums: senders, weight });
  for (let i = 0; i < count; i++) if (senders[i]! > 0) sum[i]! *= rate / senders[i]!;
  return Float32Array.from(sum);
}

/**
 * What each update is worth, ascending by author.
 * @throws Error when there is no update.
 */
export function weighUpdates(
  updates: readonly GroupUpdate[],
  count: number,
  rule: MeanRule = FOLLOWED,
): WeighedUpdate[] {
  if (updates.length === 0) throw new Error('averageUpdates: no updates');
  const sorted = [...updates].sort((a, b) => (a.author < b.author ? -1 : 1));
  const opened = sorted.map((update) => openUpdate(update.encoded));
  const norms = opened.map(openNorm);
  const usual = usualLengths(opened);
  const isCrowd = sorted.length >= VOTE_UPDATES_MIN;
  const present = sorted.flatMap((_, i) =>
    norms[i]! > 0 && !(isCrowd && isCopy(sorted, norms, i)) ? [i] : [],
  );
  const clipNorm =
    present.length >= CLIP_UPDATES_MIN
      ? rule.clipRatio * median(present.map((i) => norms[i]! / usual[i]!))
      : Infinity;
  const counting = new Set(present);
  if (rule.votes && present.length >= VOTE_UPDATES_MIN) {
    const jury = present.map((i) => opened[i]!);
    const { samples, size } = sampled(jury, count);
    for (const place of outvoted(cosinesBetween(samples, size))) counting.delete(present[place]!);
  }
  const weightMax = WEIGHT_RATIO_MAX * median(sorted.map((update) => update.sampleCount));
  const weights = sorted.map((update, i) => (counting.has(i) ? Math.min(update.sampleCount, weightMax) : 0));
  const total = weights.reduce((a, b) => a + b, 0);
  return sorted.map((update, i) => ({
    update,
    open: opened[i]!,
    weight: total > 0 ? weights[i]! / total : 0,
    clip: norms[i]! > clipNorm * usual[i]! ? (clipNorm * usual[i]!) / norms[i]! : 1,
  }));
}

/**
 * How long an update of each k usually is, against the shortest here: the norm of the k largest of 4,096 values of a bell
 * over the norm of all (docs/codec.md: the root of 1 - error^2). All 1 where all keep the same. Without it, the tab of
 * eight whose uplink carries k = 1,024 had half of its update cut away, and its residual took that for sent.
 */
function usualLengths(updates: readonly OpenUpdate[]): number[] {
  const shares = updates.map((update) =>
    update.kind === 'kept' ? (USUAL_NORM_SHARES.get(update.k) ?? 1) : 1,
  );
  const least = Math.min(...shares);
  return shares.map((share) => share / least);
}
const USUAL_NORM_SHARES: ReadonlyMap<number, number> = new Map([
  [16, 0.199],
  [32, 0.263],
  [64, 0.345],
  [128, 0.446],
  [256, 0.567],
  [512, 0.704],
  [1024, 0.842],
]);

/** Another author, earlier in the order, sent the same bytes. */
function isCopy(sorted: readonly GroupUpdate[], norms: readonly number[], i: number): boolean {
  for (let j = 0; j < i; j++)
    if (norms[j] === norms[i] && isEqual(sorted[j]!.encoded, sorted[i]!.encoded)) return true;
  return false;
}

/**
 * Who points against the others, from the cosines between all pairs. At most half of all.
 *   The jury: everybody whose median cosine to the others is not negative. Accomplices that agree with each other gain
 *     nothing by it, because fewer than half of anybody's cosines are theirs.
 *   The verdict: the jury's mean cosine to each, without oneself; sharper than a median, it takes honest strays back in.
 * Honest updates of noisy tabs agree a little (some hundredths); a hostile one that does harm has to disagree with that
 * little. What lies within one standard error of the usual agreement stays, so a group without attackers loses nothing.
 */
function outvoted(cosines: readonly (readonly number[])[]): number[] {
  const all = cosines.map((_, i) => i);
  const jury = all.filter((i) => median(cosines[i]!.filter((_, j) => j !== i)) >= 0);
  if (jury.length < JURY_SHARE_MIN * all.length || jury.length < 2) return [];
  const agreement = cosines.map((row, i) => {
    const judges = jury.filter((j) => j !== i);
    return judges.reduce((sum, j) => sum + row[j]!, 0) / judges.length;
  });
  const usual = median(jury.map((i) => agreement[i]!));
  const pairs = jury.flatMap((i) => jury.filter((j) => j < i).map((j) => cosines[i]![j]!));
  const error = deviation(pairs) / Math.sqrt(jury.length);
  const least = usual - Math.max((1 - AGREEMENT_SHARE_MIN) * usual, error);
  return all
    .filter((i) => agreement[i]! < least)
    .sort((a, b) => agreement[a]! - agreement[b]! || a - b)
    .slice(0, all.length >> 1);
}

/** What of an update is compared. */
interface Sample {
  readonly values: Float32Array;
  /** Where each value lies, ascending: of a sparse update. Null: they are all there. */
  readonly places: Uint32Array | null;
}

function cosinesBetween(samples: readonly Sample[], size: number): number[][] {
  const cosines = samples.map(() => Array.from(samples, () => 0));
  const norms: number[] = [];
  // A sparse sample lies here while the others are held against it.
  const room = new Float32Array(size);
  for (const [i, { values, places }] of samples.entries()) {
    const whole = places === null ? values : room;
    if (places !== null) for (let p = 0; p < places.length; p++) room[places[p]!] = values[p]!;
    norms.push(Math.sqrt(dot(whole, samples[i]!)));
    for (let j = 0; j < i; j++) {
      const scale = norms[i]! * norms[j]!;
      const cosine = scale > 0 ? dot(whole, samples[j]!) / scale : 0;
      cosines[i]![j] = cosine;
      cosines[j]![i] = cosine;
    }
    if (places !== null) for (let p = 0; p < places.length; p++) room[places[p]!] = 0;
  }
  return cosines;
}

/** In ascending order of places; leaving zeros out changes no bit. */
function dot(whole: Float32Array, { values, places }: Sample): number {
  let sum = 0;
  if (places === null) for (let i = 0; i < values.length; i++) sum += whole[i]! * values[i]!;
  else for (let p = 0; p < places.length; p++) sum += whole[places[p]!]! * values[p]!;
  return sum;
}

/**
 * The values on which directions are compared: all, or blocks drawn by a seed that depends on every byte of every
 * update, so that nobody knows beforehand where it will be looked at.
 */
function sampled(updates: readonly OpenUpdate[], count: number): { samples: Sample[]; size: number } {
  const blockCount = Math.ceil(count / SAMPLE_BLOCK_VALUES);
  const wanted = SAMPLE_VALUES / SAMPLE_BLOCK_VALUES;
  const random = mulberry(updates.reduce((hash, { bytes }) => contentHash(hash, bytes), 0));
  const chosen: number[] = [];
  for (let block = 0; block < blockCount; block++)
    if (blockCount <= wanted || random() * (blockCount - block) < wanted - chosen.length) chosen.push(block);
  const size = Math.min(count, chosen.length * SAMPLE_BLOCK_VALUES);
  const samples = updates.map((update) =>
    update.kind === 'kept' ? sampleOfKept(update.kept, chosen) : sampleOfAll(update, chosen, size),
  );
  return { samples, size };
}

function sampleOfAll(
  update: OpenUpdate & { kind: 'values' | 'blocks' },
  chosen: readonly number[],
  size: number,
): Sample {
  const values = new Float32Array(size);
  for (const [place, block] of chosen.entries()) {
    const from = block * SAMPLE_BLOCK_VALUES;
    const end = Math.min(from + SAMPLE_BLOCK_VALUES, update.count) - from;
    const start = place * SAMPLE_BLOCK_VALUES;
    decodeRange(update, from, values.subarray(start, start + end));
  }
  return { values, places: null };
}

/** A block is a chunk of the sparse codec. */
function sampleOfKept({ counts, larger, smaller, entries }: KeptValues, chosen: readonly number[]): Sample {
  const total = chosen.reduce((sum, chunk) => sum + counts[chunk]!, 0);
  const values = new Float32Array(total);
  const places = new Uint32Array(total);
  let next = 0;
  let at = 0;
  let first = 0;
  for (let chunk = 0; chunk < counts.length && next < chosen.length; chunk++) {
    const last = first + counts[chunk]!;
    if (chosen[next] === chunk) {
      const [high, low] = [magnitudeOfLevel(larger[chunk]!), magnitudeOfLevel(smaller[chunk]!)];
      for (let e = first; e < last; e++, at++) {
        const entry = entries[e]!;
        const magnitude = entry >= ENTRY_LARGER ? high : low;
        places[at] = next * SAMPLE_BLOCK_VALUES + (entry & ENTRY_INDEX);
        values[at] = (entry & ENTRY_NEGATIVE) === 0 ? magnitude : -magnitude;
      }
      next += 1;
    }
    first = last;
  }
  return { values, places };
}

/** Four bytes a step, from an array of the module's own (prefix-code.ts says why). */
const hashBytes = new Uint8Array(16_384);
const hashWords = new Int32Array(hashBytes.buffer);
function contentHash(seed: number, bytes: Uint8Array): number {
  let hash = seed;
  for (let from = 0; from < bytes.length; from += hashBytes.length) {
    const size = Math.min(hashBytes.length, bytes.length - from);
    hashBytes.set(bytes.subarray(from, from + size));
    hashBytes.fill(0, size, 4 * Math.ceil(size / 4));
    for (let i = 0; i < Math.ceil(size / 4); i++)
      hash = (Math.imul(hash ^ hashWords[i]!, 0x01000193) + (hash >>> 15)) | 0;
  }
  return hash >>> 0;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Standard deviation of a bell, from the median distance to the median: strays do not move it. */
function deviation(values: readonly number[]): number {
  const middle = median(values);
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)));
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
