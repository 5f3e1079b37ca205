/**
 * One imaginary tab: the production mind with imaginary hands. It carries out effects, lets commands take time, and
 * wakes the mind at its own deadlines. It can be killed (its socket closes), vanish (nobody is told), freeze and thaw, be
 * throttled to one wake-up a minute, be cut off from the coordinator, lose its device, and have its clock jump.
 */
import {
  NO_ROUTES,
  type CoordinatorMessage,
  type Frame,
  type VolunteerId,
  type VolunteerMessage,
} from '@murmuration/protocol';
import { Volunteer, type Effect, type PeerGone, type VolunteerEvent } from '@murmuration/swarm';
import type { Adversary } from './adversary.ts';
import { checkpointName, type SimCoordinator, type SimSocket } from './sim-coordinator.ts';
import type { NetworkEnd } from './sim-link.ts';
import type { SimNetwork } from './sim-network.ts';
import { ADAPTER, SimDevice } from './sim-device.ts';
import type { SimTrainer } from './sim-trainer.ts';
import { codeOf, type World } from './world.ts';

/** What is told of a tab to those who watch it from outside. */
export interface TabWatch {
  readonly handled: (tab: SimTab, event: VolunteerEvent, effectCount: number) => void;
  readonly said: (tab: SimTab, message: VolunteerMessage) => void;
  readonly heard: (tab: SimTab, message: CoordinatorMessage) => void;
  readonly sent: (tab: SimTab, effect: Extract<Effect, { kind: 'send' }>) => void;
}

export interface SimTabOptions {
  readonly id: VolunteerId;
  /** The how-manieth tab of the run it is, from 0. */
  readonly number: number;
  readonly world: World;
  readonly network: SimNetwork;
  readonly coordinator: SimCoordinator;
  readonly trainer: SimTrainer;
  readonly uplinkBytesPerMs: number;
  /** It wants no peers. */
  readonly isApart: boolean;
  /** Which machine or network it is in (null: one of its own), and what it says of that. */
  readonly place: number | null;
  readonly word: string | null;
  readonly peer: (id: VolunteerId) => NetworkEnd | undefined;
  readonly watch: TabWatch;
  /** Null: an honest tab. */
  readonly adversary: Adversary | null;
}

const HTTP_MS = 30;
const SOCKET_MS = 15;
/** As long as a tab's hands give it (apps/volunteer, stay.ts). */
const HAND_OVER_MAX_MS = 4_000;
const CHECKPOINT_MAX_MS = 15_000;
/** A throttled background page gets its timers this often. */
const WAKE_EVERY_MS = 60_000;

export class SimTab implements NetworkEnd {
  readonly id: VolunteerId;
  readonly number: number;
  readonly mind: Volunteer;
  readonly trainer: SimTrainer;
  /** Its line may change while it lives. */
  uplinkBytesPerMs: number;
  readonly joinedAtMs: number;
  uplinkFreeMs = 0;
  downlinkBytesPerMs = Infinity;
  downlinkFreeMs = 0;
  readonly #options: SimTabOptions;
  #alive = true;
  #frozen: VolunteerEvent[] | null = null;
  /** What waits in both directions of the coordinator's socket while the path is cut. */
  #heldBack: (() => void)[] | null = null;
  #clockAheadMs = 0;
  #wanted: ReadonlySet<VolunteerId> = new Set();
  #viaCoordinator: ReadonlySet<VolunteerId> = new Set();
  readonly isApart: boolean;
  readonly place: number | null;
  #socket: SimSocket | null = null;
  readonly #device: SimDevice;
  #wakeAtMs = Infinity;
  /** Not null: it was told to leave, and hands over what it learned. Called when it is gone. */
  #left: (() => void) | null = null;
  #traffic = { bytesSentPeers: 0, bytesReceivedPeers: 0, bytesSentState: 0 };

  constructor(options: SimTabOptions) {
    this.id = options.id;
    this.number = options.number;
    this.#options = options;
    this.isApart = options.isApart;
    this.place = options.place;
    this.trainer = options.trainer;
    this.#device = new SimDevice(options.world, options.trainer, (event) => this.#handle(event));
    this.uplinkBytesPerMs = options.uplinkBytesPerMs;
    this.joinedAtMs = options.world.nowMs;
    this.mind = new Volunteer({
      adapter: ADAPTER,
      links: options.isApart ? 'no-peers' : 'direct',
      ...(options.word === null ? {} : { node: options.word }),
      random: options.world.chance('tab', options.id),
      traffic: () => ({
        ...this.#traffic,
        routes: NO_ROUTES,
        bytesSentCoordinator: 0,
        bytesReceivedCoordinator: 0,
        line: this.#line,
      }),
    });
    this.#handle({ kind: 'tick' });
  }

  get alive(): boolean {
    return this.#alive;
  }
  get uncountedSamples(): number {
    return this.#device.uncountedSamples;
  }
  get mute(): boolean {
    return this.#frozen !== null;
  }
  get isHonest(): boolean {
    return this.#options.adversary === null;
  }
  get traffic(): Readonly<Record<'bytesSentPeers' | 'bytesReceivedPeers' | 'bytesSentState', number>> {
    return this.#traffic;
  }

  get #line() {
    const waitingMs = Math.max(0, this.uplinkFreeMs - this.#options.world.nowMs);
    const waitingBytes = waitingMs * this.uplinkBytesPerMs;
    return { leftBytes: this.#traffic.bytesSentPeers - waitingBytes, waitingBytes };
  }

  /** The tab's process is killed: its socket closes at once, its channels say nothing. */
  kill(): void {
    this.vanish();
    const [{ world, coordinator }, socket] = [this.#options, this.#socket];
    if (socket !== null) world.after(SOCKET_MS, () => coordinator.closed(this.id, socket));
  }

  /** Power or network is gone: nobody hears anything, not even that the socket closed. */
  vanish(): void {
    this.#alive = false;
    this.#options.network.changed(this.id, this.#alive);
  }

  get nowMs(): number {
    return this.#options.world.nowMs + this.#clockAheadMs;
  }
  get isLeaving(): boolean {
    return this.#left !== null;
  }

  /** Hands over what it learned, says goodbye and goes; `left` is called then. */
  leave(left: () => void): void {
    this.#left = left;
    const [untilMs, checkpointUntilMs] = [this.nowMs + HAND_OVER_MAX_MS, this.nowMs + CHECKPOINT_MAX_MS];
    this.#handle({ kind: 'wish', wish: 'part', untilMs, checkpointUntilMs });
  }

  freeze(): void {
    this.#frozen ??= [];
    this.#options.network.changed(this.id, this.#alive);
  }

  /** Everything that happened meanwhile happens now. */
  thaw(): void {
    if (this.#frozen === null) return;
    const events = this.#frozen;
    this.#frozen = null;
    this.#options.network.changed(this.id, this.#alive);
    for (const event of events) this.#handle(event);
    this.#handle({ kind: 'tick' });
  }

  /** In the background until then: one wake-up a minute, in which all that waits is handled. */
  throttle(untilMs: number): void {
    const { world } = this.#options;
    if (this.#frozen !== null) return;
    this.freeze();
    const wake = () => {
      this.thaw();
      if (world.nowMs >= untilMs || !this.#alive) return;
      this.freeze();
      world.after(Math.min(WAKE_EVERY_MS, untilMs - world.nowMs), wake);
    };
    world.after(Math.min(WAKE_EVERY_MS, untilMs - world.nowMs), wake);
  }

  jumpClock(aheadMs: number): void {
    this.#clockAheadMs += aheadMs;
    this.#handle({ kind: 'tick' });
  }

  /** The path to the coordinator carries nothing. */
  cutOff(): void {
    this.#heldBack ??= [];
  }
  reconnectPath(): void {
    const held = this.#heldBack ?? [];
    this.#heldBack = null;
    for (const happen of held) this.#options.world.after(SOCKET_MS, happen);
  }

  /** The command under way fails, and the trainer is back after a while. False: it does nothing that could fail. */
  loseDevice(): boolean {
    return this.#alive && this.#device.lose();
  }

  // What the network asks of a tab.
  wants = (peer: VolunteerId): boolean => this.#wanted.has(peer);
  goesVia = (peer: VolunteerId): boolean => this.#viaCoordinator.has(peer);
  measured = (event: VolunteerEvent & { kind: 'links-measured' }): void => this.#handle(event);
  unreachable = (peer: VolunteerId): void => this.#handle({ kind: 'peer-unreachable', peer });
  opened = (peer: VolunteerId): void => this.#handle({ kind: 'peer-open', peer });
  closed = (peer: VolunteerId, reason: PeerGone): void => this.#handle({ kind: 'peer-closed', peer, reason });
  received = (peer: VolunteerId, frame: Frame, bytes: number): void => {
    this.#traffic.bytesReceivedPeers += bytes;
    this.#handle({ kind: 'peer-frame', peer, frame });
  };
  refused = (peer: VolunteerId, rejection: string): void =>
    this.#handle({ kind: 'peer-rejected', peer, rejection });
  sent = (bytes: number, isState: boolean): void => {
    this.#traffic.bytesSentPeers += bytes;
    if (isState) this.#traffic.bytesSentState += bytes;
  };

  #handle(event: VolunteerEvent): void {
    if (!this.#alive) return;
    if (this.#frozen !== null) {
      if (event.kind !== 'tick') this.#frozen.push(event);
      return;
    }
    const { world, watch, adversary } = this.#options;
    if (adversary !== null) event = adversary.incoming(event);
    const effects = this.mind.handle(event, this.nowMs);
    const detail = event.kind === 'peer-frame' ? event.frame.round : effects.length;
    world.trace(this.number, codeOf(event.kind), detail);
    for (const effect of effects) this.#carryOut(effect);
    watch.handled(this, event, effects.length);
    this.#setAlarm();
  }

  #setAlarm(): void {
    const { world } = this.#options;
    const atMs = this.mind.nextDeadlineMs() - this.#clockAheadMs;
    if (atMs === Infinity || atMs >= this.#wakeAtMs) return;
    const wakeAtMs = (this.#wakeAtMs = Math.max(atMs, world.nowMs + 1));
    world.at(wakeAtMs, () => {
      // An earlier alarm has taken this one's place.
      if (this.#wakeAtMs !== wakeAtMs) return;
      this.#wakeAtMs = Infinity;
      this.#handle({ kind: 'tick' });
    });
  }

  #later(delayMs: number, event: () => VolunteerEvent | null): void {
    this.#options.world.after(delayMs, () => {
      if (!this.#alive) return;
      const happened = event();
      if (happened !== null) this.#handle(happened);
    });
  }

  /** As `#later`, over the path to the coordinator: while it is cut, it waits. */
  #overPath(delayMs: number, happen: () => void): void {
    this.#options.world.after(delayMs, () => {
      if (this.#heldBack !== null) this.#heldBack.push(happen);
      else happen();
    });
  }

  #carryOut(effect: Effect): void {
    const { network, coordinator, watch } = this.#options;
    switch (effect.kind) {
      case 'connect-coordinator':
        this.#connect();
        return;
      case 'tell-coordinator': {
        const socket = this.#socket;
        const { message } = effect;
        if (socket === null) return;
        watch.said(this, message);
        this.#overPath(SOCKET_MS, () => {
          if (this.#socket !== socket || !coordinator.alive) return socket.close(); // A dead one's machine does.
          if (message.type === 'hello') coordinator.hello(this.id, message, socket);
          else coordinator.said(this.id, message);
        });
        return;
      }
      case 'train': {
        const { ticket, command } = effect;
        if (command.kind !== 'capture') {
          this.#device.push(ticket, command);
          return;
        }
        // Not in its turn: the replica of this moment, whatever is at work.
        this.#later(this.trainer.durationMs(command), () => this.trainer.execute(ticket, command));
        return;
      }
      case 'interrupt-training':
        this.#device.interrupt();
        return;
      case 'send':
        watch.sent(this, effect);
        this.#send(effect);
        return;
      case 'hold-links': {
        const before = this.#wanted;
        const viaBefore = this.#viaCoordinator;
        this.#wanted = new Set(effect.peers);
        this.#viaCoordinator = new Set(effect.viaCoordinator);
        for (const peer of before)
          if (!this.#wanted.has(peer) || viaBefore.has(peer) !== this.#viaCoordinator.has(peer))
            network.close(this, peer);
        for (const id of effect.peers) {
          const peer = this.#options.peer(id);
          if (peer !== undefined) network.dial(this, peer);
        }
        return;
      }
      case 'drop-link':
        network.close(this, effect.peer);
        return;
      case 'fetch-blob':
        this.#later(HTTP_MS, () => {
          const bytes = this.#heldBack === null ? coordinator.blob(effect.sha256) : null;
          if (bytes === null) return { kind: 'blob-failed', sha256: effect.sha256, detail: 'unreachable' };
          return { kind: 'blob-fetched', sha256: effect.sha256, bytes };
        });
        return;
      case 'store-checkpoint':
        this.#storeCheckpoint(effect.parameters);
        return;
      case 'stop':
        for (const peer of this.#wanted) network.close(this, peer);
        this.#left?.();
        this.#options.world.after(SOCKET_MS, () => {
          if (this.#socket !== null) coordinator.closed(this.id, this.#socket);
          this.#alive = false;
        });
        return;
      default:
        effect satisfies never;
    }
  }

  #send(effect: Extract<Effect, { kind: 'send' }>): void {
    const { network, adversary, world } = this.#options;
    if (adversary === null) {
      network.send(this, effect.peer, effect.frame);
      return;
    }
    for (const said of adversary.outgoing(effect.frame, effect.peer, world.nowMs))
      if (said instanceof Uint8Array) network.sendBytes(this, effect.peer, said);
      else if ('torn' in said) network.sendTorn(this, effect.peer, said.torn);
      else network.send(this, effect.peer, said);
  }

  #storeCheckpoint(parameters: Uint8Array): void {
    const { coordinator, world } = this.#options;
    const sha256 = checkpointName(this.number, world.nowMs);
    const answer = (stored: boolean) =>
      this.#later(HTTP_MS / 2, () =>
        stored ? { kind: 'checkpoint-stored', sha256 } : { kind: 'checkpoint-failed', detail: 'refused' },
      );
    world.after(HTTP_MS / 2, () => {
      if (this.#heldBack !== null) answer(false);
      else coordinator.storeCheckpoint(this.id, sha256, parameters, answer);
    });
  }

  #connect(): void {
    const { coordinator, watch } = this.#options;
    this.#socket = null;
    const close = () => this.#later(0, () => ({ kind: 'coordinator-closed' }));
    this.#later(SOCKET_MS, () => {
      if (!coordinator.alive || this.#heldBack !== null) {
        close();
        return null;
      }
      const socket: SimSocket = {
        deliver: (message: CoordinatorMessage) =>
          this.#overPath(SOCKET_MS, () => {
            if (!this.#alive || this.#socket !== socket) return;
            watch.heard(this, message);
            this.#handle({ kind: 'coordinator-message', message });
          }),
        close: () =>
          this.#overPath(SOCKET_MS, () => {
            if (this.#socket !== socket) return;
            this.#socket = null;
            close();
          }),
      };
      this.#socket = socket;
      return { kind: 'coordinator-open' };
    });
  }
}
