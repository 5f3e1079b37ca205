/** A shard as the ledger knows it: who was lent it last, and how often it was counted (leases.ts decides). */
import type { VolunteerId } from '@murmuration/protocol';

export interface ShardState {
  /** Number of the last lease of this shard: the fencing token. 0: never leased. */
  generation: number;
  /** Who holds that lease; stays set after a release, so that its late result still counts if nobody else got it. */
  lessee: VolunteerId | null;
  /** The lease is in force. */
  live: boolean;
  /** When that lease was given. */
  lentAtMs: number;
  deadlineMs: number;
  /** Epochs in which this shard was counted; it is counted once in each, in order. */
  timesCounted: number;
  /** Generation of the lease that was counted last. */
  countedGeneration: number;
}

export const newShard = (): ShardState => ({
  generation: 0,
  lessee: null,
  live: false,
  lentAtMs: 0,
  deadlineMs: 0,
  timesCounted: 0,
  countedGeneration: 0,
});

/** Why a lease ended without a result, for the log. Of who left the log says that. */
export const RELEASED = {
  deadline: 'was not done by its deadline',
  scarce: 'is late and goes to who has none',
} as const;
