import { LIMITS, type DatasetCutWish } from '@murmuration/protocol';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Workshop } from '../../testing/data.ts';
import { sha256Of } from '../blobs.ts';
import { DatasetError } from './dataset-error.ts';
import { makeShards, type MadeDataset, type SampleSource } from './make-shards.ts';
import { ByteFeatures, ClassTarget, labelledRows } from './row-form.ts';

const workshop = new Workshop();
afterAll(() => workshop.close());

interface Numbered {
  readonly count: number;
  readonly classes?: number;
  /** Row i has the features of row i modulo this. */
  readonly different?: number;
}

/** Row i is i in three bytes and has the class i mod 7: a label that left its sample shows. */
function numbered({ count, classes = 7, different = count }: Numbered): SampleSource {
  return {
    features: new ByteFeatures([1, 3, 1]),
    target: new ClassTarget('labels'),
    async *blocks() {
      for (let first = 0; first < count; first += 100) {
        const rows = Array.from({ length: Math.min(100, count - first) }, (_, i) => (first + i) % different);
        yield labelledRows(
          Uint8Array.from(rows.flatMap((row) => [row & 255, (row >> 8) & 255, row >> 16])),
          Uint8Array.from(rows, (row) => row % classes),
        );
      }
    },
  };
}

async function cut(source: SampleSource, wish: DatasetCutWish = {}): Promise<MadeDataset> {
  return makeShards(source, wish, {
    directory: workshop.directory,
    put: async (bytes) => {
      const sha256 = sha256Of(bytes);
      workshop.blobs.set(sha256, bytes);
      return sha256;
    },
  });
}

async function refusal(source: SampleSource, wish: DatasetCutWish): Promise<DatasetError> {
  const error: unknown = await cut(source, wish).catch((error: unknown) => error);
  if (error instanceof DatasetError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

const numberOf = ({ features: [a, b, c] }: { features: Uint8Array }) => a! + b! * 256 + c! * 65_536;
function numbersIn(made: MadeDataset, shards = made.shards): number[] {
  return shards.flatMap((shard) =>
    workshop.rows(made, shard).map((row) => {
      expect(row.target[0]).toBe(numberOf(row) % 7);
      return numberOf(row);
    }),
  );
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const sorted = (numbers: number[]) => numbers.toSorted((a, b) => a - b);

describe('making shards', () => {
  it('puts every row into exactly one shard or into what is held out, and none into both', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 400 }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.constantFrom<('chance' | 'order')[]>('chance', 'order'),
        fc.constantFrom<('chance' | 'label')[]>('chance', 'label'),
        async (count, validationShare, shardSampleCount, seed, splitBy, shardBy) => {
          const wish = { validationShare, shardSampleCount, seed, splitBy, shardBy };
          const made = await cut(numbered({ count }), wish);
          const held = numbersIn(made, [made.validation]);
          const trained = numbersIn(made);
          expect(sorted([...trained, ...held])).toEqual(range(0, count));
          expect(made.trainSampleCount).toBe(trained.length);
          expect(Math.max(...made.shards.map((shard) => shard.sampleCount))).toBeLessThanOrEqual(
            shardSampleCount,
          );
          if (splitBy === 'order') expect(held).toEqual(range(trained.length, count));
        },
      ),
      { seed: 20, numRuns: 60 },
    );
  });

  it('equal rows are never on both sides: nothing that is held out was trained, though every row comes 20 times', async () => {
    for (const seed of [1, 2, 3]) {
      const made = await cut(numbered({ count: 4_000, different: 200 }), { seed });
      const held = new Set(numbersIn(made, [made.validation]));
      expect(numbersIn(made).filter((row) => held.has(row))).toEqual([]);
      expect(held.size).toBe(40);
      expect(made.validation.sampleCount).toBe(800);
    }
  });

  it('holds out as many rows as asked, other ones for another seed', async () => {
    const held = async (seed: number) => {
      const made = await cut(numbered({ count: 1_000 }), { seed, validationShare: 0.3 });
      return numbersIn(made, [made.validation]);
    };
    const first = await held(1);
    expect(Math.abs(first.length - 300)).toBeLessThanOrEqual(2);
    expect(await held(2)).not.toEqual(first);
    expect(sorted(first)).toEqual(first);
  });

  it('is decided by the seed: the same addresses again for the same, other shards for another', async () => {
    const addresses = async (seed: number) =>
      (await cut(numbered({ count: 500 }), { seed, shardSampleCount: 100 })).shards.map(
        ({ sha256 }) => sha256,
      );
    expect(await addresses(5)).toEqual(await addresses(5));
    expect(await addresses(5)).not.toEqual(await addresses(6));
  });

  it('cuts 12,000 rows into 24 shards of 500, few rows into smaller ones, and equal sizes within one', async () => {
    const sizes = async (count: number, trainSampleCount: number, shardSampleCount?: number) =>
      (
        await cut(numbered({ count }), {
          trainSampleCount,
          ...(shardSampleCount === undefined ? {} : { shardSampleCount }),
        })
      ).shards.map(({ sampleCount }) => sampleCount);
    expect(await sizes(14_000, 12_000)).toEqual(Array(24).fill(500));
    expect(await sizes(345, 276)).toEqual(Array.from({ length: 9 }, (_, i) => (i % 3 === 0 ? 30 : 31)));
    expect(await sizes(1_000, 907, 100)).toEqual(expect.arrayContaining([90, 91]));
    expect(await sizes(30, 20)).toEqual([20]);
  });

  it('gives every shard a fair mix of classes, even when the rows come sorted by class', async () => {
    const source = numbered({ count: 14_000 });
    const byClass: SampleSource = {
      ...source,
      async *blocks() {
        for (let label = 0; label < 7; label++) {
          const rows = range(0, 2_000).map((i) => i * 7 + label);
          yield labelledRows(
            Uint8Array.from(rows.flatMap((row) => [row & 255, (row >> 8) & 255, row >> 16])),
            new Uint8Array(2_000).fill(label),
          );
        }
      },
    };
    const made = await cut(byClass);
    for (const shard of made.shards) {
      const labels = workshop.rows(made, shard).map(({ target }) => target[0]!);
      // Of 500 fair draws each of 7 classes gets 71 on average, standard deviation 8.
      for (const label of range(0, 7)) {
        const count = labels.filter((other) => other === label).length;
        expect(count).toBeGreaterThan(35);
        expect(count).toBeLessThan(115);
      }
    }
  });

  it('by label, a shard has as few classes as possible, and all rows are there', async () => {
    const made = await cut(numbered({ count: 3_500 }), { shardBy: 'label', shardSampleCount: 100 });
    const classes = made.shards.map(
      (shard) => new Set(workshop.rows(made, shard).map(({ target }) => target[0]!)),
    );
    expect(Math.max(...classes.map((labels) => labels.size))).toBeLessThanOrEqual(2);
    expect(classes.filter((labels) => labels.size > 1).length).toBeLessThanOrEqual(6);
    expect(new Set(classes.flatMap((labels) => [...labels])).size).toBe(7);
  });

  it('describes itself, in the same words every time', async () => {
    const preview = async () => (await cut(numbered({ count: 700 }), { trainSampleCount: 630 })).preview;
    const first = await preview();
    expect(JSON.stringify(await preview())).toBe(JSON.stringify(first));
    expect(first).toMatchObject({ trainSampleCount: 630, validationSampleCount: 70 });
    expect(first.classes).toEqual(
      range(0, 7).map((label) => ({ name: String(label), train: 90, validation: 10 })),
    );
    expect(first.values!.histogram.reduce((a, b) => a + b)).toBe(3 * 630);
    expect(first.samples).toHaveLength(20);
    expect(first.samples[9]).toEqual({
      side: 'train',
      input: { kind: 'bytes', base64: Buffer.from([9, 0, 0]).toString('base64') },
      target: '2',
    });
  });

  it('keeps shards of large samples within the byte limit', async () => {
    const side = 1_024;
    const source: SampleSource = {
      features: new ByteFeatures([side, side, 1]),
      target: new ClassTarget('labels'),
      async *blocks() {
        for (let row = 0; row < 20; row++)
          yield labelledRows(new Uint8Array(side * side).fill(row), Uint8Array.of(row % 2));
      },
    };
    const made = await cut(source, { trainSampleCount: 18 });
    for (const { byteLength } of made.shards) expect(byteLength).toBeLessThanOrEqual(LIMITS.shardMaxBytes);
    expect((await refusal(source, { trainSampleCount: 2 })).message).toMatch(
      /leaves 18 samples to validate; at most 15/,
    );
  });

  const wrong: [name: string, source: Numbered, wish: DatasetCutWish, field: string, says: RegExp][] = [
    [
      'no row to validate',
      { count: 20 },
      { trainSampleCount: 20 },
      'trainSampleCount',
      /at least 1 must train and 1 validate/,
    ],
    ['one row', { count: 1 }, {}, 'file', /1 rows; at least one must train/],
    [
      'rows that are all the same',
      { count: 20, different: 1 },
      { splitBy: 'order' },
      'labels',
      /all 20 rows are of one class/,
    ],
    [
      'a shard beyond the byte limit',
      { count: 20 },
      { shardSampleCount: 4_194_305 },
      'shardSampleCount',
      /1 to 4194304/,
    ],
  ];
  it.each(wrong)('[U4] refuses %s, naming the field', async (_, rows, wish, field, says) => {
    const error = await refusal(numbered(rows), wish);
    expect(error.field).toBe(field);
    expect(error.message).toMatch(says);
  });

  it('refuses more shards than the limit', async () => {
    const error = await refusal(numbered({ count: 100_010 }), {
      trainSampleCount: 100_001,
      shardSampleCount: 1,
    });
    expect(error.message).toMatch(/shardSampleCount: makes 100001 shards/);
  });
});
