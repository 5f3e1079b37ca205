/**
 * `npm run bench:swarm -- plan`: the plan's predictions against the simulator. Two tasks; what the plan knows of each is the
 * law of learning fitted to a few runs on links that cost nothing. Then settings are drawn (tabs, lines, churn, speeds, and the
 * strategy), none of which was among those runs, and each is both predicted and simulated until it comes to the loss.
 *
 * Lines are thin, because the network that learns here has 1,210 parameters: 1 Mbit/s is to it what 80 Mbit/s are to one of
 * 100,000. So a good part of the settings waits for a line.
 */
import { mulberry, streamSeed } from '@murmuration/codec';
import { roundFault, type Crowd, type Prediction, type Strategy, type Task } from '@murmuration/plan';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';
import {
  ascending,
  checkOf,
  checkText,
  fittedTasks,
  middle,
  percent,
  predictionOf,
  WITHIN,
  withinCount,
  withinText,
  type Check,
  type Setting,
} from './plan-checks.ts';

const SETTINGS = 32;
const QUICK_SETTINGS = 6;

export function measurePlan({ isQuick, seeds, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const fits = fittedTasks(seeds, say);
  const checks = Array.from({ length: isQuick ? QUICK_SETTINGS : SETTINGS }, (_, i) => {
    const { task, learning } = fits[i % fits.length]!;
    const { setting, predicted } = drawUsable('plan in the mean, anew', i, learning, drawSetting);
    const check = checkOf(task, setting, predicted, seeds);
    say(`plan: ${i + 1}: ${checkText(check)}`);
    return check;
  });
  return Promise.resolve({ rows: rowsOf(checks, seeds), details: { fits, checks } });
}

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
export function drawUsable(
  word: string,
  index: number,
  learning: Task['learning'],
  draw: (random: () => number) => Setting,
): { readonly setting: Setting; readonly predicted: Prediction } {
  for (let at = 0; at < DRAWS_MAX; at++) {
    const setting = draw(mulberry(streamSeed(1, word, index, at)));
    const predicted = predictionOf(setting, learning);
    if (roundFault(predicted.cost) === null) return { setting, predicted };
  }
  throw new Error(`plan: no usable setting in ${DRAWS_MAX} draws`);
}

export const drawing = (random: () => number) => ({
  between: (min: number, max: number) => Number((min * (max / min) ** random()).toPrecision(3)),
  pick: <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!,
});

/** Log-uniform where a range spans more than a factor of a few. */
export function drawSetting(random: () => number): Setting {
  const { between, pick } = drawing(random);
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
