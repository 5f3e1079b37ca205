import { LIMITS } from '@murmuration/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatasetError } from './labelled-samples.ts';
import { cutDataset, type DatasetCut, type ShardBytes } from './shards.ts';

/** Row r is unmistakable: its number in three bytes of a 1x3 sample, and label r mod classes. */
function numbered(sampleCount: number, trainSampleCount: number, more: Partial<DatasetCut> = {}): DatasetCut {
  const samples = Uint8Array.from({ length: sampleCount * 3 }, (_, i) => {
    const row = Math.floor(i / 3);
    return (row >>> (8 * (i % 3))) & 255;
  });
  const labels = Uint8Array.from({ length: sampleCount }, (_, row) => row % 7);
  const about = {
    name: 'numbers',
    kind: 'idx',
    licence: 'ours',
    sampleShape: [1, 3, 1],
    classCount: 7,
  } as const;
  return { ...about, samples, labels, trainSampleCount, seed: 5, ...more };
}

/** The rows inside a shard, read by the layout of protocol/dataset.ts; a label that left its sample fails here. */
function rowsOf({ sampleCount, bytes }: ShardBytes): number[] {
  expect(bytes.length).toBe(sampleCount * (3 + 1));
  return Array.from({ length: sampleCount }, (_, i) => {
    const row = bytes[3 * i]! + bytes[3 * i + 1]! * 256 + bytes[3 * i + 2]! * 65536;
    expect(bytes[3 * sampleCount + i]).toBe(row % 7);
    return row;
  });
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function refusal(cut: DatasetCut): DatasetError {
  try {
    cutDataset(cut);
  } catch (error) {
    if (error instanceof DatasetError) return error;
    throw error;
  }
  throw new Error('the dataset was cut');
}

describe('cutting a dataset', () => {
  it('puts every training row into exactly one shard, every other row into validation, and none into both', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 400 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (sampleCount, share, shardSampleCount, seed) => {
          const train = Math.max(1, Math.min(sampleCount - 1, Math.round(share * sampleCount)));
          const cut = cutDataset(numbered(sampleCount, train, { shardSampleCount, seed }));
          const trained = cut.shards.flatMap(rowsOf);
          expect(trained.sort((a, b) => a - b)).toEqual(range(0, train));
          expect(rowsOf(cut.validation)).toEqual(range(train, sampleCount));
        },
      ),
      { seed: 20, numRuns: 60 },
    );
  });

  it('makes shards of equal size within one, none above the size asked for', () => {
    const sizes = cutDataset(numbered(1_000, 907, { shardSampleCount: 100 })).shards.map(
      (s) => s.sampleCount,
    );
    expect(sizes).toHaveLength(10);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  it('cuts 12,000 rows into 24 shards of 500 and 8,000 into 16 when no size is asked for', () => {
    const sizes = (train: number) => cutDataset(numbered(14_000, train)).shards.map((s) => s.sampleCount);
    expect(sizes(12_000)).toEqual(Array(24).fill(500));
    expect(sizes(8_000)).toEqual(Array(16).fill(500));
  });

  it('gives every shard a fair mix of classes, even when the rows come sorted by class', () => {
    const cut = numbered(14_000, 12_000);
    cut.labels.sort();
    const { shards } = cutDataset(cut);
    for (const { sampleCount, bytes } of shards) {
      const labels = bytes.subarray(3 * sampleCount);
      // 12,000 rows hold classes 0..5; of 500 fair draws each gets 83 on average, standard deviation 8.
      for (const label of range(0, 6)) {
        const count = labels.filter((l) => l === label).length;
        expect(count).toBeGreaterThan(40);
        expect(count).toBeLessThan(130);
      }
    }
  });

  it('is decided by the seed: the same bytes again for the same, other shards for another', () => {
    const bytes = (seed: number) => cutDataset(numbered(500, 400, { seed, shardSampleCount: 100 }));
    expect(bytes(5)).toEqual(bytes(5));
    expect(bytes(5).shards[0]).not.toEqual(bytes(6).shards[0]);
    expect(bytes(5).validation).toEqual(bytes(6).validation);
  });

  it('hands over what describes the set unchanged', () => {
    const { shards, validation, ...description } = cutDataset(numbered(10, 8));
    expect([shards.length, validation.sampleCount]).toEqual([1, 2]);
    expect(description).toEqual({
      name: 'numbers',
      kind: 'idx',
      licence: 'ours',
      encoding: 'uint8',
      sampleShape: [1, 3, 1],
      target: { kind: 'class', classCount: 7 },
      trainSampleCount: 8,
    });
  });

  it('keeps shards of large samples within the byte limit when no size is asked for', () => {
    const sampleShape = [512, 512, 1];
    const count = 200;
    const samples = new Uint8Array(count * 512 * 512);
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
    const cut = cutDataset({ ...numbered(2, 1), sampleShape, samples, labels, trainSampleCount: 190 });
    expect(cut.shards.length).toBeGreaterThan(1);
    for (const { bytes } of cut.shards) expect(bytes.length).toBeLessThanOrEqual(LIMITS.shardMaxBytes);
  });

  const wrong: [name: string, more: Partial<DatasetCut>, field: string, says: RegExp][] = [
    ['no row to train', { trainSampleCount: 0 }, 'trainSampleCount', /0 of 20 samples/],
    [
      'no row to validate',
      { trainSampleCount: 20 },
      'trainSampleCount',
      /at least 1 must train and 1 validate/,
    ],
    ['half a row', { trainSampleCount: 1.5 }, 'trainSampleCount', /1\.5 of 20/],
    ['a shard of nothing', { shardSampleCount: 0 }, 'shardSampleCount', /expected 1 to/],
    ['a shard that is no number', { shardSampleCount: NaN }, 'shardSampleCount', /NaN; expected 1 to/],
    ['a shard beyond the byte limit', { shardSampleCount: 4_194_305 }, 'shardSampleCount', /1 to 4194304/],
    ['one class', { classCount: 1 }, 'classCount', /2 to 256/],
    ['more classes than a byte holds', { classCount: 257 }, 'classCount', /2 to 256/],
    ['samples of another shape', { sampleShape: [2, 3, 1] }, 'samples', /60 bytes; .* need 120/],
    ['no shape', { sampleShape: [] }, 'sampleShape', /1 to 5 whole dimensions/],
    ['a negative side', { sampleShape: [1, -3, -1] }, 'sampleShape', /whole dimensions/],
    ['a sample larger than a shard', { sampleShape: [4096, 4096] }, 'sampleShape', /exceeds a shard/],
    ['no samples', { samples: new Uint8Array(0), labels: new Uint8Array(0) }, 'labels', /0 samples/],
  ];
  it.each(wrong)('[U4] refuses %s, naming the field', (_, more, field, says) => {
    const error = refusal(numbered(20, 15, more));
    expect(error.field).toBe(field);
    expect(error.message).toMatch(says);
  });

  it('[U13] refuses labels out of range and lists the first ten', () => {
    const error = refusal(numbered(50, 40, { classCount: 3 }));
    expect(error.field).toBe('labels');
    expect(error.message).toMatch(/must be below 3; too large at row 3 \(3\), row 4 \(4\), .*row 18 \(4\)$/);
    expect(error.message.match(/row/g)).toHaveLength(10);
  });

  it('refuses a validation set that does not fit into one blob, and more shards than the limit', () => {
    const sampleShape = [1024, 1024, 1];
    const samples = new Uint8Array(20 * 1024 * 1024);
    const large = refusal(numbered(20, 2, { sampleShape, samples }));
    expect(large.field).toBe('trainSampleCount');
    expect(large.message).toMatch(/leaves 18 samples to validate; at most 15/);
    const many = refusal(numbered(100_010, 100_001, { shardSampleCount: 1 }));
    expect(many.field).toBe('shardSampleCount');
    expect(many.message).toMatch(/100001 shards/);
  });
});
