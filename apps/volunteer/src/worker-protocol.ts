/**
 * What the page and its worker say to each other by postMessage: the page holds the picture, the consent and PeerJS;
 * the worker holds the mind, the GPU, the coordinator's socket and the data channels.
 *
 * The page sends `start` first and exactly once, after the click. The worker answers with anything until `stopped`,
 * which is its last word: the page then ends it. Both sides come from one build, so messages are typed and not
 * validated; what a stranger said was parsed before it became one of these.
 */
import type { LinkNews, LinkWish, SignalTicket } from '@murmuration/mesh';
import type { Adapter, LinkPolicy, VolunteerId } from '@murmuration/protocol';
import type { VolunteerSnapshot } from '@murmuration/swarm';

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
  | {
      readonly kind: 'start';
      readonly origin: string;
      /** WebGPU, or the processor where the page's address asks for it (`?backend=cpu`). */
      readonly backend: 'webgpu' | 'cpu';
      /** Whom the person lets see their address. */
      readonly linkPolicy: LinkPolicy;
    }
  /** Words of the mesh's page half to its worker half; `link-channel` and `link-pipe` carry their transfer. */
  | LinkNews
  | { readonly kind: 'wish'; readonly wish: 'pause' | 'resume' | 'leave' }
  | { readonly kind: 'page-event'; readonly event: PageEvent };

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
  | { readonly kind: 'snapshot'; readonly snapshot: VolunteerSnapshot; readonly nowMs: number }
  | { readonly kind: 'gpu-check'; readonly check: GpuCheck }
  /** Open PeerJS under this id. Sent again when the coordinator gave a new ticket. */
  | { readonly kind: 'peers'; readonly id: VolunteerId; readonly ticket: SignalTicket }
  /** Words of the mesh's worker half to its page half. */
  | LinkWish
  | { readonly kind: 'stopped'; readonly reason: StopReason; readonly detail: string };
