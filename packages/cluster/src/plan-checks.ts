/**
 * How a prediction of the plan is checked: two tasks, what the plan is told of each (the law of learning, fitted to a few runs on
 * links that cost nothing), and a setting that is both predicted and played in the simulator until it comes to the loss.
 *
 * A prediction is of the time in the mean: runs of one setting that differ in their seed alone scatter by about a tenth, so each
 * is simulated with several, the law's runs too. What single runs differ by is told as well.
 */
import {
  LAG_ROUNDS,
  learningOf,
  measuredRun,
  predict,
  type Crowd,
  type Prediction,
  type Strategy,
  type Task,
  waysText,
} from '@murmuration/plan';
import { DEFAULT_OPTIONS, timeToLoss, type SimulateOptions, type TimeToLoss } from '@murmuration/simulator';

export const WITHIN = 0.25;
const HOURS_MAX = 4;
/** Parameters of the simulator's network (`model: mlp`), and what it takes to evaluate it there. */
const PARAMETERS = 1_210;
const EVALUATION_STEPS = 5;

export interface CheckedTask {
  readonly name: string;
  readonly loss: number;
  readonly options: Partial<SimulateOptions>;
}

export const TASKS: readonly CheckedTask[] = [
  {
    name: 'eight clusters a class, rmsprop-floored, to loss 1.0',
    loss: 1,
    options: { seed: 51, clustersPerClass: 8, optimiser: 'rmsprop-floored' },
  },
  {
    name: 'four clusters a class, Adam, to loss 0.4',
    loss: 0.4,
    options: { seed: 52, clustersPerClass: 4, optimiser: 'adam' },
  },
];
const COMMON: Partial<SimulateOptions> = {
  model: 'mlp',
  batchSize: 8,
  learningRate: 0.012,
  rounds: 20_000,
  hours: HOURS_MAX,
  // That the rules are kept, others look at.
  checks: 'off',
};
/** A run that takes so many times as long as predicted is not followed further. */
const TIMES_MAX = 5;
/** Tabs and local steps of the runs that the law is fitted to: int8, all of one speed, on links that cost nothing. */
const FITTED = [
  [1, 5],
  [2, 5],
  [8, 1],
  [8, 20],
  [24, 2],
] as const;
const FREE: Crowd = {
  tabs: 1,
  uplinkMbit: 1_000,
  downlinkMbit: 1_000,
  roundTripMs: 2,
  churnPerMinute: 0,
  stepMs: 200,
  speedRatio: 1,
};
const FREE_SERVER_MBIT = 10_000;

export interface Setting {
  readonly crowd: Crowd;
  readonly strategy: Strategy;
  readonly serverMbit: number;
}

/** The plan's law of one task. */
export interface FittedTask {
  readonly task: CheckedTask;
  readonly learning: Task['learning'];
  readonly runs: readonly (Setting & { readonly rounds: number })[];
}

export function fittedTasks(seeds: number, say: (line: string) => void): FittedTask[] {
  return TASKS.map((task) => {
    const runs = FITTED.map(([tabs, localSteps]) => {
      const strategy: Strategy = { architecture: 'decentralised', localSteps, codec: 'int8' };
      const setting: Setting = { crowd: { ...FREE, tabs }, strategy, serverMbit: FREE_SERVER_MBIT };
      const runs = simulatedRuns(task, setting, seeds);
      const rounds = mean(runs.map((run) => run.rounds ?? Infinity));
      if (rounds === Infinity) throw new Error(`plan: ${tabs} tabs never came to loss ${task.loss}`);
      return { ...setting, rounds };
    });
    const learning = learningOf(
      runs.map((run) =>
        measuredRun(planned(run.strategy), run.crowd, run.strategy, limitsOf(run), run.rounds),
      ),
      { noiseSamples: 100, lagRounds: LAG_ROUNDS },
    );
    say(
      `plan: ${task.name}: ${learning.stepsMin.toFixed(0)} steps at least, critical batch ${learning.noiseSamples.toFixed(1)} samples, ${learning.lagRounds.toFixed(1)} rounds on top (from ${runs.length} runs)`,
    );
    return { task, learning, runs };
  });
}

export const predictionOf = (setting: Setting, learning: Task['learning']): Prediction =>
  predict(planned(setting.strategy, learning), setting.crowd, setting.strategy, limitsOf(setting));

export type Check = ReturnType<typeof checkOf>;

/** Plays a setting that was predicted, unless that was done before. */
export function checkOf(
  task: CheckedTask,
  setting: Setting,
  predicted: Prediction,
  seeds: number,
  played?: readonly TimeToLoss[],
) {
  const hours = Math.min(HOURS_MAX, (TIMES_MAX * predicted.timeMs) / 3_600_000);
  const runs = played ?? simulatedRuns(task, setting, seeds, hours);
  const times = runs.map(({ ms }) => ms ?? Infinity);
  const ms = mean(times);
  return {
    task: task.name,
    ...setting,
    bound: predicted.cost.bound,
    predictedMs: Math.round(predicted.timeMs),
    predictedRounds: predicted.rounds * predicted.footing.versionsARound,
    // A run without rounds counts versions.
    predictedUpBytes: Math.round(predicted.cost.upBytes / predicted.footing.versionsARound),
    simulatedMs: times.map((each) => (each === Infinity ? null : Math.round(each))),
    simulatedRounds: runs.map(({ rounds }) => rounds),
    simulatedUpBytes: Math.round(mean(runs.map(({ upBytes }) => upBytes))),
    runs,
    error: predicted.timeMs / ms - 1,
    singleErrors: times.map((each) => predicted.timeMs / each - 1),
    scatter: Math.sqrt(mean(times.map((each) => (each / ms - 1) ** 2)) * (seeds / Math.max(1, seeds - 1))),
  };
}

export const checkText = ({ error, predictedMs, simulatedMs, ...setting }: Check): string =>
  `${settingText(setting)}: predicted ${seconds(predictedMs)}, simulated ${simulatedMs.map((each) => (each === null ? 'never' : seconds(each))).join(', ')} (${signed(error)})`;

/** The same setting with several seeds, which no other bench draws from. */
const simulatedRuns = (task: CheckedTask, setting: Setting, seeds: number, hours = HOURS_MAX) =>
  Array.from({ length: seeds }, (_, i) => {
    const seed = task.options.seed! + TASKS.length * i;
    return timeToLoss({ ...simulated(task, setting), seed, hours }, task.loss);
  });

/** How many of the errors are within what they are held to, and how far off the others. */
export const withinCount = (errors: readonly number[]) =>
  errors.filter((error) => Math.abs(error) <= WITHIN).length;
export function withinText(errors: readonly number[]): string {
  const off = ascending(errors.map(Math.abs));
  if (off.length === 0) return 'none was drawn';
  return `${withinCount(errors)} of ${off.length} within ${percent(WITHIN)}; median ${percent(middle(off))}, worst ${percent(off.at(-1)!)}`;
}

/** About ten steps of a tab between two evaluations. */
const evaluateEveryRounds = ({ localSteps }: Strategy) => Math.max(1, Math.round(10 / localSteps));

function simulated(
  { options }: CheckedTask,
  { crowd, strategy, serverMbit }: Setting,
): Partial<SimulateOptions> {
  return {
    ...COMMON,
    ...options,
    tabs: crowd.tabs,
    uplinkMinMbit: crowd.uplinkMbit,
    uplinkMaxMbit: crowd.uplinkMbit,
    downlinkMbit: crowd.downlinkMbit,
    delayMeanMs: crowd.roundTripMs / 2,
    relayDelayMeanMs: crowd.roundTripMs / 2,
    churnPerMinute: crowd.churnPerMinute,
    stepMs: crowd.stepMs,
    speedRatio: crowd.speedRatio,
    ...strategy,
    serverMbit,
    relayTotalMbit: serverMbit,
    evaluateEveryRounds: evaluateEveryRounds(strategy),
  };
}

export const planned = (
  strategy: Strategy,
  learning: Task['learning'] = { stepsMin: 1, noiseSamples: 1, lagRounds: LAG_ROUNDS },
): Task => ({
  parameterCount: PARAMETERS,
  batchSize: COMMON.batchSize!,
  outerLearningRate: DEFAULT_OPTIONS.outerLearningRate,
  learning,
  evaluateEveryRounds: evaluateEveryRounds(strategy),
  evaluationSteps: EVALUATION_STEPS,
  activationBytes: 0,
  shardBytes: 0,
});

export const limitsOf = ({ serverMbit }: Setting) => ({
  volunteerMbit: DEFAULT_OPTIONS.relayVolunteerMbit,
  totalMbit: serverMbit,
  averagingBytes: Infinity,
});

function settingText({ crowd, strategy }: Setting): string {
  const { tabs, uplinkMbit, roundTripMs, churnPerMinute, stepMs, speedRatio } = crowd;
  const { architecture, schedule, group, localSteps, codec } = strategy;
  const way = waysText({ architecture, group, ...(schedule === undefined ? {} : { schedule }) });
  return `${tabs} tabs, ${uplinkMbit} Mbit/s, ${roundTripMs} ms, churn ${percent(churnPerMinute)}, steps of ${stepMs} ms x ${speedRatio}, ${way}, H = ${localSteps}, ${codec}`;
}

export const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
export const ascending = (values: readonly number[]) => values.toSorted((a, b) => a - b);
export const middle = (sorted: readonly number[]) => sorted[Math.floor(sorted.length / 2)]!;
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
export const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const signed = (share: number) => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(0)} %`;
