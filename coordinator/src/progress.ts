/**
 * How far a run is and how long it will take, as a range. Two clocks run at once: the rounds, which are counted, and
 * the accuracy, whose error falls roughly as a power of the round (a straight line in log-log) until the model is full;
 * an exponential through the last few evaluations is the hopeful end of the range. Pure.
 */
import type { MetricPoint, Training } from '@murmuration/protocol';

/** The pace is measured over this many of the latest points. */
const PACE_POINTS = 20;
/** Rounds differ in length: the pace may be off by this much either way. A guess. */
const PACE_SPREAD = 1.25;
/** Fits look at so many of the latest evaluations, and need at least three. */
const FIT_EVALUATIONS_MAX = 8;
const FIT_EVALUATIONS_MIN = 3;
const ERROR_MIN = 1e-4;
/** Ten classes, no idea. */
const ERROR_OF_GUESSING = 0.9;

export interface Forecast {
  /** 0..1 */
  readonly progress: number;
  /** Remaining milliseconds, least and most; null: unknown. */
  readonly etaMs: [number, number] | null;
}

/** @param points by round, ascending */
export function forecast(points: readonly MetricPoint[], round: number, training: Training): Forecast {
  const evaluations = points.filter((p) => p.valAccuracy !== null).slice(-FIT_EVALUATIONS_MAX);
  const byRounds = Math.min(1, round / training.roundsMax);
  const target = training.targetAccuracy;
  const progress = target === null ? byRounds : Math.max(byRounds, accuracyProgress(evaluations, target));
  const pace = msPerRound(points);
  if (pace === null) return { progress, etaMs: null };
  // Tabs go on past the last round until they hear that the run is over.
  const roundsLeft = Math.max(0, training.roundsMax - round);
  const [least, most] =
    target === null ? [roundsLeft, roundsLeft] : roundsToTarget(evaluations, target, round, roundsLeft);
  return {
    progress,
    etaMs: [Math.round((least * pace) / PACE_SPREAD), Math.round(most * pace * PACE_SPREAD)],
  };
}

function msPerRound(points: readonly MetricPoint[]): number | null {
  const latest = points.filter((p) => p.loss !== null).slice(-PACE_POINTS);
  const first = latest[0];
  const last = latest.at(-1);
  if (first === undefined || last === undefined || last.round <= first.round) return null;
  return Math.max(0, last.atMs - first.atMs) / (last.round - first.round);
}

/** Share of the way from the first error to the target's error, on a logarithmic scale. */
function accuracyProgress(evaluations: readonly MetricPoint[], target: number): number {
  if (evaluations.length === 0) return 0;
  const errors = evaluations.map((p) => Math.max(ERROR_MIN, 1 - p.valAccuracy!));
  const start = Math.log(ERROR_OF_GUESSING);
  const goal = Math.log(Math.max(ERROR_MIN, 1 - target));
  const now = Math.log(Math.min(...errors));
  return Math.min(1, Math.max(0, (start - now) / Math.max(1e-9, start - goal)));
}

function roundsToTarget(
  evaluations: readonly MetricPoint[],
  target: number,
  round: number,
  roundsLeft: number,
): [number, number] {
  if (evaluations.length < FIT_EVALUATIONS_MIN) return [0, roundsLeft];
  const goal = Math.log(Math.max(ERROR_MIN, 1 - target));
  const logError = (p: MetricPoint) => Math.log(Math.max(ERROR_MIN, 1 - p.valAccuracy!));
  const power = line(evaluations.map((p) => [Math.log(p.round + 1), logError(p)]));
  const exponential = line(evaluations.slice(-4).map((p) => [p.round, logError(p)]));
  const guesses: number[] = [];
  if (power.slope < 0) guesses.push(Math.exp((goal - power.intercept) / power.slope) - 1 - round);
  if (exponential.slope < 0) guesses.push((goal - exponential.intercept) / exponential.slope - round);
  const bounded = guesses.map((left) => Math.min(roundsLeft, Math.max(0, left)));
  if (bounded.length < 2) bounded.push(roundsLeft);
  return [Math.min(...bounded), Math.max(...bounded)];
}

/** Least squares. A flat or single x gives slope 0. */
function line(xy: readonly (readonly [number, number])[]): { slope: number; intercept: number } {
  const meanX = xy.reduce((sum, [x]) => sum + x, 0) / xy.length;
  const meanY = xy.reduce((sum, [, y]) => sum + y, 0) / xy.length;
  let covariance = 0;
  let variance = 0;
  for (const [x, y] of xy) {
    covariance += (x - meanX) * (y - meanY);
    variance += (x - meanX) ** 2;
  }
  const slope = variance === 0 ? 0 : covariance / variance;
  return { slope, intercept: meanY - slope * meanX };
}
