/**
 * Updates as half-precision numbers under one shared power of two: the largest magnitude lands just under 2^15, so that
 * 11 bits of precision reach 29 octaves down, wherever the update's size lies. 16 bits a value.
 *
 * Layout: u16 biased exponent (the shared power of two is 2^(exponent - 200)), then a half-precision number a value.
 */
import { powerOfTwo } from './vectors.ts';

/** The shared exponent's bias. */
const BIAS = 200;
/** Power of two that the largest magnitude lies under. */
const PEAK_POWER = 15;
/** No more than this is accepted: with 2^15 it stays under 2^100. */
const EXPONENT_MAX = BIAS + 85;

export const halfFloatsBytes = (count: number): number => 2 + 2 * count;

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

/** @param body `halfFloatsBytes` zero bytes. */
export function encodeHalfFloats(vector: Float32Array, body: Uint8Array): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let peak = 0;
  for (const value of vector) if (Math.abs(value) > peak) peak = Math.abs(value);
  if (peak === 0) return;
  floats[0] = peak;
  const power = (words[0]! >>> 23) - 126 - PEAK_POWER;
  view.setUint16(0, BIAS + power, true);
  const factor = powerOfTwo(-power);
  for (let i = 0; i < vector.length; i++) view.setUint16(2 + 2 * i, toHalf(vector[i]! * factor), true);
}

export function inspectHalfFloats(
  count: number,
  body: Uint8Array,
): 'update-bad-scale' | 'update-bad-code' | null {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (view.getUint16(0, true) > EXPONENT_MAX) return 'update-bad-scale';
  // Exponent 31 is infinity or not a number.
  for (let i = 0; i < count; i++)
    if ((view.getUint16(2 + 2 * i, true) & 0x7c00) === 0x7c00) return 'update-bad-code';
  return null;
}

/** target = the values from `from` on, as many as it has room for. */
export function decodeHalfFloats(body: Uint8Array, from: number, target: Float32Array): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const factor = powerOfTwo(view.getUint16(0, true) - BIAS);
  for (let i = 0; i < target.length; i++)
    target[i] = factor * fromHalf(view.getUint16(2 + 2 * (from + i), true));
}

/** Nearest half, ties to even, of a value under 2^16. */
function toHalf(value: number): number {
  floats[0] = value;
  const bits = words[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Under 2^-14 halves are multiples of 2^-24: adding 0.5 lets float32 do the rounding, in its last bits.
  if (magnitude < 0x38800000) {
    floats[0] = Math.abs(value) + 0.5;
    return sign | (words[0]! - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

function fromHalf(half: number): number {
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  const magnitude =
    exponent === 0 ? mantissa * powerOfTwo(-24) : (1024 + mantissa) * powerOfTwo(exponent - 25);
  return (half & 0x8000) === 0 ? magnitude : -magnitude;
}
