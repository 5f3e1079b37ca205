/** What the ledger knows of a connected volunteer and may forget when the coordinator dies. Some of it is Attendance's to change. */
import type { Head, TabTotals, VolunteerMessageOf } from '@murmuration/protocol';

export interface Presence {
  /** Its device passed the self-test and its shaders are compiled: it can hold a replica. */
  readonly ready: boolean;
  /** Where its replica stands; null: it holds none. */
  readonly head: Head | null;
  /** It leaves as soon as somebody else has what it holds. */
  readonly isParting: boolean;
  /** The how-manieth it was to come. */
  readonly arrival: number;
  loss: number | null;
  stepsPerSecond: number;
  /** Steps a second of the clock, exchanges and waits included; 0: not known yet. */
  pace: number;
  paceFrom: { readonly localSteps: number; readonly atMs: number } | null;
  duty: number | null;
  rttMs: number | null;
  uplinkKbit: number | null;
  /** Its state word, as it says it. */
  word: string;
  totals: TabTotals;
  heardAtMs: number;
  totalsWrittenAtMs: number;
  /** When each lease was last told to this socket, by shard. */
  readonly leaseToldAtMs: Map<number, number>;
  /** The term that it was told to join. */
  readonly joinTold: number | null;
  /** When it last said that no peer gave it a state. */
  strandedAtMs: number | null;
  foundingsFailed: number;
  /** Evaluations asked of it, those that it missed weighing more: duty goes round. */
  dutyBurden: number;
}

export const newPresence = ({
  totals,
  nowMs,
  arrival,
}: {
  readonly totals: TabTotals;
  readonly nowMs: number;
  readonly arrival: number;
}): Presence => ({
  ready: false,
  head: null,
  isParting: false,
  arrival,
  loss: null,
  stepsPerSecond: 0,
  pace: 0,
  paceFrom: null,
  duty: null,
  rttMs: null,
  uplinkKbit: null,
  word: 'loading',
  totals,
  heardAtMs: nowMs,
  totalsWrittenAtMs: nowMs,
  leaseToldAtMs: new Map(),
  joinTold: null,
  strandedAtMs: null,
  foundingsFailed: 0,
  dutyBurden: 0,
});

/** A pace is measured over so long; over longer, the run was paused or the tab slept. */
const PACE_MIN_MS = 10_000;
const PACE_MAX_MS = 120_000;

/** What it says of itself for people, and how it gets on. */
export function takeWords(presence: Presence, report: VolunteerMessageOf<'report'>, nowMs: number): void {
  const { localSteps } = report.totals;
  const from = presence.paceFrom ?? { localSteps: Infinity, atMs: nowMs };
  const [steps, ms] = [localSteps - from.localSteps, nowMs - from.atMs];
  if (steps > 0 && ms >= PACE_MIN_MS && ms <= PACE_MAX_MS) presence.pace = (1_000 * steps) / ms;
  if (steps < 0 || (steps > 0 && ms >= PACE_MIN_MS)) presence.paceFrom = { localSteps, atMs: nowMs };
  presence.word = report.state;
  presence.stepsPerSecond = report.stepsPerSecond;
  presence.duty = report.duty ?? null;
  presence.rttMs = report.rttMs ?? null;
  presence.uplinkKbit = report.uplinkKbit ?? presence.uplinkKbit;
}
