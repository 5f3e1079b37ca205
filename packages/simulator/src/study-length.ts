/**
 * What it is worth that rounds become as long as their exchange takes (SPEC R17): until when a run comes to a loss, with it and
 * without, on lines where the exchange shows and on lines where it does not. The whole grid is played; imaginary time. Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';

export interface LengthOptions {
  readonly seed: number;
  readonly adaptive: SimulateOptions['adaptive'];
  readonly architecture: SimulateOptions['architecture'];
  readonly uplinkMbit: number;
  readonly roundTripMs: number;
  readonly localSteps: number;
  readonly churnPerMinute: number;
  /** To which time is taken. */
  readonly loss: number;
}

/** Tabs of one speed, so that nothing but graces and the length of rounds can adapt. */
const COMMON = {
  tabs: 8,
  batchSize: 8,
  speedRatio: 1,
  stepMs: 100,
  learningRate: 0.008,
  shardSamples: 160,
  validationSamples: 400,
  rounds: 1_000_000,
  hours: 0.1,
  // Nobody evaluates meanwhile: evaluations go by rounds, and would be rarer in long ones.
  evaluateEveryRounds: 10_000,
  // That the rules are kept, others look at.
  checks: 'off',
} as const satisfies Partial<SimulateOptions>;

export interface LengthRow {
  /** From the first tab's arrival; null: not within six minutes. */
  readonly ms: number | null;
  readonly rounds: number;
  /** Of all tabs. */
  readonly localSteps: number;
  readonly departures: number;
  readonly traceHash: string;
}

export function studyLength({ uplinkMbit, roundTripMs, loss: target, ...cell }: LengthOptions): LengthRow {
  const seen: {
    before: { readonly nowMs: number; readonly loss: number } | null;
    ms: number | null;
    rounds: number;
  } = { before: null, ms: null, rounds: 0 };
  const report = simulate(
    {
      ...DEFAULT_OPTIONS,
      ...COMMON,
      ...cell,
      uplinkMinMbit: uplinkMbit,
      uplinkMaxMbit: uplinkMbit,
      delayMeanMs: roundTripMs / 2,
      relayDelayMeanMs: roundTripMs / 2,
    },
    {
      onLook: ({ nowMs, round, learnedNow }) => {
        seen.rounds = round;
        const loss = learnedNow()?.loss ?? null;
        if (loss === null || loss === seen.before?.loss) return;
        const before = seen.before ?? { nowMs, loss };
        if (seen.ms === null && loss <= target) {
          const share = before.loss > loss ? (before.loss - target) / (before.loss - loss) : 1;
          seen.ms = before.nowMs + share * (nowMs - before.nowMs);
        }
        seen.before = { nowMs, loss };
      },
      isEnough: () => seen.ms !== null,
    },
  );
  const { localSteps, departures, traceHash } = report;
  const { ms, rounds } = seen;
  return { ms: ms === null ? null : Math.round(ms), rounds, localSteps, departures, traceHash };
}
