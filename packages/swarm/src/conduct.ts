/**
 * What is a fault and what is bad luck among the frames of peers. A peer that breaks the protocol again and again loses
 * its link; one that is merely early or late loses nothing. Pure.
 */

/** Protocol violations of one peer before its link is dropped. */
const STRIKES_MAX = 3;
const VIOLATIONS: ReadonlySet<string> = new Set([
  'not-leader',
  'not-author',
  'equivocation',
  'other-run',
  'bad-state',
]);
/** What comes too late or too early is no fault: tabs are never in the same round at the same instant. */
const UNTIMELY: ReadonlySet<string> = new Set([
  'old-round',
  'future-round',
  'old-ballot',
  'other-term',
  'other-anchor',
  'duplicate',
  'late-state',
]);

export class Conduct {
  #refusedCount = 0;

  /** Frames that were refused for what they are, not for when they came. */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  /** Takes note of a refusal; true when this peer has gone too far. */
  refused(peer: { strikes: number }, rejection: string): boolean {
    if (UNTIMELY.has(rejection)) return false;
    this.#refusedCount += 1;
    if (VIOLATIONS.has(rejection)) peer.strikes += 1;
    return peer.strikes >= STRIKES_MAX;
  }
}
