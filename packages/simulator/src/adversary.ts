/**
 * The hook of hostile tabs: what a tab's own mind hears and wants to send is offered to its adversary first, which may
 * change, drop, repeat or forge it. The mind behind it stays the production mind, so a hostile tab otherwise behaves
 * well.
 */
import type { OutgoingFrame, VolunteerId } from '@murmuration/protocol';
import type { VolunteerEvent } from '@murmuration/swarm';

/** What goes out of a hostile tab: a frame, bytes that need not be a frame, or a frame whose second half never comes. */
export type Said = OutgoingFrame | Uint8Array | { readonly torn: Uint8Array };

export interface Adversary {
  /** What the tab's mind is told in place of `event`. */
  readonly incoming: (event: VolunteerEvent) => VolunteerEvent;
  /**
   * What really goes to this peer in place of `frame`. The same frame object is offered once for each peer that it was
   * meant for.
   */
  readonly outgoing: (frame: OutgoingFrame, peer: VolunteerId, nowMs: number) => readonly Said[];
}
