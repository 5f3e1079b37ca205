import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type AnyWish, numbersOf, realFile, Workshop } from '../../testing/data.ts';

const workshop = new Workshop();
afterAll(() => workshop.close());

type CsvWish = Omit<Extract<AnyWish, { kind: 'csv' }>, 'kind' | 'file'>;
const csv = (text: string | Uint8Array, wish: CsvWish = {}) =>
  workshop.make({ kind: 'csv', file: workshop.file(text), ...wish });
const refusal = (text: string | Uint8Array, wish: CsvWish = {}) =>
  workshop.refusal({ kind: 'csv', file: workshop.file(text), ...wish });

/** `count` rows under a header; a row's cells follow from its number. */
const table = (header: string, count: number, row: (i: number) => string) =>
  `${header}\n${Array.from({ length: count }, (_, i) => row(i)).join('\n')}\n`;
const COLOURS = ['red', 'green', 'blue'];
const SIMPLE = table(
  'height,colour,kind',
  60,
  (i) => `${(i * 37) % 60},${COLOURS[i % 3]},${i % 2 === 0 ? 'cat' : 'dog'}`,
);

describe('CSV files', () => {
  it('numbers are standardised, categories become a value each, the last column is the class', async () => {
    const made = await csv(SIMPLE);
    expect(made).toMatchObject({
      encoding: 'float32',
      sampleShape: [4],
      target: { kind: 'class', classCount: 2, classNames: ['cat', 'dog'] },
    });
    const rows = workshop.trainRows(made).map(({ features }) => numbersOf(features));
    const heights = rows.map(([height]) => height!);
    const mean = heights.reduce((a, b) => a + b) / heights.length;
    expect(mean).toBeCloseTo(0, 5);
    expect(heights.reduce((sum, h) => sum + h * h, 0) / heights.length).toBeCloseTo(1, 5);
    for (const [, ...colour] of rows) expect(colour.toSorted()).toEqual([0, 0, 1]);
    expect(made.preview.notes).toEqual(['The last column, "kind", is what is predicted.']);
  });

  it('mean and deviation are those of the training rows alone, and the preprocessing says them', async () => {
    const text = table('x,y', 100, (i) => `${i < 80 ? (i % 2) * 2 : 1_000_000},${i % 3 === 0 ? 'a' : 'b'}`);
    const made = await csv(text, { splitBy: 'order' });
    expect(made.preprocessing.input).toMatchObject({
      kind: 'numbers',
      columns: [{ name: 'x', from: 0, size: 1, mean: 1, stdDev: 1 }],
    });
    const held = workshop.rows(made, made.validation).map(({ features }) => numbersOf(features)[0]!);
    expect(held).toEqual(Array(20).fill(999_999));
  });

  it('the preprocessing alone makes the same samples of the same rows', async () => {
    const made = await csv(SIMPLE, { target: 'kind', splitBy: 'order' });
    const { input, target } = made.preprocessing;
    if (input.kind !== 'numbers' || target.kind !== 'class') throw new Error('another kind');
    const lines = SIMPLE.trim().split('\n').slice(1).slice(made.trainSampleCount);
    const expected = lines.map((line) => {
      const [height, colour] = line.split(',');
      return input.columns.flatMap((column) =>
        column.kind === 'number'
          ? [Math.fround((Number(height) - column.mean) / column.stdDev)]
          : column.categories.map((name) => (name === colour ? 1 : 0)),
      );
    });
    const held = workshop.rows(made, made.validation);
    expect(held.map(({ features }) => numbersOf(features))).toEqual(expected);
    expect(held.map(({ target: [label] }) => target.classNames[label!])).toEqual(
      lines.map((line) => line.split(',')[2]),
    );
  });

  it('missing values are the mean or no category; rows without a target are dropped and counted', async () => {
    const text = table(
      'x,c,y',
      60,
      (i) =>
        `${i === 7 ? 'NA' : i % 5},${i === 8 ? '' : COLOURS[i % 2]},${i % 10 === 9 ? 'nan' : COLOURS[i % 3]}`,
    );
    const made = await csv(text, { splitBy: 'order' });
    expect(made.trainSampleCount + made.validation.sampleCount).toBe(54);
    expect(made.preview.notes).toContain('6 rows were dropped: their target is missing.');
    expect(made.preview.columns).toMatchObject([
      { name: 'x', missing: 1 },
      { name: 'c', missing: 1 },
    ]);
    expect(made.preview.samples[7]!.input).toMatchObject({ cells: [null, 'green'] });
    const rows = workshop.trainRows(made).map(({ features }) => numbersOf(features));
    expect(rows.filter(([, red, green]) => red === 0 && green === 0)).toHaveLength(1);
  });

  it('numbers with many values are predicted as values, whole numbers of a few kinds as classes', async () => {
    const rows = table('x,price,stars', 80, (i) => `${i % 9},${i * 1.5},${i % 5}`);
    const price = await csv(rows, { target: 'price', splitBy: 'order' });
    expect(price.target).toMatchObject({ kind: 'value', size: 1 });
    if (price.target.kind !== 'value') throw new Error('another kind');
    const [mean, stdDev] = [price.target.mean[0]!, price.target.stdDev[0]!];
    const held = workshop
      .rows(price, price.validation)
      .map(({ target }) => numbersOf(target)[0]! * stdDev + mean);
    expect(held[0]).toBeCloseTo(64 * 1.5, 3);
    expect((await csv(rows)).target).toEqual({
      kind: 'class',
      classCount: 5,
      classNames: ['0', '1', '2', '3', '4'],
    });
    expect((await csv(rows, { task: 'values' })).target).toMatchObject({ kind: 'value' });
    expect((await csv(rows, { target: ['price', 'stars'] })).target).toMatchObject({
      kind: 'value',
      size: 2,
    });
  });

  it('what says nothing is left out, with the reason', async () => {
    const text = table('id,name,empty,same,x,y', 400, (i) => `${i + 1},n${i},,1,${i % 7},${i % 2}`);
    const made = await csv(text);
    expect(made.sampleShape).toEqual([1]);
    expect(made.preview.notes.slice(1)).toEqual([
      'The column "id" was left out: it counts the rows.',
      'The column "name" was left out: it has more than 256 different texts.',
      'The column "empty" was left out: it has no values.',
      'The column "same" was left out: it is the same in every row.',
    ]);
  });

  it('columns are left out, taken as categories, and misspelt cells renamed, as asked', async () => {
    const text = table(
      'zip,x,y',
      60,
      (i) => `${i % 4},${i % 7},${i === 30 ? 'catt' : i % 2 === 0 ? 'cat' : 'a  dog'}`,
    );
    const made = await csv(text, { categorical: ['zip'], leaveOut: ['x'], rename: { catt: 'cat' } });
    expect(made.sampleShape).toEqual([4]);
    expect(made.target).toMatchObject({ classNames: ['a dog', 'cat'] });
    expect((await csv(text)).preview.notes.join()).toContain('The class "catt" has 1 rows.');
  });

  it.each<[string, string | Uint8Array]>([
    ['semicolons', SIMPLE.replaceAll(',', ';')],
    ['tabs', SIMPLE.replaceAll(',', '\t')],
    ['Windows line ends', SIMPLE.replaceAll('\n', '\r\n')],
    ['old Macintosh line ends', SIMPLE.replaceAll('\n', '\r')],
    ['a byte order mark and no line end at the end', `\ufeff${SIMPLE.trimEnd()}`],
    ['quotes and spaces', SIMPLE.replaceAll('red', '" red "').replaceAll('blue', ' blue')],
    ['empty lines', SIMPLE.replaceAll('\n', '\n\n')],
    ['gzip', gzipSync(SIMPLE)],
  ])('gives the same with %s', async (_, text) => {
    const { preview: _preview, ...plain } = await csv(SIMPLE);
    const { preview: _other, ...made } = await csv(text);
    expect(made).toEqual(plain);
  });

  it('quoted cells keep delimiters, quotes and line ends, wherever the file is cut into pieces', async () => {
    // Some megabytes: the pieces of 256 KiB end anywhere inside such cells.
    const cell = (i: number) => `"kind ${i % 3}, ""${'é'.repeat(400)}""\n${'x'.repeat(i % 97)}"`;
    const text = table('note,x,y', 4_000, (i) => `${cell(i)},${i % 11},${i % 2}`);
    const made = await csv(text, { leaveOut: ['note'] });
    expect(made.trainSampleCount + made.validation.sampleCount).toBe(4_000);
    expect(made.preview.columns).toMatchObject([{ name: 'x', missing: 0, min: 0, max: 10 }]);
  });

  const cases: [name: string, text: string | Uint8Array, wish: CsvWish, field: string, says: RegExp][] = [
    ['an empty file', '', {}, 'file', /is empty/],
    ['a header alone', 'a,b\n', {}, 'target', /"b" has no values/],
    ['one column', 'a\n1\n2\n', {}, 'file', /1 column; .*delimiter/],
    ['a row too short', `${SIMPLE}5,red\n`, {}, 'file', /row 61 has 2 cells, the header 3/],
    ['a row too long', `${SIMPLE}5,red,cat,more\n`, {}, 'file', /row 61 has 4 cells.*"more" has no column/],
    ['an open quote', `${SIMPLE}5,"red,cat\n`, {}, 'file', /row 61: .*quote/i],
    [
      'no UTF-8',
      Buffer.concat([Buffer.from('a,b\n1,'), Buffer.of(0xe9), Buffer.from('\n')]),
      {},
      'file',
      /byte 6 is no UTF-8/,
    ],
    ['a picture', Buffer.from('89504e470d0a1a0a', 'hex'), {}, 'file', /byte 0 is no UTF-8/],
    ['a cut gzip', gzipSync(SIMPLE).subarray(0, 90), {}, 'file', /gzip stream is cut off/],
    ['a column without a name', 'a,,c\n1,2,3\n', {}, 'file', /column 2 has no name/],
    ['two columns of one name', 'a,b,a\n1,2,3\n', {}, 'file', /two columns are called "a"/],
    [
      'a target that is not there',
      SIMPLE,
      { target: 'size' },
      'target',
      /no column "size"; there are height, colour, kind/,
    ],
    ['a left-out column that is not there', SIMPLE, { leaveOut: ['b'] }, 'leaveOut', /no column "b"/],
    ['texts as values', SIMPLE, { task: 'values' }, 'target', /"kind", row 1: "cat" is not a number/],
    [
      'a slip of the pen',
      table('x,y', 60, (i) => `${i === 40 ? '4o' : i % 7},${i % 2}`),
      {},
      'file',
      /column "x", row 41: "4o" is not a number/,
    ],
    ['one class', table('x,y', 60, (i) => `${i % 7},1`), {}, 'target', /all 60 rows are of one class \(1\)/],
    [
      'too many classes',
      table('x,y', 600, (i) => `${i % 7},k${i}`),
      {},
      'target',
      /more than 256 different values/,
    ],
    ['nothing to predict from', table('x,y', 60, (i) => `1,${i % 2}`), {}, 'file', /no column is left/],
    [
      'shards by label of values',
      table('x,y', 60, (i) => `${i % 7},${i * 0.5}`),
      { shardBy: 'label' },
      'shardBy',
      /needs classes/,
    ],
  ];
  it.each(cases)(
    '[U10] [U13] refuses %s, naming field, row and column',
    async (_, text, wish, field, says) => {
      const error = await refusal(text, wish);
      expect(error.field).toBe(field);
      expect(error.message).toMatch(says);
    },
  );

  it('answers any bytes with a dataset or a DatasetError', async () => {
    const cell = fc.constantFrom(
      '1',
      '2.5',
      '-3e4',
      'NA',
      '',
      'cat',
      '"a,b"',
      '"',
      ',',
      '\n',
      '\r\n',
      'é',
      '\0',
      '1e999',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.array(cell, { maxLength: 120 }).map((cells) => cells.join(',')),
        ),
        async (bytes) => {
          const wish: AnyWish = { kind: 'csv', file: workshop.file(bytes) };
          const made = await workshop.make(wish).catch(() => null);
          if (made === null) expect(await workshop.refusal(wish)).toMatchObject({ name: 'DatasetError' });
          else workshop.trainRows(made);
        },
      ),
      { seed: 7, numRuns: 150 },
    );
  });

  const penguins = realFile('tabular/penguins.csv');
  it.skipIf(penguins === null)(
    'reads the real penguins, misspelt ones too (skipped: no tabular/penguins.csv in MURMURATION_DATA)',
    async () => {
      const made = await workshop.make({
        kind: 'csv',
        file: penguins!,
        target: 'penguin',
        rename: { 'Pygoscelis papa': 'Pygoscelis papua', 'Pygoscelis antarctica': 'Pygoscelis antarcticus' },
      });
      expect(made.trainSampleCount + made.validation.sampleCount).toBe(345);
      expect(made.preview.classes!.map(({ name, train, validation }) => [name, train + validation])).toEqual([
        ['Pygoscelis adeliae', 152],
        ['Pygoscelis antarcticus', 68],
        ['Pygoscelis papua', 125],
      ]);
      expect(made.preview.notes).toContain('The column "id" was left out: it counts the rows.');
      expect(made.preview.columns.find(({ name }) => name === 'sex')!.missing).toBe(11);
    },
  );
});
