/**
 * `npm run bench:codec`: every way of making an update small, side by side in one run: size, error and speed in Node, and
 * in a tab the kernels against the CPU; with `--loss` instead what it costs in loss (bench-codec-loss.ts). Prints a line a
 * bound, writes JSON (--out) and the table of the docs (--table); the part that was not measured stays as the file has it.
 *
 * Speeds are of this machine and adapter: a software adapter's say nothing about a GPU's.
 * Exit code 1 when a bound is missed.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { SCHEMES } from '@murmuration/codec';
import { codecRow, codecTraining } from '@murmuration/simulator';
import { measureLoss } from './bench-codec-loss.ts';
import { adapterText, findBrowser, launchBrowser, probeBrowser } from './browser.ts';
import {
  lossBounds,
  schemeBounds,
  withCodecTable,
  type Bound,
  type CodecFigures,
  type SchemeRow,
  type TabRow,
} from './codec-table.ts';
import { parseFlags } from './flags.ts';
import { vite } from './pages.ts';
import { ROOT_DIRECTORY } from './places.ts';

const FLAGS = {
  count: { kind: 'integer', min: 1_000, max: 10_000_000, placeholder: 'N', help: 'values (default 1000000)' },
  turns: {
    kind: 'integer',
    min: 1,
    max: 1_000,
    placeholder: 'N',
    help: 'timed turns in the tab, ten times as many in Node (default 9)',
  },
  steps: { kind: 'integer', min: 10, max: 10_000, placeholder: 'N', help: 'steps of training (default 100)' },
  seed: {
    kind: 'integer',
    min: 0,
    max: 4_294_967_295,
    placeholder: 'N',
    help: 'seed of all data (default 1)',
  },
  'no-tab': { kind: 'switch', help: "only Node: the tab's numbers stay as the file has them" },
  loss: { kind: 'switch', help: 'tuned losses and low rank instead; an hour of processor time' },
  seeds: { kind: 'integer', min: 1, max: 100, placeholder: 'S', help: 'seeds of --loss (default 3)' },
  out: { kind: 'text', placeholder: 'FILE.json', help: 'write the numbers, for example bench/codec.json' },
  table: { kind: 'text', placeholder: 'FILE.md', help: 'write the table, for example docs/codec.md' },
} as const;

/** A turn in Node takes a fraction of one in the tab, and is as easily disturbed. */
const NODE_TURNS_RATIO = 10;
/** Where the other part's numbers are looked for when nothing is written. */
const DEFAULT_OUT = 'bench/codec.json';
const BENCH_PAGE = join(ROOT_DIRECTORY, 'packages', 'cluster', 'bench-page');
const BENCH_ORIGIN = 'http://localhost:1';
const CONTENT_TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' };

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run bench:codec --', FLAGS, argv);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  if (parsed.kind !== 'flags') {
    say(parsed.kind === 'help' ? parsed.text : parsed.message);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const { flags } = parsed;
  const known: CodecFigures = JSON.parse(
    await readFile(flags.out ?? DEFAULT_OUT, 'utf8').catch(() => '{}'),
  ) as CodecFigures;
  const keep = async (figures: CodecFigures) => {
    if (flags.out === undefined) return;
    await mkdir(dirname(resolve(flags.out)), { recursive: true });
    await writeFile(flags.out, `${JSON.stringify(figures, null, 2)}\n`);
  };
  let figures: CodecFigures;
  let bounds: readonly Bound[];
  if (flags.loss) {
    const { seeds = 3 } = flags;
    const rows = await measureLoss(seeds, say, (sofar) => keep({ ...known, loss: { seeds, rows: sofar } }));
    figures = { ...known, loss: { seeds, rows } };
    bounds = lossBounds(rows);
  } else {
    const { count = 1_000_000, turns = 9, steps = 100, seed = 1 } = flags;
    const { machine, tabs } = flags['no-tab']
      ? { machine: known.machine ?? '', tabs: tabsIn(known) }
      : await measureInTab({ count, turns, seed, say });
    const rows = SCHEMES.map((scheme) => {
      const timed = { scheme, count, turns: NODE_TURNS_RATIO * turns, seed, nowMs: () => performance.now() };
      const tab = tabs.find((one) => one.scheme === scheme) ?? null;
      const row = { ...codecRow(timed), ...codecTraining(scheme, { steps, seed }), tab };
      say(lineOf(row));
      return row;
    });
    figures = { ...known, machine, count, turns, rows };
    bounds = schemeBounds(rows);
  }
  for (const { text, isKept } of bounds) say(`${isKept ? 'ok' : '!!'}  ${text}`);
  await keep(figures);
  if (flags.table !== undefined)
    await writeFile(flags.table, withCodecTable(await readFile(flags.table, 'utf8'), figures));
  return bounds.every(({ isKept }) => isKept) ? 0 : 1;
}

const tabsIn = ({ rows = [] }: CodecFigures): TabRow[] =>
  rows.flatMap(({ tab }) => (tab === null ? [] : [tab]));

async function measureInTab({
  say,
  ...options
}: {
  readonly count: number;
  readonly turns: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}): Promise<{ readonly machine: string; readonly tabs: readonly TabRow[] }> {
  const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
  const machine = `Node ${process.versions.node}, browser ${browser.version}, ${adapterText(browser.adapter)}, ${availableParallelism()} cores`;
  say(machine);
  await vite(BENCH_PAGE);
  const chromium = await launchBrowser(browser, browser.wish);
  const tabs: TabRow[] = [];
  try {
    const page = await chromium.newPage();
    await page.route(`${BENCH_ORIGIN}/**`, async (route) => {
      const path = join(BENCH_PAGE, 'dist', new URL(route.request().url()).pathname);
      const body = await readFile(path).catch(() => null);
      const contentType = CONTENT_TYPES[extname(path)] ?? 'application/octet-stream';
      await route.fulfill(body === null ? { status: 404 } : { body, contentType });
    });
    await page.goto(`${BENCH_ORIGIN}/index.html`);
    for (const scheme of SCHEMES.filter((one) => one !== 'fp32' && one !== 'fp16')) {
      const tab = await page.evaluate(
        (asked) =>
          (
            globalThis as unknown as {
              codecTimes: (asked: unknown) => Promise<TabRow | { error: string }>;
            }
          ).codecTimes(asked),
        { scheme, ...options },
      );
      if ('error' in tab) throw new Error(`${scheme} in the tab: ${tab.error}`);
      tabs.push(tab);
      say(`${scheme} measured in the tab`);
    }
  } finally {
    await chromium.close();
  }
  return { machine, tabs };
}

const number = (value: number, digits = 1) => value.toFixed(digits);

function lineOf({
  scheme,
  bitsPerValue,
  relativeError,
  encodeMs,
  decodeMs,
  copyMs,
  bitsPerExchange,
  tab,
}: SchemeRow): string {
  const gpu =
    tab === null
      ? ''
      : `; tab: CPU ${number(tab.hostMs)} ms, plain ${number(tab.plainMs)}, workgroup ${number(tab.workgroupMs)}, read back ${number(tab.readbackBytes / tab.encodedBytes, 3)} of packed`;
  return `${scheme.padEnd(9)} ${number(bitsPerValue, 3)} bits, real ${number(bitsPerExchange, 3)}, error ${number(100 * relativeError, 2)} %, encode ${number(encodeMs)} ms, decode ${number(decodeMs)} (copy ${number(copyMs, 2)})${gpu}`;
}
