/**
 * A replica's state as a newcomer receives it, in chunks that stand alone: each holds a range of the anchor exactly
 * (float32) and of the optimiser's second moment roughly. Chunks may come from different donors and rounds: the anchor
 * of one round is the same everywhere and an older chunk is brought forward by commits; of second moments, which differ
 * from tab to tab, any donor's will do. The first moment starts at zero.
 *
 * Layout of a chunk of n values, little-endian: u32 optimiser steps behind the second moment, n float32 of the anchor,
 * one u16 a block of 256 values (the block's largest second moment), n bytes (each value under that one). Both are
 * logarithms read off a float32's own bits: exponent and 3 bits of mantissa, eight steps an octave. So a byte reaches 31
 * octaves under the block's largest value with at most 6.3 % of error (3.1 % in the root, which is what scales a
 * step), without a logarithm whose last bit would depend on the machine. Byte 255 is zero. 5.008 bytes a value.
 */
import type { GroupUpdate } from './averaging.ts';
import type { Anchor } from './anchor.ts';

/** Values of a chunk: 200 blocks, 256,404 bytes; with its frame's header it stays under 256 KiB. */
export const CHUNK_VALUES = 51_200;
const BLOCK_VALUES = 256;
const STEP_COUNT_BYTES = 4;

/** Adam's second moment after t steps from zero is biased by 1 - DECAY^t: ranges of different t are brought to one. */
export const SECOND_MOMENT_DECAY = 0.999;

/** Sign and exponent and 3 bits of mantissa stay when a float32's bits are shifted by this. */
const LEVEL_SHIFT = 20;
/** The level of the largest finite value. */
const LEVEL_MAX = 0x7f7;
const ZERO = 255;

export interface ReplicaState {
  readonly anchor: Float32Array;
  /** Adam's v, one value a parameter, never negative. */
  readonly secondMoment: Float32Array;
  /** Optimiser steps behind the second moment (for its bias correction). */
  readonly stepCount: number;
}

/** Where a chunk lies among the parameters. */
const rangeOf = (chunk: number, parameterCount: number) => {
  const start = chunk * CHUNK_VALUES;
  return { start, end: Math.min(start + CHUNK_VALUES, parameterCount) };
};
const bytesOf = (valueCount: number) =>
  STEP_COUNT_BYTES + 5 * valueCount + 2 * Math.ceil(valueCount / BLOCK_VALUES);

export const chunkCount = (parameterCount: number): number => Math.ceil(parameterCount / CHUNK_VALUES);

/** Exact size of a chunk, bytes; 0 <= chunk < chunkCount. */
export function chunkBytes(chunk: number, parameterCount: number): number {
  const { start, end } = rangeOf(chunk, parameterCount);
  return bytesOf(end - start);
}
/** Size of the largest chunk of a model, bytes. */
export const chunkMaxBytes = (parameterCount: number): number => chunkBytes(0, parameterCount);

/** All chunks of a state, in order; views into one buffer. */
export function encodeState(state: ReplicaState): Uint8Array[] {
  const parameterCount = state.anchor.length;
  return Array.from({ length: chunkCount(parameterCount) }, (_, chunk) => encodeChunk(state, chunk));
}

function encodeChunk({ anchor, secondMoment, stepCount }: ReplicaState, chunk: number): Uint8Array {
  const { start, end } = rangeOf(chunk, anchor.length);
  const count = end - start;
  const bytes = new Uint8Array(bytesOf(count));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.min(stepCount, 0xffffffff), true);
  for (let i = 0; i < count; i++) view.setFloat32(STEP_COUNT_BYTES + 4 * i, anchor[start + i]!, true);
  const peaks = STEP_COUNT_BYTES + 4 * count;
  const codes = peaks + 2 * Math.ceil(count / BLOCK_VALUES);
  const levels = new Uint16Array(BLOCK_VALUES);
  for (let block = 0; block * BLOCK_VALUES < count; block++) {
    const first = block * BLOCK_VALUES;
    const size = Math.min(BLOCK_VALUES, count - first);
    let peak = 0;
    for (let i = 0; i < size; i++) {
      const level = (levels[i] = levelOf(secondMoment[start + first + i]!));
      if (level > peak) peak = level;
    }
    view.setUint16(peaks + 2 * block, peak, true);
    for (let i = 0; i < size; i++)
      bytes[codes + first + i] = levels[i] === 0 ? ZERO : Math.min(ZERO - 1, peak - levels[i]!);
  }
  return bytes;
}

export type ChunkRejection = 'chunk-wrong-length' | 'chunk-not-finite';

/** Whether bytes of a stranger are this chunk of a state of this model. Null: they may be decoded. */
export function inspectChunk(
  bytes: Uint8Array,
  chunk: number,
  parameterCount: number,
): ChunkRejection | null {
  if (chunk >= chunkCount(parameterCount) || bytes.length !== chunkBytes(chunk, parameterCount))
    return 'chunk-wrong-length';
  const { start, end } = rangeOf(chunk, parameterCount);
  const count = end - start;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++)
    if (!Number.isFinite(view.getFloat32(STEP_COUNT_BYTES + 4 * i, true))) return 'chunk-not-finite';
  const peaks = STEP_COUNT_BYTES + 4 * count;
  for (let block = 0; block * BLOCK_VALUES < count; block++)
    if (view.getUint16(peaks + 2 * block, true) > LEVEL_MAX) return 'chunk-not-finite';
  return null;
}

/** The bytes of a chunk that are the same at all members of its round; a view. */
export function chunkAnchor(bytes: Uint8Array, chunk: number, parameterCount: number): Uint8Array {
  const { start, end } = rangeOf(chunk, parameterCount);
  return bytes.subarray(STEP_COUNT_BYTES, STEP_COUNT_BYTES + 4 * (end - start));
}

/** Chunks in order, each accepted by `inspectChunk`, put together as they are. */
export function decodeState(chunks: readonly Uint8Array[], parameterCount: number): ReplicaState {
  const anchor = new Float32Array(parameterCount);
  const secondMoment = new Float32Array(parameterCount);
  const views = chunks.map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const stepCount = Math.max(0, ...views.map((view) => view.getUint32(0, true)));
  for (const [chunk, view] of views.entries()) {
    const { start, end } = rangeOf(chunk, parameterCount);
    const count = end - start;
    const peaks = STEP_COUNT_BYTES + 4 * count;
    const codes = peaks + 2 * Math.ceil(count / BLOCK_VALUES);
    const bias = biasAfter(stepCount) / biasAfter(view.getUint32(0, true));
    for (let i = 0; i < count; i++) {
      anchor[start + i] = view.getFloat32(STEP_COUNT_BYTES + 4 * i, true);
      const code = view.getUint8(codes + i);
      if (code === ZERO) continue;
      const level = view.getUint16(peaks + 2 * Math.floor(i / BLOCK_VALUES), true) - code;
      // A stranger's largest value times the bias may pass the largest float.
      secondMoment[start + i] = Math.min(bias * valueOf(Math.max(0, level)), FLOAT_MAX);
    }
  }
  return { anchor, secondMoment, stepCount };
}

/** Chunks of possibly different rounds, and the commits that bring the older ones forward. */
export interface Assembly {
  /** The round to stand in; no chunk's is later. */
  readonly round: number;
  /** In order, each accepted by `inspectChunk`. */
  readonly chunks: readonly { readonly round: number; readonly bytes: Uint8Array }[];
  /** What closed the rounds from the oldest chunk's to the one before `round`, ascending. */
  readonly commits: readonly { readonly round: number; readonly updates: readonly GroupUpdate[] }[];
}

/**
 * Stands the replica on an assembled state and returns what belongs to the optimiser. The anchor comes out as the group
 * has it, bit for bit, if every chunk was what its donor said: compare the fingerprint.
 * Null: the chunks are no state of this model; the replica is unchanged.
 */
export function loadState(
  replica: Anchor,
  { chunks, commits }: Assembly,
): Pick<ReplicaState, 'secondMoment' | 'stepCount'> | null {
  const parameterCount = replica.anchor.length;
  if (chunks.length !== chunkCount(parameterCount)) return null;
  if (chunks.some(({ bytes }, chunk) => inspectChunk(bytes, chunk, parameterCount) !== null)) return null;
  const state = decodeState(
    chunks.map(({ bytes }) => bytes),
    parameterCount,
  );
  replica.load(state.anchor);
  for (const commit of commits) {
    const behind = chunks.flatMap(({ round }, chunk) =>
      round <= commit.round ? [rangeOf(chunk, parameterCount)] : [],
    );
    if (behind.length > 0) replica.bringForward(commit.updates, behind);
  }
  return state;
}

const FLOAT_MAX = 3.4028234663852886e38;
const biasAfter = (stepCount: number) => 1 - SECOND_MOMENT_DECAY ** Math.max(1, stepCount);

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

/** Nearest level of a value, 0 for zero and for what no honest optimiser holds (negative, not a number). */
function levelOf(value: number): number {
  if (!(value > 0)) return 0;
  floats[0] = value;
  return Math.min(LEVEL_MAX, (words[0]! + (1 << (LEVEL_SHIFT - 1))) >>> LEVEL_SHIFT);
}

function valueOf(level: number): number {
  words[0] = level << LEVEL_SHIFT;
  return floats[0]!;
}
