/**
 * Sparse updates: of every 4,096 values the k largest, each with its sign and one of two magnitudes.
 *
 * Where it comes from: chunked top-k with 2-bit values is SparseLoCo's wire (Sarfi et al. 2025); the residual that makes
 * it learn is in replica.ts. New here is the coding: gaps between kept indices, the choice of magnitude and the chunks'
 * scales go through an adaptive range coder whose gap model starts from the geometric law that k itself implies.
 *
 * Mental model. Two halves that meet in `KeptValues`: choosing (`selectTopK`, which a GPU may do instead: its definition
 * is whole numbers only, so the choice is the same to the last bit) and coding (`writeTopK`, `readTopK`), always here.
 *
 * Cost, Gaussian values: 9.4 bits a kept value at k = 64 (the entropy of the positions alone is 7.36), 7.3 at k = 256.
 * Selection is a radix histogram over the magnitudes' bits: exact, linear, nothing is sorted.
 *
 * A chunk's stream: how many fewer than k it has (its zeros are never sent), then the larger magnitude as a difference
 * to the last chunk's, the smaller as a difference to the larger, then for each kept value gap, magnitude, sign.
 * Magnitudes have 3 binary digits after the leading one (6 % at worst): their error stays in the residual.
 */
import { MAGNITUDE_MIN } from './block-codes.ts';
import {
  DECISION_MAX_BITS,
  decodeNumber,
  encodeNumber,
  evenProbabilities,
  geometricModel,
  NUMBER_MAX_BITS,
  RangeDecoder,
  RangeEncoder,
  STREAM_EXTRA_BYTES,
  type Probabilities,
} from './range-coder.ts';

export const CHUNK_VALUES = 4096;

/** A level is the upper 11 bits of a positive float32's 31: exponent, 3 digits. */
const LEVEL_SHIFT = 20;
/** The smaller magnitude is at most 31 eighths of an octave below the larger. */
const LEVEL_STEPS_MAX = 31;
const LLOYD_PASSES = 3;

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);
export const magnitudeOfLevel = (level: number): number => {
  words[0] = level << LEVEL_SHIFT;
  return floats[0]!;
};

/** What is sent of a vector. Chunks in order, the entries of a chunk ascending. */
export interface KeptValues {
  /** Of each chunk, how many entries are its own. */
  readonly counts: Uint16Array;
  /** Levels of each chunk's two magnitudes; 0 where nothing is kept. */
  readonly larger: Uint16Array;
  readonly smaller: Uint16Array;
  /** Index within the chunk (12 bits), then `ENTRY_NEGATIVE` and `ENTRY_LARGER`. More room than entries. */
  readonly entries: Uint16Array;
}
export const ENTRY_INDEX = 0xfff;
export const ENTRY_NEGATIVE = 0x1000;
/** It has the larger magnitude. */
export const ENTRY_LARGER = 0x2000;

export const chunkCountOf = (count: number): number => Math.ceil(count / CHUNK_VALUES);
/** Values kept of `count` values at most. */
const keptMaxOf = (k: number, count: number) =>
  Math.floor(count / CHUNK_VALUES) * k + keptMax(k, count % CHUNK_VALUES);

export const emptyKept = (k: number, count: number): KeptValues => ({
  counts: new Uint16Array(chunkCountOf(count)),
  larger: new Uint16Array(chunkCountOf(count)),
  smaller: new Uint16Array(chunkCountOf(count)),
  entries: new Uint16Array(keptMaxOf(k, count)),
});

/** Values kept of a chunk of `size` values. */
export const keptMax = (k: number, size: number) => Math.ceil((k * size) / CHUNK_VALUES);

/** The most bytes that an encoding may have. Real ones take about a sixth of it; it bounds what a stranger may send. */
export function topKMaxBytes(k: number, count: number): number {
  const valueBits = NUMBER_MAX_BITS + DECISION_MAX_BITS + 1;
  const chunkBits = chunkCountOf(count) * 3 * NUMBER_MAX_BITS;
  return STREAM_EXTRA_BYTES + 1 + Math.ceil((chunkBits + keptMaxOf(k, count) * valueBits) / 8);
}

interface Models {
  readonly missing: Probabilities;
  readonly larger: Probabilities;
  readonly smaller: Probabilities;
  readonly gaps: Probabilities;
  readonly isLarger: Probabilities;
}
const freshModels = (k: number): Models => ({
  missing: geometricModel(0.9),
  larger: geometricModel(0.2),
  smaller: geometricModel(0.1),
  gaps: geometricModel(k / CHUNK_VALUES),
  isLarger: evenProbabilities(1),
});

/** The k largest of every chunk, never zeros; among equals the first ones. What is under 2^-100 counts as zero. */
export function selectTopK(k: number, vector: Float32Array): KeptValues {
  const kept = emptyKept(k, vector.length);
  const magnitudes = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
  let place = 0;
  for (let chunk = 0; chunk < kept.counts.length; chunk++) {
    const from = chunk * CHUNK_VALUES;
    const to = Math.min(from + CHUNK_VALUES, vector.length);
    const count = keepLargest(magnitudes, from, to, keptMax(k, to - from), kept.entries, place);
    kept.counts[chunk] = count;
    if (count > 0) twoLevels(magnitudes, kept, chunk, place);
    place += count;
  }
  return kept;
}

/** Writes the chunks into `bytes` from `start` on, which has room for `topKMaxBytes`; returns where they end. */
export function writeTopK(
  k: number,
  count: number,
  kept: KeptValues,
  bytes: Uint8Array,
  start: number,
): number {
  const encoder = new RangeEncoder(bytes, start);
  const models = freshModels(k);
  let lastLevel = 0;
  let place = 0;
  for (let chunk = 0; chunk < kept.counts.length; chunk++) {
    const own = kept.counts[chunk]!;
    const larger = kept.larger[chunk]!;
    const smaller = kept.smaller[chunk]!;
    encodeNumber(
      encoder,
      models.missing,
      keptMax(k, Math.min(CHUNK_VALUES, count - chunk * CHUNK_VALUES)) - own,
    );
    if (own === 0) continue;
    encodeNumber(encoder, models.larger, zigzag(larger - lastLevel));
    encodeNumber(encoder, models.smaller, larger - smaller);
    lastLevel = larger;
    let next = 0;
    for (const end = place + own; place < end; place++) {
      const entry = kept.entries[place]!;
      const index = entry & ENTRY_INDEX;
      encodeNumber(encoder, models.gaps, index - next, (entry & ENTRY_NEGATIVE) === 0 ? 0 : 1, 1);
      if (larger !== smaller) encoder.bit(models.isLarger, 0, (entry & ENTRY_LARGER) === 0 ? 0 : 1);
      next = index + 1;
    }
  }
  return encoder.finish();
}

/**
 * Reads an encoding into `kept` (of `emptyKept`), or with null only looks, without allocating anything of its size.
 * False for bytes that no encoder writes; `kept` may then hold a part of them.
 */
export function readTopK(
  k: number,
  count: number,
  bytes: Uint8Array,
  start: number,
  kept: KeptValues | null,
): boolean {
  const decoder = new RangeDecoder(bytes, start);
  const models = freshModels(k);
  let lastLevel = 0;
  let place = 0;
  for (let chunk = 0, from = 0; from < count; chunk++, from += CHUNK_VALUES) {
    const size = Math.min(CHUNK_VALUES, count - from);
    const own = keptMax(k, size) - decodeNumber(decoder, models.missing);
    if (own < 0) return false;
    if (own === 0) continue;
    const larger = lastLevel + unzigzag(decodeNumber(decoder, models.larger));
    const steps = decodeNumber(decoder, models.smaller);
    if (larger <= 0 || larger > LEVEL_MAX || steps > LEVEL_STEPS_MAX || steps >= larger) return false;
    lastLevel = larger;
    if (kept !== null) {
      kept.counts[chunk] = own;
      kept.larger[chunk] = larger;
      kept.smaller[chunk] = larger - steps;
    }
    let index = -1;
    for (let j = 0; j < own; j++) {
      const gapAndSign = decodeNumber(decoder, models.gaps, 1);
      index += 1 + (gapAndSign >>> 1);
      if (index >= size) return false;
      const isLarger = steps > 0 && decoder.bit(models.isLarger, 0) === 0 ? 0 : ENTRY_LARGER;
      if (kept !== null) kept.entries[place++] = index | ((gapAndSign & 1) * ENTRY_NEGATIVE) | isLarger;
    }
  }
  return decoder.finishedWell;
}

/** Sum of the squares of what is kept. */
export function keptSquares(kept: KeptValues): number {
  let squares = 0;
  let place = 0;
  for (let chunk = 0; chunk < kept.counts.length; chunk++) {
    const own = kept.counts[chunk]!;
    let largerCount = 0;
    for (const end = place + own; place < end; place++)
      if (kept.entries[place]! >= ENTRY_LARGER) largerCount += 1;
    const [high, low] = [magnitudeOfLevel(kept.larger[chunk]!), magnitudeOfLevel(kept.smaller[chunk]!)];
    squares += largerCount * high * high + (own - largerCount) * low * low;
  }
  return squares;
}

/** target += factor * kept; senders += weight wherever a value was sent. */
export function addKept(
  kept: KeptValues,
  factor: number,
  target: Float32Array | Float64Array,
  senders?: { readonly sums: Float64Array; readonly weight: number },
): void {
  let place = 0;
  for (let chunk = 0; chunk < kept.counts.length; chunk++) {
    const from = chunk * CHUNK_VALUES;
    const high = factor * magnitudeOfLevel(kept.larger[chunk]!);
    const low = factor * magnitudeOfLevel(kept.smaller[chunk]!);
    for (const end = place + kept.counts[chunk]!; place < end; place++) {
      const entry = kept.entries[place]!;
      const magnitude = entry >= ENTRY_LARGER ? high : low;
      const at = from + (entry & ENTRY_INDEX);
      target[at]! += (entry & ENTRY_NEGATIVE) === 0 ? magnitude : -magnitude;
      if (senders !== undefined) senders.sums[at]! += senders.weight;
    }
  }
}

/** Largest level that is accepted: 1e30, far from what float32 cannot hold even when many are added. */
const LEVEL_MAX = 0x715;

const zigzag = (difference: number) => (difference < 0 ? -2 * difference - 1 : 2 * difference);
const unzigzag = (number: number) => ((number & 1) === 1 ? -(number + 1) / 2 : number / 2);

const histogram = new Uint32Array(2048);

/** Writes the entries of a chunk's `most` largest magnitudes from `place` on; returns how many. */
function keepLargest(
  magnitudes: Uint32Array,
  from: number,
  to: number,
  most: number,
  entries: Uint16Array,
  place: number,
): number {
  const { threshold, ties } = thresholdOf(magnitudes, from, to, most);
  const least = Math.max(threshold, MAGNITUDE_MIN);
  let tiesLeft = threshold < MAGNITUDE_MIN ? most : ties;
  let kept = 0;
  for (let i = from; i < to; i++) {
    const magnitude = magnitudes[i]! & 0x7fffffff;
    if (magnitude < least || (magnitude === least && tiesLeft-- <= 0)) continue;
    entries[place + kept++] = (i - from) | (magnitudes[i]! >>> 31 === 0 ? 0 : ENTRY_NEGATIVE);
  }
  return kept;
}

/**
 * The `most`-th largest magnitude as bits, and how many equal to it are kept. Three passes of a radix selection: the
 * upper 11 bits, the next 10, the last 10, each pass only over what shares the bits found so far.
 */
function thresholdOf(
  magnitudes: Uint32Array,
  from: number,
  to: number,
  most: number,
): { threshold: number; ties: number } {
  let wanted = most;
  let prefix = 0;
  for (const [shift, above] of RADIX_PASSES) {
    histogram.fill(0);
    for (let i = from; i < to; i++) {
      const magnitude = magnitudes[i]! & 0x7fffffff;
      if (magnitude >>> above === prefix)
        histogram[(magnitude >>> shift) & ((1 << (above - shift)) - 1)]! += 1;
    }
    let bin = (1 << (above - shift)) - 1;
    while (bin > 0 && histogram[bin]! < wanted) wanted -= histogram[bin--]!;
    prefix = (prefix << (above - shift)) | bin;
  }
  return { threshold: prefix, ties: wanted };
}
const RADIX_PASSES = [
  [20, 31],
  [10, 20],
  [0, 10],
] as const;

/** Fixed point: the largest kept magnitude has its leading digit at bit 21, so 1,024 of them sum up in 32 bits. */
const FIXED_BITS = 21;

/**
 * The two magnitudes that stand for the kept ones with little squared error (Lloyd's iteration, from their mean), and
 * which of them stands for which value. Magnitudes are 22-bit fixed point under the largest one's exponent; quotients
 * are cut off.
 */
function twoLevels(magnitudes: Uint32Array, kept: KeptValues, chunk: number, first: number): void {
  const { entries } = kept;
  const from = chunk * CHUNK_VALUES;
  const count = kept.counts[chunk]!;
  const last = first + count;
  let peak = 0;
  for (let j = first; j < last; j++)
    peak = Math.max(peak, magnitudes[from + (entries[j]! & ENTRY_INDEX)]! & 0x7fffffff);
  const exponent = peak >>> 23;
  let sum = 0;
  for (let j = first; j < last; j++) {
    const magnitude = magnitudes[from + (entries[j]! & ENTRY_INDEX)]! & 0x7fffffff;
    const fixed = ((magnitude & 0x7fffff) | 0x800000) >>> Math.min(31, 2 + exponent - (magnitude >>> 23));
    fixedPoint[j - first] = fixed;
    sum += fixed;
  }
  let low = Math.floor(sum / count);
  let high = low;
  let split = low;
  for (let pass = 0; pass < LLOYD_PASSES; pass++) {
    let lowSum = 0;
    let lowCount = 0;
    for (let j = 0; j < count; j++) {
      if (fixedPoint[j]! > split) continue;
      lowSum += fixedPoint[j]!;
      lowCount += 1;
    }
    // All equal: one magnitude.
    if (lowCount === 0 || lowCount === count) {
      low = high = Math.floor(sum / count);
      break;
    }
    low = Math.floor(lowSum / lowCount);
    high = Math.floor((sum - lowSum) / (count - lowCount));
    split = (low + high) >>> 1;
  }
  const larger = levelOfFixed(high, exponent);
  const smaller = Math.max(1, levelOfFixed(low, exponent), larger - LEVEL_STEPS_MAX);
  kept.larger[chunk] = larger;
  kept.smaller[chunk] = smaller;
  const middle = (fixedOfLevel(larger, exponent) + fixedOfLevel(smaller, exponent)) >>> 1;
  for (let j = first; j < last; j++)
    if (larger === smaller || fixedPoint[j - first]! > middle) entries[j]! |= ENTRY_LARGER;
}

const fixedPoint = new Uint32Array(CHUNK_VALUES);

/** Nearest level (ties up) of a fixed-point magnitude under `exponent`; 0 for 0. */
function levelOfFixed(fixed: number, exponent: number): number {
  if (fixed === 0) return 0;
  const power = 31 - Math.clz32(fixed);
  const digits = (fixed << (FIXED_BITS - power)) & 0x1fffff;
  return ((((exponent + power - FIXED_BITS) << FIXED_BITS) + digits + (1 << 17)) >>> 18) & 0xffff;
}

function fixedOfLevel(level: number, exponent: number): number {
  const down = exponent - (level >>> 3);
  const leading = (8 + (level & 7)) << (FIXED_BITS - 3);
  return down < 0 ? leading << 1 : leading >>> Math.min(31, down);
}
