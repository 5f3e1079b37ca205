/** [R8] Whether our replica was left behind, so that waiting for commits is in vain. Pure. */
import type { Head, VolunteerId } from '@murmuration/protocol';
import type { Donor } from './peers.ts';

/** So many rounds behind, for so long. */
export interface Patience {
  readonly rounds: number;
  readonly maxMs: number;
}

/** [S4] A server says what closed a round before it says that it is beyond it. */
export const BEHIND_A_SERVER: Patience = { rounds: 1, maxMs: 1_500 };

/**
 * [N5] A round between nodes lasts for many rounds of theirs, so nobody waits for a second one. Who has its commit and waits
 * for its node is not behind. A guess: a commit may wait behind an update on a slow line.
 */
export const BEHIND_NODES: Patience = { rounds: 1, maxMs: 5_000 };

export class Lag {
  #since: { readonly atMs: number; readonly maxMs: number } | null = null;

  /** When `judge` may say something else without an event. */
  get nextDeadlineMs(): number {
    return this.#since === null ? Infinity : this.#since.atMs + this.#since.maxMs;
  }

  forget(): void {
    this.#since = null;
  }

  /** The state is to be fetched, from whom we are behind; null: there is no need to. */
  judge(
    { head, catchingUp }: { readonly head: Head; readonly catchingUp: boolean },
    furthest: Donor | null,
    { rounds, maxMs }: Patience,
    nowMs: number,
  ): { readonly why: 'old-term' | 'behind'; readonly behind: VolunteerId } | null {
    if (furthest !== null && furthest.term > head.term) return { why: 'old-term', behind: furthest.id };
    const isBehind = furthest !== null && furthest.round >= head.round + rounds && !catchingUp;
    if (!isBehind || furthest.term < head.term) this.#since = null;
    else if (this.#since === null) this.#since = { atMs: nowMs, maxMs };
    else if (nowMs - this.#since.atMs >= maxMs) return { why: 'behind', behind: furthest.id };
    return null;
  }
}
