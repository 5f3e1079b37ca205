import { expect, test } from 'vitest';
import { shuffledIndices } from '@murmuration/codec';
import { exampleManifest, exampleShard, EXAMPLE_SEED } from '../tests/example.ts';
import { Samples, type Batch, type BatchTargets } from './samples.ts';

const { dataset } = exampleManifest('mlp');
const samples = () => new Samples(dataset, EXAMPLE_SEED);
const SIZE = 28 * 28;

function classesOf({ targets }: Batch): Extract<BatchTargets, { kind: 'class' }> {
  if (targets.kind !== 'class') throw new Error(`targets are "${targets.kind}"`);
  return targets;
}

test('batch k holds entries [k B, (k + 1) B) of the pass modulo the shard', () => {
  const bytes = exampleShard(3, 28, 50);
  const store = samples();
  store.addShard(3, bytes);
  const order = shuffledIndices(EXAMPLE_SEED, 3, 2, 50);
  const batch = store.batch({ shardIndex: 3, pass: 2, batchIndex: 1 }, 32);
  const { labels } = classesOf(batch);
  for (let i = 0; i < 32; i++) {
    const index = order[(32 + i) % 50]!;
    expect(labels[i]).toBe(index % 10);
    expect(batch.inputs[i * SIZE + 5]).toBeCloseTo(bytes[index * SIZE + 5]! / 255, 7);
  }
});

test('a shard that came anew under the same index is drawn from its new bytes', () => {
  const store = samples();
  store.addShard(0, exampleShard(0, 28, 20));
  store.batch({ shardIndex: 0, pass: 0, batchIndex: 0 }, 4);
  store.addShard(0, exampleShard(0, 28, 10));
  expect(classesOf(store.batch({ shardIndex: 0, pass: 0, batchIndex: 5 }, 4)).labels).toHaveLength(4);
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
  expect([...classesOf(store.validationBatch(3, 4)).labels]).toEqual([3, 4, 4, 4]);
  expect(store.validationCount).toBe(5);
});

test('float32 features and values are given as they are stored, wherever the bytes lie in their buffer', () => {
  const target = { kind: 'value' as const, size: 1, mean: [0], stdDev: [1] };
  const store = new Samples({ ...dataset, encoding: 'float32', sampleShape: [2], target }, EXAMPLE_SEED);
  const numbers = Float32Array.of(1.5, -2, 0.25, 1e-9, /* targets */ 7, -0.5);
  const shifted = new Uint8Array(1 + numbers.byteLength);
  shifted.set(new Uint8Array(numbers.buffer), 1);
  store.addValidation(shifted.subarray(1));
  const { inputs, targets } = store.validationBatch(0, 3);
  expect([...inputs]).toEqual([1.5, -2, 0.25, Math.fround(1e-9), 0.25, Math.fround(1e-9)]);
  expect(targets).toEqual({ kind: 'value', values: Float32Array.of(7, -0.5, -0.5) });
  expect(() => store.addShard(0, new Uint8Array(Float32Array.of(1, 2, NaN).buffer))).toThrow(
    'value 0 of the targets is NaN',
  );
});

test('a sample of text gives L ids and the L ids that follow them', () => {
  const target = { kind: 'next-token', vocabularySize: 300 } as const;
  const store = new Samples({ ...dataset, encoding: 'token', sampleShape: [3], target }, EXAMPLE_SEED);
  store.addValidation(new Uint8Array(Uint16Array.of(5, 6, 7, 8, 299, 1, 2, 3).buffer));
  expect(store.validationBatch(0, 2)).toEqual({
    inputs: Int32Array.of(5, 6, 7, 299, 1, 2),
    targets: { kind: 'next-token', ids: Int32Array.of(6, 7, 8, 1, 2, 3) },
  });
  expect(() => store.addShard(0, new Uint8Array(Uint16Array.of(0, 1, 2, 300).buffer))).toThrow(
    'token 300 is not under',
  );
});
