/**
 * `npm run bench -- [subject ...]`: the project measured side by side with what people would use instead, or with what it
 * could be at best. Each subject is a study of its own, and both sides of a ratio are measured in one run of it on one
 * machine. Subjects that were not asked for keep what the file held, with the machine and the day of their own.
 *
 * This file owns the terminal, `bench/results.json` and the table of `docs/bench.md`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { measureBackends } from './bench-backends.ts';
import { measureBytes } from './bench-bytes.ts';
import { measureCoordinator } from './bench-coordinator.ts';
import { measureMemory } from './bench-memory.ts';
import { measureDeath, measureJoining } from './bench-moves.ts';
import { measureOverhead } from './bench-overhead.ts';
import { measureSpeedUp } from './bench-speed-up.ts';
import { measureWire } from './bench-wire.ts';
import type { SwarmSubject } from './bench-swarm.ts';
import { parseFlags, type FlagTable } from './flags.ts';
import { ROOT_DIRECTORY } from './places.ts';
import { BENCH_START, swarmTable, withTable } from './swarm-table.ts';

export interface BenchSettings {
  readonly seed: number;
  /** A fraction of the work, for a look: its rows say so and are not for quoting. */
  readonly isQuick: boolean;
  readonly say: (line: string) => void;
}

const SUBJECTS: Readonly<Record<string, (settings: BenchSettings) => Promise<SwarmSubject>>> = {
  grid: measureOverhead,
  backends: measureBackends,
  wire: measureWire,
  bytes: measureBytes,
  death: measureDeath,
  join: measureJoining,
  memory: measureMemory,
  coordinator: measureCoordinator,
  scale: measureSpeedUp,
};

const FLAGS = {
  seed: { kind: 'integer', min: 0, max: 4_294_967_295, placeholder: 'N', help: 'seed (default 1)' },
  quick: { kind: 'switch', help: 'a look: less of everything; not for quoting' },
  out: { kind: 'text', placeholder: 'FILE.json', help: 'where the numbers go (default bench/results.json)' },
  table: { kind: 'text', placeholder: 'FILE.md', help: 'whose table is renewed (default docs/bench.md)' },
} as const satisfies FlagTable;

export async function run(argv: readonly string[]): Promise<number> {
  const flagsFrom = argv.findIndex((argument) => argument.startsWith('-'));
  const named = flagsFrom === -1 ? argv : argv.slice(0, flagsFrom);
  const parsed = parseFlags('npm run bench --', FLAGS, argv.slice(named.length));
  const names = Object.keys(SUBJECTS);
  const unknown = named.find((name) => !names.includes(name));
  if (parsed.kind === 'help') {
    process.stdout.write(`${parsed.text}\n\nsubjects, before the flags: ${names.join(' ')} (default: all)\n`);
    return 0;
  }
  if (parsed.kind === 'wrong' || unknown !== undefined) {
    process.stderr.write(
      `${parsed.kind === 'wrong' ? parsed.message : `there is no subject "${unknown}"; choose from ${names.join(', ')}`}\n`,
    );
    return 2;
  }
  const { flags } = parsed;
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  const settings: BenchSettings = { seed: flags.seed ?? 1, isQuick: flags.quick, say };
  const out = resolve(flags.out ?? join(ROOT_DIRECTORY, 'bench', 'results.json'));
  const table = resolve(flags.table ?? join(ROOT_DIRECTORY, 'docs', 'bench.md'));
  const subjects = await known(out);
  const misses: string[] = [];
  for (const name of named.length > 0 ? named : names) {
    const machine = machineNow();
    const startedAtMs = performance.now();
    const { rows, details } = await SUBJECTS[name]!(settings);
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000);
    for (const { what, target, measured, isMet } of rows)
      say(`${isMet ? 'met   ' : 'missed'}  ${what}: ${measured} (target: ${target})`);
    misses.push(...rows.filter((row) => !row.isMet).map((row) => row.what));
    subjects[name] = { ...settings, at: new Date().toISOString(), machine, seconds, rows, details };
    // After every subject: what was measured is kept, whatever becomes of the next.
    await mkdir(dirname(out), { recursive: true });
    await writeFile(out, `${JSON.stringify({ subjects }, null, 2)}\n`);
    await writeFile(table, withTable(await readFile(table, 'utf8'), documentOf(subjects), BENCH_START));
  }
  say(misses.length === 0 ? 'every target is met' : `missed: ${misses.join('; ')}`);
  return misses.length === 0 ? 0 : 1;
}

/** The load tells how much of the machine others had: on a busy one both sides of a ratio suffer, not always alike. */
const machineNow = () => ({
  platform: `${process.platform} ${process.arch}`,
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGib: Math.round(totalmem() / 2 ** 30),
  node: process.versions.node,
  loadBefore: Number(loadavg()[0]!.toFixed(1)),
});

type Machine = ReturnType<typeof machineNow>;

function documentOf(subjects: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(subjects).map(([name, subject]) => {
    const { at, machine, seconds } = subject as { at: string; machine: Machine; seconds: number };
    const { platform, processor, cores, memoryGib, node, loadBefore } = machine;
    return `| \`${name}\` | ${at.slice(0, 10)} | ${platform}, ${cores} x ${processor}, ${memoryGib} GiB, Node ${node} | ${loadBefore} | ${seconds} s |`;
  });
  return [
    swarmTable(subjects),
    '',
    '| subject | day | machine | load before | took |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

async function known(out: string): Promise<Record<string, unknown>> {
  const text = await readFile(out, 'utf8').catch(() => null);
  if (text === null) return {};
  return { ...(JSON.parse(text) as { subjects: Record<string, unknown> }).subjects };
}
