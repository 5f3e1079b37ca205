/**
 * Sparse updates: of every 4,096 values the k largest, each with its sign and one of two magnitudes.
 *
 * Where it comes from: chunked top-k with 2-bit values is SparseLoCo's wire (Sarfi et al. 2025); the residual that makes
 * it learn is in replica.ts. New here is the coding: the gap to the last kept index and the choice of magnitude are one
 * symbol of a Huffman code that is the update's own, or the one that k itself implies (prefix-code.ts).
 *
 * Mental model. Two halves that meet in `KeptValues`: choosing (`selectTopK`, which a GPU may do instead: its definition
 * is whole numbers only, so the choice is the same to the last bit) and coding (`writeTopK`, `readTopK`), always here.
 *
 * Cost, Gaussian values: 9.4 bits a kept value at k = 64 (the entropy of the positions alone is 7.36).
 * Selection is a radix histogram over the magnitudes' bits: exact, linear, nothing is sorted.
 *
 * A stream: the code, then each chunk: whether it has fewer than k and how many fewer (its zeros are never sent), the larger
 * magnitude as a difference to the last chunk's, the smaller as a difference to the larger, then for each kept value gap and
 * magnitude, and its sign; at the end a hash of it all.
 * Magnitudes have 3 binary digits after the leading one (6 % at worst): their error stays in the residual.
 */
import { MAGNITUDE_MIN } from './block-codes.ts';
import {
  BitReader,
  BitWriter,
  geometricLengths,
  LENGTHS_MAX_BITS,
  NUMBER_MAX_BITS,
  RUN,
  RUN_MAX,
  Tally,
} from './prefix-code.ts';

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

/** A chunk's head: fewer than k (a bit, and how many), and its two levels. */
const MISSING_BITS = 11;
const HEAD_MAX_BITS = 1 + MISSING_BITS + 25 + 9;
/** Digits that a level's difference has at least. */
const LARGER_DIGITS = 1;
const SMALLER_DIGITS = 2;
/** A hash of the stream: noise is refused where it comes in, and not averaged. */
const CHECK_BYTES = 4;

/** The most bytes that an encoding may have. Real ones take about a third of it; it bounds what a stranger may send. */
export function topKMaxBytes(k: number, count: number): number {
  const bits = LENGTHS_MAX_BITS + chunkCountOf(count) * HEAD_MAX_BITS + keptMaxOf(k, count) * NUMBER_MAX_BITS;
  return Math.ceil(bits / 8) + CHECK_BYTES;
}

/** What both ends know of the gaps. */
const knownLengths = (k: number) => geometricLengths(k / CHUNK_VALUES);

function checkOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x2f0b4c47;
  for (let i = start; i < end; i++) hash = (Math.imul(hash ^ bytes[i]!, 0x01000193) + (hash >>> 15)) | 0;
  return hash;
}

/** The chunk at hand: the module's own arrays, for the reason that block-codes.ts gives. */
const chunkWords = new Uint32Array(CHUNK_VALUES);
const chunkEntries = new Uint16Array(RUN_MAX);

/** The k largest of every chunk, never zeros; among equals the first ones. What is under 2^-100 counts as zero. */
export function selectTopK(k: number, vector: Float32Array): KeptValues {
  const kept = emptyKept(k, vector.length);
  const words = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
  let place = 0;
  for (let chunk = 0; chunk < kept.counts.length; chunk++) {
    const from = chunk * CHUNK_VALUES;
    const size = Math.min(CHUNK_VALUES, vector.length - from);
    chunkWords.set(words.subarray(from, from + size));
    const count = keepLargest(size, keptMax(k, size));
    kept.counts[chunk] = count;
    if (count > 0) twoLevels(kept, chunk, count);
    kept.entries.set(chunkEntries.subarray(0, count), place);
    place += count;
  }
  return kept;
}

/** Calls `take` for every entry of a chunk, which begin at `place`; returns where the next one's do. */
function forEachGap(
  { counts, entries }: KeptValues,
  chunk: number,
  place: number,
  take: (gap: number, negative: number, isLarger: number) => void,
): number {
  let next = 0;
  const end = place + counts[chunk]!;
  for (let at = place; at < end; at++) {
    const entry = entries[at]!;
    const index = entry & ENTRY_INDEX;
    take(index - next, (entry >>> 12) & 1, entry >>> 13);
    next = index + 1;
  }
  return end;
}

/** Writes the chunks into `bytes` from `start` on, which has room for `topKMaxBytes`; returns where they end. */
export function writeTopK(
  k: number,
  count: number,
  kept: KeptValues,
  bytes: Uint8Array,
  start: number,
): number {
  const tally = new Tally();
  const tell = (gap: number, _negative: number, isLarger: number) => tally.add(gap, isLarger);
  let place = 0;
  for (let chunk = 0; chunk < kept.counts.length; chunk++) place = forEachGap(kept, chunk, place, tell);
  const writer = new BitWriter(bytes, start);
  writer.code(tally, knownLengths(k));
  const write = (gap: number, negative: number, isLarger: number) => writer.coded(gap, isLarger, negative);
  let lastLevel = 0;
  place = 0;
  for (let chunk = 0; chunk < kept.counts.length; chunk++) {
    const own = kept.counts[chunk]!;
    const larger = kept.larger[chunk]!;
    const missing = keptMax(k, Math.min(CHUNK_VALUES, count - chunk * CHUNK_VALUES)) - own;
    writer.bits(missing === 0 ? 0 : 1, 1);
    if (missing > 0) writer.bits(missing, MISSING_BITS);
    if (own === 0) continue;
    writer.number(zigzag(larger - lastLevel), LARGER_DIGITS);
    writer.number(larger - kept.smaller[chunk]!, SMALLER_DIGITS);
    lastLevel = larger;
    place = forEachGap(kept, chunk, place, write);
  }
  const end = writer.finish();
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(end, checkOf(bytes, start, end), true);
  return end + CHECK_BYTES;
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
  const end = bytes.length - CHECK_BYTES;
  if (end <= start) return false;
  // Who takes it apart after it was let in need not check it again.
  if (kept === null) {
    const check = new DataView(bytes.buffer, bytes.byteOffset).getInt32(end, true);
    if (check !== checkOf(bytes, start, end)) return false;
  }
  const reader = new BitReader(bytes.subarray(0, end), start);
  if (!reader.code(knownLengths(k))) return false;
  let lastLevel = 0;
  let place = 0;
  for (let chunk = 0, from = 0; from < count; chunk++, from += CHUNK_VALUES) {
    const size = Math.min(CHUNK_VALUES, count - from);
    const own = keptMax(k, size) - (reader.bits(1) === 0 ? 0 : reader.bits(MISSING_BITS));
    if (own < 0) return false;
    if (own === 0) continue;
    const difference = reader.number(LARGER_DIGITS);
    const steps = reader.number(SMALLER_DIGITS);
    if (difference < 0 || steps < 0) return false;
    const larger = lastLevel + unzigzag(difference);
    if (larger <= 0 || larger > LEVEL_MAX || steps > LEVEL_STEPS_MAX || steps >= larger) return false;
    lastLevel = larger;
    if (kept !== null) {
      kept.counts[chunk] = own;
      kept.larger[chunk] = larger;
      kept.smaller[chunk] = larger - steps;
    }
    reader.run(own);
    let index = -1;
    for (let j = 0; j < own; j++) {
      const read = RUN[j]!;
      index += 1 + (read >>> 2);
      // The plain bit is the sign, the flag the magnitude; both stand above the index.
      chunkEntries[j] = (index & ENTRY_INDEX) | ((read & 2) << 11) | ((read & 1) << 13);
    }
    if (index >= size) return false;
    if (kept === null) continue;
    kept.entries.set(chunkEntries.subarray(0, own), place);
    place += own;
  }
  return reader.finishedWell;
}

/** Sum of the squares of what is kept. */
export function keptSquares(kept: KeptValues): number {
  let squares = 0;
  let place = 0;
  for (let chunk = 0; chunk < kept.counts.length; chunk++) {
    const own = kept.counts[chunk]!;
    chunkEntries.set(kept.entries.subarray(place, place + own));
    place += own;
    let largerCount = 0;
    for (let j = 0; j < own; j++) largerCount += chunkEntries[j]! >>> 13;
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

/** To `chunkEntries`: those of the `most` largest magnitudes of `chunkWords`; returns how many. */
function keepLargest(size: number, most: number): number {
  const { threshold, ties } = thresholdOf(size, most);
  const least = Math.max(threshold, MAGNITUDE_MIN);
  let tiesLeft = threshold < MAGNITUDE_MIN ? most : ties;
  let kept = 0;
  for (let i = 0; i < size; i++) {
    const word = chunkWords[i]!;
    const magnitude = word & 0x7fffffff;
    if (magnitude < least || (magnitude === least && tiesLeft-- <= 0)) continue;
    chunkEntries[kept++] = i | (word >>> 31 === 0 ? 0 : ENTRY_NEGATIVE);
  }
  return kept;
}

/**
 * The `most`-th largest magnitude as bits, and how many equal to it are kept. Three passes of a radix selection: the
 * upper 11 bits, the next 10, the last 10, each pass only over what shares the bits found so far.
 */
function thresholdOf(size: number, most: number): { threshold: number; ties: number } {
  let wanted = most;
  let prefix = 0;
  for (const [shift, above] of RADIX_PASSES) {
    histogram.fill(0);
    const mask = (1 << (above - shift)) - 1;
    for (let i = 0; i < size; i++) {
      const magnitude = chunkWords[i]! & 0x7fffffff;
      if (magnitude >>> above === prefix) histogram[(magnitude >>> shift) & mask]! += 1;
    }
    let bin = mask;
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
function twoLevels(kept: KeptValues, chunk: number, count: number): void {
  let peak = 0;
  for (let j = 0; j < count; j++)
    peak = Math.max(peak, chunkWords[chunkEntries[j]! & ENTRY_INDEX]! & 0x7fffffff);
  const exponent = peak >>> 23;
  let sum = 0;
  for (let j = 0; j < count; j++) {
    const magnitude = chunkWords[chunkEntries[j]! & ENTRY_INDEX]! & 0x7fffffff;
    const fixed = ((magnitude & 0x7fffff) | 0x800000) >>> Math.min(31, 2 + exponent - (magnitude >>> 23));
    fixedPoint[j] = fixed;
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
  for (let j = 0; j < count; j++)
    if (larger === smaller || fixedPoint[j]! > middle) chunkEntries[j]! |= ENTRY_LARGER;
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
