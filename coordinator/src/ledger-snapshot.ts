/**
 * What the records up to some point come to: a start then folds only the records after it. It is never the truth,
 * only a short cut to it: the records stay, and a snapshot of another version of the fold is not read.
 *
 * The owner takes one right after a decision and makes it durable behind that decision's records, in one transaction with
 * them or later. So it never holds more than is on disk (I-4), and with the records behind it, it is the fold of all (I-7).
 */
import type { RunSetup } from './ledger-records.ts';
import { initialState, isOver, type LedgerState } from './ledger-state.ts';

/** Rises with every change of what a record does to the state, or of the state's fields. A test holds the fold against it. */
export const SNAPSHOT_VERSION = 4;

/** A start folds some 200,000 records a second; with this many a run it hardly waits for one. */
const RECORDS_MAX = 20_000;
/** A run that is over gets no more records; with fewer than this the short cut is not shorter. */
const RECORDS_OF_ENDED_MAX = 1_000;

/** How many records there may be before the next snapshot. */
export const recordsBeforeSnapshot = (state: Readonly<LedgerState>): number =>
  isOver(state.state) ? RECORDS_OF_ENDED_MAX : RECORDS_MAX;

/** Plain JSON. */
export type LedgerSnapshot = Omit<LedgerState, 'setup' | 'volunteers' | 'points'> & {
  readonly volunteers: readonly Parameters<LedgerState['volunteers']['set']>[];
  readonly points: readonly Parameters<LedgerState['points']['set']>[1][];
};

/** Its parts are the state's own: write it down before the next event. */
export function snapshotOf(state: Readonly<LedgerState>): LedgerSnapshot {
  const { setup: _, volunteers, points, ...plain } = state;
  return { ...plain, volunteers: [...volunteers], points: [...points.values()] };
}

/** @param snapshot of this version and of a ledger with this setup; its parts become the state's own */
export const stateOfSnapshot = (
  setup: RunSetup,
  { volunteers, points, ...plain }: LedgerSnapshot,
): LedgerState => ({
  ...initialState(setup),
  ...plain,
  volunteers: new Map(volunteers),
  points: new Map(points.map((point) => [point.round, point])),
});
