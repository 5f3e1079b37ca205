/**
 * Entropy coding with integers only: an adaptive binary range coder (Martin 1979; the carry handling and the check at
 * the end are those of LZMA), and a model of small whole numbers on top of it. The same bytes on every engine.
 *
 * A bit costs log2(1/p) bits of output, where p is what its model learned so far. Probabilities have 12 bits and move by
 * 1/64: a slower step than LZMA's 1/32 wastes less (0.006 bits a decision) where statistics hardly change.
 *
 * Hostile bytes: the decoder never throws, never reads outside its bytes (missing ones count as zero) and does a bounded
 * amount of work a call; `finishedWell` says at the end whether the bytes were exactly what an encoder writes. It does
 * not know what is being coded.
 */

const PROBABILITY_BITS = 12;
const PROBABILITY_ONE = 1 << PROBABILITY_BITS;
const LEARNING_SHIFT = 6;
/** A probability never learns its way beyond these, so that no decision costs more than `DECISION_MAX_BITS`. */
const PROBABILITY_MIN = (1 << LEARNING_SHIFT) - 1;
const PROBABILITY_MAX = PROBABILITY_ONE - PROBABILITY_MIN;
/** log2(4096 / 63), rounded up. */
export const DECISION_MAX_BITS = 6.1;
/** Bytes that every stream has besides its bits. */
export const STREAM_EXTRA_BYTES = 4;
const TOP = 1 << 24;
const WORD = 4294967296;

const TREE_NODES = 16;
const MANTISSA_NODES = 4;

/** Probabilities (of a zero) that a coder learns; both ends start from equal ones. */
export type Probabilities = Uint16Array;

export const evenProbabilities = (count: number): Probabilities =>
  new Uint16Array(count).fill(PROBABILITY_ONE / 2);

export class RangeEncoder {
  readonly #bytes: Uint8Array;
  #length: number;
  /** Below 2^33; the 33rd bit is a carry into bytes that wait in `#cache` and `#pending`. */
  #low = 0;
  #range = 0xffffffff;
  #cache = 0;
  #pending = 0;
  #isFirst = true;

  /** Writes into `bytes` from `start` on; the caller knows the largest size. */
  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#length = start;
  }

  bit(probabilities: Probabilities, context: number, bit: number): void {
    const p = probabilities[context]!;
    const bound = (this.#range >>> PROBABILITY_BITS) * p;
    if (bit === 0) {
      this.#range = bound;
      probabilities[context] = p + ((PROBABILITY_ONE - p) >>> LEARNING_SHIFT);
    } else {
      this.#low += bound;
      this.#range -= bound;
      probabilities[context] = p - (p >>> LEARNING_SHIFT);
    }
    while (this.#range < TOP) {
      this.#range *= 256;
      this.#shiftLow();
    }
  }

  /** `count` (at most 16) bits of `value` that nothing is known about. */
  plain(value: number, count: number): void {
    this.#range >>>= count;
    this.#low += value * this.#range;
    while (this.#range < TOP) {
      this.#range *= 256;
      this.#shiftLow();
    }
  }

  /** Writes what is left; returns where the stream ends. */
  finish(): number {
    for (let i = 0; i < 5; i++) this.#shiftLow();
    return this.#length;
  }

  #shiftLow(): void {
    if (this.#low < 0xff000000 || this.#low >= WORD) {
      const carry = this.#low >= WORD ? 1 : 0;
      // The first byte of such a stream is always zero and is left out.
      if (this.#isFirst) this.#isFirst = false;
      else this.#bytes[this.#length++] = this.#cache + carry;
      for (; this.#pending > 0; this.#pending--) this.#bytes[this.#length++] = 0xff + carry;
      this.#cache = (this.#low >>> 24) & 0xff;
    } else this.#pending += 1;
    this.#low = (this.#low & 0x00ffffff) * 256;
  }
}

export class RangeDecoder {
  readonly #bytes: Uint8Array;
  #position: number;
  #range = 0xffffffff;
  #code = 0;
  #broken = false;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#position = start;
    for (let i = 0; i < 4; i++) this.#code = this.#code * 256 + this.#nextByte();
    if (this.#code >= this.#range) this.#broken = true;
  }

  /** Everything so far was possible, all bytes are used, and the end is the one that an encoder writes. */
  get finishedWell(): boolean {
    return !this.#broken && this.#code === 0 && this.#position === this.#bytes.length;
  }

  bit(probabilities: Probabilities, context: number): number {
    const p = probabilities[context]!;
    const bound = (this.#range >>> PROBABILITY_BITS) * p;
    let bit = 0;
    if (this.#code < bound) {
      this.#range = bound;
      probabilities[context] = p + ((PROBABILITY_ONE - p) >>> LEARNING_SHIFT);
    } else {
      this.#code -= bound;
      this.#range -= bound;
      probabilities[context] = p - (p >>> LEARNING_SHIFT);
      bit = 1;
    }
    while (this.#range < TOP) {
      this.#range *= 256;
      this.#code = this.#code * 256 + this.#nextByte();
    }
    return bit;
  }

  plain(count: number): number {
    this.#range >>>= count;
    let value = Math.floor(this.#code / this.#range);
    if (value >= 1 << count) {
      this.#broken = true;
      value = (1 << count) - 1;
    }
    this.#code -= value * this.#range;
    if (this.#code >= this.#range) this.#code = 0;
    while (this.#range < TOP) {
      this.#range *= 256;
      this.#code = this.#code * 256 + this.#nextByte();
    }
    return value;
  }

  /**
   * A number as `encodeNumber` writes it, and `tailCount` bits behind it. What `bit` and `plain` would do, in one piece
   * with the state in locals: sparse updates are made of little else, and it is three times as fast.
   */
  number(model: Probabilities, tailCount: number): number {
    const bytes = this.#bytes;
    let range = this.#range;
    let code = this.#code;
    let position = this.#position;
    let node = 1;
    let context = 1;
    let base = 0;
    let power = 0;
    // Four decisions for the power, then one for each of its first two digits, if it has them.
    for (let decision = 0, decisions = 4; decision < decisions; decision++) {
      const place = base + context;
      const p = model[place]!;
      const bound = (range >>> PROBABILITY_BITS) * p;
      if (code < bound) {
        range = bound;
        model[place] = p + ((PROBABILITY_ONE - p) >>> LEARNING_SHIFT);
        node <<= 1;
      } else {
        code -= bound;
        range -= bound;
        model[place] = p - (p >>> LEARNING_SHIFT);
        node = (node << 1) | 1;
      }
      while (range < TOP) {
        range *= 256;
        code = code * 256 + (position < bytes.length ? bytes[position]! : 0);
        position += 1;
      }
      context = node;
      if (decision === 3) {
        power = node - TREE_NODES;
        base = TREE_NODES + power * MANTISSA_NODES;
        decisions += Math.min(2, power);
        node = context = 1;
      }
    }
    this.#range = range;
    this.#code = code;
    this.#position = position;
    const left = power - Math.min(2, power);
    const plain = left + tailCount > 0 ? this.plain(left + tailCount) : 0;
    const number = node * (1 << left) + (plain >>> tailCount) - 1;
    return number * (1 << tailCount) + (plain & ((1 << tailCount) - 1));
  }

  #nextByte(): number {
    // Reading past the end is counted, so that `finishedWell` sees it.
    return this.#bytes[this.#position++] ?? 0;
  }
}

/**
 * Whole numbers from 0 to 65,534: which power of two n + 1 lies at (a tree of 16 leaves), its next two binary digits
 * under probabilities of that power, the rest plain.
 */
export const NUMBER_CONTEXTS = TREE_NODES + 16 * MANTISSA_NODES;
/** The most that one number costs: six decisions, and the rest of 15 binary digits. */
export const NUMBER_MAX_BITS = 6 * DECISION_MAX_BITS + 13;

/**
 * @param tail bits to put behind the number's plain digits, at no extra call.
 * @param tailCount at most 1.
 */
export function encodeNumber(
  encoder: RangeEncoder,
  model: Probabilities,
  number: number,
  tail = 0,
  tailCount = 0,
): void {
  const power = 31 - Math.clz32(number + 1);
  let node = 1;
  for (let digit = 3; digit >= 0; digit--) {
    const bit = (power >>> digit) & 1;
    encoder.bit(model, node, bit);
    node = node * 2 + bit;
  }
  const base = TREE_NODES + power * MANTISSA_NODES;
  let left = power;
  let mantissa = 1;
  while (left > 0 && power - left < 2) {
    left -= 1;
    const bit = ((number + 1) >>> left) & 1;
    encoder.bit(model, base + mantissa, bit);
    mantissa = mantissa * 2 + bit;
  }
  if (left + tailCount > 0)
    encoder.plain((((number + 1) & ((1 << left) - 1)) << tailCount) | tail, left + tailCount);
}

/** The number, and behind it `tailCount` bits: number * 2^tailCount + tail. */
export const decodeNumber = (decoder: RangeDecoder, model: Probabilities, tailCount = 0): number =>
  decoder.number(model, tailCount);

/**
 * A number model that already knows a geometric law: n zeros before a one, where each is a one with this probability.
 * Short streams are over before they could learn it.
 */
export function geometricModel(probabilityOfOne: number): Probabilities {
  const q = 1 - probabilityOfOne;
  const model = evenProbabilities(NUMBER_CONTEXTS);
  // atLeast(n): probability of n or more.
  const atLeast = (n: number) => wholePower(q, n);
  const between = (from: number, to: number) => atLeast(from - 1) - atLeast(to - 1);
  for (let node = 1; node < TREE_NODES; node++) {
    const depth = 31 - Math.clz32(node);
    const width = 1 << (4 - depth);
    const first = (node - (1 << depth)) * width;
    const [from, middle, to] = [2 ** first, 2 ** (first + width / 2), 2 ** (first + width)];
    model[node] = asProbability(between(from, middle), between(from, to));
  }
  for (let power = 1; power < 16; power++) {
    const base = TREE_NODES + power * MANTISSA_NODES;
    const [from, step] = [2 ** power, 2 ** (power - 1)];
    model[base + 1] = asProbability(between(from, from + step), between(from, 2 * from));
    if (power < 2) continue;
    for (let half = 0; half < 2; half++)
      model[base + 2 + half] = asProbability(
        between(from + half * step, from + half * step + step / 2),
        between(from + half * step, from + (half + 1) * step),
      );
  }
  return model;
}

function asProbability(part: number, whole: number): number {
  if (!(whole > 0)) return PROBABILITY_ONE / 2;
  return Math.min(PROBABILITY_MAX, Math.max(PROBABILITY_MIN, Math.round((part / whole) * PROBABILITY_ONE)));
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
