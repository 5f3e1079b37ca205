/**
 * What the screens know of a contribution: signals to read and wishes to make. The page gives them a Contribution; the
 * gallery gives them states that stand still.
 */
import type { ReadonlySignal } from '@preact/signals';
import type { VolunteerSnapshot, VolunteerState } from '@murmuration/swarm';
import type { Learned } from './curve.ts';
import type { ConnectivityFacts } from './doctor/verdict.ts';
import type { Examples } from './examples.ts';
import type { Limits } from './limits.ts';
import type { GpuCheck, Load, StopReason, Wish } from './worker-protocol.ts';

export interface Ended {
  /** `moved`: another tab of this browser took over. */
  readonly reason: StopReason | 'moved';
  readonly detail: string;
  /** What the coordinator signed of this volunteer's part, as JSON; null: it gave none. */
  readonly receipt: string | null;
}

/** What stands on the screen while the person contributes. */
export interface Standing {
  readonly snapshot: VolunteerSnapshot;
  readonly load: Load;
  /** The state to show: a short `syncing` between two rounds counts as `training`, or the page would flicker. */
  readonly state: VolunteerState;
  /** When the next thing is due in the page's clock (performance.now); null: nothing is awaited. */
  readonly nextAtMs: number | null;
}

export type Screen =
  | { readonly at: 'consent' }
  /** Another tab of this browser contributes. */
  | { readonly at: 'elsewhere'; readonly isWaiting: boolean }
  /** The worker has not spoken of a state yet. */
  | { readonly at: 'starting' }
  | ({ readonly at: 'contributing' } & Standing)
  | { readonly at: 'ended'; readonly ended: Ended; readonly last: VolunteerSnapshot | null };

export type Asking = Wish extends infer Each ? (Each extends Wish ? Omit<Each, 'kind'> : never) : never;

export interface Contributor {
  readonly screen: ReadonlySignal<Screen>;
  /** What the worker found on the device; null until it looked. */
  readonly gpuCheck: ReadonlySignal<GpuCheck | null>;
  readonly limits: ReadonlySignal<Limits>;
  readonly learned: ReadonlySignal<Learned>;
  /** Null: there are none, or none yet. */
  readonly examples: ReadonlySignal<Examples | null>;
  /** Servers through which links are made, as the coordinator named them. */
  readonly iceHosts: ReadonlySignal<readonly string[]>;
  /** The click. */
  begin(): void;
  /** The click on "take over here". */
  takeOver(): void;
  wish(asking: Asking): void;
  setLimits(limits: Limits): void;
  /** Back to the consent screen. */
  forget(): void;
  /** Looks now how this browser reaches the others. Joins nothing. */
  checkConnection(): Promise<ConnectivityFacts>;
}
