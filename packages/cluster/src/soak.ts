/**
 * `npm run soak -- --chaos light --seeds 1..20`: the cluster command over many seeds of chaos, one after the other, and a
 * table of what became of each. A seed passes when its cluster does; under `storm` it must also reach its target within
 * three times the steps of a run without faults, which is made first.
 */
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ClusterReportSchema, type ClusterReport } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import { parseFlags, type FlagTable } from './flags.ts';
import { freshDirectory, ROOT_DIRECTORY } from './places.ts';

const FLAGS = {
  chaos: { kind: 'choice', choices: ['light', 'storm'], help: 'the mix of faults (default light)' },
  seeds: {
    kind: 'text',
    placeholder: 'A..B',
    help: 'seeds of the faults (default 1..20 for light, 1..5 for storm)',
    refuse: (text: string) =>
      seedsOf(text) === null ? `must read a seed or a range, for example 1..20, not "${text}"` : null,
  },
  run: { kind: 'text', placeholder: 'FILE.yaml', help: 'the run (default examples/soak.yaml)' },
  tabs: { kind: 'integer', min: 2, max: 64, placeholder: 'N', help: 'volunteer tabs (default 4)' },
  budget: { kind: 'text', placeholder: '8m', help: 'of each seed (default 8m)' },
} as const satisfies FlagTable;

const SEEDS_MAX = 1_000;
const STEPS_RATIO_MAX = 3;
const SOAKS_KEPT = 5;
const SEEDS_DEFAULT = { light: '1..20', storm: '1..5' } as const;

function seedsOf(text: string): number[] | null {
  const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(text);
  if (match === null) return null;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  return last < first || last - first >= SEEDS_MAX
    ? null
    : Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run soak --', FLAGS, argv);
  if (parsed.kind !== 'flags') {
    process.stdout.write(`${parsed.kind === 'help' ? parsed.text : parsed.message}\n`);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const { flags } = parsed;
  const chaos = flags.chaos ?? 'light';
  const out = await freshDirectory('soak', SOAKS_KEPT);
  const common = [
    ...['--run', resolve(flags.run ?? join(ROOT_DIRECTORY, 'examples', 'soak.yaml'))],
    ...['--tabs', String(flags.tabs ?? 4), '--budget', flags.budget ?? '8m'],
  ];
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  const table: SeedRow[] = [];
  let stepsMax: number | null = null;
  if (chaos === 'storm') {
    const clean = await oneCluster('clean', [...common, '--assert', 'reached==1'], join(out, 'clean'));
    if (clean.steps === null || clean.code !== 0) {
      say(
        `The run without faults did not pass (${clean.outcome}), so there is nothing to compare with: ${out}`,
      );
      return clean.code === 0 ? 1 : clean.code;
    }
    table.push(clean);
    stepsMax = STEPS_RATIO_MAX * clean.steps;
  }
  for (const seed of seedsOf(flags.seeds ?? SEEDS_DEFAULT[chaos])!) {
    const asserts = [
      '--assert',
      'reached==1',
      ...(stepsMax === null ? [] : ['--assert', `local_steps<=${stepsMax}`]),
    ];
    const flagsOfSeed = [...common, '--chaos', chaos, '--seed', String(seed), ...asserts];
    table.push(await oneCluster(String(seed), flagsOfSeed, join(out, `seed-${seed}`)));
    // After every seed: a soak of hours that is interrupted keeps what it has.
    await writeFile(join(out, 'soak.json'), `${JSON.stringify({ chaos, stepsMax, table }, null, 2)}\n`);
    say(rowText(table.at(-1)!));
  }
  const seeds = table.filter(({ seed }) => seed !== 'clean');
  const passed = seeds.filter(({ code }) => code === 0).length;
  say('');
  say('seed   code  steps  rounds  accuracy  faults  seconds  outcome');
  for (const row of table) say(rowText(row));
  say(`${passed} of ${seeds.length} seeds of --chaos ${chaos} passed; artifacts in ${out}`);
  return passed === seeds.length ? 0 : 1;
}

interface SeedRow {
  readonly seed: string;
  readonly code: number;
  readonly outcome: string;
  readonly steps: number | null;
  readonly rounds: number | null;
  readonly accuracy: number | null;
  /** Carried out, of those that were due. */
  readonly faults: string;
  readonly seconds: number | null;
}

function rowText({ seed, code, outcome, steps, rounds, accuracy, faults, seconds }: SeedRow): string {
  const number = (value: number | null, width: number, digits = 0) =>
    (value === null ? '-' : value.toFixed(digits)).padStart(width);
  return `${seed.padEnd(5)}  ${number(code, 4)}  ${number(steps, 5)}  ${number(rounds, 6)}  ${number(accuracy, 8, 3)}  ${faults.padStart(6)}  ${number(seconds, 7)}  ${outcome}`;
}

async function oneCluster(seed: string, flags: readonly string[], out: string): Promise<SeedRow> {
  const code = await new Promise<number>((settle) => {
    const child = spawn(
      process.execPath,
      [join(ROOT_DIRECTORY, 'packages/cluster/bin/murmur.mjs'), 'cluster', ...flags, '--out', out],
      { cwd: ROOT_DIRECTORY, stdio: 'inherit' },
    );
    child.on('close', (exitCode) => settle(exitCode ?? 1));
  });
  const text = await readFile(join(out, 'report.json'), 'utf8').catch(() => null);
  if (text === null)
    return {
      ...{ seed, code, outcome: 'no report was written', faults: '-' },
      ...{ steps: null, rounds: null, accuracy: null, seconds: null },
    };
  const report = Value.Parse(ClusterReportSchema, JSON.parse(text)) as ClusterReport;
  const { result, verdict, faults } = report;
  return {
    seed,
    code,
    outcome: [verdict.outcome, ...verdict.emptiness].join('; '),
    steps: result.localSteps,
    rounds: result.rounds,
    accuracy: result.valAccuracy,
    faults: `${faults.filter(({ outcome }) => outcome === 'done').length}/${faults.length}`,
    seconds: result.seconds,
  };
}
