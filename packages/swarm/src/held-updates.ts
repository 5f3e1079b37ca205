/** The updates of the rounds around ours: for averaging, for members that pull, for rounds to come. Bounded. Pure. */
import { LIMITS, type UpdateBody, type VolunteerId } from '@murmuration/protocol';

/** An update that was checked and may be averaged. */
export interface HeldUpdate extends UpdateBody {
  readonly crc: number;
}

/** Rounds behind ours whose updates are kept for members that pull. */
const ROUNDS_KEPT = 4;

export class HeldUpdates {
  readonly #byRound = new Map<number, Map<VolunteerId, HeldUpdate>>();

  of(round: number): ReadonlyMap<VolunteerId, HeldUpdate> {
    return this.#byRound.get(round) ?? NONE;
  }

  get bytes(): number {
    let bytes = 0;
    for (const held of this.#byRound.values())
      for (const { encoded, slice } of held.values()) bytes += encoded.length + slice.length;
    return bytes;
  }

  /** False: the round is full. */
  add(round: number, update: HeldUpdate): boolean {
    let held = this.#byRound.get(round);
    if (held === undefined) this.#byRound.set(round, (held = new Map()));
    if (held.size >= LIMITS.groupMaxMembers && !held.has(update.author)) return false;
    held.set(update.author, update);
    return true;
  }

  /** `round` begins. Those of it that do not fit are dropped, and what is too old to be pulled. */
  begin(round: number, fits: (update: HeldUpdate) => boolean): void {
    for (const old of this.#byRound.keys()) if (old < round - ROUNDS_KEPT) this.#byRound.delete(old);
    const early = this.#byRound.get(round);
    if (early === undefined) return;
    for (const [author, update] of early) if (!fits(update)) early.delete(author);
  }
}

const NONE: ReadonlyMap<VolunteerId, HeldUpdate> = new Map();
