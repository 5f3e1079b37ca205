/**
 * The arithmetic of ballots, and how far anybody may push them up. A ballot is 16 bits on the wire: who asked under the
 * highest one would be promised that nobody else closes the round. So a peer has credit for a few raises,
 * by a few candidacies each: all members together cannot reach the end, and who asks and closes nothing is soon not heard. Pure.
 */
import { LIMITS, type VolunteerId } from '@murmuration/protocol';

/** Ballots of one candidate are this far apart, so that no two candidates share one. */
export const BALLOT_STRIDE = LIMITS.groupMaxMembers + 1;
export const BALLOT_MAX = 0xffff;
/** A candidate may have been through this many candidacies that we heard nothing of. */
const LEAP_MAX = 10 * BALLOT_STRIDE;
/** Members and a newcomer, all hostile, come to 33 x 4 x 10 of 1,985 candidacies. */
const CREDIT_MAX = 4;
/** Closing the round gives back a whole candidacy: it was meant. */
const CREDIT_PER_ROUND = 1 / 64;

/** The lowest ballot above `above` that belongs to this rank. */
export function nextBallot(above: number, rank: number): number {
  const ballot = Math.floor(above / BALLOT_STRIDE) * BALLOT_STRIDE + rank;
  return ballot > above ? ballot : ballot + BALLOT_STRIDE;
}

/** Who may still raise the ballot how often. */
export class Credit {
  /** Whoever is not in it has all of it. */
  readonly #left = new Map<VolunteerId, number>();

  /** Whether `peer` may make `ballot` of the `known` one. Who raises nothing is always heard. */
  admits(peer: VolunteerId, known: number, ballot: number): boolean {
    if (ballot <= known) return true;
    const left = this.#left.get(peer) ?? CREDIT_MAX;
    if (left < 1 || ballot - known > LEAP_MAX) return false;
    this.#left.set(peer, left - 1);
    return true;
  }

  giveBack(leader: VolunteerId): void {
    this.#add(leader, 1);
  }
  nextRound(): void {
    for (const peer of [...this.#left.keys()]) this.#add(peer, CREDIT_PER_ROUND);
  }

  #add(peer: VolunteerId, credit: number): void {
    const left = (this.#left.get(peer) ?? CREDIT_MAX) + credit;
    if (left < CREDIT_MAX) this.#left.set(peer, left);
    else this.#left.delete(peer);
  }
}
