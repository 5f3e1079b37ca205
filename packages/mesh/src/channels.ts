/**
 * The worker's half of the mesh: the transport that carries the mind's frames. One link per peer, over channels that
 * the page makes and hands over, or that go through the coordinator (relay-peers.ts). It decides nothing about peers or rounds; it holds what it is told to hold, and says
 * what happened in the words of the swarm's port. Runs wherever it is constructed; the app calls `tick` every
 * MESH_TICK_MS from a worker's timer, which hidden tabs do not slow.
 */
import {
  encodeFrame,
  fragment,
  type FramesOfRun,
  type LinkRoute,
  type OutgoingFrame,
  type Routes,
  type VolunteerId,
} from '@murmuration/protocol';
import type { PeerGone, VolunteerEvent } from '@murmuration/swarm';
import { DirectChannel, type BulkChannel } from './bulk-channel.ts';
import { Link, queueMaxBytes, type LinkEvent, type LinkTotals } from './link.ts';
import type { LinkNews, LinkWish } from './link-words.ts';
import { PipedChannel } from './piped-channel.ts';
import { RelayPeers, type EnvelopeSocket, type RelayTicket } from './relay-peers.ts';
import type { QueuedFrame } from './send-queue.ts';

export const MESH_TICK_MS = 500;
/** A tick this late means that the thread was blocked or frozen, and peers could not have been heard. */
const SLEPT_MIN_MS = 2_000;

export type MeshEvent = Extract<
  VolunteerEvent,
  { kind: 'peer-open' | 'peer-closed' | 'peer-frame' | 'peer-rejected' | 'peer-unreachable' }
>;

/** Named as in protocol `TabTotals`, to be copied into a report. */
export interface MeshTotals {
  readonly bytesSentPeers: number;
  readonly bytesReceivedPeers: number;
  readonly bytesSentState: number;
  readonly routes: Routes;
  readonly rejectedFrames: number;
  readonly peersNow: number;
  readonly peersMax: number;
  /** Bytes that have left this end since it began, and that wait to. */
  readonly line: { readonly leftBytes: number; readonly waitingBytes: number };
  /** Links open now. */
  readonly peers: readonly ({
    readonly peer: VolunteerId;
    readonly route: LinkRoute;
    readonly queuedBytes: number;
  } & Readonly<LinkTotals>)[];
}

export interface MeshRun extends FramesOfRun {
  readonly fansOut?: boolean;
}

interface Held {
  readonly number: number;
  readonly link: Link;
  /** Of a WebRTC link 'direct' until the page has looked. */
  route: LinkRoute;
}

/**
 * Calls in a row that were answered and found no path, before the coordinator is asked for one. Each takes ICE about 15 s;
 * one may fail because a tab was asleep.
 */
const UNREACHABLE_MIN = 2;

export class ChannelTransport {
  readonly #emit: (event: MeshEvent) => void;
  readonly #toPage: (wish: LinkWish) => void;
  readonly #nowMs: () => number;
  readonly #links = new Map<VolunteerId, Held>();
  /** The same frame goes to every peer of a group: it is encoded and cut once. */
  readonly #cut = new WeakMap<OutgoingFrame, QueuedFrame>();
  /** Of links that ended, by the way they took. */
  readonly #ended: Readonly<Record<LinkRoute, LinkTotals>> = {
    direct: noTotals(),
    relayed: noTotals(),
    coordinator: noTotals(),
  };
  readonly #relay: RelayPeers;
  #viaCoordinator: ReadonlySet<VolunteerId> = new Set();
  /** What was sent to one peer in a message for several that counts at another. */
  #copiedBytes = 0;
  readonly #unreachable = new Map<VolunteerId, number>();
  #run: MeshRun | null = null;
  #transferId = 0;
  #tickedMs: number;
  #peersMax = 0;
  /** What channels that ended had still in their buffers. */
  #abandonedBytes = 0;

  /**
   * @param parts.emit is told every event in a microtask of its own, never from inside a call to the transport.
   *   `peer-open` is always followed by exactly one `peer-closed`, whoever closed.
   * @param parts.toPage carries a word to `PagePeers.receive`.
   * @param parts.connectRelay opens the coordinator's socket of envelopes; called when somebody is to be reached so.
   */
  constructor(parts: {
    readonly emit: (event: MeshEvent) => void;
    readonly toPage: (wish: LinkWish) => void;
    readonly connectRelay: (ticket: RelayTicket) => EnvelopeSocket;
    readonly nowMs: () => number;
    readonly random: () => number;
  }) {
    this.#emit = parts.emit;
    this.#toPage = parts.toPage;
    this.#nowMs = parts.nowMs;
    this.#tickedMs = parts.nowMs();
    this.#relay = new RelayPeers({
      connect: parts.connectRelay,
      begin: (news, channel) => this.#begin(news, channel, 'coordinator'),
      fanned: (peer, bytes, kind) => {
        const link = this.#links.get(peer)?.link;
        link?.fanned(bytes, parts.nowMs());
        if (link !== undefined && kind === 'copy') this.#copiedBytes += bytes;
      },
      nowMs: parts.nowMs,
      random: parts.random,
    });
  }

  /** From the coordinator's `welcome`. */
  welcome(ticket: RelayTicket): void {
    this.#relay.welcome(ticket);
  }

  /**
   * Sets what frames are judged by; needed before any link. Links of another run are dropped: bytes on their way were
   * promised under other limits. `fansOut`: the run is hybrid, and an update for several peers behind the coordinator
   * goes up once (SPEC T6).
   */
  setRun(run: MeshRun | null): void {
    const isSame =
      run?.runTag === this.#run?.runTag &&
      run?.limits.updatePayloadMaxBytes === this.#run?.limits.updatePayloadMaxBytes &&
      run?.limits.statePayloadMaxBytes === this.#run?.limits.statePayloadMaxBytes;
    if (isSame) return;
    this.#run = run;
    for (const { link } of [...this.#links.values()]) link.close('dropped');
  }

  /** Hold a link with exactly these peers, with some of them through the coordinator. Links with others are dropped. */
  hold(peers: readonly VolunteerId[], viaCoordinator: readonly VolunteerId[] = []): void {
    this.#viaCoordinator = new Set(viaCoordinator);
    const isVia = (peer: VolunteerId) => this.#viaCoordinator.has(peer);
    this.#toPage({ kind: 'link-hold', peers: peers.filter((peer) => !isVia(peer)) });
    const wanted = new Set(peers);
    for (const [peer, { link, route }] of [...this.#links])
      if (!wanted.has(peer) || isVia(peer) !== (route === 'coordinator')) link.close('dropped');
    for (const peer of [...this.#unreachable.keys()])
      if (!wanted.has(peer) || isVia(peer)) this.#unreachable.delete(peer);
    this.#relay.receive({ kind: 'link-hold', peers: peers.filter(isVia) });
  }

  /** Sends, or does nothing when there is no open link: its end was or will be told by an event. */
  send(peer: VolunteerId, frame: OutgoingFrame): void {
    const held = this.#links.get(peer);
    if (held === undefined || !held.link.isOpen) return;
    const cut = this.#cutOnce(frame);
    const run = this.#run;
    if (run?.fansOut !== true || held.route !== 'coordinator' || frame.kind !== 'update')
      held.link.send(cut, this.#nowMs());
    else if (!this.#relay.fanOut(cut, peer, queueMaxBytes(run))) held.link.close('clogged');
  }

  drop(peer: VolunteerId, reason: PeerGone): void {
    this.#links.get(peer)?.link.close(reason);
  }

  /** Says goodbye to everybody: the volunteer leaves. */
  close(): void {
    this.hold([]);
  }

  totals(): MeshTotals {
    const sums = {
      direct: { links: 0, ...this.#ended.direct },
      relayed: { links: 0, ...this.#ended.relayed },
      coordinator: { links: 0, ...this.#ended.coordinator },
    };
    const peers = [];
    let leftBytes = -this.#abandonedBytes;
    let waitingBytes = 0;
    for (const [peer, { link, route }] of this.#links) {
      addTotals(sums[route], link.totals);
      leftBytes -= link.bufferedBytes;
      waitingBytes += link.queuedBytes;
      if (!link.isOpen) continue;
      sums[route].links += 1;
      peers.push({ peer, route, queuedBytes: link.queuedBytes, ...link.totals });
    }
    // A message for several left once.
    sums.coordinator.bytesSent -= this.#copiedBytes;
    const fanOut = this.#relay.fanOutBytes;
    leftBytes -= fanOut.onWay;
    waitingBytes += fanOut.onWay + fanOut.waiting;
    const sum = noTotals();
    for (const each of Object.values(sums)) addTotals(sum, each);
    const routeTotals = ({ links, bytesSent, bytesReceived }: LinkTotals & { links: number }) => ({
      links,
      bytesSent,
      bytesReceived,
    });
    return {
      bytesSentPeers: sum.bytesSent,
      bytesReceivedPeers: sum.bytesReceived,
      bytesSentState: sum.bytesSentState,
      routes: {
        direct: routeTotals(sums.direct),
        relayed: routeTotals(sums.relayed),
        coordinator: routeTotals(sums.coordinator),
      },
      rejectedFrames: sum.rejectedFrames,
      peersNow: peers.length,
      peersMax: this.#peersMax,
      line: { leftBytes: leftBytes + sum.bytesSent, waitingBytes },
      peers,
    };
  }

  tick(): void {
    const nowMs = this.#nowMs();
    const gapMs = nowMs - this.#tickedMs;
    this.#tickedMs = nowMs;
    const sleptMs = gapMs >= SLEPT_MIN_MS ? gapMs : 0;
    for (const { link } of [...this.#links.values()]) link.tick(nowMs, sleptMs);
    this.#toPage({ kind: 'link-tick' });
    this.#relay.receive({ kind: 'link-tick' });
  }

  /** A word from the page. */
  receive(news: LinkNews): void {
    switch (news.kind) {
      case 'link-channel':
        return this.#begin(news, new DirectChannel(news.channel), 'direct');
      case 'link-pipe':
        return this.#begin(news, new PipedChannel(news.port), 'direct');
      case 'link-route': {
        const held = this.#heldBy(news);
        if (held !== null) held.route = news.route;
        return;
      }
      case 'link-unreachable': {
        const count = (this.#unreachable.get(news.peer) ?? 0) + 1;
        this.#unreachable.set(news.peer, count);
        if (count >= UNREACHABLE_MIN) this.#tell({ kind: 'peer-unreachable', peer: news.peer });
        return;
      }
      case 'link-suspect':
        return this.#heldBy(news)?.link.suspect(news.isSuspect);
      case 'link-gone':
        return this.#heldBy(news)?.link.close(news.reason);
      default:
        news satisfies never;
    }
  }

  #heldBy(word: { readonly peer: VolunteerId; readonly link: number }): Held | null {
    const held = this.#links.get(word.peer);
    return held?.number === word.link && held.route !== 'coordinator' ? held : null;
  }

  #begin(
    { peer, link: number }: { readonly peer: VolunteerId; readonly link: number },
    channel: BulkChannel,
    route: LinkRoute,
  ): void {
    // The newest link is the one that the peer knows of.
    this.#links.get(peer)?.link.close('closed');
    if (this.#run === null) {
      channel.close();
      this.#wish(route, { kind: 'link-drop', peer, link: number, reason: 'dropped' });
      return;
    }
    const link = new Link(
      {
        channel,
        run: this.#run,
        heartbeat: this.#cutOnce({ kind: 'heartbeat', runTag: this.#run.runTag, term: 0, round: 0 }),
        emit: (event) => this.#onLink(peer, held, event),
      },
      this.#nowMs(),
    );
    const held: Held = { number, link, route };
    this.#links.set(peer, held);
    channel.listen({
      open: () => link.channelOpened(),
      message: (buffer) => link.channelMessage(buffer, this.#nowMs()),
      low: () => link.channelLow(this.#nowMs()),
      closed: () => link.channelClosed(),
    });
  }

  /** To whoever makes the channels of this route. */
  #wish(route: LinkRoute, wish: LinkWish): void {
    if (route === 'coordinator') this.#relay.receive(wish);
    else this.#toPage(wish);
  }

  #onLink(peer: VolunteerId, { number, link, route }: Held, event: LinkEvent): void {
    switch (event.kind) {
      case 'open': {
        this.#unreachable.delete(peer);
        let openCount = 0;
        for (const held of this.#links.values()) if (held.link.isOpen) openCount += 1;
        this.#peersMax = Math.max(this.#peersMax, openCount);
        return this.#tell({ kind: 'peer-open', peer });
      }
      case 'frame':
        return this.#tell({ kind: 'peer-frame', peer, frame: event.frame });
      case 'rejected':
        return this.#tell({ kind: 'peer-rejected', peer, rejection: event.rejection });
      case 'closed':
        addTotals(this.#ended[route], link.totals);
        this.#abandonedBytes += link.bufferedBytes;
        if (this.#links.get(peer)?.link === link) this.#links.delete(peer);
        this.#wish(route, { kind: 'link-drop', peer, link: number, reason: event.reason });
        if (event.wasOpen) this.#tell({ kind: 'peer-closed', peer, reason: event.reason });
        return;
      default:
        event satisfies never;
    }
  }

  #tell(event: MeshEvent): void {
    queueMicrotask(() => this.#emit(event));
  }

  #cutOnce(frame: OutgoingFrame): QueuedFrame {
    const known = this.#cut.get(frame);
    if (known !== undefined) return known;
    this.#transferId = (this.#transferId + 1) >>> 0;
    const cut = { kind: frame.kind, messages: fragment(encodeFrame(frame), this.#transferId) };
    this.#cut.set(frame, cut);
    return cut;
  }
}

const noTotals = (): LinkTotals => ({ bytesSent: 0, bytesReceived: 0, bytesSentState: 0, rejectedFrames: 0 });

function addTotals(sum: LinkTotals, more: Readonly<LinkTotals>): void {
  sum.bytesSent += more.bytesSent;
  sum.bytesReceived += more.bytesReceived;
  sum.bytesSentState += more.bytesSentState;
  sum.rejectedFrames += more.rejectedFrames;
}
