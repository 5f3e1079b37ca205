/**
 * `npm run bench:codec`: every way of making an update small, side by side in one run: size, error and speed in Node, and
 * in a tab the kernels against the CPU. Prints a line a bound, writes JSON (--out) and the table of the docs (--table).
 *
 * Speeds are of this machine and adapter: a software adapter's say nothing about a GPU's.
 * Exit code 1 when a bound is missed. What a scheme costs in loss when everything is tuned is `npm run bench:swarm`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { SCHEMES, type Scheme } from '@murmuration/codec';
import { codecRow, codecTraining, type CodecRow, type CodecTraining } from '@murmuration/simulator';
import { adapterText, findBrowser, launchBrowser, probeBrowser } from './browser.ts';
import { parseFlags } from './flags.ts';
import { vite } from './pages.ts';
import { ROOT_DIRECTORY } from './places.ts';

const FLAGS = {
  count: { kind: 'integer', min: 1_000, max: 10_000_000, placeholder: 'N', help: 'values (default 1000000)' },
  turns: { kind: 'integer', min: 1, max: 1_000, placeholder: 'N', help: 'timed turns (default 9)' },
  steps: { kind: 'integer', min: 10, max: 10_000, placeholder: 'N', help: 'steps of training (default 100)' },
  seed: {
    kind: 'integer',
    min: 0,
    max: 4_294_967_295,
    placeholder: 'N',
    help: 'seed of all data (default 1)',
  },
  out: { kind: 'text', placeholder: 'FILE.json', help: 'write the numbers, for example bench/codec.json' },
  table: { kind: 'text', placeholder: 'FILE.md', help: 'write the table, for example docs/codec.md' },
} as const;

/** One scheme in the tab (packages/trainer, codec-bench.ts). */
export interface TabRow {
  readonly scheme: Scheme;
  readonly hostMs: number;
  readonly encodeMs: number;
  readonly plainMs: number;
  readonly workgroupMs: number;
  readonly readbackBytes: number;
  readonly encodedBytes: number;
  readonly isRight: boolean;
}

interface Row extends CodecRow, CodecTraining {
  readonly tab: TabRow | null;
}

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
  const { count = 1_000_000, turns = 9, steps = 100, seed = 1, out, table } = parsed.flags;
  const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
  const machine = {
    node: process.versions.node,
    browser: browser.version,
    adapter: browser.adapter,
    cores: availableParallelism(),
  };
  say(
    `Node ${machine.node}, browser ${browser.version}, ${adapterText(browser.adapter)}, ${machine.cores} cores`,
  );
  await vite(BENCH_PAGE);
  const chromium = await launchBrowser(browser, browser.wish);
  const rows: Row[] = [];
  try {
    const page = await chromium.newPage();
    await page.route(`${BENCH_ORIGIN}/**`, async (route) => {
      const path = join(BENCH_PAGE, 'dist', new URL(route.request().url()).pathname);
      const body = await readFile(path).catch(() => null);
      const contentType = CONTENT_TYPES[extname(path)] ?? 'application/octet-stream';
      await route.fulfill(body === null ? { status: 404 } : { body, contentType });
    });
    await page.goto(`${BENCH_ORIGIN}/index.html`);
    for (const scheme of SCHEMES) {
      const hasKernels = scheme !== 'fp32' && scheme !== 'fp16';
      const tab = hasKernels
        ? await page.evaluate(
            (options) =>
              (
                globalThis as unknown as {
                  codecTimes: (options: unknown) => Promise<TabRow | { error: string }>;
                }
              ).codecTimes(options),
            { scheme, count, turns, seed },
          )
        : null;
      if (tab !== null && 'error' in tab) throw new Error(`${scheme} in the tab: ${tab.error}`);
      const row = codecRow({ scheme, count, turns, seed, nowMs: () => performance.now() });
      rows.push({ ...row, ...codecTraining(scheme, { steps, seed }), tab });
      say(lineOf(rows.at(-1)!));
    }
  } finally {
    await chromium.close();
  }
  const bounds = boundsOf(rows);
  for (const { text, isKept } of bounds) say(`${isKept ? 'ok' : '!!'}  ${text}`);
  const write = async (path: string, content: string) => {
    await mkdir(dirname(resolve(path)), { recursive: true });
    await writeFile(path, content);
    say(`written to ${path}`);
  };
  if (out !== undefined)
    await write(out, `${JSON.stringify({ machine, count, turns, steps, seed, rows, bounds }, null, 2)}\n`);
  if (table !== undefined)
    await write(
      table,
      tableOf(rows, `${adapterText(browser.adapter)}, ${machine.cores} cores`, count, bounds),
    );
  return bounds.every(({ isKept }) => isKept) ? 0 : 1;
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
}: Row): string {
  const gpu =
    tab === null
      ? ''
      : `; tab: CPU ${number(tab.hostMs)} ms, plain ${number(tab.plainMs)}, workgroup ${number(tab.workgroupMs)}, read back ${number(tab.readbackBytes / tab.encodedBytes, 3)} of packed`;
  return `${scheme.padEnd(9)} ${number(bitsPerValue, 3)} bits, real ${number(bitsPerExchange, 3)}, error ${number(100 * relativeError, 2)} %, encode ${number(encodeMs)} ms, decode ${number(decodeMs)} (copy ${number(copyMs, 2)})${gpu}`;
}

interface Bound {
  readonly text: string;
  readonly isKept: boolean;
}

/** The bounds, each with what was measured. */
function boundsOf(rows: readonly Row[]): Bound[] {
  const of = (scheme: Scheme) => rows.find((row) => row.scheme === scheme)!;
  const most = (what: string, value: number, bound: number, unit = '') => ({
    text: `${what}: ${Number(value.toPrecision(4))}${unit} (at most ${bound}${unit})`,
    isKept: value <= bound,
  });
  const least = (what: string, value: number, bound: number) => ({
    text: `${what}: ${Number(value.toPrecision(3))} (at least ${bound})`,
    isKept: value >= bound,
  });
  const [int8, int4, top64] = [of('int8'), of('int4'), of('topk-64')];
  const packed = rows.flatMap(({ tab }) => (tab === null ? [] : [tab]));
  const fastest = (tab: TabRow) => Math.min(tab.plainMs, tab.workgroupMs);
  return [
    most('top-64, bits a parameter and exchange, real updates', top64.bitsPerExchange, 0.16),
    most('top-64, bits a kept value', top64.bitsPerKept!, 9.6),
    most('int8, bits a value', int8.bitsPerValue, 8.07),
    most('int4, bits a value', int4.bitsPerValue, 4.07),
    most('int8, relative error', 100 * int8.relativeError, 0.7, ' %'),
    most('int4, relative error', 100 * int4.relativeError, 12, ' %'),
    ...packed.map((tab) =>
      most(`${tab.scheme}, bytes read back of those sent`, tab.readbackBytes / tab.encodedBytes, 1.1),
    ),
    ...packed.map((tab) => ({ text: `${tab.scheme}, kernels give the CPU's bytes`, isKept: tab.isRight })),
    least('int8 in the tab, the CPU way over the kernels', int8.tab!.hostMs / fastest(int8.tab!), 1.3),
    least(
      'int8 in the tab, only reading back and encoding over the kernels',
      int8.tab!.encodeMs / fastest(int8.tab!),
      1.3,
    ),
    least('int8, copying over encoding', int8.copyMs / int8.encodeMs, 0.25),
    least('int8, copying over decoding', int8.copyMs / int8.decodeMs, 0.25),
    most("8 peers' top-64 averaged, copies of the vector", top64.averageMs / top64.copyMs, 8),
  ];
}

function tableOf(rows: readonly Row[], machine: string, count: number, bounds: readonly Bound[]): string {
  const header = [
    'scheme',
    'bits',
    'bits, real',
    'error',
    'loss',
    'encode',
    'decode',
    '8 averaged',
    'tab: CPU',
    'encode only',
    'plain',
    'workgroup',
    'read back',
  ];
  const cells = (row: Row) => {
    const { tab } = row;
    const ms = (value: number | undefined) => (value === undefined ? '-' : number(value));
    return [
      row.scheme,
      number(row.bitsPerValue, 3),
      number(row.bitsPerExchange, 3),
      `${number(100 * row.relativeError, 2)} %`,
      number(row.finalLoss, 3),
      ...[
        row.encodeMs,
        row.decodeMs,
        row.averageMs,
        tab?.hostMs,
        tab?.encodeMs,
        tab?.plainMs,
        tab?.workgroupMs,
      ].map(ms),
      tab === null ? '-' : number(tab.readbackBytes / tab.encodedBytes, 3),
    ];
  };
  const lines = [header, header.map(() => '---'), ...rows.map(cells)].map(
    (line) => `| ${line.join(' | ')} |`,
  );
  return `# The codec's schemes

Generated by \`npm run bench:codec -- --out bench/codec.json --table docs/codec.md\`. Machine: ${machine}.

Bits a value on ${count.toLocaleString('en')} Gaussian values, and a parameter and exchange in a real training (character
model, 4 peers, H = 10, residuals and all; its untuned loss only ranks). Times in milliseconds for ${count.toLocaleString('en')} values;
copying the float32 vector took ${number(rows[0]!.copyMs, 2)}. In the tab, from the weights on the GPU to the update's bytes in hand: on the CPU (all
of it, and only reading back and encoding), and by both shapes of kernels. Read back: bytes, of those that are sent.

${lines.join('\n')}

${bounds.map(({ text, isKept }) => `- ${isKept ? 'kept' : '**missed**'}: ${text}`).join('\n')}
`;
}
