/**
 * The hook of hostile tabs: what a tab's own mind wants to send is offered to its adversary first, which may change,
 * drop, repeat or forge it. The mind behind it stays the production mind, so a hostile tab otherwise behaves well.
 */
import type { OutgoingFrame, VolunteerId } from '@murmuration/protocol';

export interface Adversary {
  /**
   * What really goes to this peer in place of `frame`: frames, or bytes that need not be a frame at all. The same frame
   * object is offered once for each peer that it was meant for.
   */
  readonly outgoing: (
    frame: OutgoingFrame,
    peer: VolunteerId,
    nowMs: number,
  ) => readonly (OutgoingFrame | Uint8Array)[];
}
