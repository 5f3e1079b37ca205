/**
 * What is a fault and what is bad luck among the frames of peers. A peer that provably breaks the protocol again and
 * again loses its link for good; one that is merely early, late, or of another opinion loses nothing. Pure.
 */

import type { VolunteerId } from '@murmuration/protocol';
import type { Outbox } from './outbox.ts';
import type { Peers } from './peers.ts';

/** Provable violations of one peer before its link is dropped. */
export const STRIKES_MAX = 3;
/**
 * What no honest tab does, whatever the network does to it: none of these occurred in honest runs of the simulator
 * (25 seeds of `mix`, 6 of `chaos`). `not-leader` and `not-author` are refused too, but they are not proof: members
 * differ about the order for a while, and who is asked for an update that a liar sent in two versions gives the other.
 */
const VIOLATIONS: ReadonlySet<string> = new Set(['equivocation', 'other-run', 'bad-state', 'bad-request']);
/** An update that is none of the run's codec, or holds no finite numbers: its author made it so. */
const BAD_UPDATE = 'update-';
/** What comes too late or too early is no fault: tabs are never in the same round at the same instant. */
const UNTIMELY: ReadonlySet<string> = new Set([
  'old-round',
  'future-round',
  'no-slice',
  'old-ballot',
  'other-term',
  'other-anchor',
  'duplicate',
  'stale',
  'counted',
  'one-waits',
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
    if (VIOLATIONS.has(rejection) || rejection.startsWith(BAD_UPDATE)) peer.strikes += 1;
    return peer.strikes >= STRIKES_MAX;
  }

  /** Counts a refusal; true: the peer has gone too far, and its link is dropped. */
  drops(peer: VolunteerId, rejection: string, peers: Peers, outbox: Outbox): boolean {
    outbox.count(rejection);
    const standing = peers.get(peer);
    if (standing === undefined || !this.refused(standing, rejection)) return false;
    outbox.push({ kind: 'drop-link', peer, reason: 'strikes' });
    peers.closed(peer);
    return true;
  }
}
