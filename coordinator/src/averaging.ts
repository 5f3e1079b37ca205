/**
 * The averaging servers of central runs: a thread a run (averaging/thread.ts), started with the run and again when it ends by
 * itself, and ended with it. To the ledger a thread's words are events; to the relay it is a member like any tab, but with
 * a rate of its own. Memory is bounded before a run begins: what its server may come to hold must fit beside the others'.
 */
import { Worker } from 'node:worker_threads';
import { EventEmitter } from 'node:events';
import type { WebSocket } from '@fastify/websocket';
import {
  averagingMaxBytes,
  serverOf,
  type CoordinatorMessage,
  type RunId,
  type RunManifest,
  type Sha256,
  type VolunteerId,
} from '@murmuration/protocol';
import type { FromThread, ThreadData, ToThread } from './averaging-words.ts';
import { ApiError } from './api-error.ts';
import type { ServerEvent } from './server-seat.ts';

export interface AveragingLimits {
  /** What all averaging servers together may come to hold; 0: there are none. */
  readonly memoryMaxBytes: number;
}

export interface AveragingPorts {
  /** For the run's ledger. */
  readonly happened: (runId: RunId, event: ServerEvent) => void;
  /** Gives the socket a place on the relay. */
  readonly relay: (socket: WebSocket, id: VolunteerId) => void;
  readonly isRelayOn: () => boolean;
  readonly blob: (sha256: Sha256) => Promise<Uint8Array | null>;
}

/** A thread that ended by itself is started again after this; each time twice as long, up to a minute. */
const RESTART_MS = 1_000;
const RESTART_MAX_MS = 60_000;
/** A thread must be taught TypeScript before it can read its module; `--import` teaches only the main thread. */
const LOADER = import.meta.resolve('tsx/esm/api');
const MODULE = new URL('../averaging/thread.ts', import.meta.url).href;
const BOOT = `import(${JSON.stringify(LOADER)}).then(({ register }) => { register(); return import(${JSON.stringify(MODULE)}); });`;
const MEBIBYTE = 1024 * 1024;

interface Held {
  readonly manifest: RunManifest;
  readonly bytes: number;
  thread: Worker | null;
  place: ThreadSocket | null;
  restartTimer: NodeJS.Timeout | null;
  failures: number;
}

export class Averaging {
  readonly #limits: AveragingLimits;
  readonly #ports: AveragingPorts;
  readonly #runs = new Map<RunId, Held>();
  #isStopped = false;

  constructor(limits: AveragingLimits, ports: AveragingPorts) {
    this.#limits = limits;
    this.#ports = ports;
  }

  /** What another server may come to hold. */
  get roomBytes(): number {
    return this.#limits.memoryMaxBytes - [...this.#runs.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** @throws ApiError: the relay that this run needs is off, or its averaging server would not fit */
  admit(manifest: RunManifest): void {
    const refuse = (message: string): never => {
      throw new ApiError(400, 'bad-field', message, 'training.architecture');
    };
    const { architecture = 'decentralised' } = manifest.training;
    if (architecture !== 'decentralised' && !this.#ports.isRelayOn())
      refuse(
        `a ${architecture} run needs the relay, which is off here; see --relay-volunteer-mbit, or architecture: decentralised`,
      );
    if (serverOf(manifest) === null) return;
    const needs = averagingMaxBytes(manifest);
    const room = this.roomBytes;
    const mebibytes = (bytes: number) => `${Math.ceil(bytes / MEBIBYTE)} MiB`;
    if (needs > room)
      refuse(
        `averaging this model may take ${mebibytes(needs)}, and ${mebibytes(Math.max(0, room))} of ` +
          `--averaging-mib are free; a smaller model or codec, or architecture: decentralised`,
      );
  }

  /** The run goes on, or begins. Nothing to do for one that is not central. */
  begin(manifest: RunManifest): void {
    if (serverOf(manifest) === null || this.#isStopped || this.#runs.has(manifest.id)) return;
    const bytes = averagingMaxBytes(manifest);
    const held = { manifest, bytes, thread: null, place: null, restartTimer: null, failures: 0 };
    this.#runs.set(manifest.id, held);
    this.#start(held);
  }

  end(runId: RunId): void {
    const held = this.#runs.get(runId);
    if (held === undefined) return;
    this.#runs.delete(runId);
    if (held.restartTimer !== null) clearTimeout(held.restartTimer);
    held.place?.end();
    void held.thread?.terminate();
  }

  /** The way to a server; undefined: this is none. */
  linkOf(id: VolunteerId): { send(message: CoordinatorMessage): void } | undefined {
    for (const held of this.#runs.values())
      if (serverOf(held.manifest) === id)
        return { send: (message) => this.#post(held.thread, { kind: 'coordinator-message', message }) };
    return undefined;
  }

  stop(): void {
    this.#isStopped = true;
    for (const runId of [...this.#runs.keys()]) this.end(runId);
  }

  #start(held: Held): void {
    const { manifest } = held;
    const thread = new Worker(BOOT, { eval: true, workerData: { manifest } satisfies ThreadData });
    held.thread = thread;
    thread.on('message', (word: FromThread) => {
      if (held.thread === thread) this.#hear(held, thread, word);
    });
    thread.on('error', (error) => console.error(`the averaging thread of ${manifest.id} failed:`, error));
    thread.on('exit', () => this.#ended(held, thread));
  }

  #ended(held: Held, thread: Worker): void {
    const { id } = held.manifest;
    if (held.thread !== thread || this.#runs.get(id) !== held) return;
    held.thread = null;
    held.place?.end();
    held.place = null;
    this.#ports.happened(id, { kind: 'server-gone' });
    const delayMs = Math.min(RESTART_MAX_MS, RESTART_MS * 2 ** held.failures);
    held.failures += 1;
    held.restartTimer = setTimeout(() => this.#start(held), delayMs);
  }

  #hear(held: Held, thread: Worker, word: FromThread): void {
    const { id } = held.manifest;
    switch (word.kind) {
      case 'ready':
        return this.#ports.happened(id, { kind: 'server-came' });
      case 'stand':
        if (word.head !== null) held.failures = 0;
        return this.#ports.happened(id, { kind: 'server-stands', head: word.head });
      case 'stranded':
        return this.#ports.happened(id, { kind: 'server-stranded' });
      case 'decided':
        return this.#ports.happened(id, { kind: 'server-decided', decisions: word.decisions });
      case 'envelope':
        return held.place?.received(word.bytes);
      case 'line-open': {
        held.place?.end();
        const place = new ThreadSocket((to) => this.#post(thread, to));
        held.place = place;
        return this.#ports.relay(place as unknown as WebSocket, serverOf(held.manifest)!);
      }
      case 'line-close':
        held.place?.end();
        held.place = null;
        return;
      case 'fetch-blob': {
        const { sha256 } = word;
        const answer = (bytes: Uint8Array | null) => this.#post(thread, { kind: 'blob', sha256, bytes });
        void this.#ports.blob(sha256).then(answer, () => answer(null));
        return;
      }
      default:
        word satisfies never;
    }
  }

  #post(thread: Worker | null, word: ToThread): void {
    thread?.postMessage(word);
  }
}

/**
 * A thread's place on the relay, with the part of a WebSocket that the relay uses. What waits in either direction is bounded
 * by the channels' windows: who sends more than its receiver has taken loses the channel (SPEC T3).
 */
class ThreadSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly bufferedAmount = 0;
  readyState = 1;
  isPaused = false;
  readonly #post: (word: ToThread) => void;
  /** Came while the relay did not read. */
  readonly #held: Uint8Array[] = [];

  constructor(post: (word: ToThread) => void) {
    super();
    this.#post = post;
  }

  /** An envelope of the thread's. */
  received(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#deliver();
  }

  send(raw: Uint8Array<ArrayBuffer>, sent?: () => void): void {
    // A copy of its own: what is cloned of a view is all of its buffer.
    this.#post({ kind: 'envelope', bytes: Uint8Array.from(raw) });
    if (sent !== undefined) setImmediate(sent);
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
    // The relay is in the middle of settling its accounts.
    setImmediate(() => this.#deliver());
  }
  ping(): void {
    this.emit('pong');
  }
  /** The relay ends it: the thread asks for another. */
  close(): void {
    if (this.readyState === 1) this.#post({ kind: 'line-lost' });
    this.end();
  }
  terminate(): void {
    this.close();
  }

  /** The thread ends it. */
  end(): void {
    if (this.readyState !== 1) return;
    this.readyState = 3;
    this.emit('close');
  }

  #deliver(): void {
    while (!this.isPaused && this.readyState === 1) {
      const next = this.#held.shift();
      if (next === undefined) return;
      this.emit('message', Buffer.from(next.buffer, next.byteOffset, next.byteLength), true);
    }
  }
}
