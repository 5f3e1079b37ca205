import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { mulberry } from '@murmuration/codec';
import { OPTIMISERS, type ModelSpec } from '@murmuration/protocol';
import { openDevice } from './device.ts';
import { Network } from './network.ts';
import { Optimiser } from './optimiser.ts';

const MODEL: ModelSpec = {
  name: 'x',
  inputShape: [3],
  layers: [{ kind: 'dense', units: 2, activation: 'linear' }],
};
const random = mulberry(3);
const vector = () => Float32Array.from({ length: 8 }, () => random() - 0.5);

beforeAll(() => openDevice('cpu'));

test.each([
  { name: 'adam', beta1: 0.9, least: 0 },
  // Gradients of about one size stand on no floor.
  { name: 'rmsprop-floored', beta1: 0, least: 0.5 },
] as const)(
  'twelve steps of $name are those of the AdamOptimizer of tfjs with beta1 = $beta1',
  async ({ name, beta1, least }) => {
    const network = new Network(MODEL);
    const optimiser = new Optimiser(network, name, 0.01);
    const start = vector();
    const theirs = network.weightsFrom(start).map((weight) => tf.variable(weight));
    const optimizer = tf.train.adam(0.01, beta1);
    let weights = network.weightsFrom(start);
    for (let i = 0; i < 12; i++) {
      const gradient = vector().map((value) => value + Math.sign(value) * least);
      weights = tf.tidy(() => optimiser.step(weights, network.weightsFrom(gradient)));
      optimizer.applyGradients(
        network.weightsFrom(gradient).map((tensor, j) => ({ name: theirs[j]!.name, tensor })),
      );
    }
    const expected = await network.vectorFrom(theirs);
    for (const [i, value] of (await network.vectorFrom(weights)).entries())
      expect(value).toBeCloseTo(expected[i]!, 5);
    expect(optimiser.stepCount).toBe(12);
  },
);

test("rmsprop-floored: a second moment counts as at least a tenth of its tensor's mean", async () => {
  const network = new Network(MODEL);
  const optimiser = new Optimiser(network, 'rmsprop-floored', 0.01);
  // Kernel: one of 1, five of 0.01. Bias, a tensor of its own: 0.01 twice.
  const gradient = Float32Array.of(1, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01);
  const weights = tf.tidy(() =>
    optimiser.step(network.weightsFrom(new Float32Array(8)), network.weightsFrom(gradient)),
  );
  const [one, small, ...others] = await network.vectorFrom(weights);
  expect(one).toBeCloseTo(-0.01, 6);
  // Corrected, v is g^2; its mean is 1.0005 / 6.
  expect(small).toBeCloseTo((-0.01 * 0.01) / Math.sqrt(1.0005 / 60), 6);
  expect(others.at(-1)).toBeCloseTo(-0.01, 6);
  tf.dispose(weights);
  optimiser.reset();
});

test.each([
  // m = 0.1, v = 3.997, no bias left to correct: 0.01 * 0.1 / 2
  ['adam', -0.0005],
  ['rmsprop-floored', -0.005],
] as const)(
  '[J4] %s: a loaded state keeps second moment and step count; a first moment starts at zero',
  async (name, moved) => {
    const network = new Network(MODEL);
    const optimiser = new Optimiser(network, name, 0.01);
    const secondMoment = Float32Array.from({ length: 8 }, () => 4);
    optimiser.load(secondMoment, 10_000);
    expect(await optimiser.secondMoment()).toEqual(secondMoment);
    const gradient = new Float32Array(8).fill(1);
    const [kernel] = tf.tidy(() =>
      optimiser.step(network.weightsFrom(new Float32Array(8)), network.weightsFrom(gradient)),
    );
    expect((await kernel!.data())[0]).toBeCloseTo(moved, 5);
    expect(optimiser.stepCount).toBe(10_001);
  },
);

test.each(OPTIMISERS)('reset frees the moments of %s', (name) => {
  const network = new Network(MODEL);
  const optimiser = new Optimiser(network, name, 0.01);
  const before = tf.memory().numTensors;
  const weights = tf.tidy(() => optimiser.step(network.weightsFrom(vector()), network.weightsFrom(vector())));
  tf.dispose(weights);
  expect(tf.memory().numTensors).toBe(before + (name === 'adam' ? 4 : 2));
  optimiser.reset();
  expect(tf.memory().numTensors).toBe(before);
  expect(optimiser.stepCount).toBe(0);
});
