/**
 * The gate: seeds of `mix`, each with its own subset of faults, each run twice. No rule may be broken, every run must
 * finish without help after its faults, and both runs of a seed must be the same, event for event.
 */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  neverReached,
  profileOptions,
  SOMETIMES,
  type SimulateReport,
  type Situation,
} from '@murmuration/simulator';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOT_DIRECTORY } from './places.ts';
import { runSeeds } from './seed-pool.ts';
import { brokenLines, replayLine } from './simulate-lines.ts';

const SEEDS = 200;
const ROUNDS = 40;
/** Reached by one seed in several hundred: too rare to ask of these. */
const RARE: readonly Situation[] = ['roundsLost', 'resyncOldTerm'];
const optionsOf = (seed: number) => profileOptions('mix', { seed, rounds: ROUNDS });

describe(`the gate: ${SEEDS} seeds of faults drawn by chance, each run twice`, () => {
  const first = new Map<number, SimulateReport>();
  const again = new Map<number, SimulateReport>();
  const crashes: string[] = [];

  beforeAll(async () => {
    // Both runs of a seed are far apart in the queue, so that they seldom meet the same thread in the same state.
    const jobs = Array.from({ length: 2 * SEEDS }, (_, id) => ({ id, options: optionsOf(1 + (id % SEEDS)) }));
    await runSeeds(jobs, Math.max(2, availableParallelism()), (result) => {
      if ('crash' in result) crashes.push(`seed ${1 + (result.id % SEEDS)}: ${result.crash}`);
      else (result.id < SEEDS ? first : again).set(result.report.seed, result.report);
    });
  }, 900_000);

  it('every seed ends, none by an exception', () => {
    expect(crashes).toEqual([]);
    expect([first.size, again.size]).toEqual([SEEDS, SEEDS]);
  });

  it('[I1] [I2] [I3] [I4] [I5] [I7] [I8] [I10] [I18] [I23] no rule is broken, and every run finishes without help', () => {
    const failed = [...first.values()]
      .filter((report) => !report.passed)
      .map((report) => [replayLine('mix', optionsOf(report.seed)), ...brokenLines(report)].join('\n'));
    expect(failed).toEqual([]);
  });

  it('the same seed is the same run, event for event, on another thread', () => {
    const differing = [...first].filter(([seed, { traceHash }]) => again.get(seed)?.traceHash !== traceHash);
    expect(differing.map(([seed]) => seed)).toEqual([]);
  });

  it('and in another process, started by the command that people type', async () => {
    const script = join(ROOT_DIRECTORY, 'packages', 'cluster', 'bin', 'murmur.mjs');
    const argv = [script, 'simulate', '--profile', 'mix', '--seed', '7', '--rounds', String(ROUNDS)];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: ROOT_DIRECTORY });
    expect(stdout).toContain(`trace ${first.get(7)!.traceHash}`);
  });

  it('the situations that matter were reached, so that the rules were put to the test', () => {
    const never = neverReached([...first.values()].map(({ sometimes }) => sometimes));
    const missed = never.filter((situation) => !RARE.includes(situation));
    expect(missed.map((situation) => SOMETIMES[situation])).toEqual([]);
  });
});
