/**
 * `npm run bench:codec -- --loss`: what small updates cost in loss at H = 10, 16 imaginary peers and the character model
 * of `bench:swarm -- wire`, against uncompressed updates of the same H; and low rank (PowerSGD), which is measured here
 * and is no scheme of the codec. Everything follows from the seeds.
 *
 * "Tuned" means: all, fp32 too, walked the same grid on the first seed, by the loss at the end. First every optimiser and
 * learning rate at outer rate 1, then the other outer rates with the best of them. What is far behind the best of its
 * grid after a quarter of the steps is given up there.
 */
import {
  textOf,
  trainLowRank,
  trainSwarm,
  writeText,
  type StudyCurve,
  type StudyOptions,
} from '@murmuration/simulator';
import { ADAPTIVE_OPTIMISERS, type AdaptiveOptimiserName } from '@murmuration/protocol';
import type { Scheme } from '@murmuration/codec';

const SIZE = {
  peers: 16,
  batchSize: 8,
  steps: 400,
  evaluateEverySteps: 10,
  validationSamples: 5_000,
} as const;
const LOCAL_STEPS = 10;
const TEXT_CHARACTERS = 1_000_000;
const LEARNING_RATES = [0.008, 0.016, 0.032];
const OUTER_RATES = [0.5, 2];
/** A training of the grid is given up when its loss after a quarter of the steps is this many times the least so far. */
const HOPELESS_RATIO = 1.1;

type Way =
  { readonly name: string; readonly scheme: Scheme } | { readonly name: string; readonly rank: number };
const WAYS: readonly Way[] = [
  { name: 'fp32', scheme: 'fp32' },
  { name: 'topk-256', scheme: 'topk-256' },
  { name: 'topk-64', scheme: 'topk-64' },
  { name: 'low rank 1', rank: 1 },
  { name: 'low rank 2', rank: 2 },
  { name: 'low rank 4', rank: 4 },
];
/** The issue's: payload bits a parameter and local step, and relative loss over fp32. */
const BOUNDS: Readonly<Record<string, { readonly bits: number; readonly loss: number }>> = {
  'topk-256': { bits: 0.05, loss: 0.01 },
  'topk-64': { bits: 0.016, loss: 0.03 },
};

interface Knobs {
  readonly optimiser: AdaptiveOptimiserName;
  readonly learningRate: number;
  readonly outerLearningRate: number;
}

export interface LossRow extends Knobs {
  readonly name: string;
  /** Encoded bits a parameter and local step of one peer, everything included. */
  readonly payloadBits: number;
  /** Validation loss at the end (nats a character), a seed each. */
  readonly losses: readonly number[];
  /** Mean over the seeds, over fp32's, minus 1. */
  readonly cost: number;
  readonly bound: { readonly bits: number; readonly loss: number } | null;
  readonly grid: readonly (Knobs & { readonly finalLoss: number | null })[];
}

/** @param kept told after every row, so that a sitting that is cut off keeps what it has. */
export async function measureLoss(
  seeds: number,
  say: (line: string) => void,
  kept: (rows: readonly LossRow[]) => Promise<void>,
): Promise<readonly LossRow[]> {
  const text = textOf('made-up language, seed 1', writeText(1, TEXT_CHARACTERS));
  const train = (way: Way, seed: number, knobs: Knobs, goesOn: StudyOptions['goesOn']): StudyCurve => {
    const options = { ...SIZE, ...knobs, text, seed, localSteps: LOCAL_STEPS, ...(goesOn ? { goesOn } : {}) };
    const curve =
      'rank' in way
        ? trainLowRank({ ...options, rank: way.rank })
        : trainSwarm({ ...options, scheme: way.scheme, warmUpRounds: 0, divisor: 'all', churnShare: 0 });
    const { optimiser, learningRate, outerLearningRate } = knobs;
    say(
      `${way.name}, seed ${seed}, ${optimiser}, learning rate ${learningRate}, outer ${outerLearningRate}: loss ${curve.finalLoss.toFixed(4)} after ${curve.points.at(-1)!.steps} steps, ${curve.payloadBits.toFixed(4)} bits`,
    );
    return curve;
  };
  const rows: LossRow[] = [];
  for (const way of WAYS) {
    const { best, grid, curve } = tune((knobs, goesOn) => train(way, 1, knobs, goesOn));
    const curves = [curve];
    for (let seed = 2; seed <= seeds; seed++) curves.push(train(way, seed, best, undefined));
    const losses = curves.map(({ finalLoss }) => finalLoss);
    rows.push({
      name: way.name,
      ...best,
      payloadBits: mean(curves.map(({ payloadBits }) => payloadBits)),
      losses,
      cost: mean(losses) / mean(rows[0]?.losses ?? losses) - 1,
      bound: BOUNDS[way.name] ?? null,
      grid,
    });
    await kept(rows);
  }
  return rows;
}

function tune(train: (knobs: Knobs, goesOn: StudyOptions['goesOn']) => StudyCurve) {
  const grid: LossRow['grid'][number][] = [];
  const quarter = SIZE.evaluateEverySteps * Math.ceil(SIZE.steps / 4 / SIZE.evaluateEverySteps);
  let least = Infinity;
  let found: { best: Knobs; curve: StudyCurve } | null = null;
  const look = (knobs: Knobs) => {
    const curve = train(knobs, (steps, loss) => {
      if (steps !== quarter) return true;
      least = Math.min(least, loss);
      return loss <= HOPELESS_RATIO * least;
    });
    const isWhole = curve.points.at(-1)!.steps === SIZE.steps;
    grid.push({ ...knobs, finalLoss: isWhole ? curve.finalLoss : null });
    if (isWhole && !(found !== null && found.curve.finalLoss <= curve.finalLoss))
      found = { best: knobs, curve };
  };
  for (const optimiser of ADAPTIVE_OPTIMISERS)
    for (const learningRate of LEARNING_RATES) look({ optimiser, learningRate, outerLearningRate: 1 });
  const { optimiser, learningRate } = found!.best;
  for (const outerLearningRate of OUTER_RATES) look({ optimiser, learningRate, outerLearningRate });
  return { ...found!, grid };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
