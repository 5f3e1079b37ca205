/**
 * One imaginary tab: the production mind with imaginary hands. It carries out effects, lets commands take time, and
 * wakes the mind at its own deadlines. It can be killed (the operating system closes its socket), vanish (nobody is
 * told) or freeze and thaw.
 */
import type { CoordinatorMessage, Frame, VolunteerId } from '@murmuration/protocol';
import {
  Volunteer,
  type Effect,
  type PeerGone,
  type TrainerCommand,
  type VolunteerEvent,
} from '@murmuration/swarm';
import type { SimCoordinator, SimSocket } from './sim-coordinator.ts';
import type { NetworkEnd, SimNetwork } from './sim-network.ts';
import type { SimTrainer } from './sim-trainer.ts';
import type { World } from './world.ts';

export interface SimTabOptions {
  readonly id: VolunteerId;
  readonly world: World;
  readonly network: SimNetwork;
  readonly coordinator: SimCoordinator;
  readonly trainer: SimTrainer;
  /** Blob bytes by name, as the coordinator serves them. */
  readonly blob: (sha256: string) => Uint8Array | undefined;
  readonly peer: (id: VolunteerId) => SimTab | undefined;
  /** A frame is changed on its way out by a hostile tab; honest tabs return it as it is. */
  readonly onHandled: (tab: SimTab, event: VolunteerEvent) => void;
}

const HTTP_MS = 30;
const SOCKET_MS = 15;

export class SimTab implements NetworkEnd {
  readonly id: VolunteerId;
  readonly mind: Volunteer;
  readonly trainer: SimTrainer;
  readonly #options: SimTabOptions;
  #alive = true;
  #frozen: VolunteerEvent[] | null = null;
  #wanted: ReadonlySet<VolunteerId> = new Set();
  #socket: SimSocket | null = null;
  readonly #commands: { ticket: number; command: TrainerCommand }[] = [];
  #running: { ticket: number; command: TrainerCommand; startMs: number } | null = null;
  #wakeAtMs = Infinity;
  #traffic = { bytesSentPeers: 0, bytesReceivedPeers: 0, bytesSentState: 0 };

  constructor(options: SimTabOptions) {
    this.id = options.id;
    this.#options = options;
    this.trainer = options.trainer;
    this.mind = new Volunteer({
      adapter: {
        backend: 'cpu',
        vendor: 'simulator',
        architecture: 'toy',
        description: '',
        isFallbackAdapter: true,
      },
      random: options.world.chance('tab', options.id),
      traffic: () => ({ ...this.#traffic, bytesSentCoordinator: 0, bytesReceivedCoordinator: 0 }),
    });
    this.#handle({ kind: 'tick' });
  }

  get alive(): boolean {
    return this.#alive;
  }
  get traffic(): {
    readonly bytesSentPeers: number;
    readonly bytesReceivedPeers: number;
    readonly bytesSentState: number;
  } {
    return this.#traffic;
  }

  /** The tab's process is killed: its socket closes at once, its channels say nothing. */
  kill(): void {
    this.vanish();
    const socket = this.#socket;
    if (socket !== null)
      this.#options.world.after(SOCKET_MS, () => this.#options.coordinator.closed(this.id, socket));
  }

  /** Power or network is gone: nobody hears anything, not even that the socket closed. */
  vanish(): void {
    this.#alive = false;
    this.#options.network.died(this.id);
  }

  leave(): void {
    this.#handle({ kind: 'wish', wish: 'leave' });
  }

  freeze(): void {
    this.#frozen ??= [];
  }

  /** Everything that happened meanwhile happens now. */
  thaw(): void {
    const events = this.#frozen ?? [];
    this.#frozen = null;
    for (const event of events) this.#handle(event);
    this.#handle({ kind: 'tick' });
  }

  // What the network asks of a tab.
  wants = (peer: VolunteerId): boolean => this.#wanted.has(peer);
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
    const { world } = this.#options;
    world.trace(`${world.nowMs.toFixed(3)} ${this.id} ${event.kind}`);
    for (const effect of this.mind.handle(event, world.nowMs)) this.#carryOut(effect);
    this.#options.onHandled(this, event);
    this.#setAlarm();
  }

  #setAlarm(): void {
    const { world } = this.#options;
    const atMs = this.mind.nextDeadlineMs();
    if (atMs >= this.#wakeAtMs && this.#wakeAtMs > world.nowMs) return;
    if (atMs === Infinity) return;
    this.#wakeAtMs = Math.max(atMs, world.nowMs + 1);
    const wakeAtMs = this.#wakeAtMs;
    world.at(wakeAtMs, () => {
      if (this.#wakeAtMs === wakeAtMs) this.#wakeAtMs = Infinity;
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

  #carryOut(effect: Effect): void {
    const { network, coordinator, world } = this.#options;
    switch (effect.kind) {
      case 'connect-coordinator':
        this.#connect();
        return;
      case 'tell-coordinator': {
        const socket = this.#socket;
        const { message } = effect;
        if (socket === null) return;
        world.after(SOCKET_MS, () => {
          if (this.#socket !== socket || !coordinator.alive) return;
          if (message.type === 'hello') coordinator.hello(this.id, message, socket);
          else coordinator.said(this.id, message);
        });
        return;
      }
      case 'train':
        this.#commands.push({ ticket: effect.ticket, command: effect.command });
        if (this.#running === null) this.#runNext();
        return;
      case 'interrupt-training':
        this.#interrupt();
        return;
      case 'send':
        network.send(this, effect.peer, effect.frame);
        return;
      case 'hold-links': {
        const before = this.#wanted;
        this.#wanted = new Set(effect.peers);
        for (const peer of before) if (!this.#wanted.has(peer)) network.close(this, peer);
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
          const bytes = coordinator.alive ? this.#options.blob(effect.sha256) : undefined;
          if (bytes === undefined)
            return { kind: 'blob-failed', sha256: effect.sha256, detail: 'unreachable' };
          return { kind: 'blob-fetched', sha256: effect.sha256, bytes };
        });
        return;
      case 'store-checkpoint':
        this.#later(HTTP_MS, () => {
          const sha256 = checkpointName(this.id, world.nowMs);
          const stored = coordinator.storeCheckpoint(this.id, sha256, effect.parameters);
          return stored
            ? { kind: 'checkpoint-stored', sha256 }
            : { kind: 'checkpoint-failed', detail: 'refused' };
        });
        return;
      case 'stop':
        for (const peer of this.#wanted) network.close(this, peer);
        world.after(SOCKET_MS, () => {
          if (this.#socket !== null) coordinator.closed(this.id, this.#socket);
          this.#alive = false;
        });
        return;
      default:
        effect satisfies never;
    }
  }

  /** Commands run one after another, each for its imaginary time. */
  #runNext(): void {
    const next = this.#commands.shift();
    if (next === undefined) return;
    this.#running = { ...next, startMs: this.#options.world.nowMs };
    this.#finishAfter(this.trainer.durationMs(next.command));
  }

  #finishAfter(delayMs: number): void {
    const running = this.#running!;
    this.#later(delayMs, () => {
      // An interrupted command has been replaced by its shorter self, which has its own appointment.
      if (this.#running !== running) return null;
      this.#running = null;
      const event = this.trainer.execute(running.ticket, running.command);
      this.#runNext();
      return event;
    });
  }

  #interrupt(): void {
    const running = this.#running;
    if (running?.command.kind !== 'train') return;
    const stepMs = this.trainer.durationMs(running.command) / running.command.batches.length;
    const stepCount = Math.max(1, Math.ceil((this.#options.world.nowMs - running.startMs) / stepMs));
    if (stepCount >= running.command.batches.length) return;
    const command = { ...running.command, batches: running.command.batches.slice(0, stepCount) };
    this.#running = { ...running, command };
    this.#finishAfter(running.startMs + stepCount * stepMs - this.#options.world.nowMs);
  }

  #connect(): void {
    const { coordinator } = this.#options;
    this.#socket = null;
    this.#later(SOCKET_MS, () => {
      if (!coordinator.alive) return { kind: 'coordinator-closed' };
      const socket: SimSocket = {
        deliver: (message: CoordinatorMessage) =>
          this.#later(SOCKET_MS, () =>
            this.#socket === socket ? { kind: 'coordinator-message', message } : null,
          ),
        close: () =>
          this.#later(SOCKET_MS, () => {
            if (this.#socket !== socket) return null;
            this.#socket = null;
            return { kind: 'coordinator-closed' };
          }),
      };
      this.#socket = socket;
      return { kind: 'coordinator-open' };
    });
  }
}

/** A name of the right shape for an imaginary blob; nothing is hashed. */
function checkpointName(id: VolunteerId, nowMs: number): string {
  const digits =
    Array.from(id, (c) => c.charCodeAt(0).toString(16)).join('') + Math.round(nowMs * 1_000).toString(16);
  return digits.slice(-64).padStart(64, '0');
}
