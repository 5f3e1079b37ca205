/**
 * The averaging server of a central run in imaginary time: the production mind and numbers, with imaginary links, and a
 * thread that takes a while for each command. It lives and dies with the coordinator's process, and can die alone.
 */
import type { CoordinatorMessage, Frame, RunManifest, VolunteerId } from '@murmuration/protocol';
import {
  Averager,
  AveragingServer,
  type AveragerCommand,
  type AveragerEvent,
  type PeerGone,
  type ServerEffect,
  type ServerEvent,
} from '@murmuration/swarm';
import type { ReplicaHolder } from './checkers.ts';
import type { SimCoordinator } from './sim-coordinator.ts';
import type { NetworkEnd } from './sim-link.ts';
import type { SimNetwork } from './sim-network.ts';
import { codeOf, type World } from './world.ts';

/** Who watches it from outside. */
export interface ServerWatch {
  readonly handled: (server: SimServer) => void;
  readonly averaging: (
    averager: Averager,
    command: AveragerCommand,
    execute: () => AveragerEvent,
  ) => AveragerEvent;
}

export interface SimServerOptions {
  readonly manifest: RunManifest;
  readonly world: World;
  readonly network: SimNetwork;
  readonly coordinator: SimCoordinator;
  readonly peer: (id: VolunteerId) => NetworkEnd | undefined;
  /** What it may send. */
  readonly bytesPerMs: number;
  readonly watch: ServerWatch;
}

/** Averaging 16 int8 updates of 100,000 values takes 10 ms on a core, and the rest less (bench:codec). */
const COMBINE_MS = 10;
const OTHER_MS = 3;
const HTTP_MS = 1;
/** A thread that ended is started again after this. */
const RESTART_MS = 1_000;
/** In the trace. */
const TRACE_NUMBER = -2;

export class SimServer implements NetworkEnd {
  readonly id: VolunteerId;
  readonly uplinkBytesPerMs: number;
  uplinkFreeMs = 0;
  readonly downlinkBytesPerMs = Infinity;
  downlinkFreeMs = 0;
  readonly isApart = true;
  readonly place = null;
  readonly mute = false;
  readonly isServer = true;

  readonly #options: SimServerOptions;
  #alive = false;
  #life = 0;
  #mind: AveragingServer;
  #averager: Averager;
  #holder: ReplicaHolder;
  #wanted: ReadonlySet<VolunteerId> = new Set();
  #wakeAtMs = Infinity;
  #busyUntilMs = 0;
  /** Bytes of frames with tabs. */
  readonly traffic = { sentBytes: 0, receivedBytes: 0 };
  readonly #counts: Record<string, number> = {};

  constructor(options: SimServerOptions) {
    this.#options = options;
    this.#mind = new AveragingServer(options.manifest);
    this.#averager = new Averager(options.manifest);
    this.id = this.#mind.id;
    this.#holder = this.#newHolder();
    this.uplinkBytesPerMs = options.bytesPerMs;
  }

  get alive(): boolean {
    return this.#alive;
  }
  /** Its replica, for those who look: another life is another holder, and may stand anywhere. */
  get holder(): ReplicaHolder {
    return this.#holder;
  }
  /** What its minds counted, over all its lives. */
  get counts(): Readonly<Record<string, number>> {
    const counts = { ...this.#counts };
    for (const [what, count] of this.#mind.counts) counts[what] = (counts[what] ?? 0) + count;
    return counts;
  }

  #newHolder(): ReplicaHolder {
    const [{ id }, mind] = [this, this.#mind];
    const standing = () => ({ head: mind.head, isMixed: false });
    return {
      id,
      alive: true,
      mute: false,
      isHonest: true,
      get mind() {
        return standing();
      },
      trainer: this.#averager,
    };
  }

  /** The coordinator's process runs (again): a new thread, which knows nothing. */
  start(): void {
    if (this.#alive || !this.#options.coordinator.alive) return;
    for (const [what, count] of this.#mind.counts) this.#counts[what] = (this.#counts[what] ?? 0) + count;
    this.#alive = true;
    this.#life += 1;
    this.#mind = new AveragingServer(this.#options.manifest);
    this.#averager = new Averager(this.#options.manifest);
    this.#holder = this.#newHolder();
    this.#wakeAtMs = Infinity;
    this.#busyUntilMs = 0;
    this.#options.coordinator.server({ kind: 'server-came' });
    this.#handle({ kind: 'tick' });
  }

  /** With the process. */
  die(): void {
    this.#alive = false;
    this.#life += 1;
    this.#wanted = new Set();
    this.#options.network.relayDied();
  }

  /** The thread alone ends; the process starts another. */
  crash(): void {
    if (!this.#alive) return;
    this.die();
    this.#options.coordinator.server({ kind: 'server-gone' });
    this.#options.world.after(RESTART_MS, () => this.start());
  }

  hear(message: CoordinatorMessage): void {
    this.#handle({ kind: 'coordinator-message', message });
  }

  wants = (peer: VolunteerId): boolean => this.#wanted.has(peer);
  goesVia = (): boolean => true;
  unreachable = (): void => {};
  opened = (peer: VolunteerId): void => this.#handle({ kind: 'peer-open', peer });
  closed = (peer: VolunteerId, reason: PeerGone): void => this.#handle({ kind: 'peer-closed', peer, reason });
  received = (peer: VolunteerId, frame: Frame, bytes: number): void => {
    this.traffic.receivedBytes += bytes;
    this.#handle({ kind: 'peer-frame', peer, frame });
  };
  refused = (peer: VolunteerId, rejection: string): void =>
    this.#handle({ kind: 'peer-rejected', peer, rejection });
  sent = (bytes: number): void => {
    this.traffic.sentBytes += bytes;
  };

  #handle(event: ServerEvent): void {
    if (!this.#alive) return;
    const { world, watch } = this.#options;
    const effects = this.#mind.handle(event, world.nowMs);
    world.trace(TRACE_NUMBER, codeOf(event.kind), effects.length);
    for (const effect of effects) this.#carryOut(effect);
    watch.handled(this);
    this.#setAlarm();
  }

  #setAlarm(): void {
    const { world } = this.#options;
    const atMs = this.#mind.nextDeadlineMs();
    if (atMs === Infinity || atMs >= this.#wakeAtMs) return;
    const wakeAtMs = (this.#wakeAtMs = Math.max(atMs, world.nowMs + 1));
    this.#later(wakeAtMs - world.nowMs, () => {
      if (this.#wakeAtMs !== wakeAtMs) return;
      this.#wakeAtMs = Infinity;
      this.#handle({ kind: 'tick' });
    });
  }

  /** Unless the thread has ended meanwhile. */
  #later(delayMs: number, happen: () => void): void {
    const life = this.#life;
    this.#options.world.after(delayMs, () => {
      if (this.#life === life && this.#alive) happen();
    });
  }

  #carryOut(effect: ServerEffect): void {
    const { world, network, coordinator, watch } = this.#options;
    switch (effect.kind) {
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
          const { sha256 } = effect;
          const bytes = coordinator.checkpoint(sha256);
          if (bytes === undefined) this.#handle({ kind: 'blob-failed', sha256, detail: 'it is not there' });
          else this.#handle({ kind: 'blob-fetched', sha256, bytes });
        });
        return;
      case 'average': {
        const { ticket, command } = effect;
        const forMs = command.kind === 'combine' ? COMBINE_MS : OTHER_MS;
        this.#busyUntilMs = Math.max(world.nowMs, this.#busyUntilMs) + forMs;
        this.#later(this.#busyUntilMs - world.nowMs, () => {
          const execute = () => this.#averager.execute(ticket, command);
          this.#handle(watch.averaging(this.#averager, command, execute));
        });
        return;
      }
      case 'stand':
        coordinator.server({ kind: 'server-stands', head: effect.head });
        return;
      case 'stranded':
        coordinator.server({ kind: 'server-stranded' });
        return;
      case 'decided':
        coordinator.server({ kind: 'server-decided', decisions: effect.decisions });
        return;
      default:
        effect satisfies never;
    }
  }
}
