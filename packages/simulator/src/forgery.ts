/**
 * What a hostile tab sends in place of the update that it trained: the numbers of every attack that averaging has to
 * shrug at. A forger knows as much as a real one could: its own honest update, everything that its peers sent it, which
 * of them are its accomplices, and its own past. All accomplices of one run push the same way.
 *
 * It refuses to know frames, links and rounds; hostile.ts puts a forger into a tab. Pure.
 */
import { decodeUpdate, encodeUpdate, median, norm, type Scheme } from '@murmuration/codec';
import type { Forgery } from './attacks.ts';

/** Rounds that a stale update is old. */
const STALE_ROUNDS = 10;

export interface ForgerySources {
  /** The update that honest training gave. */
  readonly own: Uint8Array;
  /** The last update of each honest peer, by author, as it came. */
  readonly heard: ReadonlyMap<string, Uint8Array>;
}

export class Forger {
  readonly #forgery: Forgery;
  readonly #scheme: Scheme;
  readonly #random: () => number;
  readonly #direction: Float32Array;
  readonly #past: Uint8Array[] = [];

  /**
   * @param random this tab's own chance.
   * @param shared chance that all accomplices share: the constant direction is drawn from it.
   */
  constructor(options: {
    forgery: Forgery;
    scheme: Scheme;
    parameterCount: number;
    random: () => number;
    shared: () => number;
  }) {
    this.#forgery = options.forgery;
    this.#scheme = options.scheme;
    this.#random = options.random;
    this.#direction = noise(options.parameterCount, options.shared);
  }

  /** The bytes to send under the tab's own name. */
  forge({ own, heard }: ForgerySources): Uint8Array {
    const honest = decodeUpdate(own);
    const count = honest.length;
    const others = [...heard].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, bytes]) => decodeUpdate(bytes));
    /** What does not stand out: the usual size of an update here. */
    const usualNorm = others.length > 0 ? median(others.map(norm)) : norm(honest);
    const encode = (vector: Float32Array) => encodeUpdate(this.#scheme, vector);
    switch (this.#forgery) {
      case 'sign-flip':
        return encode(scaled(honest, -1));
      case 'sign-flip-10':
        return encode(scaled(honest, -10));
      case 'sign-flip-1000':
        return encode(scaled(honest, -1_000));
      case 'reversed-mean': {
        const mean = new Float32Array(count);
        for (const other of others.length > 0 ? others : [honest])
          for (let i = 0; i < count; i++) mean[i]! -= other[i]!;
        return encode(ofNorm(mean, usualNorm));
      }
      case 'constant':
        return encode(ofNorm(this.#direction, usualNorm));
      case 'random':
        return encode(ofNorm(noise(count, this.#random), usualNorm));
      case 'zero':
        return encode(new Float32Array(count));
      case 'stale':
        this.#past.push(own);
        return this.#past.length > STALE_ROUNDS ? this.#past.shift()! : this.#past[0]!;
      case 'copy': {
        const authors = [...heard.keys()].sort();
        return authors.length > 0 ? heard.get(authors[0]!)! : own;
      }
      case 'not-finite':
        return poisoned(own, this.#random() < 0.5 ? 'nan' : 'infinity');
      default:
        return this.#forgery satisfies never;
    }
  }
}

/** An update with a value that is no number, in a place where decoding would meet it. */
function poisoned(update: Uint8Array, poison: 'nan' | 'infinity'): Uint8Array {
  const bytes = update.slice();
  const view = new DataView(bytes.buffer);
  // After the codec's header of 8 bytes: the first value (fp32), or the first block's bfloat16 scale (all others).
  if (bytes[0] === 1) view.setUint32(8, poison === 'nan' ? 0x7fc0_0000 : 0x7f80_0000, true);
  else view.setUint16(8, poison === 'nan' ? 0x7fc0 : 0x7f80, true);
  return bytes;
}

function scaled(vector: Float32Array, factor: number): Float32Array {
  return vector.map((value) => factor * value);
}

function ofNorm(vector: Float32Array, size: number): Float32Array {
  const own = norm(vector);
  return own > 0 ? scaled(vector, size / own) : vector;
}

/** Sum of three uniforms: a bell around zero, without a logarithm. */
function noise(count: number, random: () => number): Float32Array {
  return Float32Array.from({ length: count }, () => random() + random() + random() - 1.5);
}
