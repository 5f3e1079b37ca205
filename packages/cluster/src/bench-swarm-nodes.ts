/**
 * `npm run bench:swarm -- nodes`: 16 tabs in 4 places, as one group (with as many steps a round as in a node, and with rounds as
 * long as their exchange, SPEC R17) and in tiers with K' = 1, 10, 50 and once an epoch (simulator, study-nodes.ts). Each place
 * shares a line of 10 Mbit/s and 50 ms to the others; inside, 1 Gbit/s and 1 ms. All are looked at after the same number of
 * samples: a few rounds between nodes are far apart, so on the straight line between the two around it.
 *
 * The simulator's model is small. So that an update takes as long as that of the preset `cnn` on the digits, the lines are
 * slower by the ratio of the two models' parameters; commits and hellos, which do not grow with a model, then take longer
 * than they would, for all alike.
 *
 * A seed takes minutes: `--resume` goes on with the seeds that the file of numbers holds.
 */
import {
  pointAfter,
  studyNodes,
  timeTo,
  type NodesPoint,
  type NodesRun,
  type SimulateOptions,
} from '@murmuration/simulator';
import { parameterLayout, presetModel } from '@murmuration/protocol';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';

const [TABS, PLACES] = [16, 4];
const [BETWEEN_MBIT, INSIDE_MBIT] = [10, 1_000];
/** Of the simulator's multilayer perceptron. */
const TOY_PARAMETERS = 1_210;
const SHARD_SAMPLES = 320;
const SHARDS = 32;
const LOCAL_STEPS = 5;
const BATCH = 16;
const ROUNDS = 150;
const QUICK_ROUNDS = 40;
/** Of tabs, in every round of theirs. */
const ROUND_SAMPLES = TABS * LOCAL_STEPS * BATCH;
const EPOCH_ROUNDS = Math.round((SHARDS * SHARD_SAMPLES) / ROUND_SAMPLES);
const BYTES_SHARE_MAX = 0.25;

/** What is fixed by the literature, and then what tiers are to be better than. */
type Way = Pick<SimulateOptions, 'betweenEvery'> & Partial<Pick<SimulateOptions, 'adaptive'>>;
const ONE_GROUP: Way = { betweenEvery: 0, adaptive: 'off' };
const LONG_ROUNDS: Way = { betweenEvery: 0 };
const IN_TIERS: readonly Way[] = [1, 10, 50, EPOCH_ROUNDS].map((betweenEvery) => ({ betweenEvery }));
const WAYS = [ONE_GROUP, LONG_ROUNDS, ...IN_TIERS];
/** A loss that everybody reaches late in the run: of each seed its own, that of the one group at the end and a tenth. */
const TARGET = 1.1;

interface Details {
  readonly base: Partial<SimulateOptions>;
  readonly samples: number;
  /** By seed, from 1, and way. */
  readonly runs: readonly (readonly NodesRun[])[];
}
/** Of one seed: what came of a way. */
interface Outcome extends NodesPoint {
  readonly toLossMs: number | null;
  readonly bytesASample: number;
  readonly violations: number;
}

export function measureNodes({ seeds, isQuick, say, known }: SwarmBenchSettings): Promise<SwarmSubject> {
  const model = presetModel('cnn', [28, 28, 1], 10);
  const slower = TOY_PARAMETERS / parameterLayout(model).parameterCount;
  const base = {
    tabs: TABS,
    nodes: PLACES,
    peersMin: TABS,
    rounds: 100_000,
    shards: SHARDS,
    shardSamples: SHARD_SAMPLES,
    localSteps: LOCAL_STEPS,
    batchSize: BATCH,
    lossShare: 0,
    delayMeanMs: 50,
    insideDelayMs: 1,
    insideMbit: INSIDE_MBIT * slower,
    uplinkMinMbit: BETWEEN_MBIT * slower,
    uplinkMaxMbit: BETWEEN_MBIT * slower,
  };
  const samples = ROUND_SAMPLES * (isQuick ? QUICK_ROUNDS : ROUNDS);
  const before = known as Details | undefined;
  const isSame = before !== undefined && JSON.stringify(before.base) === JSON.stringify(base);
  const kept = isSame && before.samples === samples ? before.runs : [];
  const runs = Array.from({ length: seeds }, (_, i) => {
    if (kept[i] !== undefined) return kept[i];
    return WAYS.map((way) => {
      const run = studyNodes({ ...base, ...way, seed: i + 1 }, samples);
      const { loss, atMs } = pointAfter(run.points, samples)!;
      say(
        `nodes: seed ${i + 1}, ${JSON.stringify(way)}: loss ${loss.toFixed(4)} in ${(atMs / 1_000).toFixed(1)} s`,
      );
      return run;
    });
  });
  const outcomes = runs.map((ofWays) => outcomesOf(ofWays, samples));
  const of = (way: Way) => outcomes.map((ofWays) => ofWays[WAYS.indexOf(way)]!);
  const [flat, long] = [of(ONE_GROUP), of(LONG_ROUNDS)];
  const rows: SwarmRow[] = [
    {
      what: `${TABS} tabs in ${PLACES} places, one group, lines slower by ${(1 / slower).toFixed(0)}`,
      target: 'what others are held against',
      measured: figures(flat),
      isMet: flat.every(({ violations, toLossMs }) => violations === 0 && toLossMs !== null),
    },
    {
      what: 'the same, rounds as long as their exchange',
      target: 'reported',
      measured: figures(long),
      isMet: long.every(({ violations }) => violations === 0),
    },
  ];
  for (const way of IN_TIERS) {
    const { betweenEvery } = way;
    const tiers = of(way);
    const bytesShare =
      mean(tiers, ({ bytesASample }) => bytesASample) / mean(flat, (one) => one.bytesASample);
    const loss = mean(tiers, (one) => one.loss) / mean(flat, (one) => one.loss) - 1;
    const isSooner = tiers.every(({ toLossMs }, i) =>
      [flat[i]!, long[i]!].every((one) => (toLossMs ?? Infinity) < (one.toLossMs ?? Infinity)),
    );
    const isSound = tiers.every(({ violations }) => violations === 0);
    rows.push({
      what: `in tiers, K' = ${betweenEvery}${betweenEvery === EPOCH_ROUNDS ? ' (once an epoch)' : ''}`,
      target: `at most ${BYTES_SHARE_MAX} of the bytes between places${betweenEvery > 1 ? '; less time to the loss than either, and no more loss after equal samples' : ''}`,
      measured: `${figures(tiers)}; ${(100 * bytesShare).toFixed(1)} % of the bytes; loss ${loss >= 0 ? '+' : ''}${(100 * loss).toFixed(1)} %`,
      isMet: isSound && bytesShare <= BYTES_SHARE_MAX && (betweenEvery === 1 || (isSooner && loss <= 0)),
    });
  }
  const details: Details = { base, samples, runs };
  return Promise.resolve({ rows, details });
}

function outcomesOf(runs: readonly NodesRun[], samples: number): Outcome[] {
  const points = runs.map((run) => pointAfter(run.points, samples)!);
  return runs.map((run, i) => ({
    ...points[i]!,
    toLossMs: timeTo(run.points, TARGET * points[WAYS.indexOf(ONE_GROUP)]!.loss),
    bytesASample: run.bytesBetween / run.samples,
    violations: run.violations,
  }));
}

const mean = (outcomes: readonly Outcome[], of: (outcome: Outcome) => number) =>
  outcomes.reduce((sum, outcome) => sum + of(outcome), 0) / outcomes.length;

const figures = (outcomes: readonly Outcome[]) =>
  `loss ${mean(outcomes, ({ loss }) => loss).toFixed(4)} after ${outcomes[0]!.samples} samples in ` +
  `${(mean(outcomes, ({ atMs }) => atMs) / 1_000).toFixed(1)} s, ` +
  `${mean(outcomes, ({ bytesASample, samples }) => (bytesASample * samples) / 1e6).toFixed(2)} MB between places; ` +
  `${outcomes.map(({ toLossMs }) => (toLossMs === null ? '-' : (toLossMs / 1_000).toFixed(1))).join(', ')} s to the loss`;
