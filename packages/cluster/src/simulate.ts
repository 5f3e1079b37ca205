/**
 * `npm run simulate`: the simulator for one seed, with a live view, or for many on several threads, a line each. The
 * simulator is pure; this file owns its clock, its output and its report file. A seed that fails prints the line that
 * replays it, is shrunk, and tells a short story.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import {
  neverReached,
  optionHelp,
  parseSetting,
  picture,
  PROFILE_NAMES,
  profileOptions,
  shrink,
  simulate,
  storyOf,
  type ProfileName,
  type SimulateOptions,
  type SimulateReport,
} from '@murmuration/simulator';
import { parseFlags, type FlagTable, type Flags } from './flags.ts';
import { LiveScreen } from './live-screen.ts';
import { runSeeds, type SeedResult } from './seed-pool.ts';
import { brokenLines, glimpseLine, replayLine, runLine, situationLines } from './simulate-lines.ts';

const FLAGS = {
  profile: {
    kind: 'choice',
    choices: PROFILE_NAMES,
    help: 'what goes wrong (default: mix for --seeds, drawn from each seed; clean for one)',
  },
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
    refuse: (text) => {
      const [, first, last] = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text) ?? [];
      return first !== undefined && Number(first) <= Number(last)
        ? null
        : 'write two numbers, the smaller one first, for example 1..100';
    },
  },
  jobs: {
    kind: 'integer',
    min: 1,
    max: 64,
    placeholder: 'J',
    help: 'threads for --seeds (default: all cores)',
  },
  tabs: {
    kind: 'integer',
    min: 1,
    max: 20_000,
    placeholder: 'N',
    help: 'imaginary tabs (default: the profile)',
  },
  rounds: {
    kind: 'integer',
    min: 1,
    max: 1_000_000,
    placeholder: 'R',
    help: 'rounds of the run (default 60)',
  },
  hours: {
    kind: 'integer',
    min: 1,
    max: 1_000,
    placeholder: 'H',
    help: 'imaginary hours at most (default 2)',
  },
  set: {
    kind: 'list',
    placeholder: 'KEY=VALUE',
    help: 'any option, again and again; `--set help` lists them',
    refuse: (text) => {
      const setting = text === 'help' ? null : parseSetting(text);
      return setting !== null && 'wrong' in setting ? setting.wrong : null;
    },
  },
  'no-shrink': { kind: 'switch', help: 'do not look for a smaller run that fails alike' },
  report: { kind: 'text', placeholder: 'FILE.json', help: 'write reports there, and a picture as FILE.svg' },
} as const satisfies FlagTable;

/** Milliseconds between two drawings of the live view. */
const DRAW_EVERY_MS = 250;
/** Failed seeds that are shrunk; each takes up to 80 runs. */
const SHRUNK_MAX = 3;

interface Outcome {
  readonly options: SimulateOptions;
  readonly report: SimulateReport;
  readonly wallMs: number;
}

export async function run(argv: readonly string[]): Promise<number> {
  if (argv.includes('--plants')) return (await import('./plants-table.ts')).run(argv);
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
  if (flags.set.includes('help')) {
    process.stdout.write(`Options for --set, with default and range:\n${optionHelp().join('\n')}\n`);
    return 0;
  }
  const profile = flags.profile ?? (flags.seeds === undefined ? 'clean' : 'mix');
  const changes = changesOf(flags);
  const screen = new LiveScreen(process.stdout);
  const startedAtMs = performance.now();
  const { outcomes, crashes } =
    flags.seeds === undefined
      ? one(profileOptions(profile, { ...changes, seed: flags.seed ?? 1 }), profile, screen)
      : await many(flags.seeds, profile, changes, flags.jobs ?? availableParallelism(), screen);
  const failed = outcomes.filter(({ report }) => !report.passed);
  if (!flags['no-shrink'])
    for (const outcome of failed.slice(0, SHRUNK_MAX)) tellStory(profile, outcome, screen);
  const never = neverReached(outcomes.map(({ report }) => report.sometimes));
  if (flags.seeds !== undefined)
    for (const line of situationLines(
      outcomes.map(({ report }) => report.sometimes),
      never,
    ))
      screen.say(line);
  if (flags.report !== undefined) await writeReports(flags.report, { profile, outcomes, never, argv });
  const seconds = (performance.now() - startedAtMs) / 1_000;
  screen.say(
    `${outcomes.length - failed.length} passed, ${failed.length + crashes} failed in ${seconds.toFixed(1)} s`,
  );
  return failed.length + crashes === 0 ? 0 : 1;
}

function changesOf(flags: Flags<typeof FLAGS>): Partial<SimulateOptions> {
  const changes: Record<string, number | string> = {};
  for (const name of ['tabs', 'rounds', 'hours'] as const)
    if (flags[name] !== undefined) changes[name] = flags[name];
  for (const text of flags.set) {
    const setting = parseSetting(text);
    if ('name' in setting) changes[setting.name] = setting.value;
  }
  return changes;
}

/** One seed on this thread, with a view of how it goes. */
function one(
  options: SimulateOptions,
  profile: ProfileName,
  screen: LiveScreen,
): { readonly outcomes: Outcome[]; readonly crashes: number } {
  const startedAtMs = performance.now();
  let drawnAtMs = startedAtMs;
  const report = simulate(options, {
    onLook: (glimpse) => {
      const nowMs = performance.now();
      if (nowMs - drawnAtMs < DRAW_EVERY_MS) return;
      drawnAtMs = nowMs;
      const line = glimpseLine(glimpse, nowMs - startedAtMs, options.rounds);
      screen.draw([line.slice(0, screen.width)], nowMs);
    },
  });
  const wallMs = performance.now() - startedAtMs;
  screen.finish([]);
  const outcome = { options, report, wallMs };
  tell(profile, outcome, screen);
  return { outcomes: [outcome], crashes: 0 };
}

async function many(
  range: string,
  profile: ProfileName,
  changes: Partial<SimulateOptions>,
  threadCount: number,
  screen: LiveScreen,
): Promise<{ readonly outcomes: Outcome[]; readonly crashes: number }> {
  const [first, last] = range.split('..').map(Number) as [number, number];
  const jobs = Array.from({ length: last - first + 1 }, (_, i) => ({
    id: i,
    options: profileOptions(profile, { ...changes, seed: first + i }),
  }));
  const outcomes: Outcome[] = [];
  let crashes = 0;
  const startedAtMs = performance.now();
  await runSeeds(jobs, threadCount, (result: SeedResult) => {
    const { options } = jobs[result.id]!;
    if ('crash' in result) {
      crashes += 1;
      screen.say(`!!  ${profile} seed ${options.seed} crashed: ${result.crash}`);
      screen.say(`    replay: ${replayLine(profile, options)}`);
      return;
    }
    const outcome = { options, report: result.report, wallMs: result.wallMs };
    outcomes.push(outcome);
    tell(profile, outcome, screen);
    const nowMs = performance.now();
    const failed = outcomes.filter(({ report }) => !report.passed).length + crashes;
    const perSecond = (1_000 * outcomes.length) / (nowMs - startedAtMs);
    screen.draw(
      [`${outcomes.length}/${jobs.length} seeds, ${failed} failed, ${perSecond.toFixed(1)} seeds/s`],
      nowMs,
    );
  });
  screen.finish([]);
  return { outcomes: outcomes.sort((a, b) => a.options.seed - b.options.seed), crashes };
}

function tell(profile: ProfileName, { options, report, wallMs }: Outcome, screen: LiveScreen): void {
  screen.say(runLine(profile, report, wallMs));
  if (report.passed) return;
  for (const line of brokenLines(report)) screen.say(line);
  screen.say(`    replay: ${replayLine(profile, options)}`);
}

function tellStory(profile: ProfileName, { options, report }: Outcome, screen: LiveScreen): void {
  screen.say(`Looking for a smaller run that fails as seed ${options.seed} does ...`);
  const shrunk = shrink(options, report, simulate);
  screen.say(`After ${shrunk.attempts} runs: ${replayLine(profile, shrunk.options)}`);
  for (const line of storyOf(shrunk.report)) screen.say(`  ${line}`);
}

/** JSON with every report; curves and stories only of a single seed and of those that failed. The picture is its own. */
async function writeReports(
  path: string,
  {
    profile,
    outcomes,
    never,
    argv,
  }: {
    readonly profile: ProfileName;
    readonly outcomes: readonly Outcome[];
    readonly never: readonly string[];
    readonly argv: readonly string[];
  },
): Promise<void> {
  const runs = outcomes.map(({ options, report, wallMs }) => {
    const { curve, story, ...rest } = report;
    const isWhole = outcomes.length === 1 || !report.passed;
    return {
      options,
      wallMs: Math.round(wallMs),
      speed: report.virtualMs / wallMs,
      eventsPerSecond: (1_000 * report.eventCount) / wallMs,
      ...rest,
      ...(isWhole ? { curve, story } : {}),
    };
  });
  const command = `npm run simulate -- ${argv.join(' ')}`;
  await writeFile(path, `${JSON.stringify({ command, profile, neverReached: never, runs }, null, 2)}\n`);
  const shown = outcomes.find(({ report }) => !report.passed) ?? outcomes[0];
  if (shown === undefined) return;
  const title = `${profile}, seed ${shown.options.seed}: ${shown.options.tabs} tabs, trace ${shown.report.traceHash}`;
  await writeFile(`${path.replace(/\.json$/, '')}.svg`, picture(shown.report, title));
}
