/**
 * `npm run soak -- --chaos light --seeds 1..20`: the cluster command over many seeds of chaos, one after the other, and a
 * table of what became of each. A seed passes when its cluster does; under `storm` it must also reach its target within
 * three times the steps of a run without faults, which is made first.
 *
 * What became of a seed is written down as soon as it is known, beside what earlier soaks found, so that a soak of hours
 * may be interrupted and continued with the seeds that are missing.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ClusterSeries, CODES_OF_NO_RUN, CODE_INTERRUPTED, type ClusterOutcome } from './cluster-series.ts';
import { parseFlags, type FlagTable } from './flags.ts';
import { freshDirectory, ROOT_DIRECTORY, Sentence } from './places.ts';
import {
  continuation,
  newBook,
  rowOf,
  SOAK_CHAOS,
  SOAK_START,
  soakLines,
  soakMarkdown,
  withSeed,
  type SeedRow,
  type SoakBook,
} from './soak-table.ts';
import { withTable } from './swarm-table.ts';

const FLAGS = {
  chaos: { kind: 'choice', choices: SOAK_CHAOS, help: 'the mix of faults (default light)' },
  seeds: {
    kind: 'text',
    placeholder: 'A..B',
    help: 'seeds of the faults (default 1..20 for light, 1..5 for storm)',
    refuse: (text: string) =>
      seedsOf(text) === null ? `must read a seed or a range, for example 1..20, not "${text}"` : null,
  },
  run: { kind: 'text', placeholder: 'FILE.yaml', help: 'the run (default examples/soak.yaml)' },
  tabs: { kind: 'integer', min: 2, max: 64, placeholder: 'N', help: 'volunteer tabs (default 4)' },
  budget: { kind: 'text', placeholder: '15m', help: 'of each seed (default 15m)' },
  book: {
    kind: 'text',
    placeholder: 'FILE.json',
    help: 'where what became of each seed is kept (default bench/soak.json)',
  },
  table: { kind: 'text', placeholder: 'FILE.md', help: 'whose table is renewed (default docs/soak.md)' },
  afresh: { kind: 'switch', help: 'forget what earlier soaks found' },
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
  const runFile = resolve(flags.run ?? join(ROOT_DIRECTORY, 'examples', 'soak.yaml'));
  const tabs = flags.tabs ?? 4;
  const bookPath = resolve(flags.book ?? join(ROOT_DIRECTORY, 'bench', 'soak.json'));
  const tablePath = resolve(flags.table ?? join(ROOT_DIRECTORY, 'docs', 'soak.md'));
  let book: SoakBook;
  try {
    book = await openBook(bookPath, { runFile, tabs, afresh: flags.afresh });
  } catch (error) {
    if (!(error instanceof Sentence)) throw error;
    say(error.message);
    return 2;
  }
  const keep = async (next: SoakBook) => {
    book = next;
    await mkdir(dirname(bookPath), { recursive: true });
    await writeFile(bookPath, `${JSON.stringify(book, null, 2)}\n`);
    const document = await readFile(tablePath, 'utf8').catch(() => NEW_DOCUMENT);
    await writeFile(tablePath, withTable(document, soakMarkdown(book), SOAK_START));
  };

  const chaos = flags.chaos ?? 'light';
  const seeds = seedsOf(flags.seeds ?? SEEDS_DEFAULT[chaos])!;
  const out = await freshDirectory('soak', SOAKS_KEPT);
  const clusters = new ClusterSeries([
    '--run',
    runFile,
    '--tabs',
    String(tabs),
    '--budget',
    flags.budget ?? '15m',
  ]);
  const rows: SeedRow[] = [];
  try {
    if (book.clean === null) {
      const clean = soaked(await clusters.play(['--assert', 'reached==1'], join(out, 'clean')));
      if (CODES_OF_NO_RUN.includes(clean.code)) return clean.code;
      if (!clusters.isInterrupted && (clean.code !== 0 || clean.steps === null)) {
        say(
          `The run without faults did not pass (${clean.outcome}); there is nothing to hold others against.`,
        );
        return clean.code === 0 ? 1 : clean.code;
      }
      if (!clusters.isInterrupted) await keep({ ...book, clean });
    }
    const stepsMax = STEPS_RATIO_MAX * (book.clean?.steps ?? 0);
    for (const seed of seeds) {
      if (clusters.isInterrupted) break;
      const asked = [
        ...['--chaos', chaos, '--seed', String(seed), '--assert', 'reached==1'],
        ...(chaos === 'storm' ? ['--assert', `local_steps<=${stepsMax}`] : []),
      ];
      const row = soaked(await clusters.play(asked, join(out, `seed-${seed}`)));
      if (CODES_OF_NO_RUN.includes(row.code)) return row.code;
      if (clusters.isInterrupted) break;
      rows.push(row);
      await keep(withSeed(book, chaos, seed, row));
    }
  } finally {
    clusters.close();
  }
  say('');
  for (const line of soakLines(book)) say(line);
  say(`Kept in ${bookPath} and ${tablePath}; artifacts in ${out}`);
  const rest = clusters.isInterrupted ? continuation(argv, { chaos, seeds, doneCount: rows.length }) : null;
  if (rest !== null) {
    say(`Interrupted; go on with: ${rest}`);
    return CODE_INTERRUPTED;
  }
  const passed = rows.filter(({ code }) => code === 0).length;
  say(`${passed} of ${rows.length} seeds of --chaos ${chaos} passed now`);
  return passed === rows.length ? 0 : 1;
}

const soaked = ({ code, report }: ClusterOutcome) => rowOf(code, report, new Date().toISOString());

const say = (line: string) => void process.stdout.write(`${line}\n`);

const NEW_DOCUMENT = `${SOAK_START}\n\n<!-- end of rows -->\n`;

/** @throws Sentence when the run file or the book cannot be read. */
async function openBook(
  path: string,
  { runFile, tabs, afresh }: { readonly runFile: string; readonly tabs: number; readonly afresh: boolean },
): Promise<SoakBook> {
  const runText = await readFile(runFile).catch(() => {
    throw new Sentence(`--run: ${runFile} cannot be read`);
  });
  const empty = newBook(createHash('sha256').update(runText).digest('hex'), tabs);
  const text = afresh ? null : await readFile(path, 'utf8').catch(() => null);
  if (text === null) return empty;
  let book: SoakBook;
  try {
    book = JSON.parse(text) as SoakBook;
  } catch {
    throw new Sentence(`--book: ${path} is not JSON; give another file, or --afresh to write it anew`);
  }
  if (book.runSha256 === empty.runSha256 && book.tabs === tabs) return book;
  throw new Sentence(
    `--book: ${path} is about another run file or number of tabs; give another file, or --afresh to write it anew`,
  );
}
