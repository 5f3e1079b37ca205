/**
 * Flat float32 vectors: fingerprint, finiteness, bytes, first values. Everything here gives the same bits on every
 * machine: only +, -, *, / and sqrt of IEEE doubles and rounding to float32.
 */
import { mulberry, streamSeed } from './random.ts';

/**
 * 64-bit fingerprint of the exact bits of a vector, as 16 hexadecimal digits (two MurmurHash3-style lanes over the
 * 32-bit words). Two replicas with equal fingerprints are equal for our purposes; it is no defence against an attacker.
 */
export function fingerprint(vector: Float32Array): string {
  const words = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
  let a = 0x2f0b4c47;
  let b = 0x1b873593;
  for (let i = 0; i < words.length; i++) {
    const k = words[i]!;
    let ka = Math.imul(k, 0xcc9e2d51);
    ka = (ka << 15) | (ka >>> 17);
    a ^= Math.imul(ka, 0x1b873593);
    a = (a << 13) | (a >>> 19);
    a = (Math.imul(a, 5) + 0xe6546b64) | 0;
    b = Math.imul(b ^ k, 0x01000193) ^ (b >>> 15);
  }
  return hex8(avalanche(a ^ words.length)) + hex8(avalanche(b ^ words.length));
}

function avalanche(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const hex8 = (value: number) => value.toString(16).padStart(8, '0');

export function isFiniteVector(vector: Float32Array): boolean {
  // x - x is 0 for every finite x and NaN otherwise; the sum stays 0 only when all are finite.
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! - vector[i]!;
  return sum === 0;
}

/** Euclidean norm, accumulated in double precision in index order. */
export function norm(vector: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! * vector[i]!;
  return Math.sqrt(sum);
}

/** Relative distance |a - b| / |b|: the spread between two replicas. 0 when both are zero. */
export function relativeDistance(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let base = 0;
  for (let i = 0; i < a.length; i++) {
    const d = a[i]! - b[i]!;
    difference += d * d;
    base += b[i]! * b[i]!;
  }
  if (difference === 0) return 0;
  return Math.sqrt(difference / Math.max(base, Number.MIN_VALUE));
}

/** Little-endian float32 bytes of a vector. The bytes are a copy. */
export function parametersToBytes(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(vector.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < vector.length; i++) view.setFloat32(i * 4, vector[i]!, true);
  return bytes;
}

/** The inverse. Null when the length is wrong or a value is not finite. */
export function parametersFromBytes(bytes: Uint8Array, parameterCount: number): Float32Array | null {
  if (bytes.length !== parameterCount * 4) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const vector = new Float32Array(parameterCount);
  for (let i = 0; i < parameterCount; i++) vector[i] = view.getFloat32(i * 4, true);
  return isFiniteVector(vector) ? vector : null;
}

/** What the first values of one tensor depend on; what starts at `fill` (default 0), as a bias does, has fan 0. */
export interface ParameterShape {
  readonly offset: number;
  readonly size: number;
  readonly fanIn: number;
  readonly fanOut: number;
  readonly fill?: number;
}

/**
 * First parameters of a run: Glorot uniform kernels (Glorot and Bengio 2010, eq. 16), the rest filled. A pure function of
 * layout and seed, so that the coordinator can write checkpoint 0 without a GPU.
 */
export function initialParameters(tensors: readonly ParameterShape[], seed: number): Float32Array {
  const total = tensors.reduce((end, tensor) => Math.max(end, tensor.offset + tensor.size), 0);
  const vector = new Float32Array(total);
  for (const [index, tensor] of tensors.entries()) {
    if (tensor.fanIn === 0) {
      vector.fill(tensor.fill ?? 0, tensor.offset, tensor.offset + tensor.size);
      continue;
    }
    const random = mulberry(streamSeed(seed, 'initial', index));
    const limit = Math.sqrt(6 / (tensor.fanIn + tensor.fanOut));
    for (let i = 0; i < tensor.size; i++) vector[tensor.offset + i] = (2 * random() - 1) * limit;
  }
  return vector;
}

const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);

/** 2^power for whole powers from -1022 to 1023, exactly on every engine. Little-endian machines, as all that run WebGPU. */
export function powerOfTwo(power: number): number {
  doubleWords[0] = 0;
  doubleWords[1] = (power + 1023) << 20;
  return double[0]!;
}
