/**
 * Diminishing returns: the time to the loss of 1, 2, 4 ... tabs, each with its own best strategy; how many are worth having,
 * and what keeps more from helping. Pure.
 */
import { LIMITS } from '@murmuration/protocol';
import { choose, type Wishes } from './choose.ts';
import type { CoordinatorLimits, Crowd, Task } from './crowd.ts';
import { roundsOnTop, roundsTo } from './learning.ts';
import type { Prediction } from './predict.ts';

export interface Return {
  readonly tabs: number;
  readonly best: Prediction;
  /** Of one tab's time. */
  readonly speedUp: number;
  /** Speed-up a tab. */
  readonly efficiency: number;
  /** Time saved by the doubling that led here, as a share of the time before; null: the first. */
  readonly gained: number | null;
}

export interface Returns {
  readonly rows: readonly Return[];
  /** The last doubling that was worth it ended here. */
  readonly worthHaving: number;
  /** Share of the time at `worthHaving` that goes to noise, which is what more samples behind a step take away. */
  readonly noiseShare: number;
  /** What the rest goes to, which twice as many tabs would not shorten; the largest first. */
  readonly causes: readonly Cause[];
}

export interface Cause {
  /**
   * `steps`: those that endless samples need too. `rounds`: those that no local step replaces. `exchange`: what it takes longer
   * than training. `start`: until all are there, and who leaves and comes. `places`: the server's are taken.
   */
  readonly what: 'steps' | 'rounds' | 'exchange' | 'start' | 'places';
  readonly share: number;
}

/** A doubling that saves less of the time than this is not worth its tabs. */
const WORTH_SHARE = 0.1;
/** The most tabs that a plan looks at; the coordinator was tried with so many. */
const TABS_MAX = 16_384;

export function returnsOf(
  task: Task,
  crowd: Crowd,
  wishes: Wishes,
  limits: CoordinatorLimits,
): Returns | null {
  const rows: Return[] = [];
  let worthHaving = 1;
  let isSpent = false;
  for (let tabs = 1; tabs <= TABS_MAX; tabs *= 2) {
    const choice = choose(task, { ...crowd, tabs }, wishes, limits);
    if (!('best' in choice)) break;
    const { best } = choice;
    const before = rows.at(-1);
    const gained = before === undefined ? null : 1 - best.timeMs / before.best.timeMs;
    const speedUp = (rows[0]?.best.timeMs ?? best.timeMs) / best.timeMs;
    rows.push({ tabs, best, speedUp, efficiency: speedUp / tabs, gained });
    if (gained !== null && gained < WORTH_SHARE) isSpent = true;
    else if (!isSpent) worthHaving = tabs;
    // Two rows beyond the end show that it is one; and the crowd that was asked about is in the table.
    if (isSpent && tabs >= 4 * worthHaving && tabs >= crowd.tabs) break;
  }
  const last = rows.find(({ tabs }) => tabs === worthHaving);
  return last === undefined
    ? null
    : { rows, worthHaving, ...sharesOf(task, { ...crowd, tabs: worthHaving }, last.best) };
}

/** Where the time goes; all shares together are 1. */
function sharesOf(task: Task, { tabs }: Crowd, { strategy, timeMs, cost, rounds, footing }: Prediction) {
  const learningMs = (learning: Task['learning']) => roundsTo(learning, footing) * cost.trainMs;
  const { learning } = task;
  const roundsMs = (learning.lagRounds / footing.versionsARound + roundsOnTop(footing)) * cost.trainMs;
  const stepsMs = learningMs({ ...learning, noiseSamples: 0 }) - roundsMs;
  const causes: Cause[] = [
    { what: 'steps', share: stepsMs / timeMs },
    { what: 'rounds', share: roundsMs / timeMs },
    { what: 'exchange', share: (rounds * (cost.roundMs - cost.trainMs)) / timeMs },
    { what: 'start', share: 1 - (rounds * cost.roundMs) / timeMs },
  ];
  // More than these find no place at the server.
  if (strategy.architecture === 'central' && tabs >= LIMITS.linksMax)
    causes.unshift({ what: 'places', share: 1 });
  return {
    noiseShare: (learningMs(learning) - learningMs({ ...learning, noiseSamples: 0 })) / timeMs,
    causes: causes.toSorted((a, b) => b.share - a.share),
  };
}
