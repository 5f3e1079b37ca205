/**
 * Imaginary data channels between tabs: reliable and ordered in each direction, with delay, jitter, loss (paid as a
 * retransmission, for which whatever comes behind waits), uplinks and downlinks of finite rate, and faults that hold a direction's
 * traffic back. Messages of different channels overtake each other. A dead end is noticed as a tab's mesh would notice
 * it: by silence.
 * What stays real: the bytes (sim-wire.ts).
 */
import {
  fnv1a32,
  LIMITS,
  type Architecture,
  type FramesOfRun,
  type OutgoingFrame,
  type VolunteerId,
} from '@murmuration/protocol';
import type { PeerGone } from '@murmuration/swarm';
import {
  newDirection,
  otherEnd,
  type Direction,
  type Link,
  type Message,
  type NetworkEnd,
  type Packet,
} from './sim-link.ts';
import { SimRelay, type RelayOptions } from './sim-relay.ts';
import { SimWire, type Sized } from './sim-wire.ts';
import type { World } from './world.ts';

export interface NetworkOptions extends RelayOptions {
  /** `hybrid`: an update for several peers behind the coordinator leaves once (SPEC T6). */
  readonly architecture: Architecture;
  readonly delayMeanMs: number;
  /** A message's delay lies this share of the mean around it; 0: all take the same time. */
  readonly jitterShare: number;
  readonly lossShare: number;
  readonly insideMbit: number;
  readonly insideDelayMs: number;
  readonly wire: 'fast' | 'full';
}

interface Way {
  readonly link: Link;
  readonly direction: Direction;
}
interface Sent extends Sized {
  readonly isState: boolean;
  readonly leftMs?: number | undefined;
}

/** Who is cut off from whom. */
export interface Cut {
  readonly kind: 'symmetric' | 'one-way' | 'isolating';
  readonly side: ReadonlySet<VolunteerId>;
}

const OPEN_MEAN_MS = 120;
/** SCTP's retransmission time-out on a fast path. */
const RETRANSMIT_MS = 200;
const REDIAL_MS = 2_000;
/** ICE gives up twice (mesh, UNREACHABLE_MIN). */
const PATHLESS_MS = 30_000;

const BYTES_PER_MS_PER_MBIT = 125;

const isSamePlace = (a: NetworkEnd, b: NetworkEnd) => a.place !== null && a.place === b.place;

export class SimNetwork {
  readonly #world: World;
  readonly #options: NetworkOptions;
  readonly #wire: SimWire;
  readonly #random: () => number;
  readonly relay: SimRelay;
  readonly #links = new Map<VolunteerId, Map<VolunteerId, Link>>();
  readonly #dialling = new Set<string>();
  readonly #cuts = new Set<Cut>();
  /** When tabs died: what their uplinks had not sent by then never arrives. */
  readonly #diedMs = new Map<VolunteerId, number>();
  /** When lines have sent everything: of a place to others, and of a tab inside its place. */
  readonly #lines = new Map<number | VolunteerId, number>();
  /** Of messages that left a place. */
  bytesBetween = 0;
  /** The last update that went to several, in one moment: of each of its messages, when it left. */
  #fanned: {
    readonly from: VolunteerId;
    readonly packet: Packet;
    readonly atMs: number;
    readonly leftMs: number[];
  } | null = null;

  constructor(world: World, options: NetworkOptions, run: FramesOfRun) {
    this.#world = world;
    this.#options = options;
    this.relay = new SimRelay(options);
    this.#wire = new SimWire(options.wire, run);
    this.#random = world.chance('network');
  }

  /** Links that at least one end holds open. */
  get linkCount(): number {
    let ends = 0;
    for (const links of this.#links.values()) ends += links.size;
    return ends / 2;
  }

  /** Links of this tab's that it or the other end holds. */
  linksOf(id: VolunteerId): Link[] {
    return [...(this.#links.get(id)?.values() ?? [])];
  }

  /** Largest memory that one link ever reserved for unfinished frames, bytes. */
  get reservedBytesMax(): number {
    return this.#wire.reservedBytesMax;
  }

  cut(cut: Cut): void {
    this.#cuts.add(cut);
    for (const link of this.#all()) this.#examine(link);
  }

  heal(cut: Cut): void {
    this.#cuts.delete(cut);
    for (const link of this.#all()) this.#examine(link);
  }

  /** One direction of a link that `from` holds carries nothing until then. False: it holds none. */
  clog(from: VolunteerId, pick: (count: number) => number, untilMs: number): boolean {
    const links = [...(this.#links.get(from) ?? [])];
    if (links.length === 0) return false;
    const [peer, link] = links[pick(links.length)]!;
    const direction = link[from < peer ? 0 : 1];
    direction.cloggedUntilMs = Math.max(direction.cloggedUntilMs, untilMs);
    this.#examine(link);
    if (untilMs < Infinity) this.#world.at(untilMs, () => this.#examine(link));
    return true;
  }

  /** This tab froze, thawed or died: its peers will notice by its silence, or not any more. */
  changed(id: VolunteerId, isAlive: boolean): void {
    if (!isAlive && this.#links.has(id)) this.#diedMs.set(id, this.#world.nowMs);
    for (const link of this.#links.get(id)?.values() ?? []) this.#examine(link);
  }

  /** Dials if both ends want it; tries again as long as they do. */
  dial(a: NetworkEnd, b: NetworkEnd): void {
    const key = a.id < b.id ? `${a.id} ${b.id}` : `${b.id} ${a.id}`;
    if (this.#dialling.has(key) || this.#links.get(a.id)?.has(b.id) === true) return;
    this.#dialling.add(key);
    this.#world.after(OPEN_MEAN_MS * (0.5 + this.#random()), () => {
      this.#dialling.delete(key);
      if (!a.alive || !b.alive || !a.wants(b.id) || !b.wants(a.id)) return;
      const isVia = a.goesVia(b.id) && b.goesVia(a.id);
      const isBlocked = this.#isCut(a.id, b.id) || this.#isCut(b.id, a.id) || a.mute || b.mute;
      if (isBlocked || (isVia ? !this.relay.isUp() : this.#isPathless(a, b, key))) {
        this.#world.after(REDIAL_MS, () => this.dial(a, b));
        return;
      }
      const link: Link =
        a.id < b.id
          ? [newDirection(b, isVia), newDirection(a, isVia)]
          : [newDirection(a, isVia), newDirection(b, isVia)];
      this.#heldBy(a.id).set(b.id, link);
      this.#heldBy(b.id).set(a.id, link);
      link[1].to.opened(link[0].to.id);
      link[0].to.opened(link[1].to.id);
    });
  }

  /** The coordinator's process died, and every channel through it. */
  relayDied(): void {
    for (const link of [...this.#all()])
      for (const direction of link) if (direction.isVia) this.#closeEnd(link, direction, 'closed');
  }

  /** True: these two find no path. Both are told once they have tried long enough. */
  #isPathless(a: NetworkEnd, b: NetworkEnd, key: string): boolean {
    if (a.isApart || b.isApart) return true;
    if (fnv1a32(key) / 2 ** 32 >= this.#options.pathlessShare) return false;
    this.#dialling.add(key);
    this.#world.after(PATHLESS_MS, () => {
      this.#dialling.delete(key);
      for (const [end, other] of [[a, b] as const, [b, a] as const])
        if (end.alive && end.wants(other.id) && !end.goesVia(other.id)) end.unreachable(other.id);
    });
    return true;
  }

  send(from: NetworkEnd, to: VolunteerId, frame: OutgoingFrame): void {
    const packet = this.#wire.pack(frame);
    const isFanned = this.#options.architecture === 'hybrid' && frame.kind === 'update';
    const way = this.#wayTo(from, to);
    if (isFanned && way?.direction.isVia === true) this.#fanOut(from, way, packet);
    else this.#sendPacket(from, to, packet, frame.kind === 'state');
  }

  /** As `#sendPacket`, but what has left for one receiver in this moment has left for all. */
  #fanOut(from: NetworkEnd, way: Way, packet: Packet): void {
    const atMs = this.#world.nowMs;
    const last = this.#fanned;
    if (last?.packet !== packet || last.from !== from.id || last.atMs !== atMs)
      this.#fanned = { from: from.id, packet, atMs, leftMs: [] };
    const { leftMs } = this.#fanned!;
    for (const [i, piece] of this.#wire.cut(packet).entries())
      leftMs[i] = this.#transmit(from, way, { ...piece, isState: false, leftMs: leftMs[i] });
  }

  /** Any bytes, as a hostile tab may send them. */
  sendBytes(from: NetworkEnd, to: VolunteerId, bytes: Uint8Array): void {
    this.#sendPacket(from, to, { bytes, decoded: null }, false);
  }

  /** The first half of a frame, as a tab that dies in the middle of it sends it, or one that wants to fill memory. */
  sendTorn(from: NetworkEnd, to: VolunteerId, bytes: Uint8Array): void {
    const way = this.#wayTo(from, to);
    if (way === null) return;
    for (const piece of this.#wire.tear(bytes)) this.#transmit(from, way, { ...piece, isState: false });
  }

  #wayTo(from: NetworkEnd, to: VolunteerId): Way | null {
    const link = this.#links.get(from.id)?.get(to);
    if (link === undefined || !link[from.id < to ? 1 : 0].open) return null;
    return { link, direction: link[from.id < to ? 0 : 1] };
  }

  #sendPacket(from: NetworkEnd, to: VolunteerId, packet: Packet, isState: boolean): void {
    const way = this.#wayTo(from, to);
    if (way === null) return;
    for (const piece of this.#wire.cut(packet)) this.#transmit(from, way, { ...piece, isState });
  }

  /** @returns when it has left; with `leftMs` it has left already, in a message for several */
  #transmit(from: NetworkEnd, { link, direction }: Way, sent: Sent): number {
    const { message, bytes, isState } = sent;
    const isCopy = sent.leftMs !== undefined;
    const isInside = isSamePlace(from, direction.to);
    if (!isCopy) from.sent(bytes, isState);
    if (!isInside) this.bytesBetween += bytes;
    const leftMs = sent.leftMs ?? this.#leave(from, isInside, bytes);
    const { jitterShare } = this.#options;
    const spread = () => 1 - jitterShare + 2 * jitterShare * this.#random();
    let atMs = this.#arrivalMs(from, direction, bytes, { leftMs, spread, isCopy });
    const lossShare = isInside ? 0 : this.#options.lossShare;
    while (this.#random() < lossShare) atMs += RETRANSMIT_MS;
    direction.lastArrivalMs = atMs = Math.max(atMs, direction.lastArrivalMs);
    this.#world.at(atMs, () => {
      if (leftMs > (this.#diedMs.get(from.id) ?? Infinity)) return;
      const { to } = direction;
      if (to.downlinkBytesPerMs === Infinity || isInside) {
        this.#arrive(link, direction, message);
        return;
      }
      to.downlinkFreeMs = Math.max(atMs, to.downlinkFreeMs) + bytes / to.downlinkBytesPerMs;
      this.#world.at(to.downlinkFreeMs, () => this.#arrive(link, direction, message));
    });
    return leftMs;
  }

  /** When it has left. Those in one place share the line to others; to each other each has one of its own. */
  #leave(from: NetworkEnd, isInside: boolean, bytes: number): number {
    const { nowMs } = this.#world;
    if (from.place === null)
      return (from.uplinkFreeMs = Math.max(nowMs, from.uplinkFreeMs) + bytes / from.uplinkBytesPerMs);
    const line = isInside ? from.id : from.place;
    const bytesPerMs = isInside ? this.#options.insideMbit * BYTES_PER_MS_PER_MBIT : from.uplinkBytesPerMs;
    const freeMs = Math.max(nowMs, this.#lines.get(line) ?? 0) + bytes / bytesPerMs;
    this.#lines.set(line, freeMs);
    return freeMs;
  }

  #arrivalMs(
    from: NetworkEnd,
    { to, isVia }: Direction,
    bytes: number,
    {
      leftMs,
      spread,
      isCopy,
    }: { readonly leftMs: number; readonly spread: () => number; readonly isCopy: boolean },
  ): number {
    const { delayMeanMs, insideDelayMs, relayDelayMeanMs } = this.#options;
    if (isSamePlace(from, to)) return leftMs + insideDelayMs * spread();
    if (from.isServer === true) return leftMs + relayDelayMeanMs * spread();
    if (to.isServer === true) return this.relay.readMs(from.id, bytes, leftMs, spread);
    if (isVia) return this.relay.arrivalMs(from.id, bytes, leftMs, spread, isCopy);
    return leftMs + delayMeanMs * spread();
  }

  /** An end says goodbye or gives up. The other end sees the channel close, unless the way there is blocked. */
  close(from: NetworkEnd, peer: VolunteerId): void {
    const link = this.#links.get(from.id)?.get(peer);
    if (link === undefined) return;
    const mine = link[from.id < peer ? 1 : 0];
    const theirs = link[from.id < peer ? 0 : 1];
    if (mine.open) this.#tellClosed(link, theirs);
    mine.open = false;
    this.#forgetIfClosed(link);
  }

  #tellClosed(link: Link, towards: Direction): void {
    this.#world.after(this.#options.delayMeanMs, () => {
      if (!this.#isBlocked(link, towards)) this.#closeEnd(link, towards, 'closed');
      else this.#examine(link);
    });
  }

  #arrive(link: Link, direction: Direction, message: Message): void {
    const end = direction.to;
    if (!direction.open || !end.alive) return;
    if (direction.held !== null || this.#isBlocked(link, direction)) {
      // Held back; a reliable channel delivers it when the path is there again.
      (direction.held ??= []).push(message);
      return;
    }
    const peer = otherEnd(link, direction).id;
    const decoded = this.#wire.join(direction, message, this.#world.nowMs);
    if (decoded === null) return;
    if ('rejected' in decoded) end.refused(peer, decoded.rejected);
    else end.received(peer, decoded.frame, decoded.bytes);
  }

  #isCut(from: VolunteerId, to: VolunteerId): boolean {
    for (const { kind, side } of this.#cuts) {
      const [a, b] = [side.has(from), side.has(to)];
      if (kind === 'isolating' ? a || b : kind === 'symmetric' ? a !== b : a && !b) return true;
    }
    return false;
  }

  #isBlocked(link: Link, direction: Direction): boolean {
    if (direction.cloggedUntilMs > this.#world.nowMs) return true;
    return this.#cuts.size > 0 && this.#isCut(otherEnd(link, direction).id, direction.to.id);
  }

  /** Starts the clock of silence on a direction that carries nothing any more; lets go what was held back. */
  #examine(link: Link): void {
    for (const direction of link) {
      const from = otherEnd(link, direction);
      const blocked = this.#isBlocked(link, direction);
      if (!blocked && direction.held !== null) this.#release(link, direction);
      if (!blocked && from.alive && !from.mute) {
        direction.silentSinceMs = null;
        continue;
      }
      if (direction.silentSinceMs !== null) continue;
      const since = (direction.silentSinceMs = this.#world.nowMs);
      this.#world.after(LIMITS.peerSilenceMaxMs, () => {
        if (direction.silentSinceMs !== since || !direction.open) return;
        this.#closeEnd(link, direction, 'silent');
        this.#tellClosed(link, link[direction === link[0] ? 1 : 0]);
      });
    }
  }

  #release(link: Link, direction: Direction): void {
    const held = direction.held!;
    direction.held = null;
    for (const message of held) {
      direction.lastArrivalMs = Math.max(
        direction.lastArrivalMs,
        this.#world.nowMs + RETRANSMIT_MS * this.#random(),
      );
      this.#world.at(direction.lastArrivalMs, () => this.#arrive(link, direction, message));
    }
  }

  #closeEnd(link: Link, direction: Direction, reason: PeerGone): void {
    const wasOpen = direction.open;
    direction.open = false;
    this.#forgetIfClosed(link);
    if (wasOpen && direction.to.alive) direction.to.closed(otherEnd(link, direction).id, reason);
  }

  /** A link that nobody holds any more is dialled again, if both want it. */
  #forgetIfClosed(link: Link): void {
    const [b, a] = [link[0].to, link[1].to];
    const isGone = (direction: Direction) => !direction.open || !direction.to.alive;
    if (!isGone(link[0]) || !isGone(link[1]) || this.#links.get(a.id)?.get(b.id) !== link) return;
    for (const [id, peer] of [
      [a.id, b.id],
      [b.id, a.id],
    ] as const) {
      const links = this.#links.get(id);
      links?.delete(peer);
      if (links?.size === 0) this.#links.delete(id);
    }
    for (const { id, alive } of [a, b]) if (!alive && !this.#links.has(id)) this.#diedMs.delete(id);
    if (a.alive && b.alive) this.#world.after(REDIAL_MS, () => this.dial(a, b));
  }

  #heldBy(id: VolunteerId): Map<VolunteerId, Link> {
    let links = this.#links.get(id);
    if (links === undefined) this.#links.set(id, (links = new Map()));
    return links;
  }

  /** Every link once. */
  *#all(): Generator<Link> {
    for (const [id, links] of this.#links) for (const [peer, link] of links) if (id < peer) yield link;
  }
}
