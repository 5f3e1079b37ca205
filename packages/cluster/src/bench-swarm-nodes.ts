/**
 * `npm run bench:swarm -- nodes`: 16 tabs in 4 places, as one group (with as many steps a round as in a node, and with rounds as
 * long as their exchange, SPEC R17) and in tiers with K' = 1, 10, 50 and once an epoch (simulator, study-nodes.ts). Each place shares a line of 10 Mbit/s and 50 ms to the others; inside, 1 Gbit/s and 1 ms.
 *
 * The simulator's model is small. So that an update takes as long as that of the preset `cnn` on the digits, the lines are
 * slower by the ratio of the two models' parameters; commits and hellos, which do not grow with a model, then take longer
 * than they would, for all alike.
 */
import { nodesTimeToLoss, studyNodes, type NodesRow, type SimulateOptions } from '@murmuration/simulator';
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

export function measureNodes({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
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
  type Way = Pick<SimulateOptions, 'betweenEvery'> & Partial<Pick<SimulateOptions, 'adaptive'>>;
  const study = (way: Way) =>
    Array.from({ length: seeds }, (_, i) => studyNodes({ ...base, ...way, seed: i + 1 }, samples));
  const time = (way: Way, losses: readonly number[]) =>
    losses.map((loss, i) => nodesTimeToLoss({ ...base, ...way, seed: i + 1 }, loss));
  const fixed: Way = { betweenEvery: 0, adaptive: 'off' };
  const flat = study(fixed);
  // What everybody reaches late in the run: of each seed its own.
  const targets = flat.map(({ loss }) => loss * 1.1);
  const flatMs = time(fixed, targets);
  say(`nodes: one group: ${figures(flat)}`);
  const long = study({ betweenEvery: 0 });
  const longMs = time({ betweenEvery: 0 }, targets);
  say(`nodes: one group, rounds as long as their exchange: ${figures(long)}`);
  const rows: SwarmRow[] = [
    {
      what: `${TABS} tabs in ${PLACES} places, one group, lines slower by ${(1 / slower).toFixed(0)}`,
      target: 'what others are held against',
      measured: `${figures(flat)}; ${seconds(flatMs)} s to the loss`,
      isMet: flat.every(({ violations }) => violations === 0) && flatMs.every((ms) => ms !== null),
    },
    {
      what: 'the same, rounds as long as their exchange',
      target: 'reported',
      measured: `${figures(long)}; ${seconds(longMs)} s to the loss`,
      isMet: long.every(({ violations }) => violations === 0),
    },
  ];
  const details: Record<string, unknown> = { base, flat, targets, flatMs, long, longMs };
  for (const betweenEvery of [1, 10, 50, EPOCH_ROUNDS]) {
    const tiers = study({ betweenEvery });
    const tiersMs = time({ betweenEvery }, targets);
    details[`K' ${betweenEvery}`] = { tiers, tiersMs };
    const bytesShare = mean(tiers, bytesASample) / mean(flat, bytesASample);
    const loss = mean(tiers, (row) => row.loss) / mean(flat, (row) => row.loss) - 1;
    const isSooner = tiersMs.every((ms, i) =>
      [flatMs[i], longMs[i]].every((one) => ms !== null && one != null && ms < one),
    );
    const isSound = tiers.every(({ violations }) => violations === 0);
    rows.push({
      what: `in tiers, K' = ${betweenEvery}${betweenEvery === EPOCH_ROUNDS ? ' (once an epoch)' : ''}`,
      target: `at most ${BYTES_SHARE_MAX} of the bytes between places${betweenEvery > 1 ? '; less time to the loss than either, and no more loss after equal samples' : ''}`,
      measured: `${figures(tiers)}; ${seconds(tiersMs)} s to the loss; ${(100 * bytesShare).toFixed(1)} % of the bytes; loss ${loss >= 0 ? '+' : ''}${(100 * loss).toFixed(1)} %`,
      isMet: isSound && bytesShare <= BYTES_SHARE_MAX && (betweenEvery === 1 || (isSooner && loss <= 0)),
    });
    say(`nodes: ${rows.at(-1)!.what}: ${rows.at(-1)!.measured}`);
  }
  return Promise.resolve({ rows, details });
}

const bytesASample = ({ bytesBetween, samples }: NodesRow) => bytesBetween / samples;
const mean = (rows: readonly NodesRow[], of: (row: NodesRow) => number) =>
  rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
const seconds = (times: readonly (number | null)[]) =>
  times.map((ms) => (ms === null ? '-' : (ms / 1_000).toFixed(1))).join(', ');

const figures = (rows: readonly NodesRow[]) =>
  `loss ${mean(rows, (row) => row.loss).toFixed(4)} after ${Math.round(mean(rows, (row) => row.samples))} samples in ` +
  `${(mean(rows, (row) => row.virtualMs) / 1_000).toFixed(1)} s, ${(mean(rows, (row) => row.bytesBetween) / 1e6).toFixed(2)} MB between places`;
