import { describe, expect, it } from 'vitest';
import { outputSizeOf, readShard, shardByteLength, type SampleLayout } from './dataset.ts';

const CLASSES: SampleLayout = {
  encoding: 'uint8',
  sampleShape: [2, 2],
  target: { kind: 'class', classCount: 3 },
};
const VALUES: SampleLayout = {
  encoding: 'float32',
  sampleShape: [3],
  target: { kind: 'value', size: 2, mean: [0, 1], stdDev: [1, 2] },
};
const TEXT: SampleLayout = {
  encoding: 'token',
  sampleShape: [4],
  target: { kind: 'next-token', vocabularySize: 50 },
};

describe('the layout of a shard', () => {
  it('takes one byte a class, 4 bytes a number, and one token more than the input has', () => {
    expect(shardByteLength(CLASSES, 10)).toBe(10 * (4 + 1));
    expect(shardByteLength(VALUES, 10)).toBe(10 * (12 + 8));
    expect(shardByteLength(TEXT, 10)).toBe(10 * 2 * 5);
  });

  it('has as many outputs as there are classes, values or tokens', () => {
    expect([CLASSES, VALUES, TEXT].map(({ target }) => outputSizeOf(target))).toEqual([3, 2, 50]);
  });

  it('gives features and targets as views of the bytes', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 2, 0);
    const block = readShard(CLASSES, bytes);
    expect(block).toMatchObject({ sampleCount: 2 });
    if (typeof block === 'string') throw new Error(block);
    expect([block.features.byteLength, block.targets.byteLength]).toEqual([8, 2]);
    expect([block.features.getUint8(7), block.targets.getUint8(0)]).toEqual([8, 2]);
    expect(block.features.buffer).toBe(bytes.buffer);
  });

  const numbers = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
  const tokens = (...ids: number[]) => new Uint8Array(Uint16Array.from(ids).buffer);
  it.each<[string, SampleLayout, Uint8Array, string]>([
    ['nothing', CLASSES, new Uint8Array(0), '0 bytes are no whole number of samples of 5 bytes'],
    ['a cut sample', CLASSES, new Uint8Array(9), '9 bytes are no whole number'],
    [
      'a class too many',
      CLASSES,
      Uint8Array.of(9, 9, 9, 9, 3),
      "label 3 is not under the dataset's classCount 3",
    ],
    ['a feature that is no number', VALUES, numbers(1, NaN, 3, 4, 5), 'value 1 of the features is NaN'],
    ['an endless target', VALUES, numbers(1, 2, 3, 4, Infinity), 'value 1 of the targets is Infinity'],
    [
      'a token too many',
      TEXT,
      tokens(1, 2, 3, 4, 50),
      "token 50 is not under the dataset's vocabularySize 50",
    ],
    [
      'a layout that contradicts itself',
      { ...TEXT, encoding: 'uint8' },
      tokens(1),
      'has no target "next-token"',
    ],
  ])('refuses %s', (_, layout, bytes, says) => {
    expect(readShard(layout, bytes)).toContain(says);
  });
});
