/**
 * `npm run bench:swarm -- plan`: the plan's predictions against the simulator. Two tasks; what the plan knows of each is the
 * law of learning fitted to a few runs on links that cost nothing. Then settings are drawn (tabs, lines, churn, speeds, and the
 * strategy), none of which was among those runs, and each is both predicted and simulated until it comes to the loss.
 *
 * A prediction is of the time in the mean: runs of one setting that differ in their seed alone scatter by about a tenth, so each
 * is simulated with several, the law's runs too. What single runs differ by is told as well.
 *
 * Lines are thin, because the network that learns here has 1,210 parameters: 1 Mbit/s is to it what 80 Mbit/s are to one of
 * 100,000. So a good part of the settings waits for a line.
 */
import { mulberry, streamSeed } from '@murmuration/codec';
import {
  LAG_ROUNDS,
  learningOf,
  measuredRun,
  predict,
  roundFault,
  type Crowd,
  type Strategy,
  type Task,
} from '@murmuration/plan';
import { DEFAULT_OPTIONS, timeToLoss, type SimulateOptions } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';

const SETTINGS = 32;
const QUICK_SETTINGS = 6;
const WITHIN = 0.25;
const HOURS_MAX = 4;
/** Parameters of the simulator's network (`model: mlp`), and what it takes to evaluate it there. */
const PARAMETERS = 1_210;
const EVALUATION_STEPS = 5;

interface CheckedTask {
  readonly name: string;
  readonly loss: number;
  readonly options: Partial<SimulateOptions>;
}

const TASKS: readonly CheckedTask[] = [
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

export function measurePlan({ isQuick, seeds, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const fits = TASKS.map((task) => {
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
  const checks = Array.from({ length: isQuick ? QUICK_SETTINGS : SETTINGS }, (_, i) => {
    const { task, learning } = fits[i % fits.length]!;
    const { setting, predicted } = drawUsable(i, learning);
    const hours = Math.min(HOURS_MAX, (TIMES_MAX * predicted.timeMs) / 3_600_000);
    const runs = simulatedRuns(task, setting, seeds, hours);
    const times = runs.map(({ ms }) => ms ?? Infinity);
    const ms = mean(times);
    const error = predicted.timeMs / ms - 1;
    const check = {
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
      departures: runs.map(({ departures }) => departures),
      traceHashes: runs.map(({ traceHash }) => traceHash),
      error,
      singleErrors: times.map((each) => predicted.timeMs / each - 1),
      scatter: Math.sqrt(mean(times.map((each) => (each / ms - 1) ** 2)) * (seeds / Math.max(1, seeds - 1))),
    };
    say(
      `plan: ${i + 1}: ${settingText(setting)}: predicted ${seconds(predicted.timeMs)}, simulated ${times.map((each) => (each === Infinity ? 'never' : seconds(each))).join(', ')} (${signed(error)})`,
    );
    return check;
  });
  return Promise.resolve({ rows: rowsOf(checks, seeds), details: { fits, checks } });
}

/** The same setting with several seeds, which no other bench draws from. */
const simulatedRuns = (task: CheckedTask, setting: Setting, seeds: number, hours = HOURS_MAX) =>
  Array.from({ length: seeds }, (_, i) => {
    const seed = task.options.seed! + TASKS.length * i;
    return timeToLoss({ ...simulated(task, setting), seed, hours }, task.loss);
  });

type Check = {
  readonly strategy: Strategy;
  readonly error: number;
  readonly singleErrors: readonly number[];
  readonly scatter: number;
  readonly bound: string;
  readonly predictedUpBytes: number;
  readonly simulatedUpBytes: number;
};

function rowsOf(checks: readonly Check[], seeds: number): SwarmRow[] {
  const waiting = checks.filter(({ bound }) => bound !== 'training');
  const without = checks.filter(({ strategy }) => strategy.schedule === 'asynchronous');
  const errors = checks.map(({ error }) => error);
  const single = checks.flatMap(({ singleErrors }) => singleErrors);
  const scatter = ascending(checks.map((check) => check.scatter));
  const bytes = checks.map(
    ({ predictedUpBytes, simulatedUpBytes }) => predictedUpBytes / simulatedUpBytes - 1,
  );
  return [
    {
      what: `the plan's time to a loss against the simulator's, ${checks.length} drawn settings of two tasks, the mean of ${seeds} runs each (2 to 64 tabs, lines of 0.1 to 20 Mbit/s up, round trips of 5 to 200 ms, up to 10 % churn a minute, every codec, ${without.length} of them without rounds, ${waiting.length} waiting for a line)`,
      target: `all within ${percent(WITHIN)}`,
      measured: withinText(errors),
      isMet: withinCount(errors) === checks.length,
    },
    {
      what: "the plan's time to a loss, those of them without rounds",
      target: `all within ${percent(WITHIN)}`,
      measured: withinText(without.map(({ error }) => error)),
      isMet: withinCount(without.map(({ error }) => error)) === without.length,
    },
    {
      what: "the plan's time to a loss against each run alone, the same settings",
      target: 'reported',
      measured: `${withinText(single)}; runs of one setting scatter by ${percent(middle(scatter))} (the middle of the settings), at most ${percent(scatter.at(-1)!)}`,
      isMet: true,
    },
    {
      what: "the plan's bytes of a tab and round against the simulator's, whole frames, the same settings",
      target: 'reported',
      measured: `median ${percent(middle(ascending(bytes.map(Math.abs))))} off, worst ${percent(Math.max(...bytes.map(Math.abs)))}`,
      isMet: true,
    },
  ];
}

const withinCount = (errors: readonly number[]) => errors.filter((error) => Math.abs(error) <= WITHIN).length;
function withinText(errors: readonly number[]): string {
  const off = ascending(errors.map(Math.abs));
  if (off.length === 0) return 'none was drawn';
  return `${withinCount(errors)} of ${off.length} within ${percent(WITHIN)}; median ${percent(middle(off))}, worst ${percent(off.at(-1)!)}`;
}

interface Setting {
  readonly crowd: Crowd;
  readonly strategy: Strategy;
  readonly serverMbit: number;
}

const CODECS_DRAWN = [
  'int8',
  'int8',
  'int4',
  'fp32',
  'sign',
  'topk-64',
  'topk-128',
  'topk-256',
  'topk-1024',
] as const;
const WAYS_DRAWN: readonly Pick<Strategy, 'architecture' | 'schedule'>[] = [
  { architecture: 'decentralised' },
  { architecture: 'decentralised' },
  { architecture: 'central' },
  { architecture: 'central', schedule: 'asynchronous' },
];

const DRAWS_MAX = 100;

/** A plan proposes no strategy whose rounds would not close in time, so such a setting is drawn again. */
function drawUsable(index: number, learning: Task['learning']) {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const setting = drawSetting(mulberry(streamSeed(1, 'plan in the mean, anew', index, draw)));
    const { crowd, strategy } = setting;
    const predicted = predict(planned(strategy, learning), crowd, strategy, limitsOf(setting));
    if (roundFault(predicted.cost) === null) return { setting, predicted };
  }
  throw new Error(`plan: no usable setting in ${DRAWS_MAX} draws`);
}

/** Log-uniform where a range spans more than a factor of a few. */
function drawSetting(random: () => number): Setting {
  const between = (min: number, max: number) => Number((min * (max / min) ** random()).toPrecision(3));
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
  const uplinkMbit = between(0.1, 20);
  const crowd: Crowd = {
    tabs: Math.round(between(2, 64)),
    uplinkMbit,
    downlinkMbit: Number((uplinkMbit * between(1, 8)).toPrecision(3)),
    roundTripMs: between(5, 200),
    churnPerMinute: random() < 0.3 ? 0 : Number((0.1 * random()).toFixed(3)),
    stepMs: between(100, 1_000),
    speedRatio: between(1, 3),
  };
  const strategy: Strategy = {
    ...pick(WAYS_DRAWN),
    localSteps: Math.round(between(1, 40)),
    codec: pick(CODECS_DRAWN),
  };
  return { crowd, strategy, serverMbit: between(1, 100) };
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

const planned = (
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

const limitsOf = ({ serverMbit }: Setting) => ({
  volunteerMbit: DEFAULT_OPTIONS.relayVolunteerMbit,
  totalMbit: serverMbit,
  averagingBytes: Infinity,
});

function settingText({ crowd, strategy }: Setting): string {
  const { tabs, uplinkMbit, roundTripMs, churnPerMinute, stepMs, speedRatio } = crowd;
  const { architecture, schedule, localSteps, codec } = strategy;
  const way = schedule === 'asynchronous' ? `${architecture} without rounds` : architecture;
  return `${tabs} tabs, ${uplinkMbit} Mbit/s, ${roundTripMs} ms, churn ${percent(churnPerMinute)}, steps of ${stepMs} ms x ${speedRatio}, ${way}, H = ${localSteps}, ${codec}`;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const ascending = (values: readonly number[]) => values.toSorted((a, b) => a - b);
const middle = (sorted: readonly number[]) => sorted[Math.floor(sorted.length / 2)]!;
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const signed = (share: number) => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(0)} %`;
