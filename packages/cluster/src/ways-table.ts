/**
 * Every kind of network under several ways of training: which runs that are, as run files, and what became of each, as a
 * table. Pure.
 */
import type { ClusterReport } from '@murmuration/protocol';

export const WAYS_START = '<!-- rows: npm run ways -->';

export const NETWORKS = ['mlp', 'cnn', 'gru', 'gpt', 'vae'] as const;
export type Network = (typeof NETWORKS)[number];
export const WAYS = [
  'decentralised',
  'hybrid',
  'central',
  'asynchronous',
  'gradients',
  'parameters',
  'nodes',
] as const;
export type Way = (typeof WAYS)[number];

/** A tab's process is killed so long after the first report of training, and another one takes its seat: as chaos YAML. */
export const killChaos = ({ network }: Cell): string =>
  `script:\n  - { fault: kill, at: ${KINDS[network].killAfterS}s, tab: 2, for: 2s }\n`;

const DIGITS = { kind: 'digits', trainSampleCount: 3_000, validationSampleCount: 500 };

interface Kind {
  readonly what: string;
  /** @param textFile an absolute path */
  readonly data: (textFile: string) => object;
  readonly training: object;
  /**
   * What the network must have learned. Nothing learned is far from it: 10 % right, 6.3 bits a character, some 500 nats; and
   * who learns only how frequent each character is comes to 4.5 bits.
   */
  readonly assert: string;
  /** The figure of the report in which that is seen. */
  readonly figure: 'val_acc' | 'val_error' | 'val_loss';
  /** Besides decentralised and central. */
  readonly isAllWays: boolean;
  /** Some rounds of it on a software adapter: the tab that is killed has exchanged by then. */
  readonly killAfterS: number;
}

const text = (textFile: string) => ({
  ...{ kind: 'text', file: textFile, tokens: 'characters', sequenceLength: 16, validationShare: 0.02 },
  ...{ licence: 'MIT', sharedWithVolunteers: true },
});
const KINDS: Readonly<Record<Network, Kind>> = {
  mlp: {
    ...{ what: 'dense', data: () => DIGITS, isAllWays: true, killAfterS: 8 },
    training: { batchSize: 8, localSteps: 5, targetAccuracy: 0.93, roundsMax: 500 },
    ...{ assert: 'val_acc>0.9', figure: 'val_acc' },
  },
  cnn: {
    ...{ what: 'convolutional', data: () => DIGITS, isAllWays: false, killAfterS: 12 },
    training: { batchSize: 8, localSteps: 4, targetAccuracy: 0.88, roundsMax: 400 },
    ...{ assert: 'val_acc>0.8', figure: 'val_acc' },
  },
  gru: {
    ...{ what: 'recurrent', data: text, isAllWays: false, killAfterS: 30 },
    training: { batchSize: 4, localSteps: 4, targetAccuracy: null, targetError: 3.6, roundsMax: 100 },
    ...{ assert: 'val_error<4.1', figure: 'val_error' },
  },
  gpt: {
    ...{ what: 'attention', data: text, isAllWays: false, killAfterS: 30 },
    training: {
      ...{ batchSize: 4, localSteps: 4, learningRate: 0.002 },
      ...{ targetAccuracy: null, targetError: 3.6, roundsMax: 100 },
    },
    ...{ assert: 'val_error<4.1', figure: 'val_error' },
  },
  vae: {
    ...{ what: 'generative', data: () => DIGITS, isAllWays: false, killAfterS: 12 },
    training: { batchSize: 16, localSteps: 5, learningRate: 0.002, klWeight: 1, roundsMax: 80 },
    ...{ assert: 'val_loss<200', figure: 'val_loss' },
  },
};

const WAY_TRAINING: Readonly<Record<Way, object>> = {
  decentralised: {},
  hybrid: { architecture: 'hybrid' },
  central: { architecture: 'central' },
  asynchronous: { architecture: 'central', schedule: 'asynchronous' },
  gradients: {
    ...{ exchange: 'gradients', localSteps: 1, optimiser: 'momentum', learningRate: 0.02 },
    ...{ roundsMax: 2_000, evaluateEveryRounds: 25 },
  },
  parameters: { exchange: 'parameters', codec: 'fp16' },
  nodes: { tiers: { insideEvery: 5, betweenEvery: 4 }, evaluateEveryRounds: 3 },
};

export interface Cell {
  readonly network: Network;
  readonly way: Way;
}

/** In order; every network under at least two ways. */
export const CELLS: readonly Cell[] = NETWORKS.flatMap((network) =>
  WAYS.filter((way) => KINDS[network].isAllWays || way === 'decentralised' || way === 'central').map(
    (way) => ({ network, way }),
  ),
);

export const nameOf = ({ network, way }: Cell): string => `${network}-${way}`;

/** The run, to be written as YAML (JSON is YAML). */
export const runFileOf = ({ network, way }: Cell, textFile: string): object => ({
  name: `${network} ${way}`,
  data: KINDS[network].data(textFile),
  ...{ model: network, seed: 1 },
  training: { evaluateEveryRounds: 5, ...KINDS[network].training, ...WAY_TRAINING[way] },
});

/** Of the cluster command. */
export const flagsOf = ({ network, way }: Cell): readonly string[] => [
  ...['--assert', KINDS[network].assert, '--assert', 'faults==1', '--assert', 'departures>=1'],
  ...(way === 'hybrid' ? ['--without-peers', '1'] : []),
  ...(way === 'nodes' ? ['--nodes', '2'] : []),
];

export interface WayRow extends Cell {
  readonly code: number;
  readonly outcome: string;
  /** Of the network's own figure. */
  readonly figure: number | null;
  readonly rounds: number | null;
  readonly samples: number | null;
  /** Of the bytes between tabs, 0 to 1. */
  readonly coordinatorShare: number | null;
  readonly backends: string;
  readonly parameters: number | null;
  /** ISO 8601. */
  readonly at: string;
}

export function rowOf(cell: Cell, code: number, report: ClusterReport | null, at: string): WayRow {
  if (report === null)
    return {
      ...{ ...cell, code, at, outcome: 'no report was written', backends: '-' },
      ...{ figure: null, rounds: null, samples: null, coordinatorShare: null, parameters: null },
    };
  const { result, verdict, tabs, figures, run } = report;
  return {
    ...{ ...cell, code, at },
    outcome: [verdict.outcome, ...verdict.emptiness].join('; '),
    figure: figures[KINDS[cell.network].figure] ?? null,
    rounds: result.rounds,
    samples: result.samples,
    coordinatorShare: figures['coordinator_share'] ?? null,
    backends: [...new Set(tabs.map(({ backend }) => backend))].toSorted().join(', '),
    parameters: run.parameterCount,
  };
}

/** What was known, with these rows in the place of older ones of their cells, in the cells' order. */
export function withRows(known: readonly WayRow[], rows: readonly WayRow[]): WayRow[] {
  const byName = new Map([...known, ...rows].map((row) => [nameOf(row), row]));
  return CELLS.flatMap((cell) => byName.get(nameOf(cell)) ?? []);
}

const HEAD = [
  'network',
  'parameters',
  'way',
  'learned',
  'rounds',
  'samples',
  'through the coordinator',
  'verdict',
];

/** For a document. */
export function waysMarkdown(rows: readonly WayRow[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const count = (value: number | null) => (value === null ? '-' : value.toFixed(0));
  const passed = rows.filter(({ code }) => code === 0).length;
  return [
    `${passed} of ${rows.length} passed, each with a killed tab; ${CELLS.length - rows.length} not run.`,
    '',
    line(HEAD),
    line(HEAD.map(() => '---')),
    ...rows.map((row) => {
      const { figure, assert, what } = KINDS[row.network];
      const value = row.figure === null ? '-' : row.figure.toFixed(figure === 'val_loss' ? 1 : 3);
      return line([
        ...[
          `${row.network} (${what})`,
          count(row.parameters),
          row.way,
          `${figure} ${value} (wanted: ${assert})`,
        ],
        ...[count(row.rounds), count(row.samples)],
        row.coordinatorShare === null ? '-' : `${(100 * row.coordinatorShare).toFixed(0)} %`,
        `${row.code === 0 ? 'passed' : `exit ${row.code}: ${row.outcome}`}${row.backends === 'webgpu' ? '' : `, on ${row.backends}`}`,
      ]);
    }),
  ].join('\n');
}
