/**
 * `npm run bench:swarm -- plan`: the plan's predictions against the simulator. Two tasks; what the plan knows of each is the
 * law of learning fitted to a few runs on links that cost nothing. Then settings are drawn (tabs, lines, churn, speeds, and the
 * strategy), none of which was among those runs, and each is both predicted and simulated until it comes to the loss.
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
    options: { seed: 1, clustersPerClass: 8, optimiser: 'rmsprop-floored' },
  },
  {
    name: 'four clusters a class, Adam, to loss 0.4',
    loss: 0.4,
    options: { seed: 2, clustersPerClass: 4, optimiser: 'adam' },
  },
];
const COMMON: Partial<SimulateOptions> = {
  model: 'mlp',
  batchSize: 8,
  learningRate: 0.012,
  rounds: 20_000,
  hours: HOURS_MAX,
};
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

export function measurePlan({ isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const fits = TASKS.map((task) => {
    const runs = FITTED.map(([tabs, localSteps]) => {
      const strategy: Strategy = { architecture: 'decentralised', localSteps, codec: 'int8' };
      const setting: Setting = { crowd: { ...FREE, tabs }, strategy, serverMbit: FREE_SERVER_MBIT };
      const { rounds } = timeToLoss(simulated(task, setting), task.loss);
      if (rounds === null) throw new Error(`plan: ${tabs} tabs never came to loss ${task.loss}`);
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
    const { ms, rounds, upBytes, departures, traceHash } = timeToLoss(simulated(task, setting), task.loss);
    const error = ms === null ? Infinity : predicted.timeMs / ms - 1;
    const check = {
      task: task.name,
      ...setting,
      bound: predicted.cost.bound,
      predictedMs: Math.round(predicted.timeMs),
      predictedRounds: predicted.rounds,
      predictedUpBytes: Math.round(predicted.cost.upBytes),
      simulatedMs: ms === null ? null : Math.round(ms),
      simulatedRounds: rounds,
      simulatedUpBytes: Math.round(upBytes),
      departures,
      traceHash,
      error,
    };
    say(
      `plan: ${i + 1}: ${settingText(setting)}: predicted ${seconds(predicted.timeMs)}, simulated ${ms === null ? 'never' : seconds(ms)} (${signed(error)})`,
    );
    return check;
  });
  return Promise.resolve({ rows: rowsOf(checks), details: { fits, checks } });
}

type Check = {
  readonly error: number;
  readonly bound: string;
  readonly predictedUpBytes: number;
  readonly simulatedUpBytes: number;
};

function rowsOf(checks: readonly Check[]): SwarmRow[] {
  const errors = checks.map(({ error }) => Math.abs(error)).toSorted((a, b) => a - b);
  const within = errors.filter((error) => error <= WITHIN).length;
  const waiting = checks.filter(({ bound }) => bound !== 'training');
  const bytes = checks
    .map(({ predictedUpBytes, simulatedUpBytes }) => Math.abs(predictedUpBytes / simulatedUpBytes - 1))
    .toSorted((a, b) => a - b);
  return [
    {
      what: `the plan's time to a loss against the simulator's, ${checks.length} drawn settings of two tasks (2 to 64 tabs, lines of 0.1 to 20 Mbit/s up, round trips of 5 to 200 ms, up to 10 % churn a minute, every codec, ${waiting.length} of them waiting for a line)`,
      target: `all within ${percent(WITHIN)}`,
      measured: `${within} of ${checks.length} within ${percent(WITHIN)}; median ${percent(middle(errors))}, worst ${percent(errors.at(-1)!)}`,
      isMet: within === checks.length,
    },
    {
      what: "the plan's bytes of a tab and round against the simulator's, whole frames, the same settings",
      target: 'reported',
      measured: `median ${percent(middle(bytes))} off, worst ${percent(bytes.at(-1)!)}`,
      isMet: true,
    },
  ];
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
const ARCHITECTURES_DRAWN = ['decentralised', 'decentralised', 'central'] as const;

const DRAWS_MAX = 100;

/** A plan proposes no strategy whose rounds would not close in time, so such a setting is drawn again. */
function drawUsable(index: number, learning: Task['learning']) {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const setting = drawSetting(mulberry(streamSeed(1, 'plan', index, draw)));
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
    architecture: pick(ARCHITECTURES_DRAWN),
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
    architecture: strategy.architecture,
    localSteps: strategy.localSteps,
    codec: strategy.codec,
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
  const { architecture, localSteps, codec } = strategy;
  return `${tabs} tabs, ${uplinkMbit} Mbit/s, ${roundTripMs} ms, churn ${percent(churnPerMinute)}, steps of ${stepMs} ms x ${speedRatio}, ${architecture}, H = ${localSteps}, ${codec}`;
}

const middle = (sorted: readonly number[]) => sorted[Math.floor(sorted.length / 2)]!;
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const signed = (share: number) => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(0)} %`;
