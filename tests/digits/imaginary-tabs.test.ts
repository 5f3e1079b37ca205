/** What imaginary tabs train when they train the digits is what real tabs train: the model, its gradient and the data. */
import { expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { initialParameters } from '@murmuration/codec';
import { presetModel } from '@murmuration/protocol';
import { ImageModel } from '@murmuration/simulator';
import { drawDigits } from '../../coordinator/src/datasets/digits.ts';
import { digitsData, digitsTask } from '../../packages/cluster/src/digits-task.ts';
import { openDevice } from '../../packages/trainer/src/device.ts';
import { Network } from '../../packages/trainer/src/network.ts';

const SETTINGS = { batchSize: 3, optimiser: 'sgd', learningRate: 0.5 } as const;
const cnn = presetModel('cnn', [28, 28, 1], 10);

it('the preset cnn has the loss and the gradient that the trainer computes with tfjs', async () => {
  const { samples, labels } = drawDigits({ seed: 5, count: 4 });
  const inputs = Float32Array.from(samples, (byte) => byte / 255);
  const batch = Uint32Array.of(3, 0, 2);
  const model = new ImageModel(cnn, SETTINGS);
  const weights = initialParameters(model.layout.tensors, 7);
  model.begin(weights);
  const loss = model.step(model.newOptimiser(), { inputs, labels, count: 4 }, batch);

  await openDevice('cpu');
  const network = new Network(cnn);
  const { measure, gradients } = network.pass(
    network.weightsFrom(weights),
    tf.tensor(
      Float32Array.from([...batch].flatMap((b) => [...inputs.subarray(784 * b, 784 * (b + 1))])),
      [3, 28, 28, 1],
    ),
    tf.tensor(Float32Array.from(batch, (b) => labels[b]!)),
    { objective: 'cross-entropy', seed: 1 },
  );
  const shares = Array.from(await measure.data());
  expect(loss).toBeCloseTo(
    shares.reduce((sum, share) => sum - Math.log(share) / 3, 0),
    5,
  );
  const wanted = await network.vectorFrom(gradients);
  for (const { offset, size } of model.layout.tensors) {
    const ours = model.gradient.subarray(offset, offset + size);
    const theirs = wanted.subarray(offset, offset + size);
    const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeGreaterThan(0);
    for (const [i, value] of ours.entries())
      expect(Math.abs(value - theirs[i]!)).toBeLessThan(1e-5 * largest);
  }
  // The step is along it.
  expect(model.end()[0]).toBeCloseTo(weights[0]! - 0.5 * wanted[0]!, 5);
});

it('the shards hold the digits that the coordinator draws, each once, and the held out ones in their order', async () => {
  const data = await digitsData({ kind: 'digits', trainSampleCount: 60, validationSampleCount: 20 });
  const { samples, labels } = drawDigits({ seed: 1, count: 80 });
  const drawn = Array.from(
    labels,
    (label, i) => `${label} ${Float32Array.from(samples.subarray(784 * i, 784 * (i + 1)), (p) => p / 255)}`,
  );
  const told = [...data.shards, data.validation].map(({ inputs, labels: of, count }) =>
    Array.from({ length: count }, (_, i) => `${of[i]} ${inputs.subarray(784 * i, 784 * (i + 1))}`),
  );
  expect(told.slice(0, -1).flat().toSorted()).toEqual(drawn.slice(0, 60).toSorted());
  expect(told.at(-1)).toEqual(drawn.slice(60));
  const { model, validation } = digitsTask(data, SETTINGS);
  expect(model.layout.parameterCount).toBe(52_138);
  const { loss } = model.evaluate(initialParameters(model.layout.tensors, 7), validation);
  expect(Math.abs(loss - Math.log(10))).toBeLessThan(0.3);
});

it('a layer that it cannot train is refused by name', () => {
  expect(() => new ImageModel(presetModel('resnet', [28, 28, 1], 10), SETTINGS)).toThrow(
    /layer 0 \(conv2d\)/,
  );
});
