/**
 * A table of texts (CSV, Parquet) as a source of samples: columns are judged, categories become numbers, the target is
 * taken out, rows without a target are dropped and counted. It knows nothing of the file behind the table.
 */
import { LIMITS, type DatasetRequest } from '@murmuration/protocol';
import { ColumnSurvey, isMissing, numberOf, shown } from './column-types.ts';
import { DatasetError } from './dataset-error.ts';
import type { SampleSource } from './make-shards.ts';
import { NumberFeatures, type Column } from './number-features.ts';
import { ClassTarget, ValueTarget } from './row-form.ts';

export interface Table {
  readonly columns: readonly string[];
  /** All rows in some batches, from the first, each time it is called. Texts without the space around them. */
  rows(): AsyncIterable<readonly (readonly string[])[]>;
  /** Names a row for people, e.g. `row 5`. */
  place(row: number): string;
}

export type TableWish = Pick<
  Extract<DatasetRequest, { kind: 'csv' }>,
  'target' | 'task' | 'categorical' | 'leaveOut' | 'rename'
>;

const ROWS_AT_ONCE = 256;
/** Words are the same word however far apart they were typed. */
const RUN_OF_SPACE = /\s\s|[\t\n\r]/;
/** Classes with fewer rows are named in the notes: most are slips of the pen. A guess. */
const RARE_ROWS = 5;

/** Reads the table once; its blocks read it again. @throws DatasetError naming field, column and row */
export async function tableSource(table: Table, wish: TableWish): Promise<SampleSource> {
  checkNames(table.columns, wish);
  const rename = new Map(Object.entries(wish.rename ?? {}));
  const cellOf = (text: string): string => {
    const tidy = RUN_OF_SPACE.test(text) ? text.replace(/\s+/g, ' ') : text;
    return rename.size === 0 ? tidy : (rename.get(tidy) ?? tidy);
  };
  const targets = [wish.target ?? table.columns.at(-1)!].flat();
  const surveys = table.columns.map((name) => new ColumnSurvey(name));
  const targetIndices = targets.map((name) => table.columns.indexOf(name));
  let droppedCount = 0;
  for await (const rows of table.rows())
    for (const row of rows) {
      if (targetIndices.some((index) => isMissing(cellOf(row[index]!)))) droppedCount += 1;
      for (const [i, survey] of surveys.entries()) survey.add(cellOf(row[i]!));
    }
  const place = (row: number) => table.place(row);

  const classes =
    targets.length === 1
      ? surveys[targetIndices[0]!]!.target(wish.task, place)
      : numbersOnly(
          targetIndices.map((index) => surveys[index]!),
          wish.task,
          place,
        );
  const target =
    classes === null
      ? new ValueTarget('target', targets.length, targets)
      : new ClassTarget('target', classes, targets[0]!);

  const columns: (Column & { readonly index: number; readonly codes: ReadonlyMap<string, number> | null })[] =
    [];
  const leftOut: { name: string; reason: string }[] = [];
  for (const [index, survey] of surveys.entries()) {
    const { name } = survey;
    if (targetIndices.includes(index)) continue;
    if (wish.leaveOut?.includes(name)) {
      leftOut.push({ name, reason: 'as asked' });
      continue;
    }
    const judged = survey.feature(wish.categorical?.includes(name) ?? false, place);
    if (judged.kind === 'left-out') leftOut.push({ name, reason: judged.reason });
    else if (judged.kind === 'number') columns.push({ name, index, kind: 'number', size: 1, codes: null });
    else columns.push({ name, index, ...judged, codes: codesOf(judged.categories) });
  }
  if (columns.length === 0)
    throw new DatasetError('file', `no column is left to predict "${shown(targets[0]!)}" from; add columns`);
  const features = new NumberFeatures(columns, leftOut);
  if (features.sampleShape[0]! > LIMITS.dimensionMax)
    throw new DatasetError(
      'file',
      `${columns.length} columns become ${features.sampleShape[0]} values; at most ${LIMITS.dimensionMax} are possible`,
    );
  const classCodes = classes === null ? null : codesOf(classes);

  return {
    features,
    target,
    async *blocks() {
      const rowValues = columns.length + targets.length;
      const block = new Float64Array(ROWS_AT_ONCE * rowValues);
      let filled = 0;
      const take = () => new Uint8Array(block.buffer, 0, filled * rowValues * 8);
      for await (const rows of table.rows())
        for (const row of rows) {
          if (targetIndices.some((index) => isMissing(cellOf(row[index]!)))) continue;
          let at = filled * rowValues;
          for (const { index, codes } of columns) block[at++] = valueOf(cellOf(row[index]!), codes);
          for (const index of targetIndices) block[at++] = valueOf(cellOf(row[index]!), classCodes);
          filled += 1;
          if (filled === ROWS_AT_ONCE) {
            yield take();
            filled = 0;
          }
        }
      if (filled > 0) yield take();
    },
    notes: () => [
      ...(wish.target === undefined ? [`The last column, "${targets[0]}", is what is predicted.`] : []),
      ...leftOut.map(({ name, reason }) => `The column "${name}" was left out: ${reason}.`),
      ...rareNotes(classes, target.classCounts()),
      ...(droppedCount > 0 ? [`${droppedCount} rows were dropped: their target is missing.`] : []),
    ],
  };
}

function rareNotes(classes: readonly string[] | null, counts: readonly number[] | null): string[] {
  if (classes === null || counts === null) return [];
  return classes.flatMap((name, label) =>
    counts[label]! < RARE_ROWS
      ? [`The class "${name}" has ${counts[label]} rows. If it is another one misspelt, rename says so.`]
      : [],
  );
}

const codesOf = (texts: readonly string[]): Map<string, number> => new Map(texts.map((text, i) => [text, i]));

const valueOf = (text: string, codes: ReadonlyMap<string, number> | null): number =>
  codes === null ? (isMissing(text) ? Number.NaN : numberOf(text)) : (codes.get(text) ?? Number.NaN);

function numbersOnly(
  surveys: readonly ColumnSurvey[],
  task: TableWish['task'],
  place: (row: number) => string,
): null {
  if (task === 'classes')
    throw new DatasetError('target', 'several columns are predicted as values only; name one for classes');
  for (const survey of surveys) survey.target('values', place);
  return null;
}

function checkNames(columns: readonly string[], wish: TableWish): void {
  if (columns.length < 2)
    throw new DatasetError(
      'file',
      `has ${columns.length} column; at least one to predict and one to predict it from are needed${columns.length === 1 ? ' (is the delimiter right?)' : ''}`,
    );
  if (columns.length > LIMITS.columnsMax)
    throw new DatasetError(
      'file',
      `has ${columns.length} columns; at most ${LIMITS.columnsMax} are possible`,
    );
  const seen = new Set<string>();
  for (const [i, name] of columns.entries()) {
    if (name === '')
      throw new DatasetError('file', `column ${i + 1} has no name; the first line names the columns`);
    if (name.length > LIMITS.columnNameMaxCharacters)
      throw new DatasetError(
        'file',
        `column ${i + 1} has a name of ${name.length} characters; at most ${LIMITS.columnNameMaxCharacters} are possible`,
      );
    if (seen.has(name)) throw new DatasetError('file', `two columns are called "${shown(name)}"; rename one`);
    seen.add(name);
  }
  for (const field of ['target', 'categorical', 'leaveOut'] as const)
    for (const name of [wish[field] ?? []].flat())
      if (!seen.has(name))
        throw new DatasetError(
          field,
          `there is no column "${shown(name)}"; there are ${shown([...seen].join(', '))}`,
        );
}
