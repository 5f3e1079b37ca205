/**
 * Links through the coordinator: one WebSocket of envelopes (SPEC T), opened only while there is somebody to reach in this
 * way, and on it a channel for each peer. The counterpart of page-peers.ts for tabs without a way to each other; it
 * lives in the worker, because it needs no page. As there, the smaller id dials, a lost link is dialled again with
 * backoff, and there are no timers: the transport's tick drives every deadline. In a hybrid run a frame for several of them
 * leaves once (fan-out.ts); it is sent at the end of the turn, when all its receivers are known.
 */
import {
  decodeEnvelope,
  encodeEnvelope,
  encodeFanOut,
  ENVELOPE_MAX_BYTES,
  type EnvelopeCloseReason,
  type VolunteerId,
} from '@murmuration/protocol';
import type { PeerGone } from '@murmuration/swarm';
import { backoffMs, DialPlan } from './dial-plan.ts';
import { FanOut } from './fan-out.ts';
import type { LinkWish } from './link-words.ts';
import { RelayChannel, type FannedKind } from './relay-channel.ts';
import type { QueuedFrame } from './send-queue.ts';

/** The part of a WebSocket that is needed; binary messages come as ArrayBuffers. */
export interface EnvelopeSocket {
  binaryType: BinaryType;
  onopen: ((event: Event) => unknown) | null;
  onmessage: ((event: MessageEvent) => unknown) | null;
  onclose: ((event: CloseEvent) => unknown) | null;
  send(envelope: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** Who we are on the relay: from the coordinator's `welcome`. */
export interface RelayTicket {
  readonly id: VolunteerId;
  readonly token: string;
}

/** Backoff of the socket, and how long one attempt may take: as for signalling. */
const RETRY = { firstMs: 500, maxMs: 15_000 };
const ATTEMPT_MAX_MS = 10_000;
/** What was sent before a close may take so long to leave. A guess. */
const CLOSING_MAX_MS = 10_000;

type Line =
  | { readonly state: 'none' }
  | { readonly state: 'connecting'; readonly socket: EnvelopeSocket; readonly sinceMs: number }
  | { readonly state: 'open'; readonly socket: EnvelopeSocket }
  | { readonly state: 'waiting'; readonly untilMs: number };

interface Held {
  readonly link: number;
  readonly channel: RelayChannel;
}

export interface RelayPeersParts {
  /** Opens the socket of envelopes, with this ticket. */
  readonly connect: (ticket: RelayTicket) => EnvelopeSocket;
  /** A new link; its channel opens later or never. */
  readonly begin: (
    news: { readonly peer: VolunteerId; readonly link: number },
    channel: RelayChannel,
  ) => void;
  /** A message for several went to this peer too. */
  readonly fanned: (peer: VolunteerId, bytes: number, kind: FannedKind) => void;
  readonly nowMs: () => number;
  readonly random: () => number;
}

export class RelayPeers {
  readonly #parts: RelayPeersParts;
  #ticket: RelayTicket | null = null;
  #plan: DialPlan | null = null;
  #wanted: readonly VolunteerId[] = [];
  readonly #links = new Map<VolunteerId, Held>();
  /** Closed at this end, with something still to leave. */
  readonly #closing = new Map<RelayChannel, number>();
  readonly #fanOut = new FanOut<RelayChannel>();
  #isFlushDue = false;
  #line: Line = { state: 'none' };
  #failureCount = 0;
  #linkNumber = 0;

  constructor(parts: RelayPeersParts) {
    this.#parts = parts;
  }

  /** Bytes on the socket's channels do not survive another id; a new token is for the next socket. */
  welcome(ticket: RelayTicket): void {
    if (this.#ticket?.id !== ticket.id) {
      this.#hangUp();
      this.#plan = new DialPlan(ticket.id, this.#parts.random);
      this.#plan.hold(this.#wanted, this.#parts.nowMs());
    }
    this.#ticket = ticket;
    if (this.#line.state === 'waiting') this.#line = { state: 'none' };
    this.#dial();
  }

  /** A word from the worker's half of the mesh, as `PagePeers.receive`. */
  receive(wish: LinkWish): void {
    switch (wish.kind) {
      case 'link-hold':
        return this.#hold(wish.peers);
      case 'link-drop': {
        const held = this.#links.get(wish.peer);
        if (held?.link === wish.link) this.#end(wish.peer, held, wish.reason);
        return;
      }
      case 'link-tick':
        return this.#tick();
      default:
        wish satisfies never;
    }
  }

  /**
   * Sends a frame to a peer, together with the others that the same frame is given for in this turn. There is no order
   * between it and what the peer's link sends. False: more than `bytesMax` would wait for this peer.
   */
  fanOut(frame: QueuedFrame, peer: VolunteerId, bytesMax: number): boolean {
    const channel = this.#links.get(peer)?.channel;
    if (channel?.isOpen !== true) return true;
    if (!this.#fanOut.add(frame, channel, bytesMax)) return false;
    if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      queueMicrotask(() => {
        this.#isFlushDue = false;
        this.#flush();
      });
    }
    return true;
  }

  /** Of frames for several: bytes that wait, and that nobody has taken yet; each message once. */
  get fanOutBytes(): { readonly waiting: number; readonly onWay: number } {
    let onWay = 0;
    for (const { channel } of this.#links.values()) onWay += channel.fannedBytes;
    return { waiting: this.#fanOut.backlogBytes, onWay };
  }

  #flush(): void {
    if (this.#line.state !== 'open') return;
    const nowMs = this.#parts.nowMs();
    for (let next = this.#fanOut.next(nowMs); next !== null; next = this.#fanOut.next(nowMs)) {
      const { message, ends } = next;
      const [only] = ends;
      const receivers = ends.map(({ peer, number }) => ({ peer, channel: number }));
      this.#post(
        ends.length === 1
          ? encodeEnvelope({ kind: 'data', peer: only!.peer, channel: only!.number, message })
          : encodeFanOut({ receivers, message }),
      );
      for (const [i, end] of ends.entries()) {
        const kind = i === 0 ? 'first' : 'copy';
        end.fanned(message.length, kind);
        this.#parts.fanned(end.peer, message.length, kind);
      }
    }
  }

  #hold(peers: readonly VolunteerId[]): void {
    this.#wanted = peers;
    this.#plan?.hold(peers, this.#parts.nowMs());
    // Whoever is no longer held was closed by the transport; its `link-drop` has come or comes.
    if (peers.length === 0 && this.#links.size === 0 && this.#closing.size === 0) this.#hangUp();
    this.#dial();
  }

  #tick(): void {
    const nowMs = this.#parts.nowMs();
    const line = this.#line;
    if (line.state === 'waiting' && nowMs >= line.untilMs) this.#line = { state: 'none' };
    if (line.state === 'connecting' && nowMs - line.sinceMs >= ATTEMPT_MAX_MS) this.#lineLost(line.socket);
    for (const [channel, sinceMs] of this.#closing) {
      if (!channel.isOver && nowMs - sinceMs >= CLOSING_MAX_MS) channel.abandon();
      if (channel.isOver) this.#closing.delete(channel);
    }
    if (this.#wanted.length === 0 && this.#links.size === 0 && this.#closing.size === 0) this.#hangUp();
    this.#dial();
    this.#flush();
  }

  /** Opens the socket if somebody is to be reached, and dials whom it is our turn to dial. */
  #dial(): void {
    if (this.#ticket === null || this.#wanted.length === 0) return;
    if (this.#line.state === 'none') this.#connect(this.#ticket);
    if (this.#line.state !== 'open') return;
    const nowMs = this.#parts.nowMs();
    for (const peer of this.#plan?.due(nowMs) ?? []) {
      const channel = Math.floor(this.#parts.random() * 2 ** 32);
      this.#begin(peer, channel);
      this.#post(encodeEnvelope({ kind: 'open', peer, channel }));
    }
  }

  #connect(ticket: RelayTicket): void {
    const socket = this.#parts.connect(ticket);
    this.#line = { state: 'connecting', socket, sinceMs: this.#parts.nowMs() };
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      if (this.#line.state !== 'connecting' || this.#line.socket !== socket) return;
      this.#line = { state: 'open', socket };
      this.#failureCount = 0;
      this.#dial();
    };
    socket.onclose = () => this.#lineLost(socket);
    socket.onmessage = ({ data }) => {
      if (this.#line.state !== 'open' || this.#line.socket !== socket) return;
      if (data instanceof ArrayBuffer && data.byteLength <= ENVELOPE_MAX_BYTES)
        this.#take(new Uint8Array(data));
    };
  }

  #post = (envelope: Uint8Array<ArrayBuffer>): void => {
    if (this.#line.state === 'open') this.#line.socket.send(envelope);
  };

  #take(bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes);
    // The coordinator passes on nothing else; a newer one may say more.
    if (envelope === null) return;
    const { peer, channel: number } = envelope;
    const held = this.#links.get(peer);
    const channel = this.#channelOf(peer, number);
    switch (envelope.kind) {
      case 'open':
        if (this.#plan?.judge(peer, this.#parts.nowMs()) !== 'take')
          return this.#refuse(peer, number, 'absent');
        // The caller knows better that the old one is dead.
        if (held !== undefined) this.#end(peer, held, 'closed');
        this.#post(encodeEnvelope({ kind: 'accept', peer, channel: number }));
        this.#begin(peer, number).opened();
        return;
      case 'accept':
        channel?.opened();
        return;
      case 'data':
        if (channel === null) this.#refuse(peer, number, 'closed');
        else channel.received(envelope.message);
        return;
      case 'taken':
        channel?.taken(envelope.bytes);
        return this.#flush();
      case 'close':
        channel?.lost();
        if (held !== undefined && held.channel === channel) this.#forget(peer, held, 'closed');
        return;
      default:
        envelope satisfies never;
    }
  }

  #channelOf(peer: VolunteerId, number: number): RelayChannel | null {
    const held = this.#links.get(peer)?.channel;
    if (held?.number === number) return held;
    for (const channel of this.#closing.keys())
      if (channel.peer === peer && channel.number === number) return channel;
    return null;
  }

  #refuse(peer: VolunteerId, channel: number, reason: EnvelopeCloseReason): void {
    this.#post(encodeEnvelope({ kind: 'close', peer, channel, reason }));
  }

  #begin(peer: VolunteerId, number: number): RelayChannel {
    const channel = new RelayChannel({ peer, number, post: this.#post });
    const held = { link: ++this.#linkNumber, channel };
    this.#links.set(peer, held);
    this.#plan?.linked(peer, this.#parts.nowMs());
    this.#parts.begin({ peer, link: held.link }, channel);
    return channel;
  }

  /** From this side. */
  #end(peer: VolunteerId, held: Held, reason: PeerGone): void {
    held.channel.close();
    if (!held.channel.isOver) this.#closing.set(held.channel, this.#parts.nowMs());
    this.#forget(peer, held, reason);
  }

  #forget(peer: VolunteerId, held: Held, reason: PeerGone): void {
    if (this.#links.get(peer) !== held) return;
    this.#links.delete(peer);
    this.#plan?.lost(peer, reason, this.#parts.nowMs());
    this.#fanOut.drop(held.channel);
    // Who waited for it need not any more.
    this.#flush();
  }

  #lineLost(socket: EnvelopeSocket): void {
    const line = this.#line;
    if ((line.state !== 'open' && line.state !== 'connecting') || line.socket !== socket) return;
    const delayMs = backoffMs(this.#failureCount, RETRY, this.#parts.random);
    this.#failureCount += 1;
    this.#line = { state: 'waiting', untilMs: this.#parts.nowMs() + delayMs };
    this.#silence(socket);
    this.#loseAll();
  }

  #hangUp(): void {
    const line = this.#line;
    this.#line = { state: 'none' };
    if (line.state === 'open' || line.state === 'connecting') this.#silence(line.socket);
    this.#loseAll();
  }

  #loseAll(): void {
    for (const channel of this.#closing.keys()) channel.lost();
    this.#closing.clear();
    for (const [peer, held] of [...this.#links]) {
      held.channel.lost();
      this.#forget(peer, held, 'closed');
    }
  }

  #silence(socket: EnvelopeSocket): void {
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }
}
