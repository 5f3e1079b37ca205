/**
 * Who is a member of the next round: those that are here, but for members that are here and never send anything.
 * A minority that closed a round alone also keeps those that it misses. Pure.
 */
import { LIMITS, type VolunteerId } from '@murmuration/protocol';

/** A member that missed so many rounds in a row is no longer waited for (its updates still count when they come). */
const MISSED_MAX = 3;
/** A minority that goes on alone waits in every round for those that it misses, and gives them up after so many. */
const LONELY_ROUNDS_MAX = 12;

export class NextMembers {
  readonly #missed = new Map<VolunteerId, number>();
  #lonelyRounds = 0;

  /** A round is closed: who was expected, and whether its update came. */
  closed(expected: readonly VolunteerId[], isHere: (id: VolunteerId) => boolean, isLonely: boolean): void {
    for (const id of expected) this.#missed.set(id, isHere(id) ? 0 : (this.#missed.get(id) ?? 0) + 1);
    this.#lonelyRounds = isLonely ? this.#lonelyRounds + 1 : 0;
  }

  /** It is here, and missed too many rounds in a row. */
  isSilent(id: VolunteerId): boolean {
    return (this.#missed.get(id) ?? 0) >= MISSED_MAX;
  }

  /**
   * Ascending. [R6] A minority keeps the others of its `group` that are not known to have left, so that its every round
   * waits for them in vain: a fast tab that is cut off cannot run ahead of everybody else and win when the cut heals.
   */
  of(
    present: readonly VolunteerId[],
    group: readonly VolunteerId[],
    gone: ReadonlySet<VolunteerId>,
  ): VolunteerId[] {
    const heard = present.filter((id) => !this.isSilent(id));
    const keeps = this.#lonelyRounds > 0 && this.#lonelyRounds < LONELY_ROUNDS_MAX;
    const missing = keeps ? group.filter((id) => !gone.has(id)) : [];
    return [...new Set([...heard, ...missing])].sort().slice(0, LIMITS.groupMaxMembers);
  }
}
