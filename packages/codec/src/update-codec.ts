/**
 * An update made small: one flat float32 vector to self-describing bytes and back.
 *
 * Layout, little-endian: u8 scheme (1 fp32, 2 int8), u8 zero, u16 block size, u32 value count, then the scheme's body:
 *   fp32: count float32;
 *   int8: one bfloat16 scale a block of 256, then count signed bytes; value = code * scale.
 *
 * int8: scale = max|block| / 127 rounded up to bfloat16, code = value / scale rounded half to even, in [-127, 127].
 * 8.0625 bits a value. Blocks of 256 keep the relative L2 error of Gaussian data under 0.7 % (4,096 gives 1 %).
 * What rounding lost belongs to the residual (see replica.ts); nothing here remembers.
 *
 * Hostile bytes: `inspectUpdate` decides in one pass whether bytes may be decoded; it never throws, and what it accepts
 * decodes to finite values only.
 */
import { bfloat16Up, fromBfloat16 } from './bfloat16.ts';

export type Scheme = 'fp32' | 'int8';

const SCHEME_CODES: Record<Scheme, number> = { fp32: 1, int8: 2 };
const HEADER_BYTES = 8;
export const INT8_BLOCK_VALUES = 256;
/**
 * Largest scale that is accepted: 127 times it must stay far from the float32 maximum, also when 32 updates are added.
 * No sane update comes near it.
 */
const SCALE_MAX = 1e30;

/** Exact size of an encoding, bytes. It depends on nothing but scheme and count. */
export function encodedBytes(scheme: Scheme, count: number): number {
  switch (scheme) {
    case 'fp32':
      return HEADER_BYTES + 4 * count;
    case 'int8':
      return HEADER_BYTES + 2 * blockCount(count) + count;
    default:
      return scheme satisfies never;
  }
}

/** Encodes a finite vector. The vector is not changed. */
export function encodeUpdate(scheme: Scheme, vector: Float32Array): Uint8Array {
  const count = vector.length;
  const bytes = new Uint8Array(encodedBytes(scheme, count));
  const view = new DataView(bytes.buffer);
  bytes[0] = SCHEME_CODES[scheme];
  view.setUint16(2, scheme === 'int8' ? INT8_BLOCK_VALUES : 0, true);
  view.setUint32(4, count, true);
  switch (scheme) {
    case 'fp32':
      for (let i = 0; i < count; i++) view.setFloat32(HEADER_BYTES + 4 * i, vector[i]!, true);
      break;
    case 'int8': {
      const codes = new Int8Array(bytes.buffer, HEADER_BYTES + 2 * blockCount(count), count);
      for (let block = 0; block < blockCount(count); block++) {
        const start = block * INT8_BLOCK_VALUES;
        const end = Math.min(start + INT8_BLOCK_VALUES, count);
        let peak = 0;
        for (let i = start; i < end; i++) {
          const magnitude = Math.abs(vector[i]!);
          if (magnitude > peak) peak = magnitude;
        }
        const scaleBits = bfloat16Up(peak / 127);
        view.setUint16(HEADER_BYTES + 2 * block, scaleBits, true);
        const scale = fromBfloat16(scaleBits);
        if (scale === 0) continue;
        for (let i = start; i < end; i++) codes[i] = roundHalfEven(vector[i]! / scale);
      }
      break;
    }
    default:
      scheme satisfies never;
  }
  return bytes;
}

export type UpdateRejection =
  | 'update-too-short'
  | 'update-bad-scheme'
  | 'update-bad-header'
  | 'update-wrong-count'
  | 'update-wrong-length'
  | 'update-not-finite'
  | 'update-bad-scale';

/**
 * Whether bytes of a stranger are an update of the run's scheme and model. Null: they may be decoded.
 * Cost: one pass over the scales (int8) or the values (fp32).
 */
export function inspectUpdate(
  bytes: Uint8Array,
  scheme: Scheme,
  parameterCount: number,
): UpdateRejection | null {
  if (bytes.length < HEADER_BYTES) return 'update-too-short';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] !== SCHEME_CODES[scheme]) return 'update-bad-scheme';
  if (bytes[1] !== 0 || view.getUint16(2, true) !== (scheme === 'int8' ? INT8_BLOCK_VALUES : 0))
    return 'update-bad-header';
  if (view.getUint32(4, true) !== parameterCount) return 'update-wrong-count';
  if (bytes.length !== encodedBytes(scheme, parameterCount)) return 'update-wrong-length';
  switch (scheme) {
    case 'fp32':
      for (let i = 0; i < parameterCount; i++) {
        const value = view.getFloat32(HEADER_BYTES + 4 * i, true);
        if (!(Math.abs(value) <= SCALE_MAX)) return 'update-not-finite';
      }
      return null;
    case 'int8':
      for (let block = 0; block < blockCount(parameterCount); block++) {
        const scale = fromBfloat16(view.getUint16(HEADER_BYTES + 2 * block, true));
        if (!(scale >= 0 && scale <= SCALE_MAX)) return 'update-bad-scale';
      }
      return null;
    default:
      return scheme satisfies never;
  }
}

/** Restores the vector. Only for bytes that `inspectUpdate` accepted, or that we encoded. */
export function decodeUpdate(bytes: Uint8Array): Float32Array {
  const vector = new Float32Array(new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true));
  addDecoded(bytes, 1, vector);
  return vector;
}

/** target += factor * decode(bytes), without an intermediate vector. Sums in float32, value by value. */
export function addDecoded(bytes: Uint8Array, factor: number, target: Float32Array | Float64Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(4, true);
  if (bytes[0] === SCHEME_CODES.fp32) {
    for (let i = 0; i < count; i++) target[i]! += factor * view.getFloat32(HEADER_BYTES + 4 * i, true);
    return;
  }
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset + HEADER_BYTES + 2 * blockCount(count), count);
  for (let block = 0; block < blockCount(count); block++) {
    const scale = factor * fromBfloat16(view.getUint16(HEADER_BYTES + 2 * block, true));
    const end = Math.min((block + 1) * INT8_BLOCK_VALUES, count);
    for (let i = block * INT8_BLOCK_VALUES; i < end; i++) target[i]! += scale * codes[i]!;
  }
}

/** Norm of what the bytes decode to, without decoding into a vector. */
export function encodedNorm(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(4, true);
  let sum = 0;
  if (bytes[0] === SCHEME_CODES.fp32) {
    for (let i = 0; i < count; i++) {
      const value = view.getFloat32(HEADER_BYTES + 4 * i, true);
      sum += value * value;
    }
    return Math.sqrt(sum);
  }
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset + HEADER_BYTES + 2 * blockCount(count), count);
  for (let block = 0; block < blockCount(count); block++) {
    const scale = fromBfloat16(view.getUint16(HEADER_BYTES + 2 * block, true));
    const end = Math.min((block + 1) * INT8_BLOCK_VALUES, count);
    let squares = 0;
    for (let i = block * INT8_BLOCK_VALUES; i < end; i++) squares += codes[i]! * codes[i]!;
    sum += scale * scale * squares;
  }
  return Math.sqrt(sum);
}

const blockCount = (count: number) => Math.ceil(count / INT8_BLOCK_VALUES);

/** Adding and subtracting 1.5 * 2^52 rounds a double to the nearest integer, ties to even, as WGSL's round() does. */
const ROUNDER = 6755399441055744;
const roundHalfEven = (value: number) => value + ROUNDER - ROUNDER;
