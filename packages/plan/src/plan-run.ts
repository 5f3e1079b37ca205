/**
 * The plan of one run: what its strategy will take or, with `strategy: auto`, which one it gets. The same for preflight, which
 * shows it, and for creation, which writes it down. Pure.
 */
import {
  contradictionIn,
  exchangeOf,
  groupOf,
  openKnobs,
  tiersOf,
  type PlannedKnob,
  type PlanView,
  type Training,
  type TrainingWish,
} from '@murmuration/protocol';
import {
  ASSUMED_EVALUATION_STEPS,
  ASSUMED_TAB_BYTES_MAX,
  KNOWN_LAWS,
  noiseWords,
  stepsWords,
} from './assumed.ts';
import { choose, type Choice, type Wishes } from './choose.ts';
import type { CoordinatorLimits, Strategy, Task } from './crowd.ts';
import { crowdOf, crowdText, type KnownTab, type PlannedCrowd } from './known-crowd.ts';
import { LAG_ROUNDS } from './learning.ts';
import { returnsOf } from './returns.ts';
import { reasonsFor } from './words.ts';

export interface PlannedRun {
  /** Defaults included. */
  readonly training: Training;
  /** What the researcher wrote of it. */
  readonly wish: TrainingWish;
  readonly parameterCount: number;
  readonly isText: boolean;
  /** Of a batch, on the device; and of a shard. */
  readonly activationBytes: number;
  readonly shardBytes: number;
  readonly stepRangeMs: readonly [number, number];
  readonly tabs: readonly KnownTab[];
  readonly limits: CoordinatorLimits;
}

export interface Planned {
  readonly task: Task;
  readonly choice: Choice;
  readonly planned: PlannedCrowd;
  readonly wishes: Wishes;
  /** With `strategy: auto`: what is not the researcher's. */
  readonly chosen: readonly PlannedKnob[];
  /** What the plan does not know of this run. */
  readonly notes: readonly string[];
}
export interface NotPlanned {
  readonly refused: readonly string[];
}

/** What the plan has no formula for. */
function unknownIn(training: Training): { readonly knob: string; readonly why: string } | null {
  const exchange = exchangeOf(training);
  if (exchange !== 'pseudo-gradients')
    return { knob: `exchange: ${exchange}`, why: "the plan's law of learning is of pseudo-gradients" };
  if (tiersOf(training) !== null)
    return {
      knob: 'tiers',
      why: 'which tabs share a machine or a network shows only when they are there, and the plan has no law of two tiers',
    };
  return null;
}

export function planRun(run: PlannedRun): Planned | NotPlanned {
  const { training, wish, stepRangeMs } = run;
  const isAuto = wish.strategy === 'auto';
  const { architecture, schedule, localSteps, codec, peersMin } = training;
  const isTiered = tiersOf(training) !== null;
  const unknown = unknownIn(training);
  if (unknown !== null && !isAuto) return { refused: [`${unknown.knob}, because ${unknown.why}`] };
  const set: Pick<Wishes, PlannedKnob> = isAuto
    ? {
        ...(wish.architecture === undefined ? {} : { architecture: wish.architecture }),
        ...(wish.schedule === undefined ? {} : { schedule: wish.schedule }),
        ...(wish.localSteps === undefined ? {} : { localSteps: wish.localSteps }),
        ...(wish.codec === undefined ? {} : { codec: wish.codec }),
        // Groups of a run with tiers are its nodes.
        ...(wish.group === undefined && !isTiered ? {} : { group: groupOf(training) }),
      }
    : {
        architecture: architecture ?? 'decentralised',
        schedule: schedule ?? 'synchronous',
        localSteps,
        codec,
        group: groupOf(training),
      };
  const planned = crowdOf(run.tabs, { peersMin, stepRangeMs });
  const task = taskOf(run);
  const wishes: Wishes = {
    ...set,
    tabBytesMax: ASSUMED_TAB_BYTES_MAX,
    contradictionIn: (strategy) => {
      const found = contradictionIn({ ...training, ...knobsOf(strategy) });
      return found === null ? null : `what contradicts the run: ${found.message}`;
    },
  };
  const choice = choose(task, planned.crowd, wishes, run.limits);
  if (!('best' in choice)) return choice;
  return {
    ...{ task, choice, planned, wishes },
    chosen: isAuto ? chosenOf(wish, choice.best.strategy, isTiered) : [],
    notes: [
      ...(unknown === null ? [] : [`${unknown.knob} is not planned: the figures are of a run without it.`]),
      ...(choice.best.strategy.schedule === 'asynchronous' ? [FROZEN_NOTE] : []),
    ],
  };
}

/** What was left open, as far as the chosen architecture has it. */
const chosenOf = (wish: TrainingWish, { architecture }: Strategy, isTiered: boolean): PlannedKnob[] =>
  openKnobs(wish).filter((knob) => knob !== 'group' || (architecture !== 'central' && !isTiered));

/** As a run says them. */
const knobsOf = (strategy: Strategy) => ({ schedule: 'synchronous', group: 'auto', ...strategy }) as const;

const FROZEN_NOTE =
  'What tabs that freeze cost a run without rounds is not planned; with many of them a smaller learning rate helps (docs/strategies.md).';

function taskOf({ training, parameterCount, isText, activationBytes, shardBytes }: PlannedRun): Task {
  const { stepsMin, noiseSamples } = KNOWN_LAWS[isText ? 'text' : 'image'];
  const { batchSize, outerLearningRate, evaluateEveryRounds } = training;
  return {
    ...{ parameterCount, batchSize, outerLearningRate, evaluateEveryRounds, activationBytes, shardBytes },
    evaluationSteps: ASSUMED_EVALUATION_STEPS,
    learning: { stepsMin, noiseSamples, lagRounds: LAG_ROUNDS },
  };
}

/** What a run gets: the knobs, and the reasons as they go into its manifest. */
export function chosenBy({ choice, planned, chosen, notes }: Planned) {
  const { strategy } = choice.best;
  return {
    knobs: Object.fromEntries(chosen.map((knob) => [knob, knobsOf(strategy)[knob]])) as Partial<Training>,
    why: [
      `For ${crowdText(planned.crowd)}.`,
      ...notes,
      ...reasonsFor(choice),
      ...planned.assumed.map((text) => `Assumed: ${text}.`),
    ],
  };
}

export function planView(run: PlannedRun, plan: Planned): Omit<PlanView, 'why'> & { readonly why: string[] } {
  const { task, choice, planned, wishes, chosen, notes } = plan;
  const { strategy, cost, memory, rounds, timeMs, coordinatorBytes, footing } = choice.best;
  // What a run without rounds counts, and what its page shows, are the server's versions.
  const { versionsARound: versions } = footing;
  const returns = returnsOf(task, planned.crowd, wishes, run.limits);
  const law = KNOWN_LAWS[run.isText ? 'text' : 'image'];
  return {
    chosen: [...chosen],
    ...{ ...knobsOf(strategy), group: strategy.group ?? null },
    tabs: planned.crowd.tabs,
    crowd: crowdText(planned.crowd),
    ...{ timeMs, rounds: rounds * versions, roundMs: cost.roundMs / versions, bound: cost.bound },
    upBytes: Math.round(cost.upBytes / versions),
    downBytes: Math.round(cost.downBytes / versions),
    upBytesPerHour: Math.round((cost.upBytes * 3_600_000) / cost.roundMs),
    tabBytes: Math.round(memory.totalBytes),
    coordinatorOutBytes: Math.round(cost.coordinatorOutBytes / versions),
    coordinatorBytes,
    tabsWorthHaving: returns?.worthHaving ?? 1,
    returns: (returns?.rows ?? []).map(({ tabs, best }) => ({ tabs, timeMs: best.timeMs })),
    why: [...notes, ...reasonsFor(choice)],
    assumed: [...planned.assumed, stepsWords(law, task.batchSize), noiseWords(law)],
  };
}
