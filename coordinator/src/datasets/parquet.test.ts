import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { type AnyWish, Workshop } from '../../testing/data.ts';
import { parquetTable } from './parquet.ts';

const workshop = new Workshop();
afterAll(() => workshop.close());

const COUNT = 300;
const column = <T>(name: string, value: (i: number) => T) => ({
  name,
  data: Array.from({ length: COUNT }, (_, i) => value(i)),
});
const COLUMNS = [
  column('height', (i) => ((i * 37) % 100) / 4),
  column('age', (i) => BigInt((i * 7) % 90)),
  column('colour', (i) => (i === 5 ? null : ['red', 'green', 'blue'][i % 3]!)),
  column('tame', (i) => i % 4 === 0),
  column('kind', (i) => ['cat', 'dog'][i % 2]!),
];
const parquet = (columns: { name: string; data: unknown[] }[], rowGroupSize = COUNT) =>
  new Uint8Array(
    parquetWriteBuffer({ columnData: columns, rowGroupSize } as Parameters<typeof parquetWriteBuffer>[0]),
  );
type ParquetWish = Omit<Extract<AnyWish, { kind: 'parquet' }>, 'kind' | 'file'>;
const make = (bytes: Uint8Array, wish: ParquetWish = {}) =>
  workshop.make({ kind: 'parquet', file: workshop.file(bytes), ...wish });
const refusal = (bytes: Uint8Array, wish: ParquetWish = {}) =>
  workshop.refusal({ kind: 'parquet', file: workshop.file(bytes), ...wish });

describe('Parquet files', () => {
  it('give the dataset that the same table as CSV gives, whatever the row groups', async () => {
    const header = COLUMNS.map(({ name }) => name).join(',');
    const rows = Array.from({ length: COUNT }, (_, i) => COLUMNS.map(({ data }) => data[i] ?? '').join(','));
    const csv = await workshop.make({ kind: 'csv', file: workshop.file([header, ...rows].join('\n')) });
    for (const rowGroupSize of [COUNT, 100, 7])
      expect((await make(parquet(COLUMNS, rowGroupSize))).shards).toEqual(csv.shards);
    expect(csv.preview.columns.find(({ name }) => name === 'colour')!.missing).toBe(1);
  });

  it('[U10] [U13] what is nested, damaged or no Parquet is refused', async () => {
    const nested = [column('list', (i) => ({ a: i })), ...COLUMNS];
    expect((await refusal(parquet(nested))).message).toMatch(/"list"/);
    expect((await make(parquet(nested), { leaveOut: ['list'] })).shards).toEqual(
      (await make(parquet(COLUMNS))).shards,
    );
    expect((await refusal(parquet(COLUMNS), { leaveOut: ['size'] })).field).toBe('leaveOut');
    expect((await refusal(Buffer.from('PAR1 or not'))).message).toMatch(/the footer cannot be read/);
    expect((await refusal(new Uint8Array(0))).field).toBe('file');
  });

  /** Everything is read; a reader that hangs is stopped. */
  async function readAll(path: string): Promise<number> {
    let count = 0;
    for await (const rows of (await parquetTable(path, [], 2_000)).rows()) count += rows.length;
    return count;
  }

  it('answers any damage with rows or a DatasetError, and no damage holds it up', async () => {
    const whole = parquet(COLUMNS, 100);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(whole.length),
        async (changes, length) => {
          const damaged = Uint8Array.from(whole);
          for (const [at, byte] of changes) damaged[at] = byte;
          const file = workshop.file(length % 4 === 0 ? damaged.subarray(0, length) : damaged);
          const outcome = await readAll(file).catch((error: unknown) => error);
          if (typeof outcome !== 'number') expect(outcome).toMatchObject({ name: 'DatasetError' });
        },
      ),
      { seed: 8, numRuns: 40 },
    );
  });
});
