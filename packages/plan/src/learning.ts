/**
 * How many steps a crowd needs to a loss: what more samples behind a step bring, and what rarer or coarser exchange costs.
 *
 * The law has three parts:
 *
 *   steps = stepsMin (1 + noiseSamples / B) / gain (1 + STEPS_PER_LAG lag)  +  localSteps (lagRounds + lag)
 *
 *   stepsMin (1 + noiseSamples / B)  is McCandlish et al. 2018 (An Empirical Model of Large-Batch Training, eq. 2.11): B
 *       samples behind a step, of all tabs together; at B = noiseSamples twice as many steps are needed as with endless ones.
 *   gain  is production's own: a mean of n updates is followed further by the root of n, at most 2 (codec, anchor.ts). It
 *       helps where steps are short, not where noise rules: never are fewer samples needed than by one tab alone.
 *   lagRounds  are rounds that cannot be had by more local steps: what is measured is the running mean of about five
 *       anchors, which stands some rounds back, and the tabs' steps of one round point apart.
 *   lag  is how many rounds a value waits in the residual before its codec sends it (codec-lag.ts).
 *
 * It refuses to know time and bytes. Pure.
 */
import { gainOf } from '@murmuration/codec';

export interface Learning {
  /** Steps to the loss with endless samples behind each, one update followed by its own length. */
  readonly stepsMin: number;
  /** The critical batch: samples behind a step at which twice as many steps are needed. */
  readonly noiseSamples: number;
  /** Rounds that every exchanging run needs on top. */
  readonly lagRounds: number;
}

export interface Footing {
  /** Tabs whose work counts, all of the swarm; a fraction where some of it is lost. */
  readonly tabs: number;
  /** Updates that one mean is made of. */
  readonly groupTabs: number;
  readonly batchSize: number;
  /** Steps that the mean of a round goes forward by. */
  readonly localSteps: number;
  readonly outerLearningRate: number;
  /** Rounds that a value waits for its turn. */
  readonly codecLagRounds: number;
  /** And once more where the mean comes back through the codec as well, as an averaging server's answer does. */
  readonly answerLagRounds: number;
  /** Rounds until what one crew learned is in all. */
  readonly mixingRounds: number;
  /** Of the rounds on top so many are had for one: a server without rounds moves on with a part of the tabs. */
  readonly versionsARound: number;
}

/** With top-k updates of 64 to 256 of 4,096 values on the simulator's task, 8 tabs, 5 and 20 local steps. */
const STEPS_PER_LAG = 0.07;
/**
 * Two waits add up, and what a server keeps back is spread over more values than its k: with topk-256 that hardly shows, with
 * topk-64 it doubles the wait (4 to 12 tabs, 6 to 25 local steps).
 */
const TWICE_COARSE = 1 / 5;
/** On the simulator's task with 8 tabs and 1 to 40 local steps; the running mean alone stands four rounds back. */
export const LAG_ROUNDS = 3;

export function roundsTo(learning: Learning, footing: Footing): number {
  const { stepsMin, noiseSamples, lagRounds } = learning;
  const { followed, alone, onTop } = termsOf(footing);
  const of = ([steps, noise]: Terms) => stepsMin * (steps + noiseSamples * noise);
  return Math.max(of(followed), of(alone)) + onTop + lagRounds / footing.versionsARound;
}

/** Rounds that one of `stepsMin` takes, and one of `stepsMin * noiseSamples`. */
type Terms = readonly [steps: number, noise: number];

/**
 * `followed`: with the gain of a mean. `alone`: by one tab's samples, spread over all: fewer are never needed, because a gain
 * that noise eats up is none. What is larger counts.
 */
function termsOf(footing: Footing) {
  const { tabs, groupTabs, batchSize, localSteps, outerLearningRate } = footing;
  const { codecLagRounds, answerLagRounds } = footing;
  const lag = codecLagRounds + answerLagRounds;
  const samples = tabs * batchSize;
  const slower = 1 + STEPS_PER_LAG * lag;
  const perRound = slower / outerLearningRate / localSteps;
  const gained = perRound / gainOf(Math.max(1, groupTabs));
  return {
    followed: [gained, gained / samples] as const,
    alone: [(perRound * batchSize) / samples, perRound / samples] as const,
    onTop: lag + TWICE_COARSE * codecLagRounds * answerLagRounds + footing.mixingRounds,
  };
}

/** Rounds that this way needs on top of the task's own, whatever the steps. */
export const roundsOnTop = (footing: Footing): number => termsOf(footing).onTop;

/** A run that was made: how it stood, and the rounds that it took to the loss. */
export interface Measured {
  readonly footing: Footing;
  readonly rounds: number;
}

/** Each time with what counted by the law before; that settles at once or swings between two that are nearly the same. */
const FITS = 4;

/**
 * The law that fits runs best, by least squares of relative errors. One run gives `stepsMin` and needs a critical batch; two
 * of different numbers of tabs give both; from three on, with different local steps, the rounds on top come from them too.
 */
export function learningOf(
  measured: readonly Measured[],
  assumed: Pick<Learning, 'noiseSamples' | 'lagRounds'>,
): Learning {
  const runs = measured.map(({ footing, rounds }) => ({ ...termsOf(footing), footing, rounds }));
  let law = fitted(
    runs.map(({ followed, ...run }) => ({ ...run, terms: followed })),
    assumed,
  );
  for (let fit = 1; fit < FITS; fit++) {
    const { stepsMin, noiseSamples } = law;
    const of = ([steps, noise]: Terms) => stepsMin * (steps + noiseSamples * noise);
    law = fitted(
      runs.map(({ followed, alone, ...run }) => ({
        ...run,
        terms: of(alone) > of(followed) ? alone : followed,
      })),
      assumed,
    );
  }
  return law;
}

type FittedRun = Measured & { readonly terms: Terms; readonly onTop: number };

function fitted(runs: readonly FittedRun[], assumed: Pick<Learning, 'noiseSamples' | 'lagRounds'>): Learning {
  const lines = runs.map(({ terms: [steps, noise], rounds, onTop, footing }) => ({
    terms: [steps, noise, 1 / footing.versionsARound],
    rest: rounds - onTop,
    weight: 1 / rounds,
  }));
  const distinct = (of: (footing: Footing) => number) => new Set(runs.map(({ footing }) => of(footing))).size;
  const knowsNoise = distinct(({ tabs, batchSize }) => tabs * batchSize) > 1;
  const knowsLag = runs.length > 2 && distinct(({ localSteps }) => localSteps) > 1;
  if (knowsLag && knowsNoise) {
    const [stepsMin, noise, lagRounds] = solve(lines);
    if (stepsMin! > 0 && noise! >= 0 && lagRounds! >= 0)
      return { stepsMin: stepsMin!, noiseSamples: noise! / stepsMin!, lagRounds: lagRounds! };
  }
  const lagRounds = Math.min(assumed.lagRounds, Math.min(...lines.map(({ rest }) => rest)) / 2);
  const less = lines.map((line) => ({
    ...line,
    terms: line.terms.slice(0, 2),
    rest: line.rest - lagRounds * line.terms[2]!,
  }));
  if (knowsNoise) {
    const [stepsMin, noise] = solve(less);
    if (stepsMin! > 0 && noise! >= 0)
      return { stepsMin: stepsMin!, noiseSamples: noise! / stepsMin!, lagRounds };
  }
  const { noiseSamples } = assumed;
  const one = less.map(({ terms, ...line }) => ({ ...line, terms: [terms[0]! + noiseSamples * terms[1]!] }));
  return { stepsMin: solve(one)[0]!, noiseSamples, lagRounds };
}

interface Line {
  readonly terms: readonly number[];
  readonly rest: number;
  readonly weight: number;
}

/** Weighted least squares by its normal equations: three unknowns at most, so elimination is exact enough. */
function solve(lines: readonly Line[]): number[] {
  const count = lines[0]!.terms.length;
  const sum = (of: (line: Line) => number) =>
    lines.reduce((total, line) => total + line.weight ** 2 * of(line), 0);
  const rows = Array.from({ length: count }, (_, i) => [
    ...Array.from({ length: count }, (_each, j) => sum(({ terms }) => terms[i]! * terms[j]!)),
    sum(({ terms, rest }) => terms[i]! * rest),
  ]);
  for (let pivot = 0; pivot < count; pivot++)
    for (const [i, row] of rows.entries()) {
      if (i === pivot) continue;
      const factor = row[pivot]! / rows[pivot]![pivot]!;
      for (let j = pivot; j <= count; j++) row[j]! -= factor * rows[pivot]![j]!;
    }
  return rows.map((row, i) => row[count]! / row[i]!);
}
