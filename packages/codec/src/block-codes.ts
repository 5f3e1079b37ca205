/**
 * Dense updates with few bits a value: blocks of 256 values share one bfloat16 scale, a value is a small whole number
 * times its block's scale.
 *
 *   int8: scale = max|block| / 127 rounded up to bfloat16, codes in [-127, 127]: 8.0625 bits a value;
 *   int4: scale = max|block| / 7 in the same way, codes in [-7, 7], two to a byte: 4.0625 bits a value.
 *
 * Codes round half to even, as WGSL's round() does. Blocks of 256 keep int8's relative L2 error of Gaussian data under
 * 0.7 % (4,096 gives 1 %); int4's is about 12 %, which is the residual's business (replica.ts).
 * Layout: the scales of all blocks, then the codes.
 */
import { bfloat16Up, fromBfloat16 } from './bfloat16.ts';

export const BLOCK_VALUES = 256;
export type CodeBits = 4 | 8;

const blockCount = (count: number) => Math.ceil(count / BLOCK_VALUES);
const peakCode = (bits: CodeBits) => (bits === 8 ? 127 : 7);

export const blockCodesBytes = (bits: CodeBits, count: number): number =>
  2 * blockCount(count) + (bits === 8 ? count : (count + 1) >> 1);

/** Adding and subtracting 1.5 * 2^52 rounds a double to the nearest integer, ties to even. */
const ROUNDER = 6755399441055744;
const roundHalfEven = (value: number) => value + ROUNDER - ROUNDER;

/** @param body `blockCodesBytes` zero bytes. */
export function encodeBlocks(bits: CodeBits, vector: Float32Array, body: Uint8Array): void {
  const count = vector.length;
  const codes = body.subarray(2 * blockCount(count));
  for (let block = 0; block < blockCount(count); block++) {
    const start = block * BLOCK_VALUES;
    const end = Math.min(start + BLOCK_VALUES, count);
    let peak = 0;
    for (let i = start; i < end; i++) {
      const magnitude = Math.abs(vector[i]!);
      if (magnitude > peak) peak = magnitude;
    }
    const scaleBits = bfloat16Up(peak / peakCode(bits));
    body[2 * block] = scaleBits & 0xff;
    body[2 * block + 1] = scaleBits >>> 8;
    const scale = fromBfloat16(scaleBits);
    if (scale === 0) continue;
    if (bits === 8) for (let i = start; i < end; i++) codes[i] = roundHalfEven(vector[i]! / scale);
    else
      for (let i = start; i < end; i++)
        codes[i >> 1]! |= (roundHalfEven(vector[i]! / scale) & 0xf) << ((i & 1) * 4);
  }
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
  // One encoding for one meaning: the unused half of the last byte is zero.
  if (bits === 4 && count % 2 === 1 && body[body.length - 1]! >>> 4 !== 0) return 'update-bad-code';
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
    const end = Math.min((block + 1) * BLOCK_VALUES, count);
    let squares = 0;
    for (let i = block * BLOCK_VALUES; i < end; i++) {
      // A 4-bit code is moved to the top of a word and back, which carries its sign along.
      const code = bits === 8 ? codes[i]! : (codes[i >> 1]! << (28 - (i & 1) * 4)) >> 28;
      squares += code * code;
      if (target !== null) target[i]! += step * code;
    }
    total += scale * scale * squares;
  }
  return total;
}

const scaleOf = (body: Uint8Array, block: number) =>
  fromBfloat16(body[2 * block]! | (body[2 * block + 1]! << 8));
