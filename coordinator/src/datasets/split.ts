/**
 * Which rows train and which are held out. Pure.
 *
 * By chance, a row's side is a function of the seed and of the row's own features: equal rows are always on the same
 * side, so nothing that is held out was trained, duplicates included. How many are held out follows from a histogram of
 * all rows' hashes, which is 256 KiB however many rows there are; with fewer than some thousand rows it is exact.
 */

const BIN_COUNT = 65_536;

/** FNV-1a over the bytes, started from the seed, then MurmurHash3's finish: 32 even bits. */
export function rowHash(seed: number, bytes: Uint8Array, from: number, to: number): number {
  let h = (seed ^ 0x811c9dc5) >>> 0;
  for (let i = from; i < to; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const binOf = (hash: number): number => hash >>> 16;

export class SplitSurvey {
  readonly #counts = new Uint32Array(BIN_COUNT);
  #rowCount = 0;

  add(hash: number): void {
    this.#counts[binOf(hash)]! += 1;
    this.#rowCount += 1;
  }

  /**
   * Where to cut so that about `wanted` rows are held out: at least one, at most `max`, and at least one trains.
   * @returns null when no cut does that, because the rows are too few or too alike
   */
  cut(wanted: number, max: number): SplitCut | null {
    let best: SplitCut | null = null;
    let heldOut = 0;
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      if (this.#counts[bin] === 0) continue;
      heldOut += this.#counts[bin]!;
      if (heldOut > max || heldOut >= this.#rowCount) break;
      if (best === null || Math.abs(heldOut - wanted) < Math.abs(best.heldOutCount - wanted))
        best = { binEnd: bin + 1, heldOutCount: heldOut };
    }
    return best;
  }
}

export interface SplitCut {
  /** Rows with a hash in a bin under this one are held out. */
  readonly binEnd: number;
  readonly heldOutCount: number;
}

export const isHeldOut = (hash: number, { binEnd }: SplitCut): boolean => binOf(hash) < binEnd;
