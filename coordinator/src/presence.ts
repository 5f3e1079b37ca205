/** What the ledger knows of a connected volunteer and may forget when the coordinator dies. */
import type { Head, TabTotals } from '@murmuration/protocol';

export interface Presence {
  /** Its device passed the self-test and its shaders are compiled: it can hold a replica. */
  ready: boolean;
  /** Where its replica stands; null: it holds none. */
  head: Head | null;
  loss: number | null;
  stepsPerSecond: number;
  /** Its state word, as it says it. */
  word: string;
  totals: TabTotals;
  heardAtMs: number;
  totalsWrittenAtMs: number;
  /** When each lease was last told to this socket, by shard. */
  readonly leaseToldAtMs: Map<number, number>;
  /** The term that it was told to join. */
  joinTold: number | null;
  /** When it last said that no peer gave it a state. */
  strandedAtMs: number | null;
  foundingsFailed: number;
  /** Evaluations asked of it, those that it missed weighing more: duty goes round. */
  dutyBurden: number;
  /** The run state that it was told, so that only changes are told. */
  stateTold: string;
}

export const newPresence = (totals: TabTotals, nowMs: number): Presence => ({
  ready: false,
  head: null,
  loss: null,
  stepsPerSecond: 0,
  word: 'loading',
  totals,
  heardAtMs: nowMs,
  totalsWrittenAtMs: nowMs,
  leaseToldAtMs: new Map(),
  joinTold: null,
  strandedAtMs: null,
  foundingsFailed: 0,
  dutyBurden: 0,
  stateTold: '',
});
