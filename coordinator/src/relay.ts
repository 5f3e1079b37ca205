/**
 * The relay of peer frames for tabs that have no way to each other (SPEC T). Two tabs whom the ledger introduced for this
 * route open a channel; what one sends in an envelope goes to the other. Only headers are read: the relay knows who
 * talks to whom and how much, and neither decodes nor keeps a message.
 *
 * Memory is bounded at four places. A channel has at most a window on its way: who sends more loses the channel. A
 * volunteer has at most so many bytes here that have not left, all volunteers together so many; beyond either, and
 * beyond their rates, sockets are simply not read, so that TCP holds the sender back and nothing is lost. And a socket
 * that reads nothing while others fill it is ended. A message for several (a hybrid run's fan-out) becomes a copy for each
 * of them, and each copy is held against all of these.
 */
import type { WebSocket } from '@fastify/websocket';
import {
  addressEnvelope,
  decodeEnvelope,
  decodeFanOut,
  encodeEnvelope,
  FAN_OUT_KIND,
  LIMITS,
} from '@murmuration/protocol';
import type { Envelope, EnvelopeCloseReason, FanOutRejection, VolunteerId } from '@murmuration/protocol';
import { ByteBudget } from './byte-budget.ts';
import { Liveness } from './liveness.ts';
import type { PairRoute } from './route-book.ts';

export interface RelayLimits {
  /** What one volunteer may send through the relay, steadily. 0: there is no relay. */
  readonly volunteerBytesPerSecond: number;
  readonly totalBytesPerSecond: number;
  /** Bytes of one volunteer, and of all, that the coordinator holds because they have not left yet. */
  readonly volunteerInFlightMaxBytes: number;
  readonly totalInFlightMaxBytes: number;
}

/** A second's worth may come at once: an update is a burst. */
const BURST_S = 2;
/** Envelopes that were nonsense before the socket is closed. */
const STRIKES_MAX = 10;
/** Two in a row without an answer end the socket; one that we do not read cannot answer. */
const PING_EVERY_MS = 15_000;
/** Waiting for one reader: a full group's windows, and as much again for headers and what was closed meanwhile. */
const READER_QUEUE_MAX_BYTES = 2 * LIMITS.groupMaxMembers * LIMITS.relayWindowBytes;
const CLOSE_POLICY = 1008;
const CLOSE_REPLACED = 4001;

interface Channel {
  readonly number: number;
  /** Who dialled. */
  readonly from: VolunteerId;
  /** Their run is hybrid: a message for several may have it among its channels. */
  readonly mayFanOut: boolean;
  state: 'offered' | 'open';
  /** Bytes on their way that the receiver has not taken, by sender. */
  readonly untaken: Map<VolunteerId, number>;
}

interface Member {
  readonly id: VolunteerId;
  readonly socket: WebSocket;
  readonly tokenExpirySeconds: number;
  readonly channels: Map<VolunteerId, Channel>;
  readonly budget: ByteBudget;
  readonly inFlightMaxBytes: number;
  /** Received from it and not yet gone to the operating system. */
  inFlightBytes: number;
  /** Not read before. */
  readAtMs: number;
  resumeTimer: NodeJS.Timeout | null;
  strikes: number;
}

/** Why something was not passed on. Nonsense ends a socket in the end; the others may come of crossing words. */
export type RelayRefusal = FanOutRejection | 'not-an-envelope' | 'not-introduced' | Unpassed;
/** Of one copy: there is no such open channel, its window is full, or its run is not hybrid. */
type Unpassed = 'no-channel' | 'overrun' | 'not-hybrid';

export interface RelayPorts {
  /** Which way these two were introduced to each other for; null: they were not. */
  readonly routeOf: (a: VolunteerId, b: VolunteerId) => PairRoute | null;
  readonly nowMs: () => number;
}

export class Relay {
  readonly #ports: RelayPorts;
  readonly #limits: RelayLimits;
  readonly #members = new Map<VolunteerId, Member>();
  readonly #total: ByteBudget;
  #inFlightBytes = 0;
  /** Bytes of messages that came since the start, and that were passed on: more, where one was for several. */
  takenBytes = 0;
  passedBytes = 0;
  readonly #refusals = new Map<RelayRefusal, number>();

  constructor(limits: RelayLimits, ports: RelayPorts) {
    this.#limits = limits;
    this.#ports = ports;
    this.#total = new ByteBudget(rate(limits.totalBytesPerSecond), ports.nowMs());
  }

  get isOn(): boolean {
    return this.#limits.volunteerBytesPerSecond > 0 && this.#limits.totalBytesPerSecond > 0;
  }
  get memberCount(): number {
    return this.#members.size;
  }
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }
  /** What was not passed on since the start, by reason. */
  get refusals(): ReadonlyMap<RelayRefusal, number> {
    return this.#refusals;
  }

  /**
   * Carries one socket. Of two with one id the one with the newer token wins, as in signalling.
   * @param isServer an averaging server, which speaks to many at once: only what all may send together bounds it
   */
  serve(socket: WebSocket, id: VolunteerId, tokenExpirySeconds: number, isServer = false): void {
    const known = this.#members.get(id);
    if (known !== undefined && known.tokenExpirySeconds > tokenExpirySeconds)
      return socket.close(CLOSE_POLICY, 'id taken');
    if (known !== undefined) {
      this.#gone(known);
      known.socket.close(CLOSE_REPLACED, 'replaced by a newer socket');
    }
    const { volunteerBytesPerSecond, totalBytesPerSecond } = this.#limits;
    const { volunteerInFlightMaxBytes, totalInFlightMaxBytes } = this.#limits;
    const member: Member = {
      id,
      socket,
      tokenExpirySeconds,
      channels: new Map(),
      budget: new ByteBudget(
        rate(isServer ? totalBytesPerSecond : volunteerBytesPerSecond),
        this.#ports.nowMs(),
      ),
      inFlightMaxBytes: isServer ? totalInFlightMaxBytes : volunteerInFlightMaxBytes,
      inFlightBytes: 0,
      readAtMs: 0,
      resumeTimer: null,
      strikes: 0,
    };
    this.#members.set(id, member);

    const liveness = new Liveness();
    const pingTimer = setInterval(() => {
      if (socket.isPaused) return;
      const look = liveness.look();
      if (look === 'end') socket.terminate();
      else if (look === 'ping') socket.ping();
    }, PING_EVERY_MS);
    socket.on('pong', () => liveness.heard());
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      clearInterval(pingTimer);
      this.#gone(member);
    });
    socket.on('message', (raw: Buffer, isBinary: boolean) => {
      liveness.heard();
      if (socket.readyState !== socket.OPEN) return;
      this.#spend(member, raw.length);
      if (isBinary && raw[0] === FAN_OUT_KIND) return this.#fanOut(member, raw);
      const envelope = isBinary ? decodeEnvelope(raw) : null;
      if (envelope === null) return this.#strike(member, 'not-an-envelope');
      const refusal = this.#take(member, envelope, raw);
      if (refusal !== null) this.#refuse(refusal);
    });
  }

  /** A copy for each receiver that may have one, as if it had come alone; the first was paid for as it came. */
  #fanOut(member: Member, raw: Buffer): void {
    const decoded = decodeFanOut(raw);
    if ('rejected' in decoded) return this.#strike(member, decoded.rejected);
    const { receivers, message } = decoded;
    let copies = 0;
    for (const { peer, channel } of receivers) {
      const refusal = this.#carry(member, peer, { number: channel, bytes: message.length, isFanOut: true });
      if (refusal !== null) {
        this.#refuse(refusal);
        continue;
      }
      const copy = encodeEnvelope({ kind: 'data', peer: member.id, channel, message });
      if (copies > 0) this.#spend(member, copy.length);
      copies += 1;
      this.#pass(member, this.#members.get(peer)!, Buffer.from(copy.buffer));
    }
    if (copies > 0) this.takenBytes += message.length;
  }

  /** Counts one message into a channel's window. Null: it is to be passed on. */
  #carry(
    member: Member,
    peer: VolunteerId,
    {
      number,
      bytes,
      isFanOut,
    }: { readonly number: number; readonly bytes: number; readonly isFanOut: boolean },
  ): Unpassed | null {
    const channel = member.channels.get(peer);
    const target = this.#members.get(peer);
    if (channel?.number !== number || target === undefined || channel.state !== 'open') return 'no-channel';
    if (isFanOut && !channel.mayFanOut) return 'not-hybrid';
    const untaken = (channel.untaken.get(member.id) ?? 0) + bytes;
    if (untaken > bytes && untaken > LIMITS.relayWindowBytes) {
      this.#close(member, target, channel, 'overrun');
      return 'overrun';
    }
    channel.untaken.set(member.id, untaken);
    this.passedBytes += bytes;
    return null;
  }

  /** Null: it was passed on. */
  #take(member: Member, envelope: Envelope, raw: Buffer): RelayRefusal | null {
    const { peer, channel: number, kind } = envelope;
    if (kind === 'open') return this.#open(member, peer, number, raw);
    const channel = member.channels.get(peer);
    const target = this.#members.get(peer);
    // Crossing words about a channel that just ended are nobody's fault.
    if (channel?.number !== number || target === undefined) return 'no-channel';
    switch (kind) {
      case 'accept':
        if (channel.state !== 'offered' || channel.from === member.id) return 'no-channel';
        channel.state = 'open';
        break;
      case 'data': {
        const bytes = envelope.message.length;
        const unpassed = this.#carry(member, peer, { number, bytes, isFanOut: false });
        if (unpassed !== null) return unpassed;
        this.takenBytes += bytes;
        break;
      }
      case 'taken':
        channel.untaken.set(peer, Math.max(0, (channel.untaken.get(peer) ?? 0) - envelope.bytes));
        break;
      case 'close':
        this.#forget(member, target);
        break;
      default:
        return envelope satisfies never;
    }
    this.#pass(member, target, raw);
    return null;
  }

  #open(member: Member, peer: VolunteerId, number: number, raw: Buffer): RelayRefusal | null {
    const target = this.#members.get(peer);
    const route = peer === member.id ? null : this.#ports.routeOf(member.id, peer);
    const isAllowed = route === 'coordinator' || route === 'fan-out';
    const hasRoom = member.channels.size < LIMITS.linksMax || member.channels.has(peer);
    if (target === undefined || !isAllowed || !hasRoom) {
      this.#tell(member, { kind: 'close', peer, channel: number, reason: 'absent' });
      // Who asks for somebody that it was not introduced to is mistaken or worse; an absent mate is everyday.
      return isAllowed ? null : 'not-introduced';
    }
    const mayFanOut = route === 'fan-out';
    const channel: Channel = { number, from: member.id, mayFanOut, state: 'offered', untaken: new Map() };
    member.channels.set(peer, channel);
    target.channels.set(member.id, channel);
    this.#pass(member, target, raw);
    return null;
  }

  /** On its way with another address. Its bytes count as the sender's until the operating system has them. */
  #pass(from: Member, to: Member, raw: Buffer): void {
    const { socket } = to;
    if (socket.bufferedAmount > READER_QUEUE_MAX_BYTES) return socket.terminate();
    addressEnvelope(raw, from.id);
    from.inFlightBytes += raw.length;
    this.#inFlight(raw.length);
    socket.send(raw, () => {
      from.inFlightBytes -= raw.length;
      this.#inFlight(-raw.length);
      this.#settle(from);
    });
    this.#settle(from);
  }

  /** Nobody is read any more when all that may wait is here, and everybody again when it is not. */
  #inFlight(changeBytes: number): void {
    const { totalInFlightMaxBytes } = this.#limits;
    const wasFull = this.#inFlightBytes >= totalInFlightMaxBytes;
    this.#inFlightBytes += changeBytes;
    if (wasFull !== this.#inFlightBytes >= totalInFlightMaxBytes)
      for (const member of this.#members.values()) this.#settle(member);
  }

  #tell(member: Member, envelope: Envelope): void {
    if (member.socket.readyState === member.socket.OPEN) member.socket.send(encodeEnvelope(envelope));
  }

  #close(one: Member, other: Member, { number }: Channel, reason: EnvelopeCloseReason): void {
    this.#forget(one, other);
    this.#tell(one, { kind: 'close', peer: other.id, channel: number, reason });
    this.#tell(other, { kind: 'close', peer: one.id, channel: number, reason });
  }

  #forget(one: Member, other: Member): void {
    one.channels.delete(other.id);
    other.channels.delete(one.id);
  }

  #gone(member: Member): void {
    if (member.resumeTimer !== null) clearTimeout(member.resumeTimer);
    if (this.#members.get(member.id) === member) this.#members.delete(member.id);
    for (const [peer, channel] of [...member.channels]) {
      const other = this.#members.get(peer);
      if (other === undefined) continue;
      this.#forget(member, other);
      this.#tell(other, { kind: 'close', peer: member.id, channel: channel.number, reason: 'closed' });
    }
  }

  #refuse(refusal: RelayRefusal): void {
    this.#refusals.set(refusal, (this.#refusals.get(refusal) ?? 0) + 1);
  }

  /** Nonsense. The socket's end names the last of it. */
  #strike(member: Member, nonsense: FanOutRejection | 'not-an-envelope'): void {
    this.#refuse(nonsense);
    member.strikes += 1;
    if (member.strikes >= STRIKES_MAX) member.socket.close(CLOSE_POLICY, nonsense);
  }

  #spend(member: Member, bytes: number): void {
    const nowMs = this.#ports.nowMs();
    member.readAtMs = Math.max(member.budget.spend(bytes, nowMs), this.#total.spend(bytes, nowMs));
    this.#settle(member);
  }

  /** Reads its socket, or does not, as its budget and what is in flight allow. */
  #settle(member: Member): void {
    const { socket } = member;
    if (socket.readyState !== socket.OPEN) {
      // Who is not read does not hear that it is to close.
      if (socket.isPaused) socket.resume();
      return;
    }
    const waitMs = member.readAtMs - this.#ports.nowMs();
    const isFull =
      member.inFlightBytes >= member.inFlightMaxBytes ||
      this.#inFlightBytes >= this.#limits.totalInFlightMaxBytes;
    if (waitMs <= 0 && !isFull) {
      if (socket.isPaused) socket.resume();
      return;
    }
    if (!socket.isPaused) socket.pause();
    if (waitMs > 0)
      member.resumeTimer ??= setTimeout(() => {
        member.resumeTimer = null;
        this.#settle(member);
      }, Math.ceil(waitMs));
  }
}

const rate = (perSecond: number) => ({ perSecond, burst: BURST_S * perSecond });
