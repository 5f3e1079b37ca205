import { describe, expect, test } from 'vitest';
import type { Autoencoding } from '@murmuration/protocol';
import { AutoencodingTally, lossOf, objectiveOf, Tally, targetsOf, wantedOf } from './objective.ts';

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

const autoencoding: Autoencoding = {
  kind: 'autoencoding',
  reconstruction: 'bernoulli',
  klWeight: 0.5,
  size: 10,
};

describe('an autoencoder', () => {
  test('its two losses are kept apart, and its error is nats a value', () => {
    const tally = new AutoencodingTally(autoencoding);
    // Reconstruction of each, then the divergence of each; the last sample of the second batch is padding.
    tally.add([100, 80, 6, 2], 2);
    tally.add([60, 1_000, 4, 1_000], 1);
    const { loss, accuracy, error, parts } = tally.figures();
    expect(parts).toEqual({ reconstruction: 80, kl: 4 });
    expect([loss, error, accuracy]).toEqual([82, 8.2, null]);
  });

  test('learns its input, whatever the labels say', () => {
    const batch = {
      inputs: Float32Array.of(0.5, 1),
      targets: { kind: 'class', labels: Uint8Array.of(3) },
    } as const;
    expect([...wantedOf(autoencoding, batch)]).toEqual([0.5, 1]);
    expect([...wantedOf('cross-entropy', batch)]).toEqual([3]);
    expect(objectiveOf(autoencoding)).toBe(autoencoding);
    expect(objectiveOf({ kind: 'class', classCount: 2 })).toBe('cross-entropy');
  });
});

test('the loss of a step comes from one number a row', () => {
  expect(lossOf(autoencoding, [100, 80, 6, 2])).toBe(90 + 0.5 * 4);
  expect(lossOf('cross-entropy', [0.5, 0.25])).toBeCloseTo((Math.log(2) + Math.log(4)) / 2);
  expect(lossOf('cross-entropy', [0])).toBeCloseTo(-Math.log(1e-38));
  expect(lossOf('squared-error', [1, -2])).toBe(2.5);
});

test('targets of every kind become floats, one a row', () => {
  expect([...targetsOf({ kind: 'class', labels: Uint8Array.from([3, 1]) })]).toEqual([3, 1]);
  expect([...targetsOf({ kind: 'next-token', ids: Int32Array.from([300, 1]) })]).toEqual([300, 1]);
  expect([...targetsOf({ kind: 'value', values: Float32Array.from([0.5]) })]).toEqual([0.5]);
});
