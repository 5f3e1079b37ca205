import { describe, expect, it } from 'vitest';
import { mulberry, shuffledIndices, streamSeed } from './random.ts';
import { initialParameters } from './vectors.ts';

describe('seeded chance', () => {
  it('is the same for a seed, for ever (pinned values)', () => {
    const random = mulberry(42);
    expect([random(), random(), random()]).toEqual([
      0.6011037519201636, 0.44829055899754167, 0.8524657934904099,
    ]);
  });

  it('streams of different purposes differ, those of one purpose agree', () => {
    const seeds = [
      streamSeed(1),
      streamSeed(1, 'a'),
      streamSeed(1, 'b'),
      streamSeed(1, 'a', 0),
      streamSeed(2, 'a'),
    ];
    expect(new Set(seeds).size).toBe(seeds.length);
    expect(streamSeed(1, 'a', 0)).toBe(streamSeed(1, 'a', 0));
  });

  it('a pass over a shard takes every sample once, in another order each time', () => {
    const first = shuffledIndices(5, 0, 0, 100);
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect([...shuffledIndices(5, 0, 1, 100)]).not.toEqual([...first]);
    expect([...shuffledIndices(5, 1, 0, 100)]).not.toEqual([...first]);
  });

  it('first parameters: kernels within the Glorot limit and spread out, biases zero', () => {
    const kernel = { offset: 0, size: 5_000, fanIn: 50, fanOut: 100 };
    const bias = { offset: 5_000, size: 100, fanIn: 0, fanOut: 0 };
    const parameters = initialParameters([kernel, bias], 9);
    const limit = Math.sqrt(6 / 150);
    const values = parameters.subarray(0, 5_000);
    expect(values.every((value) => Math.abs(value) <= limit)).toBe(true);
    const variance = values.reduce((sum, value) => sum + value * value, 0) / 5_000;
    expect(variance).toBeCloseTo((limit * limit) / 3, 3);
    expect(parameters.subarray(5_000).every((value) => value === 0)).toBe(true);
  });
});
