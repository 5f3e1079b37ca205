/**
 * `npm run bench:swarm -- [subject ...]`: the swarm's numbers, row by row: what, target, measured, met or not. Each
 * subject is a study of its own; those that were not asked for keep what the file held, so that the table can be made
 * in several sittings. Everything is imaginary (no browser, no network) and follows from the seeds.
 *
 * This file owns the clock, the terminal and the file; what is measured lies in the subjects.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { measureAdaptive } from './bench-swarm-adaptive.ts';
import { measureArchitectures } from './bench-swarm-architectures.ts';
import { measureConsensus } from './bench-swarm-consensus.ts';
import { measureHybrid } from './bench-swarm-hybrid.ts';
import { measureHostile } from './bench-swarm-hostile.ts';
import { measureControl, measureForming } from './bench-swarm-control.ts';
import { measureJoin } from './bench-swarm-join.ts';
import { measureNodes, measureNodesDigits } from './bench-swarm-nodes.ts';
import { measureSchedules } from './bench-swarm-schedules.ts';
import { measureScale, measureSpeed } from './bench-swarm-scale.ts';
import { measureStorm, measureVolume } from './bench-swarm-storm.ts';
import { measureSpread } from './bench-swarm-spread.ts';
import { measurePlan } from './bench-swarm-plan.ts';
import { measurePlanGroups } from './bench-swarm-plan-groups.ts';
import { measureStall } from './bench-swarm-stall.ts';
import { measureStragglers } from './bench-swarm-stragglers.ts';
import { measureTraining } from './bench-swarm-training.ts';
import { measureUtilisation } from './bench-swarm-utilisation.ts';
import { parseFlags, type FlagTable } from './flags.ts';
import { swarmTable, withTable } from './swarm-table.ts';

/** One line of the table. */
export interface SwarmRow {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly isMet: boolean;
}

export interface SwarmSubject {
  readonly rows: readonly SwarmRow[];
  /** Everything behind the rows: options, grids, every seed's numbers. Plain JSON. */
  readonly details: unknown;
}

export interface SwarmBenchSettings {
  readonly seeds: number;
  /** A fraction of the work, for a look: its rows say so and are not for quoting. */
  readonly isQuick: boolean;
  /** A text file to train the character model on; null: the made-up language. */
  readonly dataFile: string | null;
  /** Joins and departures of the subject `volume`; null: a million. */
  readonly moves: number | null;
  readonly say: (line: string) => void;
  /** Puts what there is so far into the file: what is interrupted then goes on there with `--resume`. */
  readonly keep: (details: unknown, rows?: readonly SwarmRow[]) => Promise<void>;
  /** With `--resume`: the details that the file holds of this subject. */
  readonly known: unknown;
}

const SUBJECTS: Readonly<Record<string, (settings: SwarmBenchSettings) => Promise<SwarmSubject>>> = {
  consensus: measureConsensus,
  hostile: measureHostile,
  join: (settings) => measureJoin(settings),
  forming: (settings) => measureForming(settings),
  control: (settings) => measureControl(settings),
  speed: (settings) => measureSpeed(settings),
  scale: (settings) => measureScale(settings),
  volume: (settings) => measureVolume(settings),
  storm: measureStorm,
  stall: (settings) => measureStall(settings),
  utilisation: (settings) => measureUtilisation(settings),
  stragglers: (settings) => measureStragglers(settings),
  adaptive: measureAdaptive,
  hybrid: (settings) => measureHybrid(settings),
  architectures: (settings) => measureArchitectures(settings),
  plan: measurePlan,
  'plan-groups': measurePlanGroups,
  asynchronous: (settings) => measureSchedules(settings),
  nodes: (settings) => measureNodes(settings),
  'nodes-digits': (settings) => measureNodesDigits(settings),
  spread: (settings) => measureSpread(settings),
  wire: (settings) => measureTraining('wire', settings),
  quality: (settings) => measureTraining('quality', settings),
  churn: (settings) => measureTraining('churn', settings),
};

const FLAGS = {
  seeds: { kind: 'integer', min: 1, max: 100, placeholder: 'S', help: 'seeds of each study (default 3)' },
  quick: { kind: 'switch', help: 'a look in a minute or two: fewer steps, one seed; not for quoting' },
  moves: {
    kind: 'integer',
    min: 100,
    max: 10_000_000,
    placeholder: 'N',
    help: 'joins and departures of the subject volume (default 1000000)',
  },
  resume: {
    kind: 'switch',
    help: 'go on with the runs that the file holds (subjects nodes, nodes-digits, plan-groups), if nothing but the number of seeds changed since',
  },
  data: { kind: 'text', placeholder: 'FILE', help: 'train on this text instead of the made-up language' },
  table: {
    kind: 'text',
    placeholder: 'FILE.md',
    help: 'put the rows of all subjects that were ever measured between the markers of this file (docs/swarm.md)',
  },
  out: { kind: 'text', placeholder: 'FILE.json', help: 'where the numbers go (default bench/swarm.json)' },
} as const satisfies FlagTable;

export async function run(argv: readonly string[]): Promise<number> {
  const flagsFrom = argv.findIndex((argument) => argument.startsWith('-'));
  const named = flagsFrom === -1 ? argv : argv.slice(0, flagsFrom);
  const parsed = parseFlags('npm run bench:swarm --', FLAGS, argv.slice(named.length));
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
  const settings = {
    seeds: flags.seeds ?? (flags.quick ? 1 : 3),
    isQuick: flags.quick,
    dataFile: flags.data ?? null,
    moves: flags.moves ?? null,
    say: (line: string) => process.stdout.write(`${line}\n`),
  };
  const out = resolve(flags.out ?? 'bench/swarm.json');
  const subjects = await measuredBefore(out);
  const misses: string[] = [];
  for (const name of named.length > 0 ? named : names) {
    const startedAtMs = performance.now();
    const held = flags.resume ? (subjects[name] as SwarmSubject | undefined) : undefined;
    const keep = async (details: unknown, rows: readonly SwarmRow[] = []) => {
      const seconds = Math.round((performance.now() - startedAtMs) / 1_000);
      subjects[name] = { seeds: settings.seeds, isQuick: settings.isQuick, seconds, rows, details };
      await mkdir(dirname(out), { recursive: true });
      const machine = { cores: availableParallelism(), node: process.versions.node };
      await writeFile(out, `${JSON.stringify({ machine, subjects }, null, 2)}\n`);
    };
    const { rows, details } = await SUBJECTS[name]!({ ...settings, keep, known: held?.details });
    for (const row of rows) settings.say(rowText(row, settings.isQuick));
    misses.push(...rows.filter((row) => !row.isMet).map((row) => row.what));
    // After every subject: a study of an hour that is interrupted keeps what it has.
    await keep(details, rows);
  }
  if (flags.table !== undefined) {
    const file = resolve(flags.table);
    await writeFile(file, withTable(await readFile(file, 'utf8'), swarmTable(subjects)));
  }
  settings.say(misses.length === 0 ? 'every target is met' : `missed: ${misses.join('; ')}`);
  return misses.length === 0 ? 0 : 1;
}

const rowText = ({ what, target, measured, isMet }: SwarmRow, isQuick: boolean) =>
  `${isMet ? 'met   ' : 'missed'}  ${what}: ${measured} (target: ${target})${isQuick ? ' [quick]' : ''}`;

async function measuredBefore(out: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(out, 'utf8');
  } catch {
    return {};
  }
  const { subjects } = JSON.parse(text) as { subjects: Record<string, unknown> };
  return { ...subjects };
}
