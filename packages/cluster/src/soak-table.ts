/**
 * What is known of every seed that was soaked: rows are added one by one, replace what an earlier soak said of the same
 * seed, and become a table. A book is about one run file and one number of tabs; of another it knows nothing. Pure.
 */
import type { ClusterReport } from '@murmuration/protocol';

export const SOAK_START = '<!-- rows: npm run soak -->';
export const SOAK_CHAOS = ['light', 'storm'] as const;
export type SoakChaos = (typeof SOAK_CHAOS)[number];

export interface SeedRow {
  readonly code: number;
  readonly outcome: string;
  readonly steps: number | null;
  readonly rounds: number | null;
  readonly accuracy: number | null;
  /** Carried out, of those that were due. */
  readonly faults: string;
  readonly seconds: number | null;
  /** ISO 8601. */
  readonly at: string;
}

export interface SoakBook {
  /** Of the run file's text. */
  readonly runSha256: string;
  readonly tabs: number;
  /** The run without faults, which the others' steps are held against. */
  readonly clean: SeedRow | null;
  readonly seeds: Readonly<Record<SoakChaos, Readonly<Record<string, SeedRow>>>>;
}

export const newBook = (runSha256: string, tabs: number): SoakBook => ({
  ...{ runSha256, tabs, clean: null },
  seeds: { light: {}, storm: {} },
});

export const withSeed = (book: SoakBook, chaos: SoakChaos, seed: number, row: SeedRow): SoakBook => ({
  ...book,
  seeds: { ...book.seeds, [chaos]: { ...book.seeds[chaos], [seed]: row } },
});

/** @param report null: the command wrote none. */
export function rowOf(code: number, report: ClusterReport | null, at: string): SeedRow {
  if (report === null)
    return {
      ...{ code, at, outcome: 'no report was written', faults: '-' },
      ...{ steps: null, rounds: null, accuracy: null, seconds: null },
    };
  const { result, verdict, faults } = report;
  return {
    ...{ code, at },
    outcome: [verdict.outcome, ...verdict.emptiness].join('; '),
    steps: result.localSteps,
    rounds: result.rounds,
    accuracy: result.valAccuracy,
    faults: `${faults.filter(({ outcome }) => outcome === 'done').length}/${faults.length}`,
    seconds: result.seconds,
  };
}

/**
 * The command that goes on where an interrupted soak stopped; null: no seed is missing.
 * @param argv as the soak was asked for; it passed the check of flags
 * @param doneCount of the seeds, in order
 */
export function continuation(
  argv: readonly string[],
  { chaos, seeds, doneCount }: { chaos: SoakChaos; seeds: readonly number[]; doneCount: number },
): string | null {
  const first = seeds[doneCount];
  if (first === undefined) return null;
  const kept: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const [name, inline] = argv[at]!.split('=', 2);
    // A book that is begun afresh would forget the seeds that are done.
    if (name === '--afresh') continue;
    if (name === '--chaos' || name === '--seeds') at += inline === undefined ? 1 : 0;
    else kept.push(/\s/.test(argv[at]!) ? `"${argv[at]}"` : argv[at]!);
  }
  const range = `${first}..${seeds.at(-1)!}`;
  return ['npm run soak --', '--chaos', chaos, '--seeds', range, ...kept].join(' ');
}

const HEAD = ['chaos', 'seed', 'verdict', 'steps', 'of clean', 'rounds', 'accuracy', 'faults', 'seconds'];

/** Cells of every row, those of the clean run first, then by seed. */
function cellsOf({ clean, seeds }: SoakBook): string[][] {
  const number = (value: number | null, digits = 0) => (value === null ? '-' : value.toFixed(digits));
  const cells = (chaos: string, seed: string, row: SeedRow): string[] => [
    ...[chaos, seed, row.code === 0 ? 'passed' : `exit ${row.code}: ${row.outcome}`, number(row.steps)],
    row.steps === null || clean?.steps == null ? '-' : `${(row.steps / clean.steps).toFixed(2)}x`,
    ...[number(row.rounds), number(row.accuracy, 3), row.faults, number(row.seconds)],
  ];
  return [
    ...(clean === null ? [] : [cells('none', '-', clean)]),
    ...SOAK_CHAOS.flatMap((chaos) =>
      Object.entries(seeds[chaos])
        .toSorted(([a], [b]) => Number(a) - Number(b))
        .map(([seed, row]) => cells(chaos, seed, row)),
    ),
  ];
}

function summaries({ clean, seeds }: SoakBook): string[] {
  return SOAK_CHAOS.flatMap((chaos) => {
    const rows = Object.values(seeds[chaos]);
    if (rows.length === 0) return [];
    const ratios = rows.flatMap(({ steps }) =>
      steps === null || clean?.steps == null ? [] : [steps / clean.steps],
    );
    const worst =
      ratios.length === 0 ? '' : `; ${Math.max(...ratios).toFixed(2)}x the clean run's steps at most`;
    return `--chaos ${chaos}: ${rows.filter(({ code }) => code === 0).length} of ${rows.length} seeds passed${worst}`;
  });
}

/** For a terminal. */
export function soakLines(book: SoakBook): string[] {
  const rows = [HEAD, ...cellsOf(book)];
  // The verdict may be long: it stands last.
  const order = [0, 1, 3, 4, 5, 6, 7, 8, 2];
  const widths = order.map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    order
      .map((column, place) => row[column]!.padEnd(column === 2 ? 0 : widths[place]!))
      .join('  ')
      .trimEnd();
  return [...rows.map(line), ...summaries(book)];
}

/** For a document. */
export function soakMarkdown(book: SoakBook): string {
  const line = (row: readonly string[]) =>
    `| ${row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [
    ...summaries(book).map((text) => `- ${text}.`),
    '',
    line(HEAD),
    line(HEAD.map(() => '---')),
    ...cellsOf(book).map(line),
  ].join('\n');
}
