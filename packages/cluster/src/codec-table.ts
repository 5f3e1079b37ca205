/**
 * What `npm run bench:codec` measured as the table, the bounds and the losses of docs/codec.md, put between the markers of
 * a document that says the rest in prose. Pure.
 */
import type { Scheme } from '@murmuration/codec';
import type { CodecRow, CodecTraining } from '@murmuration/simulator';
import type { LossRow } from './bench-codec-loss.ts';
import { Sentence } from './places.ts';

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

export interface SchemeRow extends CodecRow, CodecTraining {
  readonly tab: TabRow | null;
}

/** What the file keeps from sitting to sitting. */
export interface CodecFigures {
  /** One line of words: adapter and cores. */
  readonly machine?: string;
  readonly count?: number;
  readonly turns?: number;
  readonly rows?: readonly SchemeRow[];
  readonly loss?: { readonly seeds: number; readonly rows: readonly LossRow[] };
}

const START = '<!-- rows: npm run bench:codec -- --table docs/codec.md -->';
const END = '<!-- end of rows -->';

/** @throws Sentence when the document has no place for it. */
export function withCodecTable(document: string, figures: CodecFigures): string {
  const [start, end] = [document.indexOf(START), document.indexOf(END)];
  if (start === -1 || end < start)
    throw new Sentence(`--table: the file needs the lines "${START}" and "${END}".`);
  const parts = [schemesText(figures), lossText(figures)].filter((part) => part !== '');
  return `${document.slice(0, start + START.length)}\n\n${parts.join('\n\n')}\n\n${document.slice(end)}`;
}

export interface Bound {
  readonly text: string;
  readonly isKept: boolean;
}

/** The bounds, each with what was measured. */
export function schemeBounds(rows: readonly SchemeRow[]): Bound[] {
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

function schemesText({ rows, machine = '', count = 0, turns = 0 }: CodecFigures): string {
  if (rows === undefined) return '';
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
  const cells = (row: SchemeRow) => {
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
  return `Machine: ${machine}. Bits a value on ${count.toLocaleString('en')} Gaussian values, and a parameter and exchange in
a real training (character model, 4 peers, H = 10, residuals and all; its untuned loss only ranks). Times in milliseconds for
${count.toLocaleString('en')} values, the fastest of ${turns} turns (in Node of ${10 * turns}); copying the float32 vector took ${number(rows[0]!.copyMs, 2)}. In the tab, from the weights
on the GPU to the update's bytes in hand: on the CPU (all of it, and only reading back and encoding), and by both shapes of
kernels. Read back: bytes, of those that are sent.

${markdown(header, rows.map(cells))}

${boundsText(schemeBounds(rows))}`;
}

/** What small updates cost in loss, tuned. */
export function lossBounds(rows: readonly LossRow[]): Bound[] {
  return rows.flatMap(({ name, payloadBits, cost, bound }) =>
    bound === null
      ? []
      : [
          {
            text: `${name}: ${payloadBits.toFixed(4)} bits a parameter and local step (at most ${bound.bits}), loss ${percent(cost)} against fp32 of the same H (at most ${percent(bound.loss)})`,
            isKept: payloadBits <= bound.bits && cost <= bound.loss,
          },
        ],
  );
}

function lossText({ loss }: CodecFigures): string {
  if (loss === undefined) return '';
  const header = [
    'exchange',
    'bits a step',
    'loss of each seed',
    'against fp32',
    'optimiser',
    'rate',
    'outer',
  ];
  const cells = loss.rows.map((row) => [
    row.name,
    row.payloadBits.toFixed(4),
    row.losses.map((value) => value.toFixed(3)).join(', '),
    percent(row.cost),
    row.optimiser,
    String(row.learningRate),
    String(row.outerLearningRate),
  ]);
  return `## Loss, tuned

By \`npm run bench:codec -- --loss\`: 16 simulated tabs, H = 10, 400 steps of 8 samples each, ${loss.seeds} seeds, knobs chosen for each
on seed 1. Bits a parameter and local step of one tab, everything included. Low rank is PowerSGD with residuals, factors in fp16.

${markdown(header, cells)}

${boundsText(lossBounds(loss.rows))}`;
}

const markdown = (header: readonly string[], rows: readonly (readonly string[])[]) =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const boundsText = (bounds: readonly Bound[]) =>
  bounds.map(({ text, isKept }) => `- ${isKept ? 'kept' : '**missed**'}: ${text}`).join('\n');

const number = (value: number, digits = 1) => value.toFixed(digits);
const percent = (share: number) => `${share < 0 ? '' : '+'}${(100 * share).toFixed(1)} %`;
