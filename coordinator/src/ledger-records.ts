/**
 * The ledger's own book: what a run is made of, and the decisions that must survive a crash, one record each. Stored as
 * JSON in the order they were made; a published kind is never changed, only new ones are added.
 */
import type {
  Adapter,
  CheckpointView,
  LinkPolicy,
  RunManifest,
  RunState,
  Sha256,
  Shard,
  TabTotals,
  VolunteerId,
} from '@murmuration/protocol';

import type { Verdict } from './checkpoint-gate.ts';
import type { NodeReason } from './node-book.ts';

/** What a run is made of; fixed at creation. */
export interface RunSetup {
  readonly manifest: RunManifest;
  readonly shards: readonly Shard[];
  /** The seeded initial parameters: one good checkpoint exists from round 0 on (I-6). */
  readonly initialCheckpoint: Sha256;
  readonly createdAtMs: number;
}

export type Exit = 'leaving' | 'socket-closed' | 'silent' | 'run-finished';

/** A decision that must survive a crash. `atMs`: when it was made. */
export type LedgerRecord = { readonly atMs: number } & (
  | { readonly kind: 'restarted' }
  | {
      readonly kind: 'joined';
      readonly volunteerId: VolunteerId;
      readonly adapter: Adapter;
      /** Absent in books from before there was a choice: `direct`. */
      readonly links?: LinkPolicy;
      /** Of a run with tiers: the node of its word, if it said one. */
      readonly node?: VolunteerId;
    }
  /** It is of another node than its word's, or than before. */
  | {
      readonly kind: 'node';
      readonly volunteerId: VolunteerId;
      readonly node: VolunteerId;
      readonly why: NodeReason;
    }
  | {
      readonly kind: 'left';
      readonly volunteerId: VolunteerId;
      readonly exit: Exit;
      readonly totals: TabTotals;
    }
  | { readonly kind: 'totals'; readonly volunteerId: VolunteerId; readonly totals: TabTotals }
  | {
      readonly kind: 'leased';
      readonly volunteerId: VolunteerId;
      readonly shardIndex: number;
      readonly generation: number;
      readonly deadlineMs: number;
    }
  | { readonly kind: 'released'; readonly shardIndex: number; readonly why: 'deadline' | 'left' | 'scarce' }
  | { readonly kind: 'counted'; readonly volunteerId: VolunteerId; readonly shardIndex: number }
  | {
      readonly kind: 'founded';
      readonly volunteerId: VolunteerId;
      readonly term: number;
      readonly checkpoint: CheckpointView;
    }
  | {
      readonly kind: 'evaluation-asked';
      readonly volunteerId: VolunteerId;
      readonly generation: number;
      readonly roundMin: number;
      readonly deadlineMs: number;
    }
  | { readonly kind: 'evaluation-dropped'; readonly why: string; readonly isLate?: boolean }
  | { readonly kind: 'checkpoint-stored'; readonly sha256: Sha256 }
  | {
      readonly kind: 'evaluated';
      readonly volunteerId: VolunteerId;
      readonly checkpoint: CheckpointView;
      /** Of the checkpoint gate; absent in records of a version without one, where the accuracy alone decided. */
      readonly verdict?: Verdict;
    }
  | { readonly kind: 'checkpoint-lost'; readonly sha256: Sha256 }
  | {
      readonly kind: 'point';
      readonly round: number;
      readonly loss: number;
      readonly lossMin: number;
      readonly lossMax: number;
      readonly volunteers: number;
    }
  | {
      readonly kind: 'diverged';
      readonly volunteerId: VolunteerId;
      readonly term: number;
      readonly round: number;
    }
  | { readonly kind: 'state'; readonly state: RunState; readonly reason: string }
);
