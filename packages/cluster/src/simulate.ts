/**
 * `npm run simulate`: runs the simulator for one seed or many and prints a line a seed. The simulator is pure; this file
 * owns its clock, its output and its report file. A seed that fails prints the line that replays it.
 */
import { writeFile } from 'node:fs/promises';
import {
  PROFILE_NAMES,
  profileOptions,
  simulate,
  type SimulateOptions,
  type SimulateReport,
} from '@murmuration/simulator';
import { parseFlags, type FlagTable } from './flags.ts';

const FLAGS = {
  profile: { kind: 'choice', choices: PROFILE_NAMES, help: 'mix of faults (default clean)' },
  seed: {
    kind: 'integer',
    min: 0,
    max: 4_294_967_295,
    placeholder: 'S',
    help: 'the one seed to run (default 1)',
  },
  seeds: {
    kind: 'text',
    placeholder: 'A..B',
    help: 'many seeds, both ends included',
    refuse: (text) => (/^\d{1,9}\.\.\d{1,9}$/.test(text) ? null : 'write two numbers, for example 1..100'),
  },
  tabs: {
    kind: 'integer',
    min: 1,
    max: 20_000,
    placeholder: 'N',
    help: 'imaginary tabs (default: the profile)',
  },
  rounds: { kind: 'integer', min: 1, max: 100_000, placeholder: 'R', help: 'rounds of the run (default 60)' },
  hours: {
    kind: 'integer',
    min: 1,
    max: 1_000,
    placeholder: 'H',
    help: 'imaginary hours at most (default 2)',
  },
  report: { kind: 'text', placeholder: 'FILE.json', help: 'write the reports of all seeds there' },
} as const satisfies FlagTable;

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
  const profile = flags.profile ?? 'clean';
  const [first, last] = flags.seeds?.split('..').map(Number) ?? [flags.seed ?? 1, flags.seed ?? 1];
  const changes: Partial<SimulateOptions> = {
    ...(flags.tabs === undefined ? {} : { tabs: flags.tabs }),
    ...(flags.rounds === undefined ? {} : { rounds: flags.rounds }),
    ...(flags.hours === undefined ? {} : { hours: flags.hours }),
  };
  const reports: SimulateReport[] = [];
  let failures = 0;
  for (let seed = first!; seed <= last!; seed++) {
    const startedAtMs = performance.now();
    const report = simulate(profileOptions(profile, { ...changes, seed }));
    const tookMs = performance.now() - startedAtMs;
    reports.push(report);
    const { passed } = report;
    process.stdout.write(`${line(profile, report, tookMs)}\n`);
    if (passed) continue;
    failures += 1;
    for (const { rule, atMs, text } of report.violations.slice(0, 5))
      process.stdout.write(`  broken ${rule} at ${(atMs / 1_000).toFixed(1)} s: ${text}\n`);
    if (!report.finished) process.stdout.write(`  did not finish; the run was ${report.state}\n`);
    const extra = argv.filter(
      (_, i) => !argv[i]!.startsWith('--seed') && !(argv[i - 1] ?? '').startsWith('--seed'),
    );
    process.stdout.write(`  replay: npm run simulate -- ${[...extra, '--seed', seed].join(' ')}\n`);
  }
  if (flags.report !== undefined) await writeFile(flags.report, `${JSON.stringify(reports, null, 2)}\n`);
  process.stdout.write(`${reports.length - failures} passed, ${failures} failed\n`);
  return failures === 0 ? 0 : 1;
}

function line(profile: string, report: SimulateReport, tookMs: number): string {
  const seconds = report.virtualMs / 1_000;
  return [
    `${profile} seed ${report.seed}`,
    `trace ${report.traceHash}`,
    `${report.rounds} rounds in ${seconds.toFixed(0)} s of its time (${(report.virtualMs / tookMs).toFixed(0)}x real time)`,
    `loss ${report.valLoss?.toFixed(3) ?? '-'}, accuracy ${((report.valAccuracy ?? 0) * 100).toFixed(1)} %`,
    `${report.joins} joins, ${report.departures} departures, ${report.coordinatorKills} coordinator kills`,
    `spread at the end ${report.spreadEnd.toExponential(1)}, ${report.forks} forks`,
  ].join('; ');
}
