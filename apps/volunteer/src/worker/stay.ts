/**
 * One volunteer's stay in this worker, from the click to the last word: takes the device, lets the hands work, keeps
 * the person's limits (steward.ts), and parks. A pause of minutes keeps the links; where no byte may move any more (the
 * day's data are used up) or nothing will happen for hours (the schedule), the volunteer leaves the swarm and comes back
 * as a new one: that is parking.
 */
import { createTrainer, PREDICTED_MAX, TrainerError, type Trainer } from '@murmuration/trainer';
import { wasmUrl } from '@murmuration/trainer/wasm-file';
import type { Adapter, Backend } from '@murmuration/protocol';
import type { PauseReason, VolunteerSnapshot } from '@murmuration/swarm';
import type { Limits } from '../limits.ts';
import type { Verdict } from '../pauses.ts';
import type { GpuCheck, Load, PageMessage, StopReason, Wish, WorkerMessage } from '../worker-protocol.ts';
import { Patience } from './device-patience.ts';
import { Hands } from './hands.ts';
import { Pacer } from './pacer.ts';
import { receiptOf } from './receipt.ts';
import { added, NOTHING_YET } from './snapshots.ts';
import { Steward } from './steward.ts';

/** Between two looks at the limits; what happens meanwhile is looked at once. */
const LOOK_EVERY_MS = 1_000;
/** A round that takes longer is not waited for by somebody who wants to go. A guess. */
const FINISH_MAX_MS = 20_000;
/** For handing over what was learned: two rounds of a second, and then some. A guess. */
const HAND_OVER_MAX_MS = 4_000;
/** For a checkpoint, where nobody else holds the model as it stands: the validation samples on a slow device. A guess. */
const CHECKPOINT_MAX_MS = 15_000;

type Standing =
  /** Looking at the device. */
  | { readonly at: 'opening' }
  | { readonly at: 'working'; readonly hands: Hands; readonly trainer: Trainer }
  /** The hands say goodbye; `next` what follows. */
  | { readonly at: 'closing'; readonly hands: Hands; readonly next: 'parked' | 'over' }
  | { readonly at: 'parked' }
  | { readonly at: 'over' };

/** How a volunteer goes. */
type Way = 'now' | 'handing-over';
type Start = Extract<PageMessage, { kind: 'start' }>;

export class Stay {
  readonly #start: Start;
  readonly #tell: (message: WorkerMessage) => void;
  readonly #steward: Steward;
  readonly #pacer: Pacer;
  readonly #beat: ReturnType<typeof setInterval>;
  #standing: Standing = { at: 'parked' };
  /** What the mind was told last. */
  #toldPause: { readonly reason: PauseReason; readonly untilMs: number | null } | null = null;
  /** Of earlier parts of this stay. */
  #before: VolunteerSnapshot = NOTHING_YET;
  #last: VolunteerSnapshot = NOTHING_YET;
  #rttMs: number | null = null;
  #receipt: string | null = null;
  #finishing: { readonly rounds: number; readonly untilMs: number } | null = null;

  constructor(start: Start, tell: (message: WorkerMessage) => void) {
    this.#start = start;
    this.#tell = tell;
    this.#steward = new Steward(start.limits, start.facts);
    this.#pacer = new Pacer(start.limits.share);
    this.#beat = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
  }

  take(message: Exclude<PageMessage, Start>): void {
    const { at } = this.#standing;
    if (at === 'over') return;
    switch (message.kind) {
      case 'limits':
        this.#setLimits(message.limits);
        return this.#look();
      case 'facts':
        this.#steward.learn(message.facts);
        return this.#look();
      case 'page-bytes':
        this.#steward.count('page', message, Date.now());
        return;
      case 'link-bytes': {
        this.#rttMs = message.rttMs;
        this.#hands?.handle({ kind: 'links-measured', links: message.links });
        // The frames are counted where they are sent; here is what was around them.
        const { bytesSentPeers, bytesReceivedPeers } = this.#last.totals;
        const around = {
          sentBytes: message.sentBytes - bytesSentPeers,
          receivedBytes: message.receivedBytes - bytesReceivedPeers,
        };
        this.#steward.count('around links', around, Date.now());
        return;
      }
      case 'wish':
        return this.#wish(message);
      case 'predict':
        void this.#predict(message.pixels, message.count);
        return;
      case 'page-event':
        // There is no later in which anything could be handed over.
        if (message.event === 'pagehide') this.#leave('now');
        else if (at === 'working') this.#hands?.handle({ kind: 'tick' });
        return;
      case 'link-channel':
      case 'link-pipe':
      case 'link-route':
      case 'link-unreachable':
      case 'link-suspect':
      case 'link-gone':
        this.#hands?.receive(message);
        return;
      default:
        message satisfies never;
    }
  }

  /** Other links are another volunteer: this one says goodbye and comes back. */
  #setLimits(limits: Limits): void {
    const isSameLinks = limits.links === this.#steward.links;
    this.#steward.setLimits(limits);
    if (!isSameLinks && this.#standing.at === 'working')
      this.#close(this.#standing.hands, 'parked', 'handing-over');
  }

  get #hands(): Hands | null {
    return this.#standing.at === 'working' ? this.#standing.hands : null;
  }

  #wish(wish: Wish): void {
    const nowMs = Date.now();
    switch (wish.wish) {
      case 'pause':
        this.#steward.pause(wish.untilMs);
        return this.#look();
      case 'resume':
        this.#finishing = null;
        this.#steward.resume(nowMs);
        return this.#look();
      case 'finish':
        this.#finishing = { rounds: this.#last.totals.rounds, untilMs: nowMs + FINISH_MAX_MS };
        return this.#leaveIfDone();
      case 'leave':
        return this.#leave('handing-over');
      case 'leave-now':
        return this.#leave('now');
      default:
        wish satisfies never;
    }
  }

  #leave(way: Way): void {
    const standing = this.#standing;
    if (standing.at === 'working') this.#close(standing.hands, 'over', way);
    else if (standing.at !== 'closing') this.#stopped('left', '');
    else {
      this.#standing = { ...standing, next: 'over' };
      if (way === 'now') standing.hands.handle({ kind: 'wish', wish: 'leave' });
    }
  }

  #leaveIfDone(): void {
    if (this.#finishing === null) return;
    const { state, totals } = this.#last;
    const isAtWork = state === 'training' || state === 'syncing';
    if (!isAtWork || totals.rounds > this.#finishing.rounds || Date.now() >= this.#finishing.untilMs)
      this.#leave('handing-over');
  }

  #close(hands: Hands, next: 'parked' | 'over', way: Way): void {
    this.#standing = { at: 'closing', hands, next };
    // What is held could never end.
    this.#pacer.release();
    if (way === 'now') return hands.handle({ kind: 'wish', wish: 'leave' });
    const nowMs = performance.now();
    hands.handle({
      kind: 'wish',
      wish: 'part',
      untilMs: nowMs + HAND_OVER_MAX_MS,
      checkpointUntilMs: nowMs + CHECKPOINT_MAX_MS,
    });
  }

  /** Counts, decides, and carries out what is different now. */
  #look(): void {
    const nowMs = Date.now();
    const standing = this.#standing;
    if (standing.at === 'over') return;
    if ('hands' in standing) this.#steward.count('hands', standing.hands.bytes, nowMs);
    const verdict = this.#steward.verdict(nowMs);
    if (standing.at === 'working') this.#apply(standing.hands, verdict, nowMs);
    else if (standing.at === 'parked' && verdict.kind === 'train') void this.#open();
    this.#leaveIfDone();
    if (this.#standing.at === 'parked') this.#show(this.#last);
    // Also while it goes: the page ends a worker that is silent.
    else if ('hands' in this.#standing) this.#standing.hands.showSoon();
  }

  #apply(hands: Hands, verdict: Verdict, nowMs: number): void {
    if (verdict.kind === 'train') {
      this.#pacer.setShare(verdict.share);
      this.#pacer.release();
      if (this.#toldPause !== null) hands.handle({ kind: 'wish', wish: 'resume' });
      this.#toldPause = null;
      return;
    }
    // Where no byte may move any more, nothing is handed over either.
    if (parks(verdict))
      return this.#close(hands, 'parked', verdict.reason === 'data-cap' ? 'now' : 'handing-over');
    this.#pacer.hold();
    const { reason, untilMs } = verdict;
    if (this.#toldPause?.reason === reason && this.#toldPause.untilMs === untilMs) return;
    this.#toldPause = { reason, untilMs };
    const untilInMindMs = untilMs === null ? null : performance.now() + untilMs - nowMs;
    hands.handle({ kind: 'wish', wish: 'pause', reason, untilMs: untilInMindMs });
  }

  async #open(): Promise<void> {
    this.#standing = { at: 'opening' };
    const { backend, origin, node } = this.#start;
    const patience = new Patience((nextAtMs) => this.#hands?.handle({ kind: 'device-awaited', nextAtMs }));
    const device = backend === 'wasm' ? { wasmUrl } : backend;
    const trainer = createTrainer({ backend: device, pacing: this.#pacer, patience });
    const adapter = await takeDevice(trainer, backend, {
      tell: this.#tell,
      refused: (reason, detail) => this.#stopped(reason, detail),
    });
    // The person may have left meanwhile, and that word is the last.
    if (adapter === null || this.#standing.at !== 'opening') return;
    this.#toldPause = null;
    this.#steward.restart('hands');
    const hands = new Hands({
      origin,
      adapter,
      linkPolicy: this.#steward.links,
      node,
      trainer,
      tell: this.#tell,
      show: (snapshot) => {
        this.#last = added(this.#before, snapshot);
        this.#show(this.#last);
        this.#leaveIfDone();
      },
      ended: (detail) => this.#handsEnded(detail),
      measured: () => ({ duty: this.#pacer.measuredShare, rttMs: this.#rttMs }),
    });
    this.#standing = { at: 'working', hands, trainer };
    this.#look();
  }

  #handsEnded(detail: string): void {
    const standing = this.#standing;
    if (standing.at === 'over') return;
    if (standing.at === 'closing' && standing.next === 'parked' && detail === 'left') {
      this.#before = this.#last;
      this.#standing = { at: 'parked' };
      return this.#look();
    }
    const { bearer } = (standing as { readonly hands: Hands }).hands;
    const runId = this.#last.run?.id ?? null;
    void receiptOf(this.#start.origin, runId, bearer).then((receipt) => {
      this.#receipt = receipt;
      this.#stopped(detail === 'left' ? 'left' : 'blocked', detail);
    });
  }

  #stopped(reason: StopReason, detail: string): void {
    this.#standing = { at: 'over' };
    clearInterval(this.#beat);
    this.#tell({ kind: 'stopped', reason, detail, receipt: this.#receipt });
  }

  get #going(): Load['going'] {
    if (this.#standing.at === 'closing' && this.#standing.next === 'over') return 'handing-over';
    return this.#finishing === null ? null : 'after-round';
  }

  #show(snapshot: VolunteerSnapshot): void {
    const nowMs = Date.now();
    const verdict = this.#steward.verdict(nowMs);
    const shown =
      this.#standing.at === 'parked' && verdict.kind === 'pause'
        ? {
            ...snapshot,
            state: 'paused' as const,
            detail: verdict.reason,
            nextAtMs: verdict.untilMs === null ? null : performance.now() + verdict.untilMs - nowMs,
            peers: [],
            coordinatorConnected: true,
          }
        : snapshot;
    const load = {
      verdict,
      measuredShare: this.#pacer.measuredShare,
      use: this.#steward.use,
      bytesPerHour: this.#steward.bytesPerHour,
      going: this.#going,
      download: this.#hands?.download ?? null,
    };
    this.#tell({ kind: 'snapshot', snapshot: shown, load, nowMs: performance.now() });
  }

  async #predict(pixels: Float32Array, count: number): Promise<void> {
    const standing = this.#standing;
    const mayPredict = standing.at === 'working' && count <= PREDICTED_MAX && this.#toldPause === null;
    const prediction = mayPredict ? await standing.trainer.predict(pixels, count) : null;
    this.#tell({ kind: 'predicted', prediction });
  }
}

/** Pauses in which nothing of the swarm is kept. */
const parks = (verdict: Verdict): boolean =>
  verdict.kind === 'pause' && (verdict.reason === 'data-cap' || verdict.reason === 'schedule');

interface DeviceNews {
  readonly tell: (message: WorkerMessage) => void;
  readonly refused: (reason: StopReason, detail: string) => void;
}

/** The device, or null after its refusal was told. */
async function takeDevice(
  trainer: Trainer,
  backend: Backend,
  { tell, refused }: DeviceNews,
): Promise<Adapter | null> {
  const diagnostics = [`secure context: ${self.isSecureContext}`, `navigator.gpu: ${'gpu' in navigator}`];
  const refuse = (verdict: GpuCheck['verdict'], detail: string) => {
    tell({ kind: 'gpu-check', check: { verdict, diagnostics: [...diagnostics, detail] } });
    refused('blocked', detail);
    return null;
  };
  const scheme = self.location.protocol.replace(':', '');
  if (!self.isSecureContext) return refuse({ outcome: 'insecure-context' }, `the page came over ${scheme}`);
  if (backend === 'webgpu' && !('gpu' in navigator))
    return refuse({ outcome: 'no-webgpu' }, 'navigator.gpu is missing');
  try {
    const adapter = await trainer.open();
    diagnostics.push(`adapter: ${adapter.vendor} ${adapter.architecture} ${adapter.description}`);
    const outcome = adapter.isFallbackAdapter ? 'software' : 'ready';
    tell({ kind: 'gpu-check', check: { verdict: { outcome, adapter }, diagnostics } });
    return adapter;
  } catch (reason) {
    const detail = reason instanceof Error ? reason.message : String(reason);
    if (reason instanceof TrainerError && reason.failure === 'no-adapter')
      return refuse({ outcome: 'no-adapter' }, detail);
    refused('failed', detail);
    return null;
  }
}
