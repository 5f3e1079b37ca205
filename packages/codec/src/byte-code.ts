/**
 * A list of bytes in Huffman's code of its own (prefix-code.ts): 128 bytes of lengths, four bits each, then the codes,
 * filled up to a whole byte with zeros. Worth it where few values are frequent, as exponents of parameters are. Whole
 * numbers only: the same bytes on every engine.
 *
 * Hostile bytes: the reader never throws, never reads outside its bytes, and does work for as many values as were asked of it.
 */
import { CODE_MAX_BITS, codesOf, isComplete, LENGTH_BITS, lengthsFor } from './prefix-code.ts';

const ALPHABET = 256;
const LENGTHS_BYTES = (ALPHABET * LENGTH_BITS) / 8;
/** A word is read at any byte, also at the last. */
const WORD_BYTES = 4;

/** Size of `values` in their code, and how to write them. `values` must stay as they are until then. */
export function codeOfBytes(values: Uint8Array): {
  readonly byteLength: number;
  /** Writes into zeros. */
  readonly write: (into: Uint8Array, at: number) => void;
} {
  const counts = new Uint32Array(ALPHABET);
  for (const value of values) counts[value]! += 1;
  const lengths = lengthsFor(counts);
  const bits = counts.reduce((sum, count, value) => sum + count * lengths[value]!, 0);
  return {
    byteLength: LENGTHS_BYTES + Math.ceil(bits / 8),
    write: (into, at) => {
      for (let i = 0; i < LENGTHS_BYTES; i++)
        into[at++] = lengths[2 * i]! | (lengths[2 * i + 1]! << LENGTH_BITS);
      const codes = codesOf(lengths);
      let [word, count] = [0, 0];
      for (const value of values) {
        word |= codes[value]! << count;
        count += lengths[value]!;
        for (; count >= 8; count -= 8) {
          into[at++] = word;
          word >>>= 8;
        }
      }
      if (count > 0) into[at] = word;
    },
  };
}

/** Reads as many values as `out` holds. Returns where the codes end; -1: these are no codes of so many values. */
export function readCodedBytes(from: Uint8Array, at: number, out: Uint8Array): number {
  const start = at + LENGTHS_BYTES;
  if (start > from.length) return -1;
  const lengths = Uint8Array.from({ length: ALPHABET }, (_, value) => {
    const pair = from[at + (value >> 1)]!;
    return value % 2 === 0 ? pair & 15 : pair >> LENGTH_BITS;
  });
  if (lengths.some((length) => length > CODE_MAX_BITS) || !isComplete(lengths)) return -1;
  /** By the next 12 bits: the value, and above it the bits of its code. */
  const table = new Uint16Array(1 << CODE_MAX_BITS);
  for (const [value, code] of codesOf(lengths).entries()) {
    const length = lengths[value]!;
    if (length > 0)
      for (let bits = code; bits < table.length; bits += 1 << length) table[bits] = value | (length << 8);
  }
  const padded = new Uint8Array(from.length - start + WORD_BYTES);
  padded.set(from.subarray(start));
  const view = new DataView(padded.buffer);
  const endBits = 8 * (from.length - start);
  let position = 0;
  for (let i = 0; i < out.length; i++) {
    if (position >= endBits) return -1;
    const word = view.getUint32(position >>> 3, true) >>> (position & 7);
    const entry = table[word & ((1 << CODE_MAX_BITS) - 1)]!;
    out[i] = entry;
    position += entry >> 8;
  }
  const end = Math.ceil(position / 8);
  const hasZerosBehind = position % 8 === 0 || (padded[end - 1] ?? 0) >> (position % 8) === 0;
  return position <= endBits && hasZerosBehind ? start + end : -1;
}
