/**
 * One person's contribution, from the click to the end: owns the worker, the PeerJS half, the seat (one tab a browser),
 * and what the page shows. Before `begin` it has touched nothing but the terms that this browser remembers.
 *
 * Decides nothing about training: it carries the person's wishes and the page's own events to the worker, and the
 * worker's words to the screen. While the page is hidden nothing is drawn: the latest word waits. Refuses to know tfjs,
 * PeerJS and the coordinator's socket.
 */
import { batch, computed, signal } from '@preact/signals';
import type { VolunteerState } from '@murmuration/swarm';
import type { Prediction } from '@murmuration/trainer';
import type { Asking, Contributor, Ended, Screen } from './contributor.ts';
import { learnedFurther, NOTHING_LEARNED, type Learned } from './curve.ts';
import { watchDevice } from './device-facts.ts';
import type { ConnectivityFacts } from './doctor/verdict.ts';
import { answered, fetchExamples, GUESS_EVERY_MS, pixelsOf, type Examples } from './examples.ts';
import type { Limits } from './limits.ts';
import { LinkTraffic } from './link-traffic.ts';
import { PageTraffic } from './page-traffic.ts';
import { Peers } from './peers.ts';
import { rememberedLimits, rememberedUse, rememberLimits, rememberUse } from './remembered.ts';
import { takeOverSeat, takeSeat, type Seat } from './seat-lock.ts';
import { strings } from './strings/index.ts';
import { withTrouble } from './trouble.ts';
import type { GpuCheck, PageEvent, PageMessage, WorkerMessage } from './worker-protocol.ts';

/**
 * The worker's time for handing over, and for goodbyes and the receipt, or for these alone. Guesses. As long as it says that
 * it hands over, it lives, and ends that by itself (worker/stay.ts).
 */
const GO_MAX_MS = { leave: 7_000, 'leave-now': 3_000 } as const;
/** A round's exchange is shorter than this when all goes well. A guess. */
const SYNCING_SHOWS_AFTER_MS = 1_500;
/** Writing to disk more often is of no use to anybody. */
const REMEMBER_EVERY_MS = 5_000;

const nothingToEnd = () => {};
/** What a worker's words are heard with. */
interface Part {
  readonly peers: Peers;
  readonly seat: Seat;
  /** The end of this part. */
  readonly until: AbortSignal;
}
type SnapshotMessage = Extract<WorkerMessage, { kind: 'snapshot' }>;

export class Contribution implements Contributor {
  readonly #screen = signal<Screen>({ at: 'consent' });
  readonly #gpuCheck = signal<GpuCheck | null>(null);
  readonly #limits = signal<Limits>(rememberedLimits());
  readonly #learned = signal<Learned>(NOTHING_LEARNED);
  readonly #examples = signal<Examples | null>(null);
  readonly #iceHosts = signal<readonly string[]>([]);
  /** State and detail as they are, also while nothing is drawn: for the tab's title and icon. */
  readonly #sign = signal<{ readonly state: VolunteerState; readonly detail: string } | null>(null);
  readonly sign = computed(() => this.#sign.value);

  /** When the mind was last seen in another state than `syncing`. */
  #syncingSinceMs = 0;
  /** The latest word of the worker, while the page is hidden. */
  #undrawn: SnapshotMessage | null = null;
  #rememberedMs = 0;
  #askedGuessMs = 0;
  #prediction: Prediction | null = null;
  /** The run whose examples were asked for. */
  #examplesOf: string | null = null;
  /** Fetched, and drawn with the next snapshot that is. */
  #undrawnExamples: Examples | null = null;
  /** Each `begin` and each end: what an older one still awaits is not carried out. */
  #turn = 0;
  /** Undoes everything that `begin` did. */
  #end: () => void = nothingToEnd;
  /** Ends the tab's part if the worker does not. */
  #leaving: { readonly wish: keyof typeof GO_MAX_MS; readonly timer: ReturnType<typeof setTimeout> } | null =
    null;
  /** Links under other terms: the old ones end. */
  #relink: () => void = nothingToEnd;
  #isMoving = false;
  #tell: (message: PageMessage, transfer?: Transferable[]) => void = nothingToEnd;

  get screen() {
    return this.#screen;
  }
  get gpuCheck() {
    return this.#gpuCheck;
  }
  get limits() {
    return this.#limits;
  }
  get learned() {
    return this.#learned;
  }
  get examples() {
    return this.#examples;
  }
  get iceHosts() {
    return this.#iceHosts;
  }

  /** Takes the seat and starts the worker; everything heavy is loaded from here on. */
  begin(): void {
    this.#end();
    const turn = ++this.#turn;
    this.#screen.value = { at: 'starting' };
    void takeSeat().then((seat) => {
      if (seat !== null) this.#seated(seat, turn);
      else if (turn === this.#turn) this.#screen.value = { at: 'elsewhere', isWaiting: false };
    });
  }

  takeOver(): void {
    const turn = ++this.#turn;
    this.#screen.value = { at: 'elsewhere', isWaiting: true };
    void takeOverSeat().then(
      (seat) => this.#seated(seat, turn),
      (reason: unknown) =>
        turn === this.#turn && this.#stopped({ reason: 'failed', detail: String(reason), receipt: null }),
    );
  }

  #seated(seat: Seat, turn: number): void {
    if (turn !== this.#turn) return seat.release();
    batch(() => {
      this.#screen.value = { at: 'starting' };
      this.#gpuCheck.value = null;
      this.#learned.value = NOTHING_LEARNED;
      this.#examples.value = null;
      this.#sign.value = { state: 'checking', detail: '' };
    });
    this.#examplesOf = null;
    this.#undrawnExamples = null;
    this.#isMoving = false;
    this.#undrawn = null;

    const worker = new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module' });
    const tell = (message: PageMessage, transfer: Transferable[] = []) =>
      worker.postMessage(message, transfer);
    const openPeers = () =>
      new Peers({
        linkPolicy: this.#limitsHere().links,
        tell,
        failed: (detail) => console.error('murmuration: no links with peers', detail),
      });
    let peers = openPeers();
    this.#relink = () => {
      peers.close();
      peers = openPeers();
    };
    const listening = new AbortController();
    const { signal: until } = listening;
    worker.addEventListener(
      'message',
      (event: MessageEvent<WorkerMessage>) => this.#heard(event.data, { peers, seat, until }),
      { signal: until },
    );
    worker.addEventListener(
      'error',
      (event) =>
        this.#stopped({
          reason: 'failed',
          detail: event.message || strings.ended.workerFailed,
          receipt: null,
        }),
      { signal: until },
    );
    listenToThePage((event) => tell({ kind: 'page-event', event }), until);
    document.addEventListener('visibilitychange', () => this.#drawIfSeen(), { signal: until });
    void seat.asked.then(() => turn === this.#turn && this.#moveOver('asked'));
    void seat.robbed.then(() => turn === this.#turn && this.#moveOver('robbed'));
    const traffic = [
      new PageTraffic((bytes) => tell({ kind: 'page-bytes', ...bytes })),
      new LinkTraffic(
        () => peers.connections,
        (moved) => tell({ kind: 'link-bytes', ...moved }),
      ),
    ];

    this.#tell = tell;
    this.#end = () => {
      clearTimeout(this.#leaving?.timer);
      this.#leaving = null;
      this.#turn++;
      listening.abort();
      peers.close();
      for (const each of traffic) each.close();
      worker.terminate();
      seat.release();
      this.#sign.value = null;
      this.#tell = nothingToEnd;
      this.#relink = nothingToEnd;
      this.#end = nothingToEnd;
    };
    void watchDevice((facts) => tell({ kind: 'facts', facts }), until).then((facts) => {
      if (until.aborted) return;
      const address = new URLSearchParams(location.search);
      const asked = address.get('backend');
      const backend = asked === 'cpu' || asked === 'wasm' ? asked : 'webgpu';
      const { origin } = location;
      const use = rememberedUse(Date.now());
      // For machines without WebGPU that take part knowingly, and for the cluster's --allow-backend: nobody gets
      // the processor unasked.
      const node = address.get('node');
      tell({ kind: 'start', origin, backend, node, limits: this.#limitsHere(), facts: { ...facts, use } });
    });
  }

  wish(asking: Asking): void {
    this.#tell({ kind: 'wish', ...asking });
    // Leaving always works, also when the worker hangs in a driver and cannot say goodbye.
    if (asking.wish === 'leave' || asking.wish === 'leave-now') this.#goSoon(asking.wish);
  }

  #goSoon(wish: keyof typeof GO_MAX_MS): void {
    clearTimeout(this.#leaving?.timer);
    const go = () => this.#stopped({ reason: 'left', detail: '', receipt: null });
    this.#leaving = { wish, timer: setTimeout(go, GO_MAX_MS[wish]) };
  }

  setLimits(limits: Limits): void {
    const before = this.#limitsHere();
    this.#limits.value = limits;
    rememberLimits(limits);
    if (this.#limitsHere().links !== before.links) this.#relink();
    this.#tell({ kind: 'limits', limits: this.#limitsHere() });
  }

  /** The person's terms; the page's address may name the links (`?links=relay-only`), for scripts that open tabs. */
  #limitsHere(): Limits {
    const asked = new URLSearchParams(location.search).get('links');
    const wished = asked === 'relay-only' || asked === 'no-peers' ? asked : this.#limits.value.links;
    // Blocked by a policy or an extension: the tab takes part through the coordinator.
    const links = 'RTCPeerConnection' in window ? wished : 'no-peers';
    return { ...this.#limits.value, links };
  }

  forget(): void {
    this.#end();
    this.#turn++;
    this.#screen.value = { at: 'consent' };
  }

  async checkConnection(): Promise<ConnectivityFacts> {
    const { probeConnection } = await import('./doctor/probe.ts');
    return probeConnection();
  }

  #moveOver(why: 'asked' | 'robbed'): void {
    this.#isMoving = true;
    if (why === 'asked') this.wish({ wish: 'leave' });
    else this.#stopped({ reason: 'left', detail: '', receipt: null });
  }

  #heard(message: WorkerMessage, { peers, seat, until }: Part): void {
    switch (message.kind) {
      case 'snapshot':
        this.#undrawn = message;
        this.#sign.value = { state: this.#calm(message.snapshot.state), detail: message.snapshot.detail };
        this.#remember(message);
        if (this.#leaving?.wish === 'leave' && message.load.going === 'handing-over') {
          this.#goSoon('leave');
          seat.moving();
        }
        return this.#drawIfSeen(until);
      case 'predicted': {
        // Drawn with the next snapshot: one redraw instead of two.
        this.#prediction = message.prediction;
        return;
      }
      case 'gpu-check':
        this.#gpuCheck.value = message.check;
        return;
      case 'trainer-trouble':
        this.#gpuCheck.value = withTrouble(this.#gpuCheck.value, message.line);
        return;
      case 'peers':
        this.#iceHosts.value = hostsOf(message.ticket.iceServers.flatMap(({ urls }) => urls));
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

  /** Draws the latest snapshot, unless nobody can see it. */
  #drawIfSeen(until?: AbortSignal): void {
    const message = this.#undrawn;
    if (document.hidden || message === null) return;
    this.#undrawn = null;
    const { snapshot, load, nowMs } = message;
    const nextAtMs = snapshot.nextAtMs === null ? null : performance.now() + snapshot.nextAtMs - nowMs;
    batch(() => {
      this.#screen.value = {
        at: 'contributing',
        snapshot,
        load,
        state: this.#calm(snapshot.state),
        nextAtMs,
      };
      this.#learned.value = learnedFurther(this.#learned.value, snapshot.run);
      const examples = this.#examples.value ?? this.#undrawnExamples;
      if (examples !== null)
        this.#examples.value = this.#prediction === null ? examples : answered(examples, this.#prediction);
    });
    this.#prediction = null;
    if (until !== undefined) this.#mindExamples(snapshot.run?.id ?? null, until);
  }

  /** Fetches the examples of a run once, and asks now and then what the model makes of them. */
  #mindExamples(runId: string | null, until: AbortSignal): void {
    const nowMs = performance.now();
    if (runId !== null && runId !== this.#examplesOf) {
      this.#examplesOf = runId;
      this.#examples.value = null;
      this.#undrawnExamples = null;
      this.#askedGuessMs = 0;
      void fetchExamples(runId, until).then(
        (examples) => {
          if (this.#examplesOf === runId) this.#undrawnExamples = examples;
        },
        (reason: unknown) => {
          if (!until.aborted) console.warn('murmuration: no examples of this run', reason);
        },
      );
    }
    const examples = this.#examples.value;
    if (examples === null || this.#sign.value?.state !== 'training') return;
    if (this.#askedGuessMs !== 0 && nowMs < this.#askedGuessMs + GUESS_EVERY_MS) return;
    this.#askedGuessMs = nowMs;
    const pixels = pixelsOf(examples);
    this.#tell({ kind: 'predict', pixels, count: examples.pictures.length }, [pixels.buffer]);
  }

  #remember({ load }: SnapshotMessage): void {
    const nowMs = performance.now();
    if (nowMs < this.#rememberedMs + REMEMBER_EVERY_MS) return;
    this.#rememberedMs = nowMs;
    rememberUse(load.use);
  }

  #calm(state: VolunteerState): VolunteerState {
    const nowMs = performance.now();
    if (state !== 'syncing') this.#syncingSinceMs = nowMs;
    return state === 'syncing' && nowMs - this.#syncingSinceMs < SYNCING_SHOWS_AFTER_MS ? 'training' : state;
  }

  #stopped({ reason, detail, receipt }: Ended): void {
    const screen = this.#screen.value;
    const undrawn = this.#undrawn;
    const last = undrawn?.snapshot ?? (screen.at === 'contributing' ? screen.snapshot : null);
    if (undrawn !== null) rememberUse(undrawn.load.use);
    else if (screen.at === 'contributing') rememberUse(screen.load.use);
    const isMoved = this.#isMoving && reason === 'left';
    this.#end();
    this.#screen.value = {
      at: 'ended',
      ended: { reason: isMoved ? 'moved' : reason, detail, receipt },
      last,
    };
  }
}

/** `turn:relay.example:3478?transport=udp` -> `relay.example:3478` */
const hostsOf = (urls: readonly string[]): string[] => [
  ...new Set(urls.map((url) => url.replace(/^[a-z]+:/, '').replace(/\?.*$/, ''))),
];

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
