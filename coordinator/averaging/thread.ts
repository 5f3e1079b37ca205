/**
 * The thread of one central run's averaging server: the hands of its mind (swarm, averaging-server.ts), as a tab's worker
 * is for a tab's. Links are those of every tab, over the mesh's own channels through the coordinator; only that the socket
 * of envelopes is a port to the coordinator's main thread. Averaging blocks nobody but this run.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ChannelTransport, MESH_TICK_MS, type EnvelopeSocket } from '@murmuration/mesh';
import {
  Averager,
  AveragingServer,
  framesOfRun,
  type ServerEffect,
  type ServerEvent,
} from '@murmuration/swarm';
import type { FromThread, ThreadData, ToThread } from '@murmuration/coordinator/averaging-words';

/** Longest single timer. */
const TIMER_MAX_MS = 60_000;

const port = parentPort!;
const { manifest } = workerData as ThreadData;
const mind = new AveragingServer(manifest);
const averager = new Averager(manifest);
const tell = (word: FromThread) => port.postMessage(word);
const nowMs = () => performance.now();
let alarm: NodeJS.Timeout | undefined;

/** The far end of the coordinator's relay. */
class Line implements EnvelopeSocket {
  binaryType: BinaryType = 'arraybuffer';
  onopen: EnvelopeSocket['onopen'] = null;
  onmessage: EnvelopeSocket['onmessage'] = null;
  onclose: EnvelopeSocket['onclose'] = null;

  constructor() {
    tell({ kind: 'line-open' });
    queueMicrotask(() => this.onopen?.(new Event('open')));
  }
  send(bytes: Uint8Array<ArrayBuffer>): void {
    tell({ kind: 'envelope', bytes });
  }
  take(bytes: Uint8Array<ArrayBuffer>): void {
    const { buffer, byteOffset, byteLength } = bytes;
    const data = buffer.slice(byteOffset, byteOffset + byteLength);
    this.onmessage?.(new MessageEvent('message', { data }));
  }
  lost(): void {
    this.onclose?.(new Event('close') as CloseEvent);
  }
  close(): void {
    tell({ kind: 'line-close' });
  }
}
let line: Line | null = null;

const mesh = new ChannelTransport({
  emit: (event) => {
    if (event.kind !== 'peer-unreachable') handle(event);
  },
  // There is no page: all links go through the coordinator.
  toPage: () => {},
  connectRelay: () => (line = new Line()),
  nowMs,
  random: () => Math.random(),
});
mesh.welcome({ id: mind.id, token: '' });
mesh.setRun(framesOfRun(manifest));
setInterval(() => mesh.tick(), MESH_TICK_MS);

function handle(event: ServerEvent): void {
  for (const effect of mind.handle(event, nowMs())) carryOut(effect);
  clearTimeout(alarm);
  const dueMs = mind.nextDeadlineMs();
  if (dueMs === Infinity) return;
  const inMs = Math.min(TIMER_MAX_MS, Math.max(0, Math.ceil(dueMs - nowMs())));
  alarm = setTimeout(() => handle({ kind: 'tick' }), inMs);
}

function carryOut(effect: ServerEffect): void {
  switch (effect.kind) {
    case 'send':
      return mesh.send(effect.peer, effect.frame);
    case 'hold-links':
      return mesh.hold(effect.peers, effect.viaCoordinator);
    case 'drop-link':
      return mesh.drop(effect.peer, effect.reason);
    case 'fetch-blob':
      return tell({ kind: 'fetch-blob', sha256: effect.sha256 });
    case 'average': {
      // In a turn of its own, so that what was said before leaves first.
      const { ticket, command } = effect;
      return void setImmediate(() => handle(averager.execute(ticket, command)));
    }
    case 'stand':
      return tell({ kind: 'stand', head: effect.head });
    case 'stranded':
      return tell({ kind: 'stranded' });
    case 'decided':
      return tell({ kind: 'decided', decisions: effect.decisions });
    default:
      effect satisfies never;
  }
}

port.on('message', (word: ToThread) => {
  switch (word.kind) {
    case 'coordinator-message':
      return handle(word);
    case 'envelope':
      return line?.take(word.bytes);
    case 'line-lost':
      return line?.lost();
    case 'blob': {
      const { sha256, bytes } = word;
      return handle(
        bytes === null
          ? { kind: 'blob-failed', sha256, detail: 'the coordinator could not read it' }
          : { kind: 'blob-fetched', sha256, bytes },
      );
    }
    default:
      word satisfies never;
  }
});
tell({ kind: 'ready' });
