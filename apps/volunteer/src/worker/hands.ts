/**
 * The hands of one volunteer in a tab: carry out the mind's effects with the GPU, the coordinator's socket and the
 * mesh, and bring what happens back to the mind, one event at a time. All in the worker, so that a hidden page slows
 * nothing. It decides nothing: the mind does (packages/swarm).
 */
import { ChannelTransport, MESH_TICK_MS, type LinkNews, type MeshRun } from '@murmuration/mesh';
import {
  nodeKeyIn,
  type Adapter,
  type CoordinatorMessage,
  type LinkPolicy,
  type RunManifest,
} from '@murmuration/protocol';
import {
  LineMeter,
  framesOfRun,
  Volunteer,
  type Effect,
  type TrainerCommand,
  type TrainerEvent,
  type VolunteerEvent,
  type VolunteerOptions,
  type VolunteerSnapshot,
} from '@murmuration/swarm';
import type { Trainer } from '@murmuration/trainer';
import type { WorkerMessage } from '../worker-protocol.ts';
import { CoordinatorClient } from './coordinator-client.ts';

/** The page redraws at most this often. */
const SNAPSHOT_INTERVAL_MS = 250;
/** Of a failed command: a compiler's whole output is of no use to anybody. */
const TROUBLE_MAX_CHARACTERS = 500;
/** Between two looks at what waits for the uplink. */
const METER_LOOK_MS = 250;
/** Longest single timer; browsers overflow beyond 2^31 ms. */
const TIMER_MAX_MS = 60_000;

const meshRunOf = (run: RunManifest): MeshRun => ({
  ...framesOfRun(run),
  fansOut: run.training.architecture === 'hybrid',
});

export class Hands {
  readonly #trainer: Trainer;
  readonly #adapter: Adapter;
  readonly #tell: (message: WorkerMessage) => void;
  readonly #show: (snapshot: VolunteerSnapshot) => void;
  readonly #ended: (detail: string) => void;
  readonly #mind: Volunteer;
  readonly #coordinator: CoordinatorClient;
  readonly #mesh: ChannelTransport;
  readonly #meshBeat: ReturnType<typeof setInterval>;
  readonly #meter = new LineMeter();
  readonly #meterBeat: ReturnType<typeof setInterval>;
  #alarm: ReturnType<typeof setTimeout> | undefined;
  #snapshotTimer: ReturnType<typeof setTimeout> | undefined;
  #snapshotAtMs = -Infinity;
  #secret = '';
  #stopped = false;

  constructor(parts: {
    readonly origin: string;
    readonly adapter: Adapter;
    readonly linkPolicy: LinkPolicy;
    readonly node: string | null;
    readonly trainer: Trainer;
    readonly tell: (message: WorkerMessage) => void;
    readonly measured: () => Omit<ReturnType<NonNullable<VolunteerOptions['measured']>>, 'uplinkKbit'>;
    /** How it stands, at most four times a second. */
    readonly show: (snapshot: VolunteerSnapshot) => void;
    /** The last word: everything is closed, the device free. `detail`: `left`, or why this device cannot go on. */
    readonly ended: (detail: string) => void;
  }) {
    this.#trainer = parts.trainer;
    this.#adapter = parts.adapter;
    this.#tell = parts.tell;
    this.#show = parts.show;
    this.#ended = parts.ended;
    const nowMs = () => performance.now();
    this.#mesh = new ChannelTransport({
      emit: (event) => this.handle(event),
      toPage: parts.tell,
      connectRelay: ({ id, token }) => {
        const query = new URLSearchParams({ id, token });
        return new WebSocket(`${parts.origin.replace(/^http/, 'ws')}/ws/relay?${query}`);
      },
      nowMs,
      random: () => Math.random(),
    });
    this.#coordinator = new CoordinatorClient(parts.origin, {
      opened: () => this.handle({ kind: 'coordinator-open' }),
      closed: () => this.handle({ kind: 'coordinator-closed' }),
      heard: (message) => this.#heard(message),
    });
    const node = nodeKeyIn(parts.node);
    this.#mind = new Volunteer({
      adapter: parts.adapter,
      links: parts.linkPolicy,
      ...(node === null ? {} : { node }),
      random: () => Math.random(),
      measured: () => ({ ...parts.measured(), uplinkKbit: this.#meter.uplinkKbit }),
      traffic: () => {
        const { bytesSentPeers, bytesReceivedPeers, bytesSentState, routes, line } = this.#mesh.totals();
        const ofPeers = { bytesSentPeers, bytesReceivedPeers, bytesSentState, routes, line };
        return { ...ofPeers, ...this.#coordinator.totals };
      },
    });
    this.#meshBeat = setInterval(() => this.#mesh.tick(), MESH_TICK_MS);
    this.#meterBeat = setInterval(
      () => this.#meter.look(this.#mesh.totals().line, performance.now()),
      METER_LOOK_MS,
    );
    this.handle({ kind: 'tick' });
  }

  /** The blob that is on its way over HTTP; null: none is. */
  get download(): { readonly doneBytes: number; readonly allBytes: number } | null {
    return this.#coordinator.download;
  }
  /** Bytes that this volunteer moved: frames with peers, words and blobs with the coordinator. */
  get bytes(): { readonly sentBytes: number; readonly receivedBytes: number } {
    const { bytesSentPeers, bytesReceivedPeers } = this.#mesh.totals();
    const { bytesSentCoordinator, bytesReceivedCoordinator } = this.#coordinator.totals;
    return {
      sentBytes: bytesSentPeers + bytesSentCoordinator,
      receivedBytes: bytesReceivedPeers + bytesReceivedCoordinator,
    };
  }

  /** By which the coordinator knows this volunteer over HTTP; null: it has not welcomed us. */
  get bearer(): string | null {
    return this.#secret === '' ? null : `${this.#mind.volunteerId}.${this.#secret}`;
  }

  /** Words of the page's half of the mesh. */
  receive(news: LinkNews): void {
    this.#mesh.receive(news);
  }

  handle(event: VolunteerEvent): void {
    if (this.#stopped) return;
    for (const effect of this.#mind.handle(event, performance.now())) this.#carryOut(effect);
    if (this.#stopped) return;
    this.#setAlarm();
    this.showSoon();
  }

  /** What the mesh and the page must know of a message, before the mind acts on it. */
  #heard(message: CoordinatorMessage): void {
    if (message.type === 'welcome') {
      this.#secret = message.secret;
      const ticket = { token: message.signalToken, iceServers: message.iceServers };
      this.#mesh.welcome({ id: message.volunteerId, token: message.signalToken });
      // Without it the page never loads PeerJS, and no RTCPeerConnection is made.
      if (message.links !== 'no-peers') this.#tell({ kind: 'peers', id: message.volunteerId, ticket });
    }
    if (message.type === 'assignment') {
      const { run } = message;
      this.#mesh.setRun(run === null ? null : meshRunOf(run));
    }
    this.handle({ kind: 'coordinator-message', message });
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'tell-coordinator':
        this.#coordinator.tell(effect.message);
        return;
      case 'connect-coordinator':
        this.#coordinator.connect();
        return;
      case 'train':
        void this.#trainer.execute(effect.ticket, effect.command).then((event) => {
          if (event.kind === 'trainer-failed') this.#explain(event, effect.command.kind);
          this.handle(event);
        });
        return;
      case 'interrupt-training':
        this.#trainer.interrupt();
        return;
      case 'send':
        this.#mesh.send(effect.peer, effect.frame);
        return;
      case 'hold-links':
        this.#mesh.hold(effect.peers, effect.viaCoordinator);
        return;
      case 'drop-link':
        this.#mesh.drop(effect.peer, effect.reason);
        return;
      case 'fetch-blob':
        this.#coordinator.fetchBlob(effect.sha256, effect.maxBytes).then(
          (bytes) => this.handle({ kind: 'blob-fetched', sha256: effect.sha256, bytes }),
          (reason: unknown) =>
            this.handle({ kind: 'blob-failed', sha256: effect.sha256, detail: String(reason) }),
        );
        return;
      case 'store-checkpoint': {
        const bearer = `${this.#mind.volunteerId}.${this.#secret}`;
        this.#coordinator.storeCheckpoint(effect.runId, effect.parameters, bearer).then(
          (sha256) => this.handle({ kind: 'checkpoint-stored', sha256 }),
          (reason: unknown) => this.handle({ kind: 'checkpoint-failed', detail: String(reason) }),
        );
        return;
      }
      case 'stop':
        this.#stop(effect.reason);
        return;
      default:
        effect satisfies never;
    }
  }

  #setAlarm(): void {
    clearTimeout(this.#alarm);
    const waitMs = this.#mind.nextDeadlineMs() - performance.now();
    if (waitMs === Infinity) return;
    // Rounded up: a timer that fires early would find nothing due and be set again.
    const delayMs = Math.min(TIMER_MAX_MS, Math.max(1, Math.ceil(waitMs)));
    this.#alarm = setTimeout(() => this.handle({ kind: 'tick' }), delayMs);
  }

  /** For the diagnostics. A model that does not fit is the device's fifth outcome, found out only when there is a run. */
  #explain(
    { failure, detail, size }: Extract<TrainerEvent, { kind: 'trainer-failed' }>,
    command: TrainerCommand['kind'],
  ): void {
    if (failure !== 'too-small' || size === undefined) {
      const line = `${command}: ${failure}: ${detail}`.slice(0, TROUBLE_MAX_CHARACTERS);
      return this.#tell({ kind: 'trainer-trouble', line });
    }
    const verdict = {
      outcome: 'too-small',
      adapter: this.#adapter,
      limit: 'maxStorageBufferBindingSize',
      needs: size.needsBytes,
      has: size.hasBytes,
    } as const;
    this.#tell({ kind: 'gpu-check', check: { verdict, diagnostics: [detail] } });
  }

  /** Shows how it stands before long, also when nothing happens in the mind. */
  showSoon(): void {
    if (this.#snapshotTimer !== undefined || this.#stopped) return;
    const waitMs = Math.max(0, this.#snapshotAtMs + SNAPSHOT_INTERVAL_MS - performance.now());
    this.#snapshotTimer = setTimeout(() => {
      this.#snapshotTimer = undefined;
      this.#showNow();
    }, waitMs);
  }

  #showNow(): void {
    this.#snapshotAtMs = performance.now();
    this.#show(this.#mind.snapshot());
  }

  #stop(detail: string): void {
    this.#stopped = true;
    clearTimeout(this.#alarm);
    clearTimeout(this.#snapshotTimer);
    clearInterval(this.#meshBeat);
    clearInterval(this.#meterBeat);
    this.#showNow();
    // The goodbyes were queued before; closing flushes them.
    this.#mesh.close();
    this.#coordinator.close();
    void this.#trainer.close().then(() => this.#ended(detail));
  }
}
