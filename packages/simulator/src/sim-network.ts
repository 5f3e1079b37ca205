/**
 * Imaginary data channels between tabs: reliable, unordered, with delay, jitter, loss (paid as a retransmission),
 * uplinks of finite rate, and cuts that hold everything back. Frames really are encoded, fragmented, put together and
 * decoded by production code. A dead end is noticed as a tab's mesh would notice it: by silence.
 */
import {
  decodeFrame,
  encodeFrame,
  fragment,
  frameMaxBytes,
  LIMITS,
  Reassembler,
  type Frame,
  type FrameLimits,
  type OutgoingFrame,
  type VolunteerId,
} from '@murmuration/protocol';
import type { PeerGone } from '@murmuration/swarm';
import type { World } from './world.ts';

export interface NetworkOptions {
  /** Mean one-way delay, ms; each message draws 0.5 to 1.5 times it, so messages overtake each other. */
  readonly delayMeanMs: number;
  /** Share of messages that need a retransmission, 0..1. */
  readonly lossShare: number;
  /** Bytes a millisecond that a tab can send. */
  readonly uplinkBytesPerMs: number;
}

/** What the network needs of a tab. */
export interface NetworkEnd {
  readonly id: VolunteerId;
  readonly alive: boolean;
  readonly wants: (peer: VolunteerId) => boolean;
  readonly opened: (peer: VolunteerId) => void;
  readonly closed: (peer: VolunteerId, reason: PeerGone) => void;
  readonly received: (peer: VolunteerId, frame: Frame, bytes: number) => void;
  readonly refused: (peer: VolunteerId, rejection: string) => void;
  readonly sent: (bytes: number, isState: boolean) => void;
}

interface Link {
  readonly ends: readonly [NetworkEnd, NetworkEnd];
  readonly reassemblers: readonly [Reassembler, Reassembler];
  /** Which ends still believe in it. */
  readonly open: [boolean, boolean];
  brokenSinceMs: number | null;
}

const OPEN_MEAN_MS = 120;
/** SCTP's retransmission time-out on a fast path. */
const RETRANSMIT_MS = 200;
const REDIAL_MS = 2_000;

export class SimNetwork {
  readonly #world: World;
  readonly #options: NetworkOptions;
  readonly #limits: FrameLimits;
  readonly #random: () => number;
  readonly #links = new Map<string, Link>();
  readonly #dialling = new Set<string>();
  readonly #uplinkFreeMs = new Map<VolunteerId, number>();
  #cut: ReadonlySet<VolunteerId> = new Set();
  #transferId = 0;

  constructor(world: World, options: NetworkOptions, limits: FrameLimits) {
    this.#world = world;
    this.#options = options;
    this.#limits = limits;
    this.#random = world.chance('network');
  }

  /** Cuts these tabs off from all others (not from each other); an empty set heals the network. */
  partition(side: ReadonlySet<VolunteerId>): void {
    this.#cut = side;
    for (const link of this.#links.values()) this.#examine(link);
  }

  /** Dials if both ends want it; tries again as long as they do. */
  dial(a: NetworkEnd, b: NetworkEnd): void {
    const key = keyOf(a.id, b.id);
    if (this.#links.has(key) || this.#dialling.has(key)) return;
    this.#dialling.add(key);
    this.#world.after(OPEN_MEAN_MS * (0.5 + this.#random()), () => {
      this.#dialling.delete(key);
      if (!a.alive || !b.alive || !a.wants(b.id) || !b.wants(a.id)) return;
      if (this.#isCut(a.id, b.id)) {
        this.#world.after(REDIAL_MS, () => this.dial(a, b));
        return;
      }
      const frameMax = frameMaxBytes(this.#limits);
      const ends: [NetworkEnd, NetworkEnd] = a.id < b.id ? [a, b] : [b, a];
      this.#links.set(key, {
        ends,
        reassemblers: [new Reassembler(frameMax), new Reassembler(frameMax)],
        open: [true, true],
        brokenSinceMs: null,
      });
      ends[0].opened(ends[1].id);
      ends[1].opened(ends[0].id);
    });
  }

  send(from: NetworkEnd, to: VolunteerId, frame: OutgoingFrame): void {
    const link = this.#links.get(keyOf(from.id, to));
    if (link === undefined) return;
    const side = link.ends[0].id === from.id ? 0 : 1;
    if (!link.open[side]) return;
    const bytes = encodeFrame(frame);
    this.#transferId = (this.#transferId + 1) >>> 0;
    for (const message of fragment(bytes, this.#transferId)) {
      from.sent(message.length, frame.kind === 'state');
      const now = this.#world.nowMs;
      const free =
        Math.max(now, this.#uplinkFreeMs.get(from.id) ?? 0) + message.length / this.#options.uplinkBytesPerMs;
      this.#uplinkFreeMs.set(from.id, free);
      let delayMs = free - now + this.#options.delayMeanMs * (0.5 + this.#random());
      while (this.#random() < this.#options.lossShare) delayMs += RETRANSMIT_MS;
      this.#world.after(delayMs, () => this.#arrive(link, side === 0 ? 1 : 0, message));
    }
  }

  /** An end says goodbye or gives up. The other end sees the channel close. */
  close(from: NetworkEnd, peer: VolunteerId): void {
    const link = this.#links.get(keyOf(from.id, peer));
    if (link === undefined) return;
    const side = link.ends[0].id === from.id ? 0 : 1;
    link.open[side] = false;
    this.#world.after(this.#options.delayMeanMs, () => this.#closeEnd(link, side === 0 ? 1 : 0, 'closed'));
  }

  /** A tab died without a word: its links break, and the others find out by silence. */
  died(id: VolunteerId): void {
    for (const link of this.#links.values())
      if (link.ends[0].id === id || link.ends[1].id === id) this.#examine(link);
  }

  #arrive(link: Link, side: 0 | 1, message: Uint8Array): void {
    const end = link.ends[side];
    if (!link.open[side] || !end.alive) return;
    if (this.#isCut(link.ends[0].id, link.ends[1].id)) {
      // Held back by the cut; a reliable channel delivers it when the path is there again.
      this.#world.after(RETRANSMIT_MS, () => this.#arrive(link, side, message));
      return;
    }
    const peer = link.ends[side === 0 ? 1 : 0].id;
    const pushed = link.reassemblers[side].push(message, this.#world.nowMs);
    if ('rejected' in pushed) end.refused(peer, pushed.rejected);
    if (!('frame' in pushed)) return;
    const decoded = decodeFrame(pushed.frame, this.#limits);
    if ('rejected' in decoded) end.refused(peer, decoded.rejected);
    else end.received(peer, decoded.frame, pushed.frame.length);
  }

  #isCut(a: VolunteerId, b: VolunteerId): boolean {
    return this.#cut.has(a) !== this.#cut.has(b);
  }

  #isBroken(link: Link): boolean {
    const [a, b] = link.ends;
    return !a.alive || !b.alive || this.#isCut(a.id, b.id);
  }

  /** Starts the clock of silence on a link that carries nothing any more. */
  #examine(link: Link): void {
    if (!this.#isBroken(link)) {
      link.brokenSinceMs = null;
      return;
    }
    if (link.brokenSinceMs !== null) return;
    const since = (link.brokenSinceMs = this.#world.nowMs);
    this.#world.after(LIMITS.peerSilenceMaxMs, () => {
      if (link.brokenSinceMs !== since) return;
      this.#closeEnd(link, 0, 'silent');
      this.#closeEnd(link, 1, 'silent');
    });
  }

  #closeEnd(link: Link, side: 0 | 1, reason: PeerGone): void {
    const [a, b] = link.ends;
    const key = keyOf(a.id, b.id);
    const wasOpen = link.open[side];
    link.open[side] = false;
    if (!link.open[0] && !link.open[1] && this.#links.get(key) === link) {
      this.#links.delete(key);
      this.#world.after(REDIAL_MS, () => this.dial(a, b));
    }
    if (wasOpen && link.ends[side].alive) link.ends[side].closed(link.ends[side === 0 ? 1 : 0].id, reason);
  }
}

const keyOf = (a: VolunteerId, b: VolunteerId) => (a < b ? `${a} ${b}` : `${b} ${a}`);
