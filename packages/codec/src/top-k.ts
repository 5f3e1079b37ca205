/**
 * Sparse updates: of every 4,096 values the k largest, each with its sign and one of two magnitudes.
 *
 * Where it comes from: chunked top-k with 2-bit values is SparseLoCo's wire (Sarfi et al. 2025); the residual that makes
 * it learn is in replica.ts. New here is the coding: gaps between kept indices, the choice of magnitude and the chunks'
 * scales go through an adaptive range coder whose gap model starts from the geometric law that k itself implies.
 *
 * Cost, Gaussian values: 9.4 bits a kept value at k = 64 (the entropy of the positions alone is 7.36), 7.3 at k = 256.
 * Selection is a radix histogram over the magnitudes' bits: exact, linear, nothing is sorted.
 *
 * A chunk's stream: how many fewer than k it has (its zeros are never sent), then the larger magnitude as a difference
 * to the last chunk's, the smaller as a difference to the larger, then for each kept value gap, magnitude, sign.
 * Magnitudes have 3 binary digits after the leading one (6 % at worst): their error stays in the residual.
 */
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

/** A level is the upper 12 bits of a positive float32: sign, exponent, 3 digits. */
const LEVEL_SHIFT = 20;
/** The smaller magnitude is at most 31 eighths of an octave below the larger. */
const LEVEL_STEPS_MAX = 31;
const LLOYD_PASSES = 3;

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);
const levelOf = (magnitude: number): number => {
  floats[0] = magnitude;
  return (words[0]! + (1 << (LEVEL_SHIFT - 1))) >>> LEVEL_SHIFT;
};
const fromLevel = (level: number): number => {
  words[0] = level << LEVEL_SHIFT;
  return floats[0]!;
};

/** Values kept of a chunk of `size` values. */
const keptMax = (k: number, size: number) => Math.ceil((k * size) / CHUNK_VALUES);

/** The most bytes that an encoding may have. Real ones take about a sixth of it; it bounds what a stranger may send. */
export function topKMaxBytes(k: number, count: number): number {
  const chunks = Math.ceil(count / CHUNK_VALUES);
  const kept = Math.floor(count / CHUNK_VALUES) * k + keptMax(k, count % CHUNK_VALUES);
  const valueBits = NUMBER_MAX_BITS + DECISION_MAX_BITS + 1;
  return STREAM_EXTRA_BYTES + 1 + Math.ceil((chunks * 3 * NUMBER_MAX_BITS + kept * valueBits) / 8);
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

/** Writes the chunks into `bytes` from `start` on, which has room for `topKMaxBytes`; returns where they end. */
export function encodeTopK(k: number, vector: Float32Array, bytes: Uint8Array, start: number): number {
  const encoder = new RangeEncoder(bytes, start);
  const models = freshModels(k);
  const magnitudes = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
  let lastLevel = 0;
  for (let from = 0; from < vector.length; from += CHUNK_VALUES) {
    const to = Math.min(from + CHUNK_VALUES, vector.length);
    const most = keptMax(k, to - from);
    let kept = keepLargest(magnitudes, from, to, most);
    const [larger, smaller] = kept === 0 ? [0, 0] : twoLevels(vector, from, kept);
    // Values too small for a level would decode to zero: they stay in the residual.
    if (larger === 0) kept = 0;
    encodeNumber(encoder, models.missing, most - kept);
    if (kept === 0) continue;
    encodeNumber(encoder, models.larger, zigzag(larger - lastLevel));
    encodeNumber(encoder, models.smaller, larger - smaller);
    lastLevel = larger;
    const split = (fromLevel(larger) + fromLevel(smaller)) / 2;
    let next = 0;
    for (let j = 0; j < kept; j++) {
      const index = keptIndices[j]!;
      const value = vector[from + index]!;
      encodeNumber(encoder, models.gaps, index - next, value < 0 ? 1 : 0, 1);
      if (larger !== smaller) encoder.bit(models.isLarger, 0, Math.abs(value) > split ? 1 : 0);
      next = index + 1;
    }
  }
  return encoder.finish();
}

export interface TopKTarget {
  /** values += factor * decoded. */
  readonly values: Float32Array | Float64Array;
  readonly factor: number;
  /** senders += weight wherever a value was sent. */
  readonly senders?: Float64Array;
  readonly weight?: number;
}

/**
 * Walks over an encoding: adds it to a target, or with none only looks. Returns the sum of the decoded squares, or -1
 * for bytes that no encoder writes; a target may then hold a part of them.
 */
export function walkTopK(
  k: number,
  count: number,
  bytes: Uint8Array,
  start: number,
  target: TopKTarget | null,
): number {
  const decoder = new RangeDecoder(bytes, start);
  const models = freshModels(k);
  const values = target?.values ?? null;
  const senders = target?.senders ?? null;
  const factor = target?.factor ?? 0;
  const weight = target?.weight ?? 0;
  let lastLevel = 0;
  let squares = 0;
  for (let from = 0; from < count; from += CHUNK_VALUES) {
    const size = Math.min(CHUNK_VALUES, count - from);
    const most = keptMax(k, size);
    const kept = most - decodeNumber(decoder, models.missing);
    if (kept < 0) return -1;
    if (kept === 0) continue;
    const larger = lastLevel + unzigzag(decodeNumber(decoder, models.larger));
    const steps = decodeNumber(decoder, models.smaller);
    if (larger <= 0 || larger > LEVEL_MAX || steps > LEVEL_STEPS_MAX || steps >= larger) return -1;
    lastLevel = larger;
    const [high, low] = [fromLevel(larger), fromLevel(larger - steps)];
    let index = -1;
    for (let j = 0; j < kept; j++) {
      const gapAndSign = decodeNumber(decoder, models.gaps, 1);
      index += 1 + (gapAndSign >>> 1);
      if (index >= size) return -1;
      const magnitude = steps > 0 && decoder.bit(models.isLarger, 0) === 0 ? low : high;
      squares += magnitude * magnitude;
      if (values !== null)
        values[from + index]! += factor * ((gapAndSign & 1) === 1 ? -magnitude : magnitude);
      if (senders !== null) senders[from + index]! += weight;
    }
  }
  return decoder.finishedWell ? squares : -1;
}

/** Largest level that is accepted: 1e30, far from what float32 cannot hold even when many are added. */
const LEVEL_MAX = levelOf(1e30);

const zigzag = (difference: number) => (difference < 0 ? -2 * difference - 1 : 2 * difference);
const unzigzag = (number: number) => ((number & 1) === 1 ? -(number + 1) / 2 : number / 2);

/** Scratch of one encoding: places of the kept values within their chunk, ascending. */
const keptIndices = new Uint16Array(CHUNK_VALUES);
const histogram = new Uint32Array(2048);

/** Fills `keptIndices` with the `most` largest magnitudes of a chunk, never zeros; among equals the first ones. */
function keepLargest(magnitudes: Uint32Array, from: number, to: number, most: number): number {
  const { threshold, ties } = thresholdOf(magnitudes, from, to, most);
  let kept = 0;
  let tiesLeft = ties;
  for (let i = from; i < to; i++) {
    const magnitude = magnitudes[i]! & 0x7fffffff;
    if (magnitude > threshold) keptIndices[kept++] = i - from;
    else if (magnitude === threshold && magnitude > 0 && tiesLeft > 0) {
      keptIndices[kept++] = i - from;
      tiesLeft -= 1;
    }
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

/**
 * The two magnitudes that stand for the kept ones with little squared error (Lloyd's iteration, from their mean), as
 * levels: larger and smaller.
 */
function twoLevels(vector: Float32Array, from: number, kept: number): [number, number] {
  let sum = 0;
  for (let j = 0; j < kept; j++) sum += Math.abs(vector[from + keptIndices[j]!]!);
  let low = 0;
  let high = 0;
  let split = sum / kept;
  for (let pass = 0; pass < LLOYD_PASSES; pass++) {
    let lowSum = 0;
    let lowCount = 0;
    for (let j = 0; j < kept; j++) {
      const magnitude = Math.abs(vector[from + keptIndices[j]!]!);
      if (magnitude > split) continue;
      lowSum += magnitude;
      lowCount += 1;
    }
    // All equal, up to the rounding of their mean: one magnitude.
    if (lowCount === 0 || lowCount === kept) {
      low = high = sum / kept;
      break;
    }
    low = lowSum / lowCount;
    high = (sum - lowSum) / (kept - lowCount);
    split = (low + high) / 2;
  }
  const larger = levelOf(high);
  const smaller = levelOf(low);
  return [larger, Math.max(1, smaller, larger - LEVEL_STEPS_MAX)];
}
