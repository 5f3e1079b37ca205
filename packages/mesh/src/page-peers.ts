/**
 * The page's half of the mesh: PeerJS for signalling and for a control channel, and on each of its connections a
 * channel of our own, `bulk`, that goes to the worker. RTCPeerConnection lives only on pages; frames never pass here
 * (except in browsers that cannot transfer a channel: then as closed buffers, see piped-channel.ts).
 *
 * Mental model: the worker says whom to hold; every link is a PeerJS connection plus a number; whatever ends a link on
 * either side ends all of it, because PeerJS itself notices neither killed tabs nor zombies (STACK D.1). Signalling may
 * come and go; channels do not depend on it. There are no timers here: the worker's beat drives every deadline.
 *
 * Facts of PeerJS 1.5.5 relied upon, read in its source: `peerConnection` exists when `connect()` returns and when
 * 'connection' is emitted; options.token and options.config are read at each use; 'disconnected' leaves connections
 * alone; `destroy()` follows only an error before the first 'open'.
 */
import { isVolunteerId, LIMITS, type VolunteerId } from '@murmuration/protocol';
import type { LinkMeasure, PeerGone } from '@murmuration/swarm';
import { BufferedConnection, Peer, type DataConnection } from 'peerjs';
import { backoffMs, DialPlan } from './dial-plan.ts';
import type { LinkNews, LinkWish, SignalTicket } from './link-words.ts';
import { LinkMeter, routeOf } from './link-stats.ts';
import { pipeChannel } from './piped-channel.ts';

/** Same on both ends, so that the channel needs no announcement and PeerJS never sees it. */
const BULK_CHANNEL_ID = 100;
/** The only word of the control channel. */
const BYE = 'bye';
/** Words taken on a control channel before the peer is thought mad. */
const CONTROL_WORDS_MAX = 8;
/** A call of somebody not introduced yet waits this long for the introduction, and so many at once. */
const EARLY_CALL_MAX_MS = 5_000;
const EARLY_CALLS_MAX = LIMITS.linksMax;
/** Backoff of the signalling socket, and how long one attempt may take. Guesses. */
const SIGNAL_RETRY = { firstMs: 500, maxMs: 15_000 };
const SIGNAL_ATTEMPT_MAX_MS = 10_000;
/** Signalling messages kept for connections whose offer has not come. */
const STRAY_CONNECTIONS_MAX = 64;
const STRAY_MESSAGES_MAX = 32;
const ROUTE_LOOK_EVERY_MS = 500;
const ROUTE_LOOKS_MAX = 20;

export interface PagePeersOptions {
  readonly id: VolunteerId;
  readonly ticket: SignalTicket;
  /** Where the coordinator is: `location` of the page. */
  readonly origin: { readonly protocol: string; readonly hostname: string; readonly port: string };
  /** 'relay' hides this tab's addresses from its peers; it needs a TURN server among the ICE servers. */
  readonly iceTransportPolicy: RTCIceTransportPolicy;
  /** 'pipe' keeps channels on the page; 'transfer' falls back to it by itself where it must. */
  readonly channels: 'transfer' | 'pipe';
  /** Carries a word to `ChannelTransport.receive`, with what must be transferred. Called synchronously. */
  readonly toWorker: (news: LinkNews, transfer: Transferable[]) => void;
  readonly nowMs: () => number;
  readonly random: () => number;
}

/** The browser's connection with a peer, and what its statistics of now say of the link. */
export interface PeerConnection {
  readonly peer: VolunteerId;
  readonly rtc: RTCPeerConnection;
  readonly measure: (stats: RTCStatsReport) => LinkMeasure;
}

interface PageLink {
  readonly peer: VolunteerId;
  readonly number: number;
  readonly connection: DataConnection;
  readonly meter: LinkMeter;
  /** A path was found. */
  wasConnected: boolean;
}

type Signalling =
  | { readonly state: 'connecting'; readonly sinceMs: number }
  | { readonly state: 'open' }
  | { readonly state: 'waiting'; readonly untilMs: number }
  | { readonly state: 'closed' };

export class PagePeers {
  readonly #options: PagePeersOptions;
  readonly #plan: DialPlan;
  readonly #links = new Map<VolunteerId, PageLink>();
  readonly #early = new Map<VolunteerId, { readonly connection: DataConnection; readonly untilMs: number }>();
  #ticket: SignalTicket;
  #peer: Peer;
  #signalling: Signalling;
  #signalFailureCount = 0;
  #linkNumber = 0;
  /** On the way to the back-forward cache or to the end: everybody is told, and dialled again if we come back. */
  readonly #onPageHide = () => {
    for (const link of [...this.#links.values()]) this.#end(link, 'closed', 'say-bye');
  };

  constructor(options: PagePeersOptions) {
    this.#options = options;
    this.#ticket = options.ticket;
    this.#plan = new DialPlan(options.id, options.random);
    this.#signalling = { state: 'connecting', sinceMs: options.nowMs() };
    this.#peer = this.#openPeer();
    addEventListener('pagehide', this.#onPageHide);
  }

  /** The connections under the links at hand, for their statistics. */
  get connections(): PeerConnection[] {
    return [...this.#links.values()].flatMap(({ peer, connection, meter }) => {
      const rtc = connection.peerConnection as RTCPeerConnection | null;
      return rtc === null ? [] : [{ peer, rtc, measure: (stats) => ({ peer, ...meter.take(stats) }) }];
    });
  }

  /** 'waiting' is between two attempts. Links do not depend on it; new ones do. */
  get signalling(): Signalling['state'] {
    return this.#signalling.state;
  }

  /** A new `welcome`: for signalling connections and links made from now on. */
  refresh(ticket: SignalTicket): void {
    this.#ticket = ticket;
    this.#peer.options.token = ticket.token;
    this.#peer.options.config = this.#rtcConfiguration();
    if (this.#signalling.state === 'waiting') this.#reopen();
  }

  /** A word from the worker. */
  receive(wish: LinkWish): void {
    if (this.#signalling.state === 'closed') return;
    switch (wish.kind) {
      case 'link-hold':
        return this.#hold(wish.peers);
      case 'link-drop': {
        const link = this.#links.get(wish.peer);
        if (link?.number === wish.link)
          this.#end(
            link,
            wish.reason,
            wish.reason === 'dropped' || wish.reason === 'bye' ? 'say-bye' : 'quietly',
          );
        return;
      }
      case 'link-tick':
        return this.#tick();
      default:
        wish satisfies never;
    }
  }

  /** Says goodbye and forgets everything. There is no way back. */
  close(): void {
    this.#onPageHide();
    for (const { connection } of this.#early.values()) connection.close();
    this.#early.clear();
    this.#signalling = { state: 'closed' };
    removeEventListener('pagehide', this.#onPageHide);
    this.#peer.destroy();
  }

  #hold(peers: readonly VolunteerId[]): void {
    this.#plan.hold(peers, this.#options.nowMs());
    for (const link of [...this.#links.values()])
      if (!this.#plan.wants(link.peer)) this.#end(link, 'dropped', 'say-bye');
    for (const [peer, { connection }] of [...this.#early]) {
      if (!this.#plan.wants(peer)) continue;
      this.#early.delete(peer);
      this.#answer(peer, connection);
    }
    this.#dial();
  }

  #tick(): void {
    const nowMs = this.#options.nowMs();
    for (const [peer, early] of [...this.#early]) {
      if (nowMs < early.untilMs) continue;
      this.#early.delete(peer);
      early.connection.close();
    }
    const signalling = this.#signalling;
    if (signalling.state === 'waiting' && nowMs >= signalling.untilMs) this.#reopen();
    // A server that takes the socket and says nothing: PeerJS would wait for ever.
    if (signalling.state === 'connecting' && nowMs - signalling.sinceMs >= SIGNAL_ATTEMPT_MAX_MS)
      this.#peer.disconnect();
    this.#dial();
  }

  // --- signalling ---

  #openPeer(): Peer {
    const { protocol, hostname, port } = this.#options.origin;
    const secure = protocol === 'https:';
    const peer = new FrugalPeer(this.#options.id, {
      // Every default of PeerJS leads to its public cloud; none is left to chance.
      host: hostname,
      port: port === '' ? (secure ? 443 : 80) : Number(port),
      path: '/signal',
      key: 'peerjs',
      secure,
      token: this.#ticket.token,
      config: this.#rtcConfiguration(),
      debug: 0,
    });
    peer.on('open', () => {
      this.#signalling = { state: 'open' };
      this.#signalFailureCount = 0;
      this.#dial();
    });
    peer.on('disconnected', () => this.#signalLost());
    peer.on('close', () => this.#signalLost());
    peer.on('connection', (connection) => this.#onCall(connection));
    // No media here (PF28).
    peer.on('call', (call) => call.close());
    peer.on('error', (error) => {
      // PeerJS names the peer only in the text. Everything else is followed by 'disconnected', 'close' or a deadline.
      if (error.type !== 'peer-unavailable') return;
      const link = [...this.#links.values()].find(({ peer: name }) => error.message.endsWith(name));
      if (link !== undefined && !link.connection.open) this.#end(link, 'failed', 'quietly');
    });
    return peer;
  }

  #rtcConfiguration(): RTCConfiguration {
    return {
      iceServers: this.#ticket.iceServers.map((server) => ({ ...server, urls: [...server.urls] })),
      iceTransportPolicy: this.#options.iceTransportPolicy,
    };
  }

  #signalLost(): void {
    if (this.#signalling.state === 'closed' || this.#signalling.state === 'waiting') return;
    const delayMs = backoffMs(this.#signalFailureCount, SIGNAL_RETRY, this.#options.random);
    this.#signalling = { state: 'waiting', untilMs: this.#options.nowMs() + delayMs };
    this.#signalFailureCount += 1;
  }

  #reopen(): void {
    this.#signalling = { state: 'connecting', sinceMs: this.#options.nowMs() };
    if (this.#peer.destroyed) this.#peer = this.#openPeer();
    else this.#peer.reconnect();
  }

  // --- links ---

  #dial(): void {
    if (this.#signalling.state !== 'open') return;
    for (const peer of this.#plan.due(this.#options.nowMs())) {
      let connection: DataConnection | undefined;
      try {
        connection = this.#peer.connect(peer, { serialization: 'raw', label: 'control', reliable: true });
      } catch {
        // Chromium refuses more than 500 RTCPeerConnections a page.
      }
      if (connection === undefined) this.#plan.lost(peer, 'failed', this.#options.nowMs());
      else this.#begin(peer, connection);
    }
  }

  #onCall(connection: DataConnection): void {
    // The caller chooses the codec by a name in its offer; PeerJS even takes `constructor` for one. Closing in the same
    // task as the offer means that no byte was parsed (PF5).
    if (!(connection instanceof BufferedConnection)) return;
    const caller = connection.peer;
    if (connection.serialization !== 'raw' || !isVolunteerId(caller)) return connection.close();
    switch (this.#plan.judge(caller, this.#options.nowMs())) {
      case 'take':
        return this.#take(caller, connection);
      case 'later':
        // The coordinator introduced us to the caller first. Our end of the channel is made when it is wanted.
        this.#early.get(caller)?.connection.close();
        this.#early.delete(caller);
        if (this.#early.size >= EARLY_CALLS_MAX) return connection.close();
        this.#early.set(caller, { connection, untilMs: this.#options.nowMs() + EARLY_CALL_MAX_MS });
        return;
      case 'refuse':
        return connection.close();
    }
  }

  /** An early call whose caller is wanted now. */
  #answer(caller: VolunteerId, connection: DataConnection): void {
    const rtc = connection.peerConnection as RTCPeerConnection | null;
    const isAlive = rtc !== null && rtc.connectionState !== 'closed' && rtc.connectionState !== 'failed';
    if (isAlive && this.#plan.judge(caller, this.#options.nowMs()) === 'take') this.#take(caller, connection);
    else connection.close();
  }

  /** A new call of a linked peer replaces the link: the caller knows better that the old one is dead. */
  #take(caller: VolunteerId, connection: DataConnection): void {
    const former = this.#links.get(caller);
    if (former !== undefined) this.#end(former, 'closed', 'quietly');
    this.#begin(caller, connection);
  }

  #begin(peer: VolunteerId, connection: DataConnection): void {
    const rtc = connection.peerConnection;
    const link: PageLink = {
      peer,
      number: ++this.#linkNumber,
      connection,
      meter: new LinkMeter(),
      wasConnected: false,
    };
    this.#links.set(peer, link);
    this.#plan.linked(peer, this.#options.nowMs());
    rtc.addEventListener('connectionstatechange', () => {
      if (this.#links.get(peer) !== link) return;
      if (rtc.connectionState === 'failed') return this.#end(link, 'failed', 'quietly');
      if (rtc.connectionState === 'connected') {
        link.wasConnected = true;
        void this.#tellRoute(link, rtc);
      }
      const isSuspect = rtc.connectionState === 'disconnected';
      if (isSuspect || rtc.connectionState === 'connected')
        this.#options.toWorker({ kind: 'link-suspect', peer, link: link.number, isSuspect }, []);
    });
    // The caller's control channel is announced once; PeerJS would let any further one take its place (PF27).
    let announcedMax = (connection.dataChannel as RTCDataChannel | null | undefined) ? 0 : 1;
    rtc.addEventListener('datachannel', () => {
      announcedMax -= 1;
      if (announcedMax < 0) this.#end(link, 'strikes', 'quietly');
    });
    let wordCount = 0;
    connection.on('data', (word) => {
      wordCount += 1;
      if (word === BYE) this.#end(link, 'bye', 'quietly');
      else if (wordCount > CONTROL_WORDS_MAX) this.#end(link, 'strikes', 'quietly');
    });
    connection.on('close', () => this.#end(link, 'closed', 'quietly'));
    connection.on('error', () => this.#end(link, 'failed', 'quietly'));
    // Ordered: otherwise one lost packet leaves pieces of many frames open at the receiver, which takes four. It costs
    // no speed: with 1 % loss and 100 ms of round trip a raw channel was as slow as a link.
    this.#handOver(
      link,
      rtc.createDataChannel('bulk', { negotiated: true, id: BULK_CHANNEL_ID, ordered: true }),
    );
  }

  /** Which way the packets take; ICE may change it, and then the state says 'connected' again or nothing. */
  async #tellRoute(link: PageLink, rtc: RTCPeerConnection): Promise<void> {
    const isRelayOnly = rtc.getConfiguration().iceTransportPolicy === 'relay';
    for (let look = 0; look < ROUTE_LOOKS_MAX; look++) {
      const route = isRelayOnly ? 'relayed' : routeOf(await rtc.getStats());
      if (this.#links.get(link.peer) !== link) return;
      if (route !== null)
        return this.#options.toWorker({ kind: 'link-route', peer: link.peer, link: link.number, route }, []);
      // A busy page is connected before its statistics say by which pair.
      await new Promise((resolve) => setTimeout(resolve, ROUTE_LOOK_EVERY_MS));
    }
  }

  /** Must run in the task that made the channel: later it is no longer transferable. */
  #handOver({ peer, number }: PageLink, channel: RTCDataChannel): void {
    const { channels, toWorker } = this.#options;
    if (channels === 'transfer') {
      try {
        // An RTCDataChannel is not in TypeScript's list of transferables yet.
        const transfer = [channel as unknown as Transferable];
        return toWorker({ kind: 'link-channel', peer, link: number, channel }, transfer);
      } catch (error) {
        if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
      }
    }
    const { port1, port2 } = new MessageChannel();
    pipeChannel(channel, port1);
    toWorker({ kind: 'link-pipe', peer, link: number, port: port2 }, [port2]);
  }

  /** Ends a link on this side and tells the worker. Whoever is wanted still is dialled again later. */
  #end(link: PageLink, reason: PeerGone, manner: 'say-bye' | 'quietly'): void {
    if (this.#links.get(link.peer) !== link) return;
    this.#links.delete(link.peer);
    this.#plan.lost(link.peer, reason, this.#options.nowMs());
    // The peer answered, so it lives: what is missing is a path. ICE may still be looking when the worker gives up.
    const rtc = link.connection.peerConnection as RTCPeerConnection | null;
    if (reason === 'failed' && !link.wasConnected && (rtc?.remoteDescription ?? null) !== null)
      this.#options.toWorker({ kind: 'link-unreachable', peer: link.peer }, []);
    if (manner === 'say-bye' && link.connection.open) void link.connection.send(BYE);
    link.connection.close();
    this.#options.toWorker({ kind: 'link-gone', peer: link.peer, link: link.number, reason }, []);
  }
}

/** PeerJS keeps signalling messages of unknown connections for ever (STACK D.2); here they are few. */
class FrugalPeer extends Peer {
  readonly #stray = new Map<string, Parameters<DataConnection['handleMessage']>[0][]>();

  /** Called by PeerJS for an answer or candidate whose connection is unknown. */
  _storeMessage(connectionId: string, message: Parameters<DataConnection['handleMessage']>[0]): void {
    const messages = this.#stray.get(connectionId) ?? [];
    if (messages.length < STRAY_MESSAGES_MAX) messages.push(message);
    this.#stray.set(connectionId, messages);
    const [oldest] = this.#stray.keys();
    if (this.#stray.size > STRAY_CONNECTIONS_MAX && oldest !== undefined) this.#stray.delete(oldest);
  }

  override _getMessages(connectionId: string): ReturnType<Peer['_getMessages']> {
    const messages = this.#stray.get(connectionId) ?? [];
    this.#stray.delete(connectionId);
    return messages;
  }
}
