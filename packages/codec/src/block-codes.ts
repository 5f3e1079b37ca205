/**
 * Dense updates with few bits a value: blocks of 256 values share one bfloat16 scale, a value is a small whole number
 * times its block's scale.
 *
 *   int8: scale = max|block| / 127 rounded up to bfloat16, codes in [-127, 127]: 8.0625 bits a value;
 *   int4: scale = max|block| / 7.5 in the same way, codes in [-7, 7], two to a byte: 4.0625 bits a value. The largest
 *         value is then off by half a step, as any other may be, and all steps are a fifteenth finer;
 *   sign: scale = the block's mean magnitude, one bit a value (1: negative), eight to a byte: 1.0625 bits a value.
 *
 * Blocks of 256 keep int8's relative L2 error of Gaussian data under 0.7 % (4,096 gives 1 %); int4's is about 12 %,
 * sign's 60 %, which is the residual's business (replica.ts).
 *
 * Every bit of it is defined by whole numbers, so that WGSL, whose divisions and roundings are free within bounds, can
 * compute the same bytes on every device (packages/trainer, codec-shaders.ts). Where doubles are used here, the quotient
 * of a 24-bit and an 8-bit number is far enough from any tie to come out as exact arithmetic says; codes round half to
 * even. A block whose largest magnitude is under 2^-100 counts as zero, so that no subnormal number ever matters.
 * Layout: the scales of all blocks, then the codes.
 */
import { bfloat16Up, fromBfloat16 } from './bfloat16.ts';

export const BLOCK_VALUES = 256;
export type CodeBits = 1 | 4 | 8;

/** Exponent field of the smallest float32 that is not taken for zero: 2^-100. */
export const EXPONENT_MIN = 27;
/** Bits of 2^-100. */
export const MAGNITUDE_MIN = EXPONENT_MIN << 23;

export const blockCount = (count: number): number => Math.ceil(count / BLOCK_VALUES);
/** Largest code of a block. */
export const peakCode = (bits: CodeBits): number => (bits === 8 ? 127 : bits === 4 ? 7 : 1);
const codesBytes = (bits: CodeBits, count: number) => Math.ceil((count * bits) / 8);

export const blockCodesBytes = (bits: CodeBits, count: number): number =>
  2 * blockCount(count) + codesBytes(bits, count);

/** Adding and subtracting 1.5 * 2^52 rounds a double to the nearest integer, ties to even. */
const ROUNDER = 6755399441055744;

/** The largest magnitude of a block over its scale, at most. */
const PEAK_RATIO = { 8: 127, 4: 7.5 } as const;

/** @param body `blockCodesBytes` zero bytes. */
export function encodeBlocks(bits: CodeBits, vector: Float32Array, body: Uint8Array): void {
  const count = vector.length;
  const words = new Uint32Array(vector.buffer, vector.byteOffset, count);
  const codes = body.subarray(2 * blockCount(count));
  for (let block = 0; block < blockCount(count); block++) {
    const start = block * BLOCK_VALUES;
    const end = Math.min(start + BLOCK_VALUES, count);
    // Magnitudes compare as their bits do.
    let peakWord = 0;
    for (let i = start; i < end; i++) {
      const magnitude = words[i]! & 0x7fffffff;
      if (magnitude > peakWord) peakWord = magnitude;
    }
    if (peakWord < MAGNITUDE_MIN) continue;
    const peak = floatOf(peakWord);
    const scaleBits =
      bits === 1 ? meanScale(words, start, end, peakWord) : bfloat16Up(peak / PEAK_RATIO[bits]);
    body[2 * block] = scaleBits & 0xff;
    body[2 * block + 1] = scaleBits >>> 8;
    const scale = fromBfloat16(scaleBits);
    if (bits === 8) for (let i = start; i < end; i++) codes[i] = (vector[i]! / scale + ROUNDER - ROUNDER) | 0;
    else if (bits === 4)
      for (let i = start; i < end; i++) {
        const code = Math.max(-7, Math.min(7, vector[i]! / scale + ROUNDER - ROUNDER));
        codes[i >> 1]! |= (code & 0xf) << ((i & 1) * 4);
      }
    else for (let i = start; i < end; i++) codes[i >> 3]! |= (words[i]! >>> 31) << (i & 7);
  }
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);
function floatOf(bits: number): number {
  floatBits[0] = bits;
  return float[0]!;
}

/**
 * Mean magnitude as bfloat16 bits, nearest, ties up: magnitudes as 24-bit fixed point under the peak's exponent (what
 * falls below is cut off), of which 256 fit into 32 bits.
 */
function meanScale(words: Uint32Array, start: number, end: number, peakWord: number): number {
  const exponent = peakWord >>> 23;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const magnitude = words[i]! & 0x7fffffff;
    if (magnitude < MAGNITUDE_MIN) continue;
    sum += ((magnitude & 0x7fffff) | 0x800000) >>> Math.min(31, exponent - (magnitude >>> 23));
  }
  const mean = Math.floor(sum / (end - start));
  const power = 31 - Math.clz32(mean);
  const mantissa = ((mean >>> (power - 8)) + 1) >>> 1;
  return ((exponent + power - 23) << 7) + mantissa - 128;
}

/** Whether a stranger's blocks decode to values of at most `scaleMax` times the largest code. */
export function inspectBlocks(
  bits: CodeBits,
  count: number,
  body: Uint8Array,
  scaleMax: number,
): 'update-bad-scale' | 'update-bad-code' | null {
  for (let block = 0; block < blockCount(count); block++) {
    const scale = scaleOf(body, block);
    if (!(scale >= 0 && scale <= scaleMax)) return 'update-bad-scale';
  }
  // One encoding for one meaning: the unused bits of the last byte are zero.
  const used = (count * bits) % 8;
  if (used !== 0 && body[body.length - 1]! >>> used !== 0) return 'update-bad-code';
  return null;
}

/** target += factor * decoded; returns the sum of the decoded squares. A null target only sums. */
export function walkBlocks(
  bits: CodeBits,
  count: number,
  body: Uint8Array,
  factor: number,
  target: Float32Array | Float64Array | null,
): number {
  const first = 2 * blockCount(count);
  const codes = new Int8Array(body.buffer, body.byteOffset + first, body.length - first);
  let total = 0;
  for (let block = 0; block < blockCount(count); block++) {
    const scale = scaleOf(body, block);
    const step = factor * scale;
    const start = block * BLOCK_VALUES;
    const end = Math.min(start + BLOCK_VALUES, count);
    let squares = bits === 1 ? end - start : 0;
    if (bits === 8)
      for (let i = start; i < end; i++) {
        const code = codes[i]!;
        squares += code * code;
        if (target !== null) target[i]! += step * code;
      }
    else if (bits === 4)
      for (let i = start; i < end; i++) {
        // A 4-bit code is moved to the top of a word and back, which carries its sign along.
        const code = (codes[i >> 1]! << (28 - (i & 1) * 4)) >> 28;
        squares += code * code;
        if (target !== null) target[i]! += step * code;
      }
    else if (target !== null)
      for (let i = start; i < end; i++) target[i]! += ((codes[i >> 3]! >> (i & 7)) & 1) === 1 ? -step : step;
    total += scale * scale * squares;
  }
  return total;
}

/** target = decoded. */
export function decodeBlocks(bits: CodeBits, count: number, body: Uint8Array, target: Float32Array): void {
  const first = 2 * blockCount(count);
  const codes = new Int8Array(body.buffer, body.byteOffset + first, body.length - first);
  for (let block = 0; block < blockCount(count); block++) {
    const scale = scaleOf(body, block);
    const start = block * BLOCK_VALUES;
    const end = Math.min(start + BLOCK_VALUES, count);
    if (bits === 8) for (let i = start; i < end; i++) target[i] = scale * codes[i]!;
    else if (bits === 4)
      for (let i = start; i < end; i++) target[i] = scale * ((codes[i >> 1]! << (28 - (i & 1) * 4)) >> 28);
    else
      for (let i = start; i < end; i++) target[i] = ((codes[i >> 3]! >> (i & 7)) & 1) === 1 ? -scale : scale;
  }
}

/** sum[i] += multipliers[block] * code: whole numbers only (exact-mean.ts). */
export function addBlockCodes(
  bits: CodeBits,
  count: number,
  body: Uint8Array,
  multipliers: Int32Array,
  sum: Int32Array,
): void {
  const first = 2 * blockCount(count);
  const codes = new Int8Array(body.buffer, body.byteOffset + first, body.length - first);
  for (let block = 0; block < blockCount(count); block++) {
    const multiplier = multipliers[block]!;
    const start = block * BLOCK_VALUES;
    const end = Math.min(start + BLOCK_VALUES, count);
    if (multiplier === 0) continue;
    // At most 2^24 in size: products and sums are exact in a double and in 32 bits.
    if (bits === 8) for (let i = start; i < end; i++) sum[i]! += multiplier * codes[i]!;
    else if (bits === 4)
      for (let i = start; i < end; i++)
        sum[i]! += multiplier * ((codes[i >> 1]! << (28 - (i & 1) * 4)) >> 28);
    else
      for (let i = start; i < end; i++)
        sum[i]! += ((codes[i >> 3]! >> (i & 7)) & 1) === 1 ? -multiplier : multiplier;
  }
}

/** The scale of a block of a body. */
export const scaleOf = (body: Uint8Array, block: number): number =>
  fromBfloat16(body[2 * block]! | (body[2 * block + 1]! << 8));
