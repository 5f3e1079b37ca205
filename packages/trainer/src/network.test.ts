import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { initialParameters, mulberry } from '@murmuration/codec';
import { parameterLayout, type LayerSpec, type ModelSpec } from '@murmuration/protocol';
import { openDevice } from './device.ts';
import { Network } from './network.ts';
import { forwardMultiplyAdds, referencePass } from './reference.ts';

const head: LayerSpec[] = [{ kind: 'flatten' }, { kind: 'dense', units: 3, activation: 'linear' }];
const conv = (options: Partial<Extract<LayerSpec, { kind: 'conv2d' }>>): LayerSpec => ({
  kind: 'conv2d',
  filters: 4,
  kernelSize: 3,
  strides: 1,
  padding: 'same',
  activation: 'tanh',
  ...options,
});
const MODELS: ModelSpec[] = [
  ...(['linear', 'relu', 'tanh', 'gelu'] as const).map((activation) => ({
    name: `dense ${activation}`,
    inputShape: [6],
    layers: [
      { kind: 'dense', units: 5, activation } as const,
      { kind: 'dense', units: 4, activation } as const,
      { kind: 'dense', units: 3, activation: 'linear' } as const,
    ],
  })),
  { name: 'conv same', inputShape: [7, 6, 2], layers: [conv({}), conv({ filters: 3 }), ...head] },
  {
    name: 'conv valid stride 2',
    inputShape: [9, 8, 2],
    layers: [conv({}), conv({ padding: 'valid', strides: 2 }), ...head],
  },
  { name: 'conv same stride 2', inputShape: [9, 8, 2], layers: [conv({}), conv({ strides: 2 }), ...head] },
  { name: 'conv even kernel', inputShape: [8, 8, 1], layers: [conv({}), conv({ kernelSize: 4 }), ...head] },
  { name: 'pool', inputShape: [7, 8, 2], layers: [conv({}), { kind: 'maxPool2d', poolSize: 2 }, ...head] },
  { name: 'only the head', inputShape: [2, 3, 1], layers: head },
];
const BATCH_SIZE = 3;

function example(model: ModelSpec) {
  const random = mulberry(11);
  const { tensors } = parameterLayout(model);
  const parameters = initialParameters(tensors, 5);
  for (let i = 0; i < parameters.length; i++) parameters[i]! += 0.1 * (random() - 0.5);
  const size = model.inputShape.reduce((a, b) => a * b, 1);
  const samples = Float32Array.from({ length: BATCH_SIZE * size }, () => random() * 2 - 1);
  return { parameters, samples, labels: Uint8Array.from([2, 0, 1]) };
}

describe.each(MODELS)('$name', (model) => {
  beforeAll(() => openDevice('cpu'));

  test('the reference agrees with finite differences of its own loss', () => {
    const { parameters, samples, labels } = example(model);
    const { gradient } = referencePass(model, parameters, samples, labels);
    // Small: a larger one may cross a kink of relu or max.
    const step = 2e-5;
    for (let i = 0; i < parameters.length; i += 7) {
      // The step that float32 really makes.
      const value = parameters[i]!;
      parameters[i] = value + step;
      const high = { at: parameters[i]!, loss: referencePass(model, parameters, samples, labels).loss };
      parameters[i] = value - step;
      const low = { at: parameters[i]!, loss: referencePass(model, parameters, samples, labels).loss };
      parameters[i] = value;
      expect(gradient[i]).toBeCloseTo((high.loss - low.loss) / (high.at - low.at), 3);
    }
  });

  test('tfjs forwards and backwards agree with the reference and leave no tensor', async () => {
    const { parameters, samples, labels } = example(model);
    const expected = referencePass(model, parameters, samples, labels);
    const before = tf.memory().numTensors;
    const network = new Network(model);
    const weights = network.weightsFrom(parameters);
    const pass = tf.tidy(() => {
      const oneHot = tf.cast(tf.oneHot(tf.tensor1d([...labels], 'int32'), 3), 'float32') as tf.Tensor2D;
      const result = network.pass(weights, tf.tensor(samples, [BATCH_SIZE, ...model.inputShape]), oneHot);
      return { ...result };
    });
    const gradient = await network.vectorFrom(pass.gradients);
    for (const [i, value] of gradient.entries()) expect(value).toBeCloseTo(expected.gradient[i]!, 5);
    for (const [i, value] of (await pass.probabilities.data()).entries())
      expect(value).toBeCloseTo(expected.probabilities[i]!, 5);
    tf.dispose([pass.probabilities, ...pass.gradients, ...weights]);
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('the work of a forward pass counts every position of a convolution', () => {
  expect(forwardMultiplyAdds({ name: 'x', inputShape: [4, 4, 2], layers: [conv({}), ...head] })).toBe(
    16 * (3 * 3 * 2 * 4) + 4 * 4 * 4 * 3,
  );
});
