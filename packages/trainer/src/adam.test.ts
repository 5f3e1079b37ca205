import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { mulberry } from '@murmuration/codec';
import type { ModelSpec } from '@murmuration/protocol';
import { Adam } from './adam.ts';
import { openDevice } from './device.ts';
import { Network } from './network.ts';

const MODEL: ModelSpec = {
  name: 'x',
  inputShape: [3],
  layers: [{ kind: 'dense', units: 2, activation: 'linear' }],
};
const random = mulberry(3);
const vector = () => Float32Array.from({ length: 8 }, () => random() - 0.5);

beforeAll(() => openDevice('cpu'));

test('twelve steps are those of the AdamOptimizer of tfjs', async () => {
  const network = new Network(MODEL);
  const adam = new Adam(network, 0.01);
  const start = vector();
  const theirs = network.weightsFrom(start).map((weight) => tf.variable(weight));
  const optimizer = tf.train.adam(0.01);
  let weights = network.weightsFrom(start);
  for (let i = 0; i < 12; i++) {
    const gradient = vector();
    weights = tf.tidy(() => adam.step(weights, network.weightsFrom(gradient)));
    optimizer.applyGradients(
      network.weightsFrom(gradient).map((tensor, j) => ({ name: theirs[j]!.name, tensor })),
    );
  }
  const expected = await network.vectorFrom(theirs);
  for (const [i, value] of (await network.vectorFrom(weights)).entries())
    expect(value).toBeCloseTo(expected[i]!, 5);
  expect(adam.stepCount).toBe(12);
});

test('a loaded state keeps second moment and step count, and starts with a first moment of zero', async () => {
  const network = new Network(MODEL);
  const adam = new Adam(network, 0.01);
  const secondMoment = Float32Array.from({ length: 8 }, () => 4);
  adam.load(secondMoment, 10_000);
  expect(await adam.secondMoment()).toEqual(secondMoment);
  const gradient = new Float32Array(8).fill(1);
  const [kernel] = tf.tidy(() =>
    adam.step(network.weightsFrom(new Float32Array(8)), network.weightsFrom(gradient)),
  );
  // m = 0.1, v = 3.997, no bias left to correct: 0.01 * 0.1 / 2
  expect((await kernel!.data())[0]).toBeCloseTo(-0.0005, 6);
  expect(adam.stepCount).toBe(10_001);
});

test('reset frees the moments', () => {
  const network = new Network(MODEL);
  const adam = new Adam(network, 0.01);
  const before = tf.memory().numTensors;
  const weights = tf.tidy(() => adam.step(network.weightsFrom(vector()), network.weightsFrom(vector())));
  tf.dispose(weights);
  expect(tf.memory().numTensors).toBe(before + 4);
  adam.reset();
  expect(tf.memory().numTensors).toBe(before);
  expect(adam.stepCount).toBe(0);
});
