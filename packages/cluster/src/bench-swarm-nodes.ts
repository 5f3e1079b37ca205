/**
 * `npm run bench:swarm -- nodes nodes-digits`: 16 tabs in 4 places, as one group (with as many steps a round as in a node, and
 * with rounds as long as their exchange, SPEC R17) and in tiers with K' = 1, 10, 50 and once an epoch (simulator,
 * study-nodes.ts). Each place shares a line of 10 Mbit/s and 50 ms to the others; inside, 1 Gbit/s and 1 ms. All are looked at
 * after the same number of samples: a few rounds between nodes are far apart, so on the straight line between the two around it.
 *
 * `nodes-digits` trains the preset `cnn` on the built-in digits, an exchange after every step as synchronous training has it.
 * `nodes` trains the simulator's toy, with more rounds in less time: so that an update takes as long as that of the cnn, the
 * lines are slower by the ratio of the two models' parameters; commits and hellos, which do not grow with a model, then take
 * longer than they would, for all alike.
 *
 * A seed takes minutes: `--resume` goes on with what the file of numbers holds, run by run.
 */
import {
  DEFAULT_OPTIONS,
  pointAfter,
  studyNodes,
  timeTo,
  type NodesPoint,
  type NodesRun,
  type SimulateOptions,
  type TabTask,
} from '@murmuration/simulator';
import { parameterLayout, presetModel } from '@murmuration/protocol';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';
import { digitsData, digitsTask } from './digits-task.ts';

const [TABS, PLACES] = [16, 4];
const [BETWEEN_MBIT, INSIDE_MBIT] = [10, 1_000];
const BYTES_SHARE_MAX = 0.25;
/** A loss that everybody reaches late in the run: of each seed its own, that of the one group at the end and a tenth. */
const TARGET = 1.1;
/** Of the simulator's multilayer perceptron. */
const TOY_PARAMETERS = 1_210;

interface Setting {
  readonly what: string;
  readonly shards: number;
  readonly shardSamples: number;
  readonly localSteps: number;
  readonly batchSize: number;
  /** As many as in so many rounds of all tabs. */
  readonly rounds: number;
  readonly quickRounds: number;
  readonly lookEverySamples: number;
  readonly linesSlower: number;
  readonly validationSamples: number;
  /** They change nothing that is measured. */
  readonly checks: SimulateOptions['checks'];
  readonly task: (options: SimulateOptions) => Promise<TabTask | undefined>;
}

const toySlower = parameterLayout(presetModel('cnn', [28, 28, 1], 10)).parameterCount / TOY_PARAMETERS;
const TOY: Setting = {
  what: `lines slower by ${toySlower.toFixed(0)}`,
  ...{ shards: 32, shardSamples: 320, validationSamples: DEFAULT_OPTIONS.validationSamples },
  ...{ localSteps: 5, batchSize: 16, rounds: 150, quickRounds: 40, lookEverySamples: 0 },
  linesSlower: toySlower,
  checks: 'on',
  task: () => Promise.resolve(undefined),
};
const DIGITS: Setting = {
  what: 'the cnn on the digits',
  // As the coordinator cuts its 12,000 and holds 2,000 out.
  ...{ shards: 24, shardSamples: 500, validationSamples: 2_000 },
  ...{ localSteps: 1, batchSize: 5, rounds: 300, quickRounds: 20, lookEverySamples: 2_000 },
  linesSlower: 1,
  // Of 52,138 parameters in each of 16 tabs they would take longer than all that they look at.
  checks: 'off',
  task: async (options) => digitsTask(await digitsData({ kind: 'digits' }), options),
};

/** What is fixed by the literature, and then what tiers are to be better than. */
type Way = Pick<SimulateOptions, 'betweenEvery'> & Partial<Pick<SimulateOptions, 'adaptive'>>;
const ONE_GROUP: Way = { betweenEvery: 0, adaptive: 'off' };
const LONG_ROUNDS: Way = { betweenEvery: 0 };

interface Details {
  readonly base: Partial<SimulateOptions>;
  readonly samples: number;
  /** By seed, from 1, and way; null: not yet. */
  readonly runs: (NodesRun | null)[][];
}
interface Plan {
  readonly seeds: number;
  readonly samples: number;
  readonly epochRounds: number;
  readonly inTiers: readonly Way[];
}
/** Of one seed: what came of a way. */
interface Outcome extends NodesPoint {
  readonly toLossMs: number | null;
  readonly bytesASample: number;
  readonly roundsASample: number;
  readonly violations: number;
}

export const measureNodes = (settings: SwarmBenchSettings) => measure(TOY, settings);
export const measureNodesDigits = (settings: SwarmBenchSettings) => measure(DIGITS, settings);

async function measure(
  setting: Setting,
  { seeds, isQuick, say, keep, known }: SwarmBenchSettings,
): Promise<SwarmSubject> {
  const { shards, shardSamples, localSteps, batchSize, linesSlower, validationSamples } = setting;
  const roundSamples = TABS * localSteps * batchSize;
  const epochRounds = Math.round((shards * shardSamples) / roundSamples);
  const inTiers: Way[] = [1, 10, 50, epochRounds].map((betweenEvery) => ({ betweenEvery }));
  const ways = [ONE_GROUP, LONG_ROUNDS, ...inTiers];
  const base = {
    ...{ tabs: TABS, nodes: PLACES, peersMin: TABS, rounds: 100_000, evaluateEveryRounds: 10_000 },
    ...{ shards, shardSamples, localSteps, batchSize, validationSamples },
    ...{ lossShare: 0, delayMeanMs: 50, insideDelayMs: 1, insideMbit: INSIDE_MBIT / linesSlower },
    ...{ uplinkMinMbit: BETWEEN_MBIT / linesSlower, uplinkMaxMbit: BETWEEN_MBIT / linesSlower },
  };
  const samples = roundSamples * (isQuick ? setting.quickRounds : setting.rounds);
  const before = known as Details | undefined;
  const isSame = before !== undefined && JSON.stringify(before.base) === JSON.stringify(base);
  const runs: Details['runs'] = isSame && before.samples === samples ? before.runs : [];
  const task = await setting.task({ ...DEFAULT_OPTIONS, ...base });
  const details: Details = { base, samples, runs };
  const rows = () => rowsOf(setting, { seeds, epochRounds, samples, inTiers }, runs);
  const study = { samplesMax: samples, lookEverySamples: setting.lookEverySamples, ...(task && { task }) };
  for (let seed = 1; seed <= seeds; seed++) {
    const ofSeed = (runs[seed - 1] ??= ways.map(() => null));
    for (const [i, way] of ways.entries()) {
      if (ofSeed[i] !== null) continue;
      const run = studyNodes({ ...base, checks: setting.checks, ...way, seed }, study);
      ofSeed[i] = run;
      const { loss, accuracy, atMs } = pointAfter(run.points, samples)!;
      say(
        `${setting.what}: seed ${seed}, ${JSON.stringify(way)}: loss ${loss.toFixed(4)}, ${percent(accuracy)} right in ${(atMs / 1_000).toFixed(1)} s${run.broken === null ? '' : `; broken: ${run.broken}`}`,
      );
      await keep(details, rows());
    }
  }
  return { rows: rows(), details };
}

/** Of the ways that were measured of every seed; none without the first two. */
function rowsOf(
  { what, validationSamples }: Setting,
  { seeds, epochRounds, samples, inTiers }: Plan,
  runs: Details['runs'],
): SwarmRow[] {
  const outcomes = Array.from({ length: seeds }, (_, seed) => outcomesOf(runs[seed] ?? [], samples));
  const of = (index: number) => outcomes.flatMap((ofWays) => ofWays[index] ?? []);
  const [flat, long] = [of(0), of(1)];
  if (flat.length < seeds || long.length < seeds) return [];
  const rows: SwarmRow[] = [
    {
      what: `${TABS} tabs in ${PLACES} places, one group, ${what}`,
      target: 'what others are held against',
      measured: figures(flat),
      isMet: flat.every(({ violations, toLossMs }) => violations === 0 && toLossMs !== null),
    },
    {
      what: `the same, rounds as long as their exchange, ${what}`,
      target: 'reported',
      measured: figures(long),
      isMet: long.every(({ violations }) => violations === 0),
    },
  ];
  for (const [i, { betweenEvery }] of inTiers.entries()) {
    const tiers = of(2 + i);
    if (tiers.length < seeds) continue;
    const bytesShare =
      mean(tiers, ({ bytesASample }) => bytesASample) / mean(flat, (one) => one.bytesASample);
    const loss = mean(tiers, (one) => one.loss) / mean(flat, (one) => one.loss) - 1;
    const accuracy = mean(tiers, (one) => one.accuracy) - mean(flat, (one) => one.accuracy);
    const isSooner = tiers.every(({ toLossMs }, seed) =>
      [flat[seed]!, long[seed]!].every((one) => (toLossMs ?? Infinity) < (one.toLossMs ?? Infinity)),
    );
    const isSound = tiers.every(({ violations }) => violations === 0);
    rows.push({
      what: `in tiers, K' = ${betweenEvery}${betweenEvery === epochRounds ? ' (once an epoch)' : ''}, ${what}`,
      target: `at most ${BYTES_SHARE_MAX} of the bytes between places${betweenEvery > 1 ? '; less time to the loss than either, and no less right after equal samples than the one group' : ''}`,
      measured:
        `${figures(tiers)}; ${mean(tiers, (one) => one.roundsASample * samples).toFixed(0)} rounds between; ` +
        `${(100 * bytesShare).toFixed(1)} % of the bytes; loss ${signed(100 * loss)} %, right ${signed(100 * accuracy)} points ` +
        `(by seed ${tiers.map((one, seed) => signed(100 * (one.accuracy - flat[seed]!.accuracy))).join(', ')}; ` +
        `standard error of one ${(
          100 *
          standardError(
            mean(flat, (one) => one.accuracy),
            validationSamples,
          )
        ).toFixed(1)})`,
      isMet: isSound && bytesShare <= BYTES_SHARE_MAX && (betweenEvery === 1 || (isSooner && accuracy >= 0)),
    });
  }
  return rows;
}

/** Of one seed, by way; null: not measured yet. */
function outcomesOf(runs: readonly (NodesRun | null)[], samples: number): (Outcome | null)[] {
  const flat = runs[0];
  if (flat == null) return [];
  const toLoss = TARGET * pointAfter(flat.points, samples)!.loss;
  return runs.map((run) =>
    run === null
      ? null
      : {
          ...pointAfter(run.points, samples)!,
          toLossMs: timeTo(run.points, toLoss),
          bytesASample: run.bytesBetween / run.samples,
          roundsASample: run.rounds / run.samples,
          violations: run.violations,
        },
  );
}

/** Of a share of `count` samples that were drawn alike. */
const standardError = (share: number, count: number) => Math.sqrt((share * (1 - share)) / count);
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const signed = (value: number) => `${value >= 0 ? '+' : ''}${value.toFixed(1)}`;

const mean = (outcomes: readonly Outcome[], of: (outcome: Outcome) => number) =>
  outcomes.reduce((sum, outcome) => sum + of(outcome), 0) / outcomes.length;

const figures = (outcomes: readonly Outcome[]) =>
  `loss ${mean(outcomes, ({ loss }) => loss).toFixed(4)} and ${percent(mean(outcomes, ({ accuracy }) => accuracy))} right after ${outcomes[0]!.samples} samples in ` +
  `${(mean(outcomes, ({ atMs }) => atMs) / 1_000).toFixed(1)} s, ` +
  `${mean(outcomes, ({ bytesASample, samples }) => (bytesASample * samples) / 1e6).toFixed(2)} MB between places; ` +
  `${outcomes.map(({ toLossMs }) => (toLossMs === null ? '-' : (toLossMs / 1_000).toFixed(1))).join(', ')} s to the loss`;
