import { expect, test } from 'vitest';
import { shuffledIndices } from '@murmuration/codec';
import { exampleManifest, exampleShard, EXAMPLE_SEED } from '../tests/example.ts';
import { Samples } from './samples.ts';

const { dataset } = exampleManifest('mlp');
const samples = () => new Samples(dataset, EXAMPLE_SEED);
const SIZE = 28 * 28;

test('batch k holds entries [k B, (k + 1) B) of the pass modulo the shard', () => {
  const bytes = exampleShard(3, 28, 50);
  const store = samples();
  store.addShard(3, bytes);
  const order = shuffledIndices(EXAMPLE_SEED, 3, 2, 50);
  const batch = store.batch({ shardIndex: 3, pass: 2, batchIndex: 1 }, 32);
  for (let i = 0; i < 32; i++) {
    const index = order[(32 + i) % 50]!;
    expect(batch.labels[i]).toBe(index % 10);
    expect(batch.oneHot.subarray(i * 10, i * 10 + 10).indexOf(1)).toBe(index % 10);
    expect(batch.pixels[i * SIZE + 5]).toBeCloseTo(bytes[index * SIZE + 5]! / 255, 7);
  }
});

test('a shard that came anew under the same index is drawn from its new bytes', () => {
  const store = samples();
  store.addShard(0, exampleShard(0, 28, 20));
  store.batch({ shardIndex: 0, pass: 0, batchIndex: 0 }, 4);
  store.addShard(0, exampleShard(0, 28, 10));
  expect(store.batch({ shardIndex: 0, pass: 0, batchIndex: 5 }, 4).labels).toHaveLength(4);
});

test('a missing shard is named', () => {
  const store = samples();
  store.addShard(1, exampleShard(1));
  store.dropShard(1);
  expect(() => store.requireShards([{ shardIndex: 1, pass: 0, batchIndex: 0 }])).toThrow(
    'shard 1 is not here',
  );
});

test('bytes that are no whole samples, or labels outside the classes, are refused', () => {
  const store = samples();
  expect(() => store.addShard(4, new Uint8Array(SIZE))).toThrow(
    'shard 4: 784 bytes are no whole number of samples',
  );
  expect(() => store.addValidation(new Uint8Array(0))).toThrow('validation: 0 bytes');
  const bytes = exampleShard(0, 28, 2);
  bytes[bytes.length - 1] = 10;
  expect(() => store.addShard(4, bytes)).toThrow("label 10 is not under the dataset's classCount 10");
});

test('no more than 64 shards are held', () => {
  const store = samples();
  const bytes = exampleShard(0, 28, 1);
  for (let i = 0; i < 64; i++) store.addShard(i, bytes);
  store.addShard(63, bytes);
  expect(() => store.addShard(64, bytes)).toThrow('64 shards are held already');
});

test('a validation batch past the end repeats the last sample', () => {
  const store = samples();
  store.addValidation(exampleShard(9, 28, 5));
  expect([...store.validationBatch(3, 4).labels]).toEqual([3, 4, 4, 4]);
  expect(store.validationCount).toBe(5);
});
