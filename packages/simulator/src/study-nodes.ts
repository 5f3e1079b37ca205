/**
 * Averaging in tiers, measured: the whole simulated grid in a few places that share a line each, once with everybody
 * averaging with everybody, and with nodes that speak to each other after every K' rounds of their own. Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';
import { timeToLoss } from './study-time-to-loss.ts';

export interface NodesRow {
  /** Of the running mean of the anchors, after `samples`. */
  readonly loss: number;
  /** Trained by all tabs together. */
  readonly samples: number;
  readonly virtualMs: number;
  /** What crossed from place to place, and how often tabs of different places exchanged. */
  readonly bytesBetween: number;
  readonly rounds: number;
  readonly departures: number;
  readonly violations: number;
  readonly traceHash: string;
}

/** Until so many samples were trained, and are in what all share. */
export function studyNodes(changes: Partial<SimulateOptions>, samplesMax: number): NodesRow {
  const options = { ...DEFAULT_OPTIONS, ...changes };
  const trained: { samples: number; inRound: number | null } = { samples: 0, inRound: null };
  const report = simulate(options, {
    onTrained: (samples) => (trained.samples += samples),
    isEnough: ({ round }) => {
      if (trained.samples >= samplesMax) trained.inRound ??= round;
      return trained.inRound !== null && round > trained.inRound;
    },
  });
  const { virtualMs, bytesBetween, departures, traceHash, violations } = report;
  return {
    loss: report.meanLoss ?? Infinity,
    samples: trained.samples,
    virtualMs,
    bytesBetween,
    rounds: report.rounds,
    departures,
    violations: violations.length,
    traceHash,
  };
}

/** Imaginary milliseconds to a loss, evaluated about as often per sample whatever K' is; null: it was not reached. */
export function nodesTimeToLoss(changes: Partial<SimulateOptions>, loss: number): number | null {
  const { betweenEvery = 0 } = changes;
  const evaluateEveryRounds = Math.max(1, Math.round(EVALUATE_EVERY / Math.max(1, betweenEvery)));
  return timeToLoss({ ...changes, evaluateEveryRounds }, loss).ms;
}
/** Rounds of local steps. */
const EVALUATE_EVERY = 5;
