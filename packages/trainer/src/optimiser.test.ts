import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { mulberry } from '@murmuration/codec';
import { LINEAR_OPTIMISERS, OPTIMISERS, type ModelSpec } from '@murmuration/protocol';
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
  // Twelve steps against plain numbers: w -= 0.01 g, and m = 0.9 m + g, w -= 0.01 m.
  ['sgd', 0],
  ['momentum', 0.9],
] as const)('twelve steps of %s are those of w -= rate m with m = %d m + g', async (name, beta) => {
  const network = new Network(MODEL);
  const optimiser = new Optimiser(network, name, 0.01);
  const expected = vector();
  let weights = network.weightsFrom(expected);
  const ball = new Float64Array(8);
  for (let i = 0; i < 12; i++) {
    const gradient = vector();
    weights = tf.tidy(() => optimiser.step(weights, network.weightsFrom(gradient)));
    for (let j = 0; j < 8; j++) expected[j]! -= 0.01 * (ball[j] = beta * ball[j]! + gradient[j]!);
  }
  for (const [i, value] of (await network.vectorFrom(weights)).entries())
    expect(value).toBeCloseTo(expected[i]!, 6);
  expect(optimiser.stepCount).toBe(12);
  optimiser.reset();
});

test.each(LINEAR_OPTIMISERS)(
  "the mean of two tabs' steps of %s is the step of their mean gradient",
  async (name) => {
    const network = new Network(MODEL);
    const [one, other, both] = [1, 2, 3].map(() => new Optimiser(network, name, 0.1));
    const start = network.weightsFrom(new Float32Array(8));
    let [a, b, mean] = [start, start, start];
    for (let i = 0; i < 4; i++) {
      const [ga, gb] = [vector(), vector()];
      const step = (optimiser: Optimiser, from: tf.Tensor[], gradient: Float32Array) =>
        tf.tidy(() => optimiser.step(from, network.weightsFrom(gradient)));
      a = step(one!, a, ga);
      b = step(other!, b, gb);
      mean = step(
        both!,
        mean,
        ga.map((value, j) => (value + gb[j]!) / 2),
      );
    }
    const [va, vb, vm] = [
      await network.vectorFrom(a),
      await network.vectorFrom(b),
      await network.vectorFrom(mean),
    ];
    for (const [j, value] of vm.entries()) expect((va[j]! + vb[j]!) / 2).toBeCloseTo(value, 6);
  },
);

test.each(LINEAR_OPTIMISERS)("[J4] a newcomer's %s takes no second moment from its donor", async (name) => {
  const network = new Network(MODEL);
  const optimiser = new Optimiser(network, name, 0.01);
  optimiser.load(new Float32Array(8).fill(4), 100);
  expect(await optimiser.secondMoment()).toEqual(new Float32Array(8));
  const [kernel] = tf.tidy(() =>
    optimiser.step(
      network.weightsFrom(new Float32Array(8)),
      network.weightsFrom(new Float32Array(8).fill(1)),
    ),
  );
  expect((await kernel!.data())[0]).toBeCloseTo(-0.01, 6);
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
  expect(tf.memory().numTensors).toBe(before + { adam: 4, 'rmsprop-floored': 2, momentum: 2, sgd: 0 }[name]);
  optimiser.reset();
  expect(tf.memory().numTensors).toBe(before);
  expect(optimiser.stepCount).toBe(0);
});
