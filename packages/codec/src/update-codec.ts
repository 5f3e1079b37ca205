/**
 * An update made small: one flat float32 vector to self-describing bytes and back.
 *
 * Layout, little-endian: u8 scheme (1 fp32, 2 int8, 3 int4, 4 top-k), u8 zero, u16 parameter of the scheme (fp32 0,
 * int8 and int4 their block size, top-k its k), u32 value count, then the scheme's body:
 *   fp32: count float32;
 *   int8, int4: scales and codes of blocks (block-codes.ts);
 *   top-k: the k largest of every 4,096 values, entropy coded; its length varies (top-k.ts).
 *
 * What was lost in encoding belongs to the residual (see replica.ts); nothing here remembers.
 *
 * Hostile bytes: `inspectUpdate` decides in one pass, without allocating anything of the update's size, whether bytes
 * may be decoded; it never throws, and what it accepts decodes to finite values only.
 */
import { BLOCK_VALUES, blockCodesBytes, encodeBlocks, inspectBlocks, walkBlocks } from './block-codes.ts';
import { encodeTopK, topKMaxBytes, walkTopK } from './top-k.ts';

/** Values kept of every 4,096. */
export const TOP_K_CHOICES = [16, 32, 64, 128, 256, 512, 1024] as const;
export type TopKScheme = `topk-${(typeof TOP_K_CHOICES)[number]}`;
export type Scheme = 'fp32' | 'int8' | 'int4' | TopKScheme;
export const SCHEMES: readonly Scheme[] = [
  'fp32',
  'int8',
  'int4',
  ...TOP_K_CHOICES.map((k) => `topk-${k}` as const),
];

const HEADER_BYTES = 8;
/**
 * Largest scale that is accepted: 127 times it must stay far from the float32 maximum, also when 32 updates are added.
 * No sane update comes near it.
 */
const SCALE_MAX = 1e30;

/** What a scheme's name means; the header's first bytes say the same. */
type Format =
  | { readonly code: 1; readonly parameter: 0 }
  | { readonly code: 2 | 3; readonly parameter: typeof BLOCK_VALUES; readonly bits: 8 | 4 }
  | { readonly code: 4; readonly parameter: number };
const FP32: Format = { code: 1, parameter: 0 };
const INT8: Format = { code: 2, parameter: BLOCK_VALUES, bits: 8 };
const INT4: Format = { code: 3, parameter: BLOCK_VALUES, bits: 4 };

function formatOf(scheme: Scheme): Format {
  switch (scheme) {
    case 'fp32':
      return FP32;
    case 'int8':
      return INT8;
    case 'int4':
      return INT4;
    default:
      return { code: 4, parameter: Number(scheme.slice('topk-'.length)) };
  }
}

/** The format of bytes that were inspected. */
function formatIn(bytes: Uint8Array): Format {
  if (bytes[0] === 1) return FP32;
  if (bytes[0] === 2) return INT8;
  if (bytes[0] === 3) return INT4;
  return { code: 4, parameter: bytes[2]! | (bytes[3]! << 8) };
}

/** Whether an update of this scheme leaves most values out: what is unsent then waits in the residual for long. */
export const isSparse = (scheme: Scheme): boolean => formatOf(scheme).code === 4;

/** The most bytes that an encoding takes, and for dense schemes the exact number. */
export function encodedBytes(scheme: Scheme, count: number): number {
  const format = formatOf(scheme);
  switch (format.code) {
    case 1:
      return HEADER_BYTES + 4 * count;
    case 2:
    case 3:
      return HEADER_BYTES + blockCodesBytes(format.bits, count);
    case 4:
      return HEADER_BYTES + topKMaxBytes(format.parameter, count);
    default:
      return format satisfies never;
  }
}

/** Encodes a finite vector. The vector is not changed; the bytes are the caller's. */
export function encodeUpdate(scheme: Scheme, vector: Float32Array): Uint8Array {
  const format = formatOf(scheme);
  const count = vector.length;
  const bytes = new Uint8Array(encodedBytes(scheme, count));
  const view = new DataView(bytes.buffer);
  bytes[0] = format.code;
  view.setUint16(2, format.parameter, true);
  view.setUint32(4, count, true);
  switch (format.code) {
    case 1:
      for (let i = 0; i < count; i++) view.setFloat32(HEADER_BYTES + 4 * i, vector[i]!, true);
      return bytes;
    case 2:
    case 3:
      encodeBlocks(format.bits, vector, bytes.subarray(HEADER_BYTES));
      return bytes;
    case 4:
      return bytes.slice(0, encodeTopK(format.parameter, vector, bytes, HEADER_BYTES));
    default:
      return format satisfies never;
  }
}

export type UpdateRejection =
  | 'update-too-short'
  | 'update-bad-scheme'
  | 'update-bad-header'
  | 'update-wrong-count'
  | 'update-wrong-length'
  | 'update-not-finite'
  | 'update-bad-scale'
  | 'update-bad-code';

/**
 * Whether bytes of a stranger are an update of the run's scheme and model. Null: they may be decoded.
 * Cost: one pass over the scales (int8, int4), the values (fp32) or the whole body (top-k).
 */
export function inspectUpdate(
  bytes: Uint8Array,
  scheme: Scheme,
  parameterCount: number,
): UpdateRejection | null {
  if (bytes.length < HEADER_BYTES) return 'update-too-short';
  const format = formatOf(scheme);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] !== format.code) return 'update-bad-scheme';
  if (bytes[1] !== 0 || view.getUint16(2, true) !== format.parameter) return 'update-bad-header';
  if (view.getUint32(4, true) !== parameterCount) return 'update-wrong-count';
  const most = encodedBytes(scheme, parameterCount);
  if (isSparse(scheme) ? bytes.length > most : bytes.length !== most) return 'update-wrong-length';
  switch (format.code) {
    case 1:
      for (let i = 0; i < parameterCount; i++) {
        const value = view.getFloat32(HEADER_BYTES + 4 * i, true);
        if (!(Math.abs(value) <= SCALE_MAX)) return 'update-not-finite';
      }
      return null;
    case 2:
    case 3:
      return inspectBlocks(format.bits, parameterCount, bytes.subarray(HEADER_BYTES), SCALE_MAX);
    case 4:
      return walkTopK(format.parameter, parameterCount, bytes, HEADER_BYTES, null) < 0
        ? 'update-bad-code'
        : null;
    default:
      return format satisfies never;
  }
}

/** Restores the vector. Only for bytes that `inspectUpdate` accepted, or that we encoded. */
export function decodeUpdate(bytes: Uint8Array): Float32Array {
  const vector = new Float32Array(countIn(bytes));
  addDecoded(bytes, 1, vector);
  return vector;
}

/** Where an update says something about a value: `sums[i] += weight` for each value i that it sent. */
export interface Senders {
  readonly sums: Float64Array;
  readonly weight: number;
}

/**
 * target += factor * decode(bytes), without an intermediate vector, value by value. A dense update sends every value,
 * also the zeros.
 */
export function addDecoded(
  bytes: Uint8Array,
  factor: number,
  target: Float32Array | Float64Array,
  senders?: Senders,
): void {
  walk(bytes, factor, target, senders);
}

/** Norm of what the bytes decode to, without decoding into a vector. */
export const encodedNorm = (bytes: Uint8Array): number => Math.sqrt(walk(bytes, 0, null));

const countIn = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);

/** Adds to the target, if there is one; returns the sum of the decoded squares. */
function walk(
  bytes: Uint8Array,
  factor: number,
  target: Float32Array | Float64Array | null,
  senders?: Senders,
): number {
  const format = formatIn(bytes);
  const count = countIn(bytes);
  if (format.code === 4) {
    const into =
      target === null ? null : { values: target, factor, senders: senders?.sums, weight: senders?.weight };
    return walkTopK(format.parameter, count, bytes, HEADER_BYTES, into);
  }
  if (senders !== undefined) for (let i = 0; i < count; i++) senders.sums[i]! += senders.weight;
  if (format.code !== 1) return walkBlocks(format.bits, count, bytes.subarray(HEADER_BYTES), factor, target);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const value = view.getFloat32(HEADER_BYTES + 4 * i, true);
    squares += value * value;
    if (target !== null) target[i]! += factor * value;
  }
  return squares;
}
