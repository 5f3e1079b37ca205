/**
 * What the page and its worker say to each other by postMessage: the page holds the picture, the consent and PeerJS;
 * the worker holds the mind, the GPU, the coordinator's socket and the data channels.
 *
 * The page sends `start` first and exactly once, after the click. The worker answers with anything until `stopped`,
 * which is its last word: the page then ends it. Both sides come from one build, so messages are typed and not
 * validated; what a stranger said was parsed before it became one of these.
 */
import type { LinkNews, LinkWish, SignalTicket } from '@murmuration/mesh';
import type { Adapter, Backend, VolunteerId } from '@murmuration/protocol';
import type { LinkMeasure, VolunteerSnapshot } from '@murmuration/swarm';
import type { Prediction } from '@murmuration/trainer';
import type { DayUse } from './data-cap.ts';
import type { Limits } from './limits.ts';
import type { Facts, Verdict } from './pauses.ts';

export type PageEvent =
  | 'hidden'
  | 'visible'
  | 'online'
  | 'offline'
  /** The browser is about to stop this tab without asking; timers stand still until `resume`. */
  | 'freeze'
  | 'resume'
  /** The tab is going away: say goodbye to everybody now, there will be no later. */
  | 'pagehide';

export type PageMessage =
  /**
   * `backend`: WebGPU, or the processor where the page's address asks for it (`?backend=cpu`, `?backend=wasm`).
   * `node`: the machines that this one is a node with (SPEC N1), by a word in the page's address (`?node=room-4`).
   */
  | {
      readonly kind: 'start';
      readonly origin: string;
      readonly backend: Backend;
      readonly node: string | null;
      readonly limits: Limits;
      readonly facts: Facts;
    }
  | { readonly kind: 'limits'; readonly limits: Limits }
  /** What the page learned of the device; `use` is the worker's own after the start. */
  | { readonly kind: 'facts'; readonly facts: Partial<Omit<Facts, 'use'>> }
  /** Bytes that the page moved with its own requests, and that WebRTC moved for all links, since they began. */
  | { readonly kind: 'page-bytes'; readonly sentBytes: number; readonly receivedBytes: number }
  | {
      readonly kind: 'link-bytes';
      readonly sentBytes: number;
      readonly receivedBytes: number;
      /** Median round trip over the links; null: there is none, or the browser does not measure it. */
      readonly rttMs: number | null;
      /** Each of them. */
      readonly links: readonly LinkMeasure[];
    }
  /** What the model makes of these samples (pixels / 255, one after the other). Answer: `predicted`. */
  | { readonly kind: 'predict'; readonly pixels: Float32Array; readonly count: number }
  /** Words of the mesh's page half to its worker half; `link-channel` and `link-pipe` carry their transfer. */
  | LinkNews
  | Wish
  | { readonly kind: 'page-event'; readonly event: PageEvent };

/** A button that was pressed. */
export type Wish =
  /** `untilMs` of the wall clock; null: until the person resumes. */
  | { readonly kind: 'wish'; readonly wish: 'pause'; readonly untilMs: number | null }
  /** Ends the person's own pause, or sets the rule aside that holds the device back now. */
  | { readonly kind: 'wish'; readonly wish: 'resume' }
  /** Leave when what was learned in this round is with the others. */
  | { readonly kind: 'wish'; readonly wish: 'finish' }
  /** Stop training at once, hand over what was learned, and go: seconds. */
  | { readonly kind: 'wish'; readonly wish: 'leave' }
  /** Go without handing anything over. */
  | { readonly kind: 'wish'; readonly wish: 'leave-now' };

/** How the device is used now, beside what the mind says. */
export interface Load {
  readonly verdict: Verdict;
  /** 0..1 of the last half minute; null: too early to tell. */
  readonly measuredShare: number | null;
  readonly use: DayUse;
  /** At which data were moved in the last minutes, up and down together; null: too early to tell. */
  readonly bytesPerHour: number | null;
  /** The person goes: after this round, or as soon as what was learned is handed over; null: they stay. */
  readonly going: 'after-round' | 'handing-over' | null;
  /** Bytes of the blob that is on its way over HTTP; null: none is. */
  readonly download: { readonly doneBytes: number; readonly allBytes: number } | null;
}

/** The six outcomes of the look at the device. The first two go on by themselves; the others stop the volunteer. */
export type GpuVerdict =
  | { readonly outcome: 'ready'; readonly adapter: Adapter }
  | { readonly outcome: 'software'; readonly adapter: Adapter }
  | { readonly outcome: 'no-webgpu' }
  | { readonly outcome: 'no-adapter' }
  | {
      readonly outcome: 'too-small';
      readonly adapter: Adapter;
      /** WebGPU's name of the limit, e.g. `maxStorageBufferBindingSize`. */
      readonly limit: string;
      readonly needs: number;
      readonly has: number;
    }
  | { readonly outcome: 'insecure-context' };

export interface GpuCheck {
  readonly verdict: GpuVerdict;
  /** Facts for a bug report, one a line: limits, features, error texts. The page adds browser and address. */
  readonly diagnostics: readonly string[];
}

export type StopReason =
  /** The person pressed Leave. */
  | 'left'
  /** The run is over and there is no other. */
  | 'finished'
  /** The device cannot or may not take part; a `gpu-check` or a blocked snapshot said why. */
  | 'blocked'
  /** A bug, or a device that was lost too often. */
  | 'failed';

export type WorkerMessage =
  /** At most four a second. `nowMs` is the mind's clock, the same that `snapshot.nextAtMs` counts in. */
  | {
      readonly kind: 'snapshot';
      readonly snapshot: VolunteerSnapshot;
      readonly load: Load;
      readonly nowMs: number;
    }
  /** Null: there is no model here yet. */
  | { readonly kind: 'predicted'; readonly prediction: Prediction | null }
  | { readonly kind: 'gpu-check'; readonly check: GpuCheck }
  /** A line for the diagnostics: a command that the trainer could not carry out. */
  | { readonly kind: 'trainer-trouble'; readonly line: string }
  /** Open PeerJS under this id. Sent again when the coordinator gave a new ticket. */
  | { readonly kind: 'peers'; readonly id: VolunteerId; readonly ticket: SignalTicket }
  /** Words of the mesh's worker half to its page half. */
  | LinkWish
  | {
      readonly kind: 'stopped';
      readonly reason: StopReason;
      readonly detail: string;
      /** What the coordinator signed of this volunteer's part, as JSON; null: it gave none. */
      readonly receipt: string | null;
    };
