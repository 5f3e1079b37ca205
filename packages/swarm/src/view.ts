/** What a volunteer's page may show of the mind: plain data, copied to the page at most four times a second. */
import type { Adapter, RunState, TabTotals, TaskKind } from '@murmuration/protocol';

/** State words of a volunteer: the same in page, API, log and metric. */
export type VolunteerState =
  | 'checking'
  | 'ready'
  | 'loading'
  | 'warming-up'
  | 'connecting'
  | 'waiting'
  | 'training'
  | 'syncing'
  | 'paused'
  | 'recovering'
  | 'finished'
  | 'blocked';

/** Why a volunteer rests: the word in brackets after `paused`. All but `user` and `timer` are rules that the person set. */
export type PauseReason = 'user' | 'timer' | 'battery' | 'idle-rule' | 'schedule' | 'data-cap' | 'hidden';

/** The state with its word in brackets (no-work, need-peers 1/2, user, device-lost ...; empty when there is none). */
export interface StateWord {
  readonly state: VolunteerState;
  readonly detail: string;
  /** When the next thing is due at the latest, in the mind's clock; null: nothing is awaited. */
  readonly nextAtMs: number | null;
}

export interface PeerView {
  readonly id: string;
  readonly open: boolean;
  readonly hasReplica: boolean;
  readonly round: number | null;
}

export interface VolunteerSnapshot extends StateWord {
  readonly volunteerId: string | null;
  readonly adapter: Adapter | null;
  readonly totals: TabTotals;
  readonly confirmedSamples: number;
  readonly stepsPerSecond: number;
  readonly loss: number | null;
  readonly round: number | null;
  /** Pieces of the model that came from peers so far, while a replica is fetched; null: none is. */
  readonly fetched: { readonly here: number; readonly all: number } | null;
  readonly coordinatorConnected: boolean;
  readonly peers: readonly PeerView[];
  readonly run: {
    readonly id: string;
    readonly name: string;
    readonly state: RunState;
    readonly reason: string;
    readonly parameterCount: number;
    readonly datasetName: string;
    readonly task: TaskKind;
    readonly volunteers: number;
    readonly round: number;
    readonly roundsMax: number;
    readonly loss: number | null;
    readonly accuracy: number | null;
    readonly targetAccuracy: number | null;
  } | null;
}

/** Totals of this tab over all its runs, and its latest loss; null: it was not finite, or nothing was trained. */
export interface Tally {
  localSteps: number;
  samples: number;
  rounds: number;
  trainMs: number;
  loss: number | null;
}
