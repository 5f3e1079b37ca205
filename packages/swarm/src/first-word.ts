/**
 * [R4] The commit before a newcomer's first round. It passed before the newcomer stood there, and names it: without it the newcomer
 * does not know that it may be its turn to lead, and the others wait for it in vain. So it asks two of those who know. Pure.
 */
import type { VolunteerId } from '@murmuration/protocol';
import type { Reach } from './leadership.ts';
import type { RoundDecision } from './round-decision.ts';

/** A commit is small, and one of those who are asked may die over it. */
const ASKED = 2;

export class FirstWord {
  #asked: readonly VolunteerId[] = [];

  /** @param round the newcomer's first. Null: there is nobody to ask, or that was done. */
  ask(self: VolunteerId, round: number, { alive, roundOf }: Reach): RoundDecision | null {
    if (this.#asked.length > 0 || round === 0 || roundOf === undefined) return null;
    this.#asked = [...alive].filter((id) => roundOf(id) >= round).slice(0, ASKED);
    // Who is asked for an update of the asker's own says the commit alone.
    const wanted = this.#asked.map((from) => ({ from, author: self }));
    return wanted.length > 0 ? { kind: 'pull', wanted, round: round - 1 } : null;
  }

  isFrom(peer: VolunteerId): boolean {
    return this.#asked.includes(peer);
  }
}
