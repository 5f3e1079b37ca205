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

/** Adding 1.5 * 2^52 rounds a double to the nearest integer, ties to even, which then stands in its lowest bits. */
const ROUNDER = 6755399441055744;
/**
 * Adding 1.5 * 2^12 rounds a quotient under 2^11 to multiples of 2^-40. What a product with 1 / scale is off by (2^-45) is
 * gone then, and ties are ties again; a quotient that is none is 2^-26 away from one, since it is a 24-bit number over an
 * 8-bit one. Its lowest 11 bits are zero: it changes no tie's way and no code.
 */
const SNAP = 6144;

/** The largest magnitude of a block over its scale, at most. */
const PEAK_RATIO = { 8: 127, 4: 7.5 } as const;

/**
 * Values are encoded and decoded in pieces that lie in arrays of this module: an engine knows a constant's address and
 * length when it compiles, and reads both again for every value of an array that it was given (three times as slow).
 */
const PIECE_VALUES = 64 * BLOCK_VALUES;
const pieceValues = new Float32Array(PIECE_VALUES);
const pieceMagnitudes = new Int32Array(pieceValues.buffer);
const pieceCodes = new Int8Array(PIECE_VALUES);
/** Four bytes at once, the first value's lowest: all that run WebGPU are little-endian. */
const pieceWords = new Int32Array(pieceCodes.buffer);

/** @param body `blockCodesBytes` zero bytes. */
export function encodeBlocks(bits: CodeBits, vector: Float32Array, body: Uint8Array): void {
  const count = vector.length;
  const codesAt = 2 * blockCount(count);
  for (let from = 0; from < count; from += PIECE_VALUES) {
    const size = Math.min(PIECE_VALUES, count - from);
    pieceValues.set(vector.subarray(from, from + size));
    // A word is written whole: what is behind the last value counts as zeros.
    if (size < PIECE_VALUES) pieceValues.fill(0, size);
    for (let start = 0; start < size; start += BLOCK_VALUES) {
      const scaleBits = scaleFor(bits, start, Math.min(start + BLOCK_VALUES, size));
      const block = (from + start) / BLOCK_VALUES;
      body[2 * block] = scaleBits & 0xff;
      body[2 * block + 1] = scaleBits >>> 8;
      const inverse = scaleBits === 0 ? 0 : 1 / fromBfloat16(scaleBits);
      if (bits === 8) writeBytes(start, inverse);
      else if (bits === 4) writeNibbles(start, inverse);
      else writeSigns(start, inverse);
    }
    const bytes = new Uint8Array(pieceCodes.buffer, 0, codesBytes(bits, size));
    body.set(bytes, codesAt + codesBytes(bits, from));
  }
}

/** bfloat16 bits of the scale of the block between two places of the piece; 0 for zeros. */
function scaleFor(bits: CodeBits, start: number, end: number): number {
  // Magnitudes compare as their bits do.
  let peakWord = 0;
  for (let i = start; i < end; i++) {
    const magnitude = pieceMagnitudes[i]! & 0x7fffffff;
    if (magnitude > peakWord) peakWord = magnitude;
  }
  if (peakWord < MAGNITUDE_MIN) return 0;
  if (bits === 1) return meanScale(start, end, peakWord);
  return bfloat16Up(floatOf(peakWord) / PEAK_RATIO[bits]);
}

function writeBytes(start: number, inverse: number): void {
  for (let i = start; i < start + BLOCK_VALUES; i += 4)
    pieceWords[i >> 2] =
      ((pieceValues[i]! * inverse + SNAP + ROUNDER) & 0xff) |
      (((pieceValues[i + 1]! * inverse + SNAP + ROUNDER) & 0xff) << 8) |
      (((pieceValues[i + 2]! * inverse + SNAP + ROUNDER) & 0xff) << 16) |
      ((pieceValues[i + 3]! * inverse + SNAP + ROUNDER) << 24);
}

function writeNibbles(start: number, inverse: number): void {
  for (let i = start; i < start + BLOCK_VALUES; i += 2)
    pieceCodes[i >> 1] = nibbleOf(pieceValues[i]! * inverse) | (nibbleOf(pieceValues[i + 1]! * inverse) << 4);
}

/** At most 8 in size before it is cut to 7: moved up and back, the lowest bits have their sign. */
function nibbleOf(quotient: number): number {
  const code = ((quotient + SNAP + ROUNDER) << 24) >> 24;
  return (code > 7 ? 7 : code < -7 ? -7 : code) & 0xf;
}

function writeSigns(start: number, inverse: number): void {
  for (let i = start; i < start + BLOCK_VALUES; i += 8) {
    let byte = 0;
    if (inverse !== 0) for (let j = 0; j < 8; j++) byte |= (pieceMagnitudes[i + j]! >>> 31) << j;
    pieceCodes[i >> 3] = byte;
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
function meanScale(start: number, end: number, peakWord: number): number {
  const exponent = peakWord >>> 23;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const magnitude = pieceMagnitudes[i]! & 0x7fffffff;
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

/** target = the decoded values from `from` (a multiple of `BLOCK_VALUES`) on, as many as it has room for. */
export function decodeBlocks(
  bits: CodeBits,
  count: number,
  body: Uint8Array,
  from: number,
  target: Float32Array,
): void {
  const first = 2 * blockCount(count) + codesBytes(bits, from);
  const codes = new Int8Array(body.buffer, body.byteOffset + first, body.length - first);
  for (let at = 0; at < target.length; at += PIECE_VALUES) {
    const size = Math.min(PIECE_VALUES, target.length - at);
    pieceCodes.set(codes.subarray(codesBytes(bits, at), codesBytes(bits, at + size)));
    for (let start = 0; start < size; start += BLOCK_VALUES) {
      const scale = scaleOf(body, (from + at + start) / BLOCK_VALUES);
      if (bits === 8) readBytes(start, scale);
      else if (bits === 4) readNibbles(start, scale);
      else readSigns(start, scale);
    }
    target.set(size === PIECE_VALUES ? pieceValues : pieceValues.subarray(0, size), at);
  }
}

function readBytes(start: number, scale: number): void {
  for (let i = start; i < start + BLOCK_VALUES; i += 4) {
    const word = pieceWords[i >> 2]!;
    pieceValues[i] = scale * ((word << 24) >> 24);
    pieceValues[i + 1] = scale * ((word << 16) >> 24);
    pieceValues[i + 2] = scale * ((word << 8) >> 24);
    pieceValues[i + 3] = scale * (word >> 24);
  }
}

function readNibbles(start: number, scale: number): void {
  for (let i = start; i < start + BLOCK_VALUES; i += 2) {
    // A 4-bit code is moved to the top of a word and back, which carries its sign along.
    const pair = pieceCodes[i >> 1]!;
    pieceValues[i] = scale * ((pair << 28) >> 28);
    pieceValues[i + 1] = scale * (pair >> 4);
  }
}

function readSigns(start: number, scale: number): void {
  for (let i = start; i < start + BLOCK_VALUES; i++)
    pieceValues[i] = ((pieceCodes[i >> 3]! >> (i & 7)) & 1) === 1 ? -scale : scale;
}

/** mean[i] += stepOf(block) * code, which the caller knows to be exact in float32 (exact-mean.ts). */
export function addBlockCodes(
  bits: CodeBits,
  count: number,
  body: Uint8Array,
  stepOf: (block: number) => number,
  mean: Float32Array,
): void {
  const first = 2 * blockCount(count);
  const codes = new Int8Array(body.buffer, body.byteOffset + first, body.length - first);
  for (let block = 0; block < blockCount(count); block++) {
    const step = stepOf(block);
    if (step === 0) continue;
    const start = block * BLOCK_VALUES;
    const end = Math.min(start + BLOCK_VALUES, count);
    if (bits === 8) for (let i = start; i < end; i++) mean[i]! += step * codes[i]!;
    else if (bits === 4)
      for (let i = start; i < end; i++) mean[i]! += step * ((codes[i >> 1]! << (28 - (i & 1) * 4)) >> 28);
    else for (let i = start; i < end; i++) mean[i]! += ((codes[i >> 3]! >> (i & 7)) & 1) === 1 ? -step : step;
  }
}

/** The scale of a block of a body. */
export const scaleOf = (body: Uint8Array, block: number): number =>
  fromBfloat16(body[2 * block]! | (body[2 * block + 1]! << 8));
