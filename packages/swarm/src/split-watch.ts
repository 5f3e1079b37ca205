/**
 * [N2] Whether a node has come apart: two tabs that began it at the same time, or a cut that healed. Mates that hold its
 * state and are in no round with us are another half; the smaller half yields, of equal ones the one without the smallest
 * id. Pure: it is told the time.
 */
import type { VolunteerId } from '@murmuration/protocol';
import type { Membership } from './membership.ts';
import type { Peers } from './peers.ts';

/** Whoever joins is a member after a round or two; a guess. */
const PATIENCE_MS = 3_000;

export class SplitWatch {
  #sinceMs: number | null = null;

  get nextDeadlineMs(): number {
    return this.#sinceMs === null ? Infinity : this.#sinceMs + PATIENCE_MS;
  }

  /** True: we are the half that yields, and have been for long enough. */
  yieldsTo(
    inside: Pick<Membership, 'head' | 'members'>,
    peers: Pick<Peers, 'reach'>,
    self: VolunteerId,
    nowMs: number,
  ): boolean {
    const { head, members } = inside;
    const alive = head === null || members.length === 0 ? [] : [...peers.reach(head.term).alive];
    const others = alive.filter((id) => !members.includes(id)).sort();
    const ours = [self, ...alive.filter((id) => members.includes(id))].sort();
    const isSmaller = ours.length < others.length || (ours.length === others.length && others[0]! < ours[0]!);
    if (others.length === 0 || !isSmaller) this.#sinceMs = null;
    else this.#sinceMs ??= nowMs;
    if (this.#sinceMs === null || nowMs < this.#sinceMs + PATIENCE_MS) return false;
    this.#sinceMs = null;
    return true;
  }
}
