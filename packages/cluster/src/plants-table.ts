/**
 * `npm run simulate -- --plants [--seeds A..B] [--jobs J] [--rounds R]`: plants one bug after another and prints which
 * checker caught it, at which seed. First the clean code runs all the seeds: a checker that cries at nothing proves
 * nothing. Each bug has a process of its own, which ends at the first seed that catches it.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseFlags, type FlagTable } from './flags.ts';
import { ROOT_DIRECTORY } from './places.ts';
import type { PlantLine } from './plant-seeds.ts';
import { PLANTS, type Plant } from './plants.ts';

const FLAGS = {
  plants: { kind: 'switch', help: 'plant bugs and see who catches them' },
  seeds: {
    kind: 'text',
    placeholder: 'A..B',
    help: 'seeds to try, both ends included (default 1..300)',
    refuse: (text) => (/^\d{1,9}\.\.\d{1,9}$/.test(text) ? null : 'write two numbers, for example 1..300'),
  },
  jobs: { kind: 'integer', min: 1, max: 64, placeholder: 'J', help: 'processes at a time (default 2)' },
  rounds: { kind: 'integer', min: 5, max: 1_000, placeholder: 'R', help: 'rounds of a run (default 40)' },
  only: { kind: 'text', placeholder: 'TEXT', help: 'only bugs whose description holds this text' },
} as const satisfies FlagTable;

/** The share of the bugs that must be caught. */
const CAUGHT_SHARE_MIN = 0.95;

interface Fate {
  readonly plant: Plant | null;
  readonly last: PlantLine | null;
  readonly exitCode: number;
  readonly stderr: string;
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run simulate --', FLAGS, argv);
  if (parsed.kind === 'help') {
    process.stdout.write(`${parsed.text}\n`);
    return 0;
  }
  if (parsed.kind === 'wrong') {
    process.stderr.write(`${parsed.message}\n`);
    return 2;
  }
  const { flags } = parsed;
  const [first, last] = (flags.seeds ?? '1..300').split('..').map(Number) as [number, number];
  const seeds = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  const rounds = flags.rounds ?? 40;
  const only = flags.only;
  const plants = PLANTS.filter(({ bug }) => only === undefined || bug.includes(only));
  const queue: (Plant | null)[] = [null, ...plants];
  let caught = 0;
  let isCleanRight = false;
  const work = async (): Promise<void> => {
    for (let plant = queue.shift(); plant !== undefined; plant = queue.shift()) {
      const fate = await plantOne(plant, seeds, rounds);
      process.stdout.write(`${describe(fate)}\n`);
      if (fate.exitCode !== 0) continue;
      const isCaught = fate.last?.caught !== null;
      if (plant === null) isCleanRight = !isCaught;
      else if (isCaught) caught += 1;
    }
  };
  await Promise.all(Array.from({ length: flags.jobs ?? 2 }, work));
  const share = plants.length > 0 ? caught / plants.length : 0;
  process.stdout.write(
    `${caught} of ${plants.length} planted bugs caught (${(100 * share).toFixed(0)} %) within ${seeds.length} seeds; ` +
      `the clean code ${isCleanRight ? 'passed all of them' : 'did NOT pass'}\n`,
  );
  return share >= CAUGHT_SHARE_MIN && isCleanRight ? 0 : 1;
}

function plantOne(plant: Plant | null, seeds: readonly number[], rounds: number): Promise<Fate> {
  const job = JSON.stringify({ plant, root: ROOT_DIRECTORY, seeds, rounds });
  const script = join(ROOT_DIRECTORY, 'packages', 'cluster', 'bin', 'plant-run.mjs');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, job], { stdio: ['ignore', 'pipe', 'pipe'] });
    let last: PlantLine | null = null;
    let stderr = '';
    createInterface({ input: child.stdout }).on('line', (text) => (last = JSON.parse(text) as PlantLine));
    child.stderr.on('data', (chunk: Buffer) => (stderr = `${stderr}${chunk.toString()}`.slice(-2_000)));
    child.on('error', reject);
    child.on('close', (code) => resolve({ plant, last, exitCode: code ?? 1, stderr }));
  });
}

function describe({ plant, last, exitCode, stderr }: Fate): string {
  const what = plant === null ? 'nothing planted' : `${plant.bug} (${plant.file})`;
  if (exitCode !== 0) return `  BROKEN      ${what}: ${stderr.trim().split('\n').at(-1)}`;
  if (last === null || last.caught === null)
    return `  ${plant === null ? 'all passed ' : 'NOT CAUGHT '} ${what}`;
  const where = `seed ${last.seed} (${last.profile})`;
  return `  ${last.caught.padEnd(6)} caught ${what}: ${where}: ${last.text}`;
}
