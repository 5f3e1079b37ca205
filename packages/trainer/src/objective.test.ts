import { describe, expect, test } from 'vitest';
import { lossOf, Tally, targetsOf } from './objective.ts';

describe('the figures of an evaluation', () => {
  test('classes: cross entropy and the share that is right', () => {
    const tally = new Tally({ kind: 'class', classCount: 2 });
    tally.add(Float32Array.from([2, 0, 0, 2]), Float32Array.from([0, 0]), 2);
    tally.add(Float32Array.from([5, 5.5]), Float32Array.from([1]), 2);
    const { loss, accuracy, error } = tally.figures();
    const cost = (away: number) => Math.log(1 + Math.exp(away));
    expect(loss).toBeCloseTo((cost(-2) + cost(2) + cost(-0.5)) / 3, 6);
    expect(accuracy).toBeCloseTo(2 / 3);
    expect(error).toBeNull();
  });

  test('values: squared error of what was trained, absolute error in the units of the data', () => {
    const tally = new Tally({ kind: 'value', size: 2, mean: [100, 0], stdDev: [10, 1] });
    tally.add(Float32Array.from([1, 0, 0, 3]), Float32Array.from([0, 0, 0, 1]), 2);
    expect(tally.figures()).toEqual({ loss: (1 + 4) / 4, accuracy: null, error: (10 + 2) / 4 });
  });

  test('next tokens: bits a token, and the share of tokens that is right', () => {
    const tally = new Tally({ kind: 'next-token', vocabularySize: 4 });
    tally.add(new Float32Array(8), Float32Array.from([0, 3]), 4);
    const { loss, accuracy, error } = tally.figures();
    expect(loss).toBeCloseTo(Math.log(4));
    expect(error).toBeCloseTo(2);
    expect(accuracy).toBe(0.5);
  });
});

test('the loss of a step comes from one number a row', () => {
  expect(lossOf('cross-entropy', [0.5, 0.25])).toBeCloseTo((Math.log(2) + Math.log(4)) / 2);
  expect(lossOf('cross-entropy', [0])).toBeCloseTo(-Math.log(1e-38));
  expect(lossOf('squared-error', [1, -2])).toBe(2.5);
});

test('targets of every kind become floats, one a row', () => {
  expect([...targetsOf({ kind: 'class', labels: Uint8Array.from([3, 1]) })]).toEqual([3, 1]);
  expect([...targetsOf({ kind: 'next-token', ids: Int32Array.from([300, 1]) })]).toEqual([300, 1]);
  expect([...targetsOf({ kind: 'value', values: Float32Array.from([0.5]) })]).toEqual([0.5]);
});
