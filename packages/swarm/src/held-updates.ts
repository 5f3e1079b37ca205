/** The updates of the rounds around ours: for averaging, for members that pull, for rounds to come. Bounded. Pure. */
import { LIMITS, type UpdateBody, type VolunteerId } from '@murmuration/protocol';

/** An update that was checked and may be averaged. */
export interface HeldUpdate extends UpdateBody {
  readonly crc: number;
}

/** When an update came, and whether it came from its author. */
export interface Arrival {
  readonly atMs: number;
  readonly isFirstHand: boolean;
}

/**
 * Rounds behind ours are kept for those that pull, as many as fit, because a newcomer on a home line hears of a round only
 * when the chunks before it have come.
 */
export const KEPT_MAX_ROUNDS = 16;
/**
 * Rounds ahead of ours whose updates and commits are kept for when we get there: a newcomer loads its state while the
 * group goes on. Their bytes are bounded too.
 */
export const ROUNDS_AHEAD_MAX = 16;
export const HELD_MAX_BYTES = 64 * 1024 * 1024;
const KEPT_MIN_ROUNDS = 4;
const KEPT_MAX_BYTES = 16 * 1024 * 1024;

/** How many a member keeps when a round's updates take so many bytes. */
export const keptRounds = (roundBytes: number): number =>
  Math.min(KEPT_MAX_ROUNDS, Math.max(KEPT_MIN_ROUNDS, Math.floor(KEPT_MAX_BYTES / Math.max(1, roundBytes))));

export class HeldUpdates {
  readonly #byRound = new Map<number, Map<VolunteerId, HeldUpdate>>();
  readonly #arrivals = new WeakMap<HeldUpdate, Arrival>();

  of(round: number): ReadonlyMap<VolunteerId, HeldUpdate> {
    return this.#byRound.get(round) ?? NONE;
  }

  get bytes(): number {
    let bytes = 0;
    for (const held of this.#byRound.values())
      for (const { encoded, slice } of held.values()) bytes += encoded.length + slice.length;
    return bytes;
  }

  /** When those of this round came. */
  arrivalsMs(round: number): number[] {
    return [...this.of(round).values()].map((update) => this.#arrivals.get(update)!.atMs);
  }

  /** Whether its author itself sent us one of the last rounds before this one. */
  isHeardBefore(round: number, author: VolunteerId): boolean {
    for (const [old, held] of this.#byRound) {
      const update = old < round ? held.get(author) : undefined;
      if (update !== undefined && this.#arrivals.get(update)!.isFirstHand) return true;
    }
    return false;
  }

  /** False: the round is full. */
  add(round: number, update: HeldUpdate, arrival: Arrival): boolean {
    let held = this.#byRound.get(round);
    if (held === undefined) this.#byRound.set(round, (held = new Map()));
    if (held.size >= LIMITS.groupMaxMembers && !held.has(update.author)) return false;
    held.set(update.author, update);
    this.#arrivals.set(update, arrival);
    return true;
  }

  /** `round` begins. Those of it that do not fit are dropped, and what is too old to be pulled. */
  begin(round: number, fits: (update: HeldUpdate) => boolean): void {
    // Numbers may leap (SPEC N5): it is rounds that are kept, and not numbers.
    const behind = [...this.#byRound.keys()].filter((old) => old < round).sort((a, b) => b - a);
    const bytes = [...this.of(behind[0] ?? round).values()].reduce(
      (sum, each) => sum + each.encoded.length,
      0,
    );
    for (const old of behind.slice(keptRounds(bytes))) this.#byRound.delete(old);
    const early = this.#byRound.get(round);
    if (early === undefined) return;
    for (const [author, update] of early) if (!fits(update)) early.delete(author);
  }
}

const NONE: ReadonlyMap<VolunteerId, HeldUpdate> = new Map();
