/**
 * `npm run bench:swarm -- speed scale`: how much faster than real time 50 tabs run, and 10,000 tabs that really train.
 * Production mind, codec, wire and ledger, and a small classifier that learns; how long a step takes is imaginary, and
 * decides how often tabs talk in a simulated second: the rows name it.
 */
import { profileOptions } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';
import { brief, count, gibibytes, seconds, timed } from './timed-run.ts';

const TABS = 10_000;
const QUICK_TABS = 1_000;

const SPEED_TARGET = 1_000;
/** 50 tabs for so many imaginary hours. */
const SPEEDS = [
  { stepMs: 50, localSteps: 5, rounds: 240, hours: 1 },
  { stepMs: 1_000, localSteps: 100, rounds: 360, hours: 20 },
] as const;

export function measureSpeed({ isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const runs = (['softmax', 'mlp'] as const).flatMap((model) =>
    SPEEDS.map((speed) => {
      const rounds = isQuick ? speed.rounds / 6 : speed.rounds;
      const options = profileOptions('clean', { tabs: 50, model, batchSize: 8, ...speed, rounds });
      const run = timed(options);
      const ratio = run.report.virtualMs / run.wallMs;
      say(
        `speed: 50 tabs, ${model}, steps of ${speed.stepMs} ms, H = ${speed.localSteps}: ${count(ratio)}x real time ` +
          `(${count(run.report.localSteps)} steps and ${count(run.report.eventCount)} events in ${seconds(run.wallMs)})`,
      );
      return { options, run, ratio };
    }),
  );
  return Promise.resolve({
    rows: runs.map(({ options, run, ratio }) => ({
      what: `50 tabs, ${options.model}, a step of ${options.stepMs} ms, ${options.localSteps} of them a round: times real time`,
      target: `at least ${count(SPEED_TARGET)}`,
      measured: `${count(ratio)}x (${seconds(run.report.virtualMs)} in ${seconds(run.wallMs)})`,
      isMet: ratio >= SPEED_TARGET,
    })),
    details: runs.map(({ options, run }) => brief(options, run)),
  });
}

const SCALE = { wallMaxMs: 600_000, residentMaxBytes: 6 * 2 ** 30, localStepsMin: 100 } as const;

export function measureScale({ isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const tabs = isQuick ? QUICK_TABS : TABS;
  // Everybody must have 100 steps behind it: newcomers to a swarm that runs already miss its first rounds.
  const options = profileOptions('clean', {
    tabs,
    model: 'mlp',
    batchSize: 8,
    stepMs: 500,
    localSteps: 25,
    rounds: 6,
    // 20,000 shards: more samples in each would be a gigabyte of imaginary data.
    shardSamples: 64,
    evaluateEveryRounds: 2,
  });
  let residentMax = 0;
  const run = timed(options, {
    onLook: () => {
      residentMax = Math.max(residentMax, process.memoryUsage.rss());
    },
  });
  const { report, wallMs } = run;
  const before = report.initialLoss;
  const stepsPerTab = report.localSteps / tabs;
  say(`scale: ${count(tabs)} tabs, ${count(report.localSteps)} steps, ${count(report.eventCount)} events`);
  const hasLearned = report.valLoss !== null && report.valLoss < before;
  return Promise.resolve({
    rows: [
      {
        what: `${count(tabs)} tabs really training a 1,210-parameter classifier, ${stepsPerTab.toFixed(0)} local steps each`,
        target: 'at least 100 steps in 10 minutes, under 6 GiB',
        measured:
          `${seconds(wallMs)} (${(report.virtualMs / wallMs).toFixed(2)}x real time), ${gibibytes(residentMax)}, ` +
          `loss ${before.toFixed(3)} to ${report.valLoss?.toFixed(3)}, accuracy ${(100 * (report.valAccuracy ?? 0)).toFixed(1)} %`,
        isMet:
          report.passed &&
          hasLearned &&
          wallMs <= SCALE.wallMaxMs &&
          residentMax <= SCALE.residentMaxBytes &&
          stepsPerTab >= SCALE.localStepsMin,
      },
    ],
    details: { residentMax, ...brief(options, run) },
  });
}
