/**
 * `npm run ways`: every kind of network under several ways of training, in real tabs, each with a tab whose process is killed.
 * What became of each is kept beside what earlier calls found, so that it may be interrupted, and asked for in parts.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ClusterSeries, CODES_OF_NO_RUN, CODE_INTERRUPTED } from './cluster-series.ts';
import { parseFlags, type FlagTable } from './flags.ts';
import { freshDirectory, ROOT_DIRECTORY, Sentence } from './places.ts';
import { withTable } from './swarm-table.ts';
import {
  CELLS,
  flagsOf,
  killChaos,
  nameOf,
  rowOf,
  runFileOf,
  WAYS_START,
  waysMarkdown,
  withRows,
  type WayRow,
} from './ways-table.ts';

const FLAGS = {
  only: {
    kind: 'text',
    placeholder: 'NAME,NAME',
    help: `only those whose name has one of these in it, of ${CELLS.map(nameOf).join(', ')}`,
    refuse: (text: string) =>
      chosen(text).length > 0 ? null : `names none of ${CELLS.map(nameOf).join(', ')}: "${text}"`,
  },
  text: {
    kind: 'text',
    placeholder: 'FILE.txt',
    help: 'what gru and gpt learn (default packages/protocol/SPEC.md)',
  },
  tabs: { kind: 'integer', min: 3, max: 64, placeholder: 'N', help: 'volunteer tabs (default 3)' },
  budget: { kind: 'text', placeholder: '6m', help: 'of each (default 6m)' },
  'allow-backend': {
    kind: 'choice',
    choices: ['cpu', 'wasm'],
    help: 'train on the processor instead of WebGPU; the table says so',
  },
  out: { kind: 'text', placeholder: 'FILE.json', help: 'where the rows are kept (default bench/ways.json)' },
  table: { kind: 'text', placeholder: 'FILE.md', help: 'whose table is renewed (default docs/ways.md)' },
} as const satisfies FlagTable;

const KEPT = 3;

const chosen = (only: string | undefined) => {
  const parts = only?.split(',').filter((part) => part !== '');
  return CELLS.filter((cell) => parts?.some((part) => nameOf(cell).includes(part)) ?? true);
};

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run ways --', FLAGS, argv);
  if (parsed.kind !== 'flags') {
    process.stdout.write(`${parsed.kind === 'help' ? parsed.text : parsed.message}\n`);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const { flags } = parsed;
  const rowsPath = resolve(flags.out ?? join(ROOT_DIRECTORY, 'bench', 'ways.json'));
  const tablePath = resolve(flags.table ?? join(ROOT_DIRECTORY, 'docs', 'ways.md'));
  const textFile = resolve(flags.text ?? join(ROOT_DIRECTORY, 'packages', 'protocol', 'SPEC.md'));
  let known: WayRow[];
  try {
    known = await knownRows(rowsPath);
  } catch (error) {
    if (!(error instanceof Sentence)) throw error;
    process.stdout.write(`${error.message}\n`);
    return 2;
  }

  const out = await freshDirectory('ways', KEPT);
  const clusters = new ClusterSeries([
    ...['--tabs', String(flags.tabs ?? 3), '--budget', flags.budget ?? '6m'],
    ...(flags['allow-backend'] === undefined ? [] : ['--allow-backend', flags['allow-backend']]),
  ]);
  const rows: WayRow[] = [];
  try {
    for (const cell of chosen(flags.only)) {
      const runFile = join(out, `${nameOf(cell)}.yaml`);
      await writeFile(runFile, JSON.stringify(runFileOf(cell, textFile), null, 2));
      const chaosFile = join(out, `${nameOf(cell)}-kill.yaml`);
      await writeFile(chaosFile, killChaos(cell));
      const { code, report } = await clusters.play(
        ['--run', runFile, '--chaos', chaosFile, ...flagsOf(cell)],
        join(out, nameOf(cell)),
      );
      if (CODES_OF_NO_RUN.includes(code)) return code;
      if (clusters.isInterrupted) return CODE_INTERRUPTED;
      rows.push(rowOf(cell, code, report, new Date().toISOString()));
      known = withRows(known, rows);
      await mkdir(dirname(rowsPath), { recursive: true });
      await writeFile(rowsPath, `${JSON.stringify(known, null, 2)}\n`);
      const document = await readFile(tablePath, 'utf8').catch(() => NEW_DOCUMENT);
      await writeFile(tablePath, withTable(document, waysMarkdown(known), WAYS_START));
    }
  } finally {
    clusters.close();
  }
  const passed = rows.filter(({ code }) => code === 0).length;
  process.stdout.write(
    `\n${waysMarkdown(rows)}\n\nKept in ${rowsPath} and ${tablePath}; artifacts in ${out}\n${passed} of ${rows.length} passed now\n`,
  );
  return passed === rows.length ? 0 : 1;
}

const NEW_DOCUMENT = `${WAYS_START}\n\n<!-- end of rows -->\n`;

/** @throws Sentence */
async function knownRows(path: string): Promise<WayRow[]> {
  const text = await readFile(path, 'utf8').catch(() => '[]');
  try {
    return withRows(JSON.parse(text) as WayRow[], []);
  } catch {
    throw new Sentence(`--out: ${path} is not a list of rows; give another file, or remove it`);
  }
}
