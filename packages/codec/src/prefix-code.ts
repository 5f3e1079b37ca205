/**
 * Entropy coding of gaps by a table: whole numbers from 0 to 4,095, each with two bits of its own, in Huffman's code over
 * classes of about equal size (the leading binary digit of n + 1 and the two digits after it), the remaining digits plain.
 * Whole numbers only: the same bytes on every engine.
 *
 * Where it comes from: deflate's classes and canonical codes (RFC 1951, 3.2), with the code's lengths first. One lookup
 * of 12 bits a number: an adaptive range coder, which stood here before, saves 0.05 bits a number and takes five times as long.
 * What both ends know before anything is said is the geometric law of gaps (`geometricLengths`): a short stream uses its code and
 * sends no lengths.
 *
 * Hostile bytes: the reader never throws, never reads outside its bytes (missing ones count as zero) and does a bounded
 * amount of work a call; `finishedWell` says at the end whether it stopped where the bytes do. It does not know what the
 * numbers mean.
 */

/** Classes: 1; 2, 3; then four for each power of two up to 4,096. Each with and without the flag. */
const CLASSES = 3 + 4 * 11;
const SYMBOLS = 2 * CLASSES;
export const CODE_MAX_BITS = 12;
export const LENGTH_BITS = 4;
/** What the lengths take before the numbers, at most; one bit says whether they are there. */
export const LENGTHS_MAX_BITS = 1 + SYMBOLS * LENGTH_BITS;
/** A code, ten plain digits, and the plain bit. */
export const NUMBER_MAX_BITS = CODE_MAX_BITS + 11;

/** Of each symbol its code's length; 0: it does not occur. */
export type Lengths = Uint8Array;

/** Symbol of a number and its flag: twice its class, plus the flag. */
function symbolOf(number: number, flag: number): number {
  const n = number + 1;
  const power = 31 - Math.clz32(n);
  const place = power < 2 ? n - 1 : 3 + (power - 2) * 4 + ((n >>> (power - 2)) & 3);
  return 2 * place + flag;
}
/** Plain digits of a class. */
const digitsOf = (place: number) => (place < 3 ? 0 : (place - 3) >> 2);
/** The least number of a class, plus 1. */
const firstOf = (place: number) => (place < 3 ? place + 1 : (4 + ((place - 3) & 3)) << digitsOf(place));

/** Counts what a stream holds, for the lengths of its code. */
export class Tally {
  readonly counts = new Uint32Array(SYMBOLS);

  add(number: number, flag: number): void {
    this.counts[symbolOf(number, flag)]! += 1;
  }

  /** Bits of the codes alone. */
  cost(lengths: Lengths): number {
    return this.counts.reduce(
      (bits, count, symbol) =>
        count === 0 ? bits : bits + (lengths[symbol]! > 0 ? count * lengths[symbol]! : Infinity),
      0,
    );
  }

  /** The best lengths for what was counted; null: nothing was. */
  lengths(): Lengths | null {
    return this.counts.every((count) => count === 0) ? null : lengthsFor(this.counts);
  }
}

/**
 * Lengths of Huffman's code for these weights; where one would be longer than `CODE_MAX_BITS`, weights are evened out. A
 * lone symbol gets a companion, so that every code is complete.
 */
export function lengthsFor(counts: Uint32Array): Lengths {
  const weights = Array.from(counts);
  if (weights.filter((weight) => weight > 0).length === 1) weights[weights[0] === 0 ? 0 : 1] = 1;
  for (;;) {
    const lengths = huffmanLengths(weights);
    if (lengths.every((length) => length <= CODE_MAX_BITS)) return lengths;
    for (let s = 0; s < weights.length; s++) weights[s] = (weights[s]! + 1) >> 1;
  }
}

interface Tree {
  readonly weight: number;
  readonly symbols: readonly number[];
}

/** Trees come out of merging in ascending order, so the two lightest are at the heads of two queues. */
function huffmanLengths(weights: readonly number[]): Lengths {
  const lengths = new Uint8Array(weights.length);
  const leaves: Tree[] = weights
    .flatMap((weight, symbol) => (weight > 0 ? [{ weight, symbols: [symbol] }] : []))
    .sort((a, b) => a.weight - b.weight || a.symbols[0]! - b.symbols[0]!);
  const merged: Tree[] = [];
  let [leaf, tree] = [0, 0];
  // The leaf of equals, always: both ends of a run must come to the same code for the geometric law.
  const lightest = () =>
    tree === merged.length || (leaf < leaves.length && leaves[leaf]!.weight <= merged[tree]!.weight)
      ? leaves[leaf++]!
      : merged[tree++]!;
  for (let left = leaves.length; left > 1; left--) {
    const [a, b] = [lightest(), lightest()];
    const symbols = [...a.symbols, ...b.symbols];
    for (const symbol of symbols) lengths[symbol]! += 1;
    merged.push({ weight: a.weight + b.weight, symbols });
  }
  return lengths;
}

const geometric = new Map<number, Lengths>();
/** Share of the numbers that have the flag, about. */
const FLAG_SHARE = 0.375;

/** Lengths for n zeros before a one, where each is a one with this probability. */
export function geometricLengths(probabilityOfOne: number): Lengths {
  let lengths = geometric.get(probabilityOfOne);
  if (lengths === undefined) {
    const weights = new Uint32Array(SYMBOLS);
    for (let place = 0; place < CLASSES; place++) {
      const [from, size] = [firstOf(place) - 1, 1 << digitsOf(place)];
      const share = wholePower(1 - probabilityOfOne, from) - wholePower(1 - probabilityOfOne, from + size);
      for (const flag of [0, 1])
        weights[2 * place + flag] =
          1 + Math.floor(share * (flag === 1 ? FLAG_SHARE : 1 - FLAG_SHARE) * 2 ** 20);
    }
    lengths = lengthsFor(weights);
    geometric.set(probabilityOfOne, lengths);
  }
  return lengths;
}

/** By squaring: `**` may differ between engines in its last bit. */
function wholePower(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let n = exponent; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}

/** Canonical: ascending by length, then by symbol; bits reversed, because the first bit of a stream is a byte's lowest. */
export function codesOf(lengths: Lengths): Uint16Array {
  const codes = new Uint16Array(lengths.length);
  let code = 0;
  for (let length = 1; length <= CODE_MAX_BITS; length++, code <<= 1)
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      let reversed = 0;
      for (let bit = 0; bit < length; bit++) reversed |= ((code >>> bit) & 1) << (length - 1 - bit);
      codes[symbol] = reversed;
      code += 1;
    }
  return codes;
}

/** Whether every sequence of bits is one of codes. */
export const isComplete = (lengths: Lengths) =>
  lengths.reduce((sum, length) => (length === 0 ? sum : sum + (1 << (CODE_MAX_BITS - length))), 0) ===
  1 << CODE_MAX_BITS;

export class BitWriter {
  readonly #bytes: Uint8Array;
  #length: number;
  #word = 0;
  #count = 0;
  #lengths: Lengths = new Uint8Array(SYMBOLS);
  #codes: Uint16Array = new Uint16Array(SYMBOLS);

  /** Writes into `bytes` (zeros) from `start` on; the caller knows the largest size. */
  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#length = start;
  }

  /** @param count at most 16. */
  bits(value: number, count: number): void {
    this.#word |= value << this.#count;
    this.#count += count;
    for (; this.#count >= 8; this.#count -= 8) {
      this.#bytes[this.#length++] = this.#word;
      this.#word >>>= 8;
    }
  }

  /** A whole number under 2^12 + 2^least: twice as long for each doubling (Elias's gamma, from `least` digits on). */
  number(value: number, least: number): void {
    const power = 31 - Math.clz32(value + (1 << least));
    this.bits(1 << (power - least), power - least + 1);
    this.bits((value + (1 << least)) & ((1 << power) - 1), power);
  }

  /** The code that numbers come in: of these counts, or the one that is known already, whichever makes less of them. */
  code(tally: Tally, known: Lengths): void {
    const own = tally.lengths();
    const isOwn = own !== null && tally.cost(own) + SYMBOLS * LENGTH_BITS < tally.cost(known);
    this.bits(isOwn ? 1 : 0, 1);
    this.#lengths = isOwn ? own : known;
    if (isOwn) for (const length of own) this.bits(length, LENGTH_BITS);
    this.#codes = codesOf(this.#lengths);
  }

  coded(number: number, flag: number, plain: number): void {
    const symbol = symbolOf(number, flag);
    const digits = digitsOf(symbol >> 1);
    this.bits(this.#codes[symbol]!, this.#lengths[symbol]!);
    this.bits((((number + 1) & ((1 << digits) - 1)) << 1) | plain, digits + 1);
  }

  /** Writes what is left; returns where the stream ends. */
  finish(): number {
    if (this.#count > 0) this.bits(0, 8 - this.#count);
    return this.#length;
  }
}

/** Numbers that `BitReader.run` reads at once, at most. */
export const RUN_MAX = 1024;
/**
 * What the last `run` read: number * 4 + plain bit * 2 + flag. This and what else a run works on are the module's own: an
 * engine knows a constant's address and length when it compiles, and reads both again for every value of another array.
 */
export const RUN = new Uint32Array(RUN_MAX);
/** Where a code and what follows it may lie: a word is read at any byte. */
const WORD_BYTES = 4;
const runBytes = new Uint8Array(Math.ceil((RUN_MAX * NUMBER_MAX_BITS) / 8) + 1 + WORD_BYTES);
const runView = new DataView(runBytes.buffer);
/**
 * By the next 12 bits: all bits of the number (5 bits), of its code (4) and its plain digits (4), flag (1), then the least
 * number of its class, plus 1.
 */
const table = new Uint32Array(1 << CODE_MAX_BITS);
/** Whose table it is. */
let tabled: Lengths | null = null;

export class BitReader {
  readonly #bytes: Uint8Array;
  /** In bits. */
  #position: number;
  #lengths: Lengths = new Uint8Array(SYMBOLS);

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#position = 8 * start;
  }

  /** All bytes are used, and what is behind the last bit is zeros. */
  get finishedWell(): boolean {
    const end = 8 * this.#bytes.length;
    return this.#position <= end && this.#position > end - 8 && this.bits(end - this.#position) === 0;
  }

  /** @param count at most 16. */
  bits(count: number): number {
    const at = this.#position >>> 3;
    const bytes = this.#bytes;
    const word = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
    const value = (word >>> (this.#position & 7)) & ((1 << count) - 1);
    this.#position += count;
    return value;
  }

  /** As `BitWriter.number` writes it; -1: it does not. */
  number(least: number): number {
    let power = least;
    while (this.bits(1) === 0) if (++power > 12) return -1;
    return ((1 << power) | this.bits(power)) - (1 << least);
  }

  /** Reads which code the numbers come in; false: it is none. */
  code(known: Lengths): boolean {
    this.#lengths = known;
    if (this.bits(1) === 1) {
      this.#lengths = new Uint8Array(SYMBOLS);
      for (let symbol = 0; symbol < SYMBOLS; symbol++) this.#lengths[symbol] = this.bits(LENGTH_BITS);
      if (this.#lengths.some((length) => length > CODE_MAX_BITS) || !isComplete(this.#lengths)) return false;
    }
    if (tabled === this.#lengths) return true;
    tabled = this.#lengths;
    const codes = codesOf(tabled);
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      const length = tabled[symbol]!;
      if (length === 0) continue;
      const digits = digitsOf(symbol >> 1);
      const entry =
        (length + digits + 1) |
        (length << 5) |
        (digits << 9) |
        ((symbol & 1) << 13) |
        (firstOf(symbol >> 1) << 14);
      for (let bits = codes[symbol]!; bits < table.length; bits += 1 << length) table[bits] = entry;
    }
    return true;
  }

  /** `count` (at most `RUN_MAX`) numbers as `BitWriter.coded` writes them, to `RUN`. */
  run(count: number): void {
    const start = this.#position >>> 3;
    const most = Math.ceil((count * NUMBER_MAX_BITS) / 8) + 1 + WORD_BYTES;
    const bytes = this.#bytes.subarray(start, start + most);
    runBytes.set(bytes);
    runBytes.fill(0, bytes.length, most);
    let position = this.#position & 7;
    for (let j = 0; j < count; j++) {
      // 25 bits or more: a code of 12, ten digits and the plain bit are 23.
      const word = runView.getUint32(position >>> 3, true) >>> (position & 7);
      const entry = table[word & ((1 << CODE_MAX_BITS) - 1)]!;
      position += entry & 31;
      const rest = word >>> ((entry >>> 5) & 15);
      const number = (entry >>> 14) + ((rest & ((2 << ((entry >>> 9) & 15)) - 1)) >>> 1) - 1;
      RUN[j] = (number << 2) | ((rest & 1) << 1) | ((entry >>> 13) & 1);
    }
    this.#position = 8 * start + position;
  }
}
