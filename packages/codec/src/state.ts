/**
 * A replica's state as a newcomer receives it, in chunks that stand alone: each holds a range of the anchor exactly
 * (float32) and of the optimiser's second moment roughly. Chunks may come from different donors and rounds: the anchor
 * of one round is the same everywhere and an older chunk is brought forward by commits; of second moments, which differ
 * from tab to tab, any donor's will do. The first moment starts at zero.
 *
 * A chunk of n values, little-endian, is `u8 form` and then, plain (form 0):
 *
 *   u32  optimiser steps behind the second moment
 *   u16  a block of 256 values: the block's largest second moment
 *   u24  n: sign and mantissa of each value of the anchor
 *   u8   n: its exponent
 *   u8   n: the second moment under its block's largest
 *
 * or the same with the last two lists each in a Huffman code of its own (form 1), whichever is shorter. Exponents of parameters
 * take two to three bits, and mantissas are noise: that is all that can be saved without a loss.
 *
 * Second moments are logarithms read off a float32's own bits: exponent and 3 bits of mantissa, eight steps an octave.
 * So a byte reaches 31 octaves under the block's largest value with at most 6.3 % of error (3.1 % in the root, which is
 * what scales a step), without a logarithm whose last bit would depend on the machine. Byte 255 is zero.
 */
import type { GroupUpdate } from './averaging.ts';
import type { Anchor } from './anchor.ts';
import { codeOfBytes, readCodedBytes } from './byte-code.ts';

/** Values of a chunk: 200 blocks, 256,405 bytes at most; with its frame's header it stays under 256 KiB. */
export const CHUNK_VALUES = 51_200;
const BLOCK_VALUES = 256;
/** Form and step count. */
const HEAD_BYTES = 5;
const PLAIN = 0;
const CODED = 1;

/** Adam's second moment after t steps from zero is biased by 1 - DECAY^t: ranges of different t are brought to one. */
export const SECOND_MOMENT_DECAY = 0.999;

/** Sign and exponent and 3 bits of mantissa stay when a float32's bits are shifted by this. */
const LEVEL_SHIFT = 20;
/** The level of the largest finite value. */
const LEVEL_MAX = 0x7f7;
const ZERO = 255;
/** The exponent of infinities and of what is no number. */
const NOT_FINITE = 255;

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
const blocksOf = (valueCount: number) => Math.ceil(valueCount / BLOCK_VALUES);
/** Where mantissas and exponents begin. */
const layoutOf = (valueCount: number) => {
  const mantissas = HEAD_BYTES + 2 * blocksOf(valueCount);
  return { mantissas, exponents: mantissas + 3 * valueCount };
};

export const chunkCount = (parameterCount: number): number => Math.ceil(parameterCount / CHUNK_VALUES);

/** Size of a chunk at most, bytes; 0 <= chunk < chunkCount. */
export function chunkBytes(chunk: number, parameterCount: number): number {
  const { start, end } = rangeOf(chunk, parameterCount);
  return layoutOf(end - start).exponents + 2 * (end - start);
}
/** Size of the largest chunk of a model, bytes. */
export const chunkMaxBytes = (parameterCount: number): number => chunkBytes(0, parameterCount);

/** All chunks of a state, in order. */
export function encodeState(state: ReplicaState): Uint8Array[] {
  const parameterCount = state.anchor.length;
  return Array.from({ length: chunkCount(parameterCount) }, (_, chunk) => encodeChunk(state, chunk));
}

function encodeChunk({ anchor, secondMoment, stepCount }: ReplicaState, chunk: number): Uint8Array {
  const { start, end } = rangeOf(chunk, anchor.length);
  const count = end - start;
  const layout = layoutOf(count);
  const bytes = new Uint8Array(layout.exponents + 2 * count);
  const view = new DataView(bytes.buffer);
  view.setUint32(1, Math.min(stepCount, 0xffffffff), true);
  const exponents = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const at = layout.mantissas + 3 * i;
    floats[0] = anchor[start + i]!;
    const word = words[0]!;
    exponents[i] = word >>> 23;
    bytes[at] = word;
    bytes[at + 1] = word >>> 8;
    bytes[at + 2] = ((word >>> 16) & 0x7f) | ((word >>> 24) & 0x80);
  }
  const codes = new Uint8Array(count);
  const levels = new Uint16Array(BLOCK_VALUES);
  for (let block = 0; block * BLOCK_VALUES < count; block++) {
    const first = block * BLOCK_VALUES;
    const size = Math.min(BLOCK_VALUES, count - first);
    let peak = 0;
    for (let i = 0; i < size; i++) {
      const level = (levels[i] = levelOf(secondMoment[start + first + i]!));
      if (level > peak) peak = level;
    }
    view.setUint16(HEAD_BYTES + 2 * block, peak, true);
    for (let i = 0; i < size; i++)
      codes[first + i] = levels[i] === 0 ? ZERO : Math.min(ZERO - 1, peak - levels[i]!);
  }
  const coded = [codeOfBytes(exponents), codeOfBytes(codes)] as const;
  const codedBytes = coded[0].byteLength + coded[1].byteLength;
  if (codedBytes >= 2 * count) {
    bytes.set(exponents, layout.exponents);
    bytes.set(codes, layout.exponents + count);
    return bytes;
  }
  bytes[0] = CODED;
  coded[0].write(bytes, layout.exponents);
  coded[1].write(bytes, layout.exponents + coded[0].byteLength);
  return bytes.slice(0, layout.exponents + codedBytes);
}

export type ChunkRejection = 'chunk-wrong-length' | 'chunk-not-finite';

/** A chunk's lists, whatever form they came in. */
interface OpenChunk {
  readonly stepCount: number;
  readonly anchor: Float32Array;
  /** Of each block. */
  readonly peaks: Uint16Array;
  readonly codes: Uint8Array;
}

/** Reads the bytes of a stranger: a bounded amount of work, and never an exception. */
function openChunk(bytes: Uint8Array, chunk: number, parameterCount: number): OpenChunk | ChunkRejection {
  if (chunk >= chunkCount(parameterCount)) return 'chunk-wrong-length';
  const { start, end } = rangeOf(chunk, parameterCount);
  const count = end - start;
  const layout = layoutOf(count);
  if (bytes.length < layout.exponents) return 'chunk-wrong-length';
  let exponents = bytes.subarray(layout.exponents, layout.exponents + count);
  let codes = bytes.subarray(layout.exponents + count);
  let isWhole = bytes[0] === PLAIN && bytes.length === layout.exponents + 2 * count;
  if (bytes[0] === CODED) {
    exponents = new Uint8Array(count);
    codes = new Uint8Array(count);
    const codesAt = readCodedBytes(bytes, layout.exponents, exponents);
    isWhole = codesAt !== -1 && readCodedBytes(bytes, codesAt, codes) === bytes.length;
  }
  if (!isWhole) return 'chunk-wrong-length';
  const anchor = new Float32Array(count);
  const anchorWords = new Uint32Array(anchor.buffer);
  for (let i = 0; i < count; i++) {
    const exponent = exponents[i]!;
    if (exponent === NOT_FINITE) return 'chunk-not-finite';
    const at = layout.mantissas + 3 * i;
    const high = bytes[at + 2]!;
    anchorWords[i] =
      ((high & 0x80) << 24) | (exponent << 23) | ((high & 0x7f) << 16) | (bytes[at + 1]! << 8) | bytes[at]!;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const peaks = Uint16Array.from({ length: blocksOf(count) }, (_, block) =>
    view.getUint16(HEAD_BYTES + 2 * block, true),
  );
  if (peaks.some((peak) => peak > LEVEL_MAX)) return 'chunk-not-finite';
  return { stepCount: view.getUint32(1, true), anchor, peaks, codes };
}

/** Whether bytes of a stranger are this chunk of a state of this model. Null: they may be decoded. */
export function inspectChunk(
  bytes: Uint8Array,
  chunk: number,
  parameterCount: number,
): ChunkRejection | null {
  const opened = openChunk(bytes, chunk, parameterCount);
  return typeof opened === 'string' ? opened : null;
}

/** What of an accepted chunk is the same at all members of its round: the anchor's values. */
export function chunkAnchor(bytes: Uint8Array, chunk: number, parameterCount: number): Float32Array {
  return accepted(bytes, chunk, parameterCount).anchor;
}

function accepted(bytes: Uint8Array, chunk: number, parameterCount: number): OpenChunk {
  const opened = openChunk(bytes, chunk, parameterCount);
  if (typeof opened === 'string') throw new Error(`state: chunk ${chunk} was not inspected: ${opened}`);
  return opened;
}

/** Chunks in order, each accepted by `inspectChunk`, put together as they are. */
export function decodeState(chunks: readonly Uint8Array[], parameterCount: number): ReplicaState {
  const anchor = new Float32Array(parameterCount);
  const secondMoment = new Float32Array(parameterCount);
  const opened = chunks.map((bytes, chunk) => accepted(bytes, chunk, parameterCount));
  const stepCount = Math.max(0, ...opened.map((chunk) => chunk.stepCount));
  for (const [index, chunk] of opened.entries()) {
    const { start } = rangeOf(index, parameterCount);
    const bias = biasAfter(stepCount) / biasAfter(chunk.stepCount);
    anchor.set(chunk.anchor, start);
    for (const [i, code] of chunk.codes.entries()) {
      if (code === ZERO) continue;
      const level = chunk.peaks[Math.floor(i / BLOCK_VALUES)]! - code;
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
