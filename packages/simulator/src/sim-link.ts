/**
 * Ends and directions of imaginary links: what the network (sim-network.ts) asks of a tab and what it remembers of each
 * direction.
 */
import type { Frame, FrameRejection, Reassembler, VolunteerId } from '@murmuration/protocol';
import type { PeerGone } from '@murmuration/swarm';

/** What the network needs of a tab. */
export interface NetworkEnd {
  readonly id: VolunteerId;
  readonly alive: boolean;
  /** Frozen: it sends no sign of life. */
  readonly mute: boolean;
  /** Bytes a millisecond that it can send. */
  readonly uplinkBytesPerMs: number;
  /** When its uplink has sent everything; the network's to change. */
  uplinkFreeMs: number;
  /** Bytes a millisecond that it can receive; Infinity: more than anybody sends. */
  readonly downlinkBytesPerMs: number;
  /** When its downlink has taken in everything that has come; the network's to change. */
  downlinkFreeMs: number;
  /** The averaging server, at the coordinator itself. */
  readonly isServer?: true;
  /** Which machine or network it is in; null: one of its own. */
  readonly place: number | null;
  /** It has no way to peers but the coordinator. */
  readonly isApart: boolean;
  readonly wants: (peer: VolunteerId) => boolean;
  /** It was told to reach this peer through the coordinator. */
  readonly goesVia: (peer: VolunteerId) => boolean;
  readonly unreachable: (peer: VolunteerId) => void;
  readonly opened: (peer: VolunteerId) => void;
  readonly closed: (peer: VolunteerId, reason: PeerGone) => void;
  readonly received: (peer: VolunteerId, frame: Frame, bytes: number) => void;
  readonly refused: (peer: VolunteerId, rejection: string) => void;
  readonly sent: (bytes: number, isState: boolean) => void;
}

export type Decoded = { readonly frame: Frame } | { readonly rejected: FrameRejection };
/** A frame on its way: to how many peers it may go, it is decoded once. */
export interface Packet {
  readonly bytes: Uint8Array;
  decoded: Decoded | null;
}
export type Message = { readonly packet: Packet } | { readonly piece: Uint8Array };

/** One direction of a link; it belongs to the end that receives. */
export interface Direction {
  readonly to: NetworkEnd;
  /** Through the coordinator. */
  readonly isVia: boolean;
  /** This end still believes in the link. */
  open: boolean;
  /** Made when the first message in pieces comes. */
  reassembler: Reassembler | null;
  lastArrivalMs: number;
  cloggedUntilMs: number;
  /** Held back by a fault; delivered in order when the way is free again. */
  held: Message[] | null;
  silentSinceMs: number | null;
}
/** `[a to b, b to a]` for a < b. */
export type Link = readonly [Direction, Direction];

export const newDirection = (to: NetworkEnd, isVia: boolean): Direction => ({
  to,
  isVia,
  open: true,
  reassembler: null,
  lastArrivalMs: 0,
  cloggedUntilMs: 0,
  held: null,
  silentSinceMs: null,
});

export const otherEnd = (link: Link, direction: Direction): NetworkEnd =>
  (direction === link[0] ? link[1] : link[0]).to;
