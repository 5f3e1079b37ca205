/**
 * An update made small: one flat float32 vector to self-describing bytes and back.
 *
 * Layout, little-endian: u8 scheme (1 fp32, 2 int8, 3 int4, 4 top-k, 5 fp16, 6 sign), u8 zero, u16 parameter of the
 * scheme (fp32, fp16 0; int8, int4, sign their block size; top-k its k), u32 value count, then the scheme's body:
 *   fp32: count float32;
 *   fp16: half-precision numbers under one power of two (half-floats.ts);
 *   int8, int4, sign: scales and codes of blocks (block-codes.ts);
 *   top-k: the k largest of every 4,096 values, entropy coded; its length varies (top-k.ts).
 *
 * What was lost in encoding belongs to the residual (see replica.ts); nothing here remembers.
 *
 * Hostile bytes: `inspectUpdate` decides in one pass, without allocating anything of the update's size, whether bytes
 * may be decoded; it never throws, and what it accepts decodes to finite values only.
 */
import {
  BLOCK_VALUES,
  blockCodesBytes,
  decodeBlocks,
  encodeBlocks,
  inspectBlocks,
  walkBlocks,
  type CodeBits,
} from './block-codes.ts';
import { decodeHalfFloats, encodeHalfFloats, halfFloatsBytes, inspectHalfFloats } from './half-floats.ts';
import {
  addKept,
  emptyKept,
  keptSquares,
  readTopK,
  selectTopK,
  topKMaxBytes,
  writeTopK,
  type KeptValues,
} from './top-k.ts';
import { norm } from './vectors.ts';

/** Values kept of every 4,096. */
export const TOP_K_CHOICES = [16, 32, 64, 128, 256, 512, 1024] as const;
export type TopKScheme = `topk-${(typeof TOP_K_CHOICES)[number]}`;
export type Scheme = 'fp32' | 'fp16' | 'int8' | 'int4' | 'sign' | TopKScheme;
export const SCHEMES: readonly Scheme[] = [
  'fp32',
  'fp16',
  'int8',
  'int4',
  'sign',
  ...TOP_K_CHOICES.map((k) => `topk-${k}` as const),
];

/**
 * What a run says of its updates: one scheme, or `topk-auto`: every author chooses how many values it keeps, round by
 * round, and everybody takes any of `TOP_K_CHOICES`. A mean takes updates of different schemes as they are.
 */
export type CodecRule = Scheme | 'topk-auto';
/** What `topk-auto` chooses from, ascending in bytes. */
export const TOP_K_LADDER: readonly TopKScheme[] = TOP_K_CHOICES.map((k) => `topk-${k}` as const);
/** The scheme to begin with: the only one, or one that a thin uplink carries too. */
export const firstSchemeOf = (rule: CodecRule): Scheme => (rule === 'topk-auto' ? 'topk-64' : rule);

const HEADER_BYTES = 8;
/**
 * Largest scale that is accepted: 127 times it must stay far from the float32 maximum, also when 32 updates are added.
 * No sane update comes near it.
 */
const SCALE_MAX = 1e30;

/** What a scheme's name means; the header's first bytes say the same. */
type Format =
  | { readonly code: 1 | 5; readonly parameter: 0 }
  | { readonly code: 2 | 3 | 6; readonly parameter: typeof BLOCK_VALUES; readonly bits: CodeBits }
  | { readonly code: 4; readonly parameter: number };
const FORMATS = {
  fp32: { code: 1, parameter: 0 },
  fp16: { code: 5, parameter: 0 },
  int8: { code: 2, parameter: BLOCK_VALUES, bits: 8 },
  int4: { code: 3, parameter: BLOCK_VALUES, bits: 4 },
  sign: { code: 6, parameter: BLOCK_VALUES, bits: 1 },
} as const;
const DENSE = Object.values(FORMATS);

function formatOf(scheme: Scheme): Format {
  switch (scheme) {
    case 'fp32':
    case 'fp16':
    case 'int8':
    case 'int4':
    case 'sign':
      return FORMATS[scheme];
    default:
      return { code: 4, parameter: Number(scheme.slice('topk-'.length)) };
  }
}

/** The format of bytes that were inspected. */
const formatIn = (bytes: Uint8Array): Format =>
  DENSE.find(({ code }) => code === bytes[0]) ?? { code: 4, parameter: bytes[2]! | (bytes[3]! << 8) };

/** In which scheme bytes are that were inspected. */
export function schemeOf(bytes: Uint8Array): Scheme {
  const { code, parameter } = formatIn(bytes);
  return SCHEMES.find((scheme) => {
    const format = formatOf(scheme);
    return format.code === code && format.parameter === parameter;
  })!;
}

/** Whether an update of this scheme leaves most values out: what is unsent then waits in the residual for long. */
export const isSparse = (rule: CodecRule): boolean => formatOf(firstSchemeOf(rule)).code === 4;

/** The most bytes that an encoding takes, and for dense schemes the exact number. */
export function encodedBytes(rule: CodecRule, count: number): number {
  const format = formatOf(rule === 'topk-auto' ? TOP_K_LADDER.at(-1)! : rule);
  switch (format.code) {
    case 1:
      return HEADER_BYTES + 4 * count;
    case 5:
      return HEADER_BYTES + halfFloatsBytes(count);
    case 2:
    case 3:
    case 6:
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
  if (format.code === 4)
    return encodeKept(format.parameter, vector.length, selectTopK(format.parameter, vector));
  const { bytes, body } = withHeader(scheme, vector.length);
  switch (format.code) {
    case 1:
      body.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
      return bytes;
    case 5:
      encodeHalfFloats(vector, body);
      return bytes;
    case 2:
    case 3:
    case 6:
      encodeBlocks(format.bits, vector, body);
      return bytes;
    default:
      return format satisfies never;
  }
}

/** The update that says what was kept (`selectTopK`, here or on a GPU) of `count` values. */
export function encodeKept(k: number, count: number, kept: KeptValues): Uint8Array {
  const { bytes } = withHeader(`topk-${k}` as TopKScheme, count);
  return bytes.slice(0, writeTopK(k, count, kept, bytes, HEADER_BYTES));
}

/** Zero bytes of a scheme's size behind its header; the body is a view. */
export function withHeader(scheme: Scheme, count: number): { bytes: Uint8Array; body: Uint8Array } {
  const format = formatOf(scheme);
  const bytes = new Uint8Array(encodedBytes(scheme, count));
  const view = new DataView(bytes.buffer);
  bytes[0] = format.code;
  view.setUint16(2, format.parameter, true);
  view.setUint32(4, count, true);
  return { bytes, body: bytes.subarray(HEADER_BYTES) };
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

/** Of the schemes that a run allows, the one that bytes say they are of. */
const statedScheme = (bytes: Uint8Array, rule: CodecRule): Scheme | undefined =>
  rule === 'topk-auto'
    ? TOP_K_LADDER.find((_, i) => bytes[0] === 4 && TOP_K_CHOICES[i] === (bytes[2]! | (bytes[3]! << 8)))
    : rule;

/**
 * Whether bytes of a stranger are an update of the run's schemes and model. Null: they may be decoded.
 * Cost: one pass over the scales (int8, int4), the values (fp32) or the whole body (top-k).
 */
export function inspectUpdate(
  bytes: Uint8Array,
  rule: CodecRule,
  parameterCount: number,
): UpdateRejection | null {
  if (bytes.length < HEADER_BYTES) return 'update-too-short';
  const scheme = statedScheme(bytes, rule);
  if (scheme === undefined) return 'update-bad-scheme';
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
    case 5:
      return inspectHalfFloats(parameterCount, bytes.subarray(HEADER_BYTES));
    case 2:
    case 3:
    case 6:
      return inspectBlocks(format.bits, parameterCount, bytes.subarray(HEADER_BYTES), SCALE_MAX);
    case 4:
      return readTopK(format.parameter, parameterCount, bytes, HEADER_BYTES, null) ? null : 'update-bad-code';
    default:
      return format satisfies never;
  }
}

/** An update whose header was read, and of a sparse one the entropy coding undone: what may be done more than once. */
export type OpenUpdate =
  | { readonly kind: 'values'; readonly code: 1 | 5; readonly count: number; readonly bytes: Uint8Array }
  | { readonly kind: 'blocks'; readonly bits: CodeBits; readonly count: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'kept';
      readonly k: number;
      readonly count: number;
      readonly kept: KeptValues;
      readonly bytes: Uint8Array;
    };

/** Only for bytes that `inspectUpdate` accepted, or that we encoded. */
export function openUpdate(bytes: Uint8Array): OpenUpdate {
  const format = formatIn(bytes);
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  switch (format.code) {
    case 1:
    case 5:
      return { kind: 'values', code: format.code, count, bytes };
    case 2:
    case 3:
    case 6:
      return { kind: 'blocks', bits: format.bits, count, bytes };
    case 4: {
      const kept = emptyKept(format.parameter, count);
      readTopK(format.parameter, count, bytes, HEADER_BYTES, kept);
      return { kind: 'kept', k: format.parameter, count, kept, bytes };
    }
    default:
      return format satisfies never;
  }
}

/** What lies behind the header. */
export const bodyOf = (update: OpenUpdate): Uint8Array => update.bytes.subarray(HEADER_BYTES);

/** The numbers of an update that sends numbers. */
export function valuesOf(update: OpenUpdate & { kind: 'values' }): Float32Array {
  const values = new Float32Array(update.count);
  decodeRange(update, 0, values);
  return values;
}

/**
 * Restores the vector. Only for bytes that `inspectUpdate` accepted, or that we encoded.
 * @param into room for it, to be used again; else it is made.
 */
export function decodeUpdate(bytes: Uint8Array, into?: Float32Array): Float32Array {
  const update = openUpdate(bytes);
  const vector = into ?? new Float32Array(update.count);
  if (update.kind !== 'kept') {
    decodeRange(update, 0, vector);
    return vector;
  }
  if (into !== undefined) into.fill(0);
  addKept(update.kept, 1, vector);
  return vector;
}

/** target = the values from `from` (a multiple of `BLOCK_VALUES`) on, as many as it has room for. */
export function decodeRange(
  update: OpenUpdate & { kind: 'values' | 'blocks' },
  from: number,
  target: Float32Array,
): void {
  if (update.kind === 'blocks') decodeBlocks(update.bits, update.count, bodyOf(update), from, target);
  else if (update.code === 5) decodeHalfFloats(bodyOf(update), from, target);
  else
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(
      update.bytes.subarray(HEADER_BYTES + 4 * from, HEADER_BYTES + 4 * (from + target.length)),
    );
}

/** Where an update says something about a value: `sums[i] += weight` for each value i that it sent. */
export interface Senders {
  readonly sums: Float64Array;
  readonly weight: number;
}

/** target += factor * decode(bytes), value by value. */
export function addDecoded(
  bytes: Uint8Array,
  factor: number,
  target: Float32Array | Float64Array,
  senders?: Senders,
): void {
  addOpen(openUpdate(bytes), factor, target, senders);
}

/** target += factor * update, value by value. A dense update sends every value, also the zeros. */
export function addOpen(
  update: OpenUpdate,
  factor: number,
  target: Float32Array | Float64Array,
  senders?: Senders,
): void {
  if (update.kind === 'kept') {
    addKept(update.kept, factor, target, senders);
    return;
  }
  if (senders !== undefined) for (let i = 0; i < update.count; i++) senders.sums[i]! += senders.weight;
  if (update.kind === 'blocks') walkBlocks(update.bits, update.count, bodyOf(update), factor, target);
  else {
    const values = valuesOf(update);
    for (let i = 0; i < values.length; i++) target[i]! += factor * values[i]!;
  }
}

/** Norm of what the bytes decode to. */
export const encodedNorm = (bytes: Uint8Array): number => openNorm(openUpdate(bytes));

export function openNorm(update: OpenUpdate): number {
  switch (update.kind) {
    case 'kept':
      return Math.sqrt(keptSquares(update.kept));
    case 'blocks':
      return Math.sqrt(walkBlocks(update.bits, update.count, bodyOf(update), 0, null));
    case 'values':
      return norm(valuesOf(update));
    default:
      return update satisfies never;
  }
}
