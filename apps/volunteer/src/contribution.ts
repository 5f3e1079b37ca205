/**
 * One person's contribution, from the click to the end: owns the worker, the PeerJS half, the Web Lock, and what the
 * page shows (`screen`). Before `begin` it has touched nothing.
 *
 * Decides nothing about training: it carries the person's wishes and the page's own events to the worker, and the
 * worker's words to the screen. Refuses to know tfjs, PeerJS and the coordinator's socket.
 */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { LinkPolicy } from '@murmuration/protocol';
import type { VolunteerSnapshot, VolunteerState } from '@murmuration/swarm';
import { Peers } from './peers.ts';
import { strings } from './strings.ts';
import type { GpuCheck, PageEvent, PageMessage, StopReason, WorkerMessage } from './worker-protocol.ts';

export interface Ended {
  readonly reason: StopReason;
  readonly detail: string;
}

export type Screen =
  | { readonly at: 'consent' }
  /** The worker has not spoken of a state yet. */
  | { readonly at: 'starting' }
  | {
      readonly at: 'contributing';
      readonly snapshot: VolunteerSnapshot;
      /** The state to show: a short `syncing` between two rounds counts as `training`, or the page would flicker. */
      readonly state: VolunteerState;
      /** When the next thing is due in the page's clock (performance.now); null: nothing is awaited. */
      readonly nextAtMs: number | null;
    }
  | { readonly at: 'ended'; readonly ended: Ended; readonly last: VolunteerSnapshot | null };

/** Held together by all contributing tabs of this browser: it keeps the browser from freezing them. */
const LOCK_NAME = 'murmuration-contributing';

/** Time for goodbyes. A guess. */
const LEAVE_MAX_MS = 3_000;
/** A round's exchange is shorter than this when all goes well. A guess. */
const SYNCING_SHOWS_AFTER_MS = 1_500;

const nothingToEnd = () => {};

export class Contribution {
  readonly #screen = signal<Screen>({ at: 'consent' });
  readonly #gpuCheck = signal<GpuCheck | null>(null);
  /** When the mind was last seen in another state than `syncing`. */
  #syncingSinceMs = 0;
  /** Undoes everything that `begin` did. */
  #end: () => void = nothingToEnd;
  /** Ends the tab's part if the worker does not. */
  #leaving: ReturnType<typeof setTimeout> | undefined;
  #tell: (message: PageMessage, transfer?: Transferable[]) => void = nothingToEnd;

  get screen(): ReadonlySignal<Screen> {
    return this.#screen;
  }
  /** What the worker found on the device; null until it looked. */
  get gpuCheck(): ReadonlySignal<GpuCheck | null> {
    return this.#gpuCheck;
  }

  /**
   * The click. Starts the worker; everything heavy is loaded from here on.
   * @param wishes.linkPolicy whom the person lets see their address; else what the page's address says (`?links=relay-only`).
   */
  begin(wishes: { readonly linkPolicy?: LinkPolicy } = {}): void {
    this.#end();
    this.#gpuCheck.value = null;
    this.#screen.value = { at: 'starting' };

    const worker = new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module' });
    const tell = (message: PageMessage, transfer: Transferable[] = []) =>
      worker.postMessage(message, transfer);
    const asked = new URLSearchParams(location.search);
    const askedLinks = asked.get('links');
    const linkPolicy =
      wishes.linkPolicy ?? (askedLinks === 'relay-only' || askedLinks === 'no-peers' ? askedLinks : 'direct');
    const peers = new Peers({
      linkPolicy,
      tell,
      failed: (detail) => console.error('murmuration: no links with peers', detail),
    });
    const listening = new AbortController();
    const { signal: until } = listening;
    worker.addEventListener(
      'message',
      (event: MessageEvent<WorkerMessage>) => this.#heard(event.data, peers),
      {
        signal: until,
      },
    );
    worker.addEventListener(
      'error',
      (event) => this.#stopped({ reason: 'failed', detail: event.message || strings.ended.workerFailed }),
      { signal: until },
    );
    listenToThePage((event) => tell({ kind: 'page-event', event }), until);
    holdLock(until);

    this.#tell = tell;
    this.#end = () => {
      clearTimeout(this.#leaving);
      this.#leaving = undefined;
      listening.abort();
      peers.close();
      worker.terminate();
      this.#tell = nothingToEnd;
      this.#end = nothingToEnd;
    };
    // For machines without WebGPU that take part knowingly, and for the cluster's --allow-backend: nobody gets it unasked.
    const backend = asked.get('backend') === 'cpu' ? 'cpu' : 'webgpu';
    tell({ kind: 'start', origin: location.origin, backend, linkPolicy });
  }

  wish(wish: 'pause' | 'resume' | 'leave'): void {
    this.#tell({ kind: 'wish', wish });
    // Leaving always works, also when the worker hangs in a driver and cannot say goodbye.
    if (wish === 'leave')
      this.#leaving ??= setTimeout(() => this.#stopped({ reason: 'left', detail: '' }), LEAVE_MAX_MS);
  }

  /** Back to the consent screen after the end. */
  forget(): void {
    this.#end();
    this.#screen.value = { at: 'consent' };
  }

  #heard(message: WorkerMessage, peers: Peers): void {
    switch (message.kind) {
      case 'snapshot': {
        const { snapshot, nowMs } = message;
        const nextAtMs = snapshot.nextAtMs === null ? null : performance.now() + snapshot.nextAtMs - nowMs;
        this.#screen.value = { at: 'contributing', snapshot, state: this.#calm(snapshot.state), nextAtMs };
        return;
      }
      case 'gpu-check':
        this.#gpuCheck.value = message.check;
        return;
      case 'peers':
        peers.open(message.id, message.ticket);
        return;
      case 'link-hold':
      case 'link-drop':
      case 'link-tick':
        peers.wish(message);
        return;
      case 'stopped':
        this.#stopped(message);
        return;
      default:
        message satisfies never;
    }
  }

  #calm(state: VolunteerState): VolunteerState {
    const nowMs = performance.now();
    if (state !== 'syncing') this.#syncingSinceMs = nowMs;
    return state === 'syncing' && nowMs - this.#syncingSinceMs < SYNCING_SHOWS_AFTER_MS ? 'training' : state;
  }

  #stopped({ reason, detail }: Ended): void {
    const screen = this.#screen.value;
    const last = screen.at === 'contributing' ? screen.snapshot : null;
    this.#end();
    this.#screen.value = { at: 'ended', ended: { reason, detail }, last };
  }
}

function listenToThePage(tell: (event: PageEvent) => void, until: AbortSignal): void {
  const on = (target: EventTarget, name: string, event: () => PageEvent) =>
    target.addEventListener(name, () => tell(event()), { signal: until });
  on(document, 'visibilitychange', () => (document.hidden ? 'hidden' : 'visible'));
  on(document, 'freeze', () => 'freeze');
  on(document, 'resume', () => 'resume');
  on(window, 'online', () => 'online');
  on(window, 'offline', () => 'offline');
  on(window, 'pagehide', () => 'pagehide');
}

/** Absent where the page is not secure; the GPU check says so in words. */
function holdLock(until: AbortSignal): void {
  if (!('locks' in navigator)) return;
  const released = new Promise<void>((release) =>
    until.addEventListener('abort', () => release(), { once: true }),
  );
  navigator.locks
    .request(LOCK_NAME, { mode: 'shared' }, () => released)
    .catch((reason: unknown) => {
      // Without the lock the tab still trains; the browser may only freeze it sooner.
      console.warn('murmuration: the Web Lock was refused', reason);
    });
}
