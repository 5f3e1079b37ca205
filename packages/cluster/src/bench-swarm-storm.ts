/**
 * `npm run bench:swarm -- volume storm`: very many joins and departures in one run, and the storm (a fifth of the tabs
 * replaced a minute, 30 % of sends lost, the coordinator killed every five minutes) over many seeds, each against the
 * same seed without it.
 */
import { availableParallelism } from 'node:os';
import {
  profileOptions,
  PROFILES,
  ROUNDS_SHARE,
  type Glimpse,
  type SimulateOptions,
  type SimulateReport,
} from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';
import { runSeeds } from './seed-pool.ts';
import { brief, count, seconds, timed } from './timed-run.ts';

const MOVES_TARGET = 1_000_000;
const QUICK_MOVES = 2_000;
const VOLUME_LOSS_MAX = 0.02;
const VOLUME_SAY_ROUNDS = 5_000;
/** `--seeds` as it is when nobody gave it. */
const DEFAULT_SEEDS = 3;
/** Rounds of 20 s, in which a newcomer has the time to fetch the state and to train. */
const VOLUME = {
  tabs: 12,
  model: 'softmax',
  batchSize: 4,
  stepMs: 1_000,
  localSteps: 20,
  churnPerRound: 0.3,
  evaluateEveryRounds: 25,
} as const;

export function measureVolume({ moves: wanted, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const target = wanted ?? (isQuick ? QUICK_MOVES : MOVES_TARGET);
  // Each departure has its arrival, in the rounds that faults are for; a hundredth more for the chance in it.
  const rounds = Math.ceil((1.01 * target) / (2 * VOLUME.tabs * VOLUME.churnPerRound * ROUNDS_SHARE));
  const stormyOptions = profileOptions('turnover', { ...VOLUME, rounds });
  const calmOptions = profileOptions('turnover', { ...VOLUME, rounds, churnPerRound: 0 });
  const stormy = timed(stormyOptions, { onLook: sayEvery(say) });
  say(`volume: ${count(stormy.report.departures)} departures in ${seconds(stormy.wallMs)}`);
  const calm = timed(calmOptions);
  const moves = stormy.report.joins + stormy.report.departures;
  // While tabs still come and go: at the end they have stopped (faults.ts).
  const lossOf = ({ curve }: SimulateReport) =>
    curve.findLast(({ round, loss }) => loss !== null && round <= ROUNDS_SHARE * rounds)?.loss ?? Infinity;
  const [loss, calmLoss] = [lossOf(stormy.report), lossOf(calm.report)];
  const cost = loss / calmLoss - 1;
  const wholeMs = (stormy.wallMs * MOVES_TARGET) / moves;
  return Promise.resolve({
    rows: [
      {
        what: `joins and departures in one run (${VOLUME.tabs} tabs, ${100 * VOLUME.churnPerRound} % replaced a round, ${count(rounds)} rounds)`,
        target: `${count(MOVES_TARGET)}, loss within ${100 * VOLUME_LOSS_MAX} %`,
        measured:
          `${count(stormy.report.joins)} joins, ${count(stormy.report.departures)} departures in ${seconds(stormy.wallMs)} ` +
          `(a million: ${(wholeMs / 60_000).toFixed(0)} minutes); loss ${loss.toFixed(4)} against ` +
          `${calmLoss.toFixed(4)} without (${(100 * cost).toFixed(1)} %), ${stormy.report.violations.length} rules broken`,
        isMet: stormy.report.passed && moves >= MOVES_TARGET && cost <= VOLUME_LOSS_MAX,
      },
    ],
    details: { stormy: brief(stormyOptions, stormy), calm: brief(calmOptions, calm) },
  });
}

/** An hour without a word looks like a run that hangs. */
function sayEvery(say: (line: string) => void): (glimpse: Glimpse) => void {
  let dueRound = 0;
  return ({ round, loss, violations }) => {
    if (round < dueRound) return;
    dueRound = round + VOLUME_SAY_ROUNDS;
    say(`volume: round ${count(round)}, loss ${loss?.toFixed(4) ?? '-'}, ${violations} rules broken`);
  };
}

// ---------------------------------------------------------------- storm

const STORM_SEEDS = 300;
const STORM_QUICK_SEEDS = 6;
const STEPS_RATIO_MAX = 3;
/** Ten imaginary minutes: the coordinator is killed twice, and two tabs of 16 are replaced each half a minute or so. */
const STORM = {
  model: 'softmax',
  batchSize: 8,
  stepMs: 500,
  rounds: 240,
  validationSamples: 400,
  evaluateEveryRounds: 10,
} as const;
/** The loss to reach: what the clean run comes to after so much of its rounds, so that both have room beyond it. */
const BAR_SHARE = 0.5;
/** Whoever does not come to it in as many rounds as the clean run had is stormed once more, until the target is missed. */
const STORM_LONGER = { ...STORM, rounds: STEPS_RATIO_MAX * BAR_SHARE * STORM.rounds } as const;

export async function measureStorm({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const seedCount = isQuick ? STORM_QUICK_SEEDS : seeds > DEFAULT_SEEDS ? seeds : STORM_SEEDS;
  const allSeeds = Array.from({ length: seedCount }, (_, i) => i + 1);
  const { tabs } = PROFILES.storm;
  const clean = await play('clean', allSeeds, { ...STORM, tabs }, say);
  const storm = await play('storm', allSeeds, { ...STORM, tabs }, say);
  const ratioOf = (seed: number, reports: ReadonlyMap<number, SimulateReport>) =>
    clean.has(seed) && reports.has(seed) ? ratioOfRounds(clean.get(seed)!, reports.get(seed)!) : Infinity;
  const late = allSeeds.filter((seed) => storm.has(seed) && !Number.isFinite(ratioOf(seed, storm)));
  const longer = await play('storm', late, { ...STORM_LONGER, tabs }, say);
  const pairs = allSeeds.map((seed) => {
    const reports = [storm.get(seed), ...(longer.has(seed) ? [longer.get(seed)] : [])];
    return {
      seed,
      finished: reports.every((report) => report?.finished === true),
      passed: reports.every((report) => report?.passed === true),
      ratio: ratioOf(seed, longer.has(seed) ? longer : storm),
      isLonger: longer.has(seed),
      violations: reports.flatMap((report) => report?.violations.slice(0, 3) ?? []),
    };
  });
  const finished = pairs.filter((pair) => pair.finished).length;
  const broken = pairs.filter((pair) => !pair.passed).map(({ seed }) => seed);
  const ratios = pairs.map(({ ratio }) => ratio).sort((a, b) => a - b);
  const [half, worst] = [ratios[ratios.length >> 1]!, ratios.at(-1)!];
  const reached = ratios.filter(Number.isFinite);
  const missing = seedCount - reached.length;
  return {
    rows: [
      {
        what: `storm: 20 % churn a minute, 30 % of sends lost, coordinator killed every 5 minutes; seeds that finish`,
        target: `all of ${STORM_SEEDS}`,
        measured: `${finished} of ${seedCount}; rules broken in ${broken.length}${broken.length > 0 ? ` (seeds ${broken.slice(0, 10).join(', ')})` : ''}`,
        isMet: finished === seedCount && broken.length === 0 && seedCount >= STORM_SEEDS,
      },
      {
        what: 'storm: rounds (steps of a tab) to the loss that the clean run has half-way, against clean',
        target: `at most ${STEPS_RATIO_MAX}x`,
        measured:
          `${half.toFixed(2)}x in the middle, ${(reached.at(-1) ?? Infinity).toFixed(2)}x in the worst of ${seedCount} seeds` +
          (late.length > 0
            ? ` (${late.length} were given ${STORM_LONGER.rounds} rounds instead of ${STORM.rounds})`
            : '') +
          (missing > 0 ? `; ${missing} of them did not come to it in three times the rounds` : ''),
        isMet: worst <= STEPS_RATIO_MAX,
      },
    ],
    details: { options: STORM, pairs },
  };
}

/** By seed; one that crashed has no report. */
async function play(
  profile: 'clean' | 'storm',
  seeds: readonly number[],
  settings: Partial<SimulateOptions>,
  say: (line: string) => void,
): Promise<ReadonlyMap<number, SimulateReport>> {
  const jobs = seeds.map((seed) => ({ id: seed, options: profileOptions(profile, { ...settings, seed }) }));
  const reports = new Map<number, SimulateReport>();
  await runSeeds(jobs, availableParallelism(), (result) => {
    if ('crash' in result) say(`storm: seed ${result.id} (${profile}) crashed: ${result.crash}`);
    else reports.set(result.id, result.report);
    if (reports.size % 20 === 0) say(`storm: ${reports.size} of ${jobs.length} runs (${profile})`);
  });
  return reports;
}

/** Rounds that each took to the clean run's loss half-way; Infinity: the storm never got there. */
function ratioOfRounds(clean: SimulateReport, storm: SimulateReport): number {
  const half = clean.curve.findLast(({ round, loss }) => loss !== null && round <= BAR_SHARE * STORM.rounds);
  if (half === undefined) return Infinity;
  const roundsTo = ({ curve }: SimulateReport) =>
    curve.find(({ loss }) => loss !== null && loss <= half.loss!)?.round ?? Infinity;
  return roundsTo(storm) / Math.max(1, roundsTo(clean));
}
