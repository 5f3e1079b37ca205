import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { initialParameters, mulberry } from '@murmuration/codec';
import {
  ACTIVATIONS,
  autoencoderFault,
  parameterLayout,
  type Autoencoding,
  type LayerSpec,
  type ModelSpec,
} from '@murmuration/protocol';
import { openDevice } from './device.ts';
import { Network, type Objective } from './network.ts';
import { noiseAt, survives } from './noise.ts';
import { forwardMultiplyAdds, referencePass } from './reference.ts';
import { readsIds } from './self-test-cases.ts';

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
const dense = (units: number): LayerSpec => ({ kind: 'dense', units, activation: 'tanh' });
/** The layer between two others, on a sequence of five steps. */
const onSequence = (name: string, ...layers: LayerSpec[]): ModelSpec => ({
  name,
  inputShape: [5, 4],
  layers: [dense(6), ...layers, ...head],
});
const onImage = (name: string, ...layers: LayerSpec[]): ModelSpec => ({
  name,
  inputShape: [7, 8, 2],
  layers: [conv({}), ...layers, ...head],
});
const MODELS: ModelSpec[] = [
  ...ACTIVATIONS.map((activation) => ({
    name: `dense ${activation}`,
    inputShape: [6],
    layers: [
      { kind: 'dense', units: 5, activation } as const,
      { kind: 'dense', units: 4, activation, useBias: false } as const,
      { kind: 'activation', activation } as const,
      { kind: 'dense', units: 3, activation: 'linear' } as const,
    ],
  })),
  { name: 'conv same', inputShape: [7, 6, 2], layers: [conv({}), conv({ filters: 3 }), ...head] },
  {
    name: 'conv valid stride 2',
    inputShape: [9, 8, 2],
    layers: [conv({}), conv({ padding: 'valid', strides: 2, useBias: false }), ...head],
  },
  { name: 'conv same stride 2', inputShape: [9, 8, 2], layers: [conv({}), conv({ strides: 2 }), ...head] },
  { name: 'conv even kernel', inputShape: [8, 8, 1], layers: [conv({}), conv({ kernelSize: 4 }), ...head] },
  onImage('max pool', { kind: 'maxPool2d', poolSize: 2 }),
  onImage('average pool', { kind: 'averagePool2d', poolSize: 3 }),
  onImage('global average pool', { kind: 'globalAveragePool2d' }, dense(4)),
  onImage('batch norm', { kind: 'batchNorm' }, conv({ filters: 3 })),
  onImage('layer norm', { kind: 'layerNorm' }, conv({ filters: 3 })),
  onSequence('batch norm of a sequence', { kind: 'batchNorm', momentum: 0.5, epsilon: 1e-5 }),
  onSequence('dropout', { kind: 'dropout', rate: 0.4 }, dense(4)),
  onSequence('softmax amid', { kind: 'softmax' }, dense(4)),
  onSequence('positions', { kind: 'positionEmbedding' }),
  onSequence('attention', { kind: 'selfAttention', heads: 2, headUnits: 3 }),
  onSequence('attention both ways', { kind: 'selfAttention', heads: 3, headUnits: 2, causal: false }),
  onSequence('gru', { kind: 'gru', units: 4 }),
  onSequence('gru, reset after, last state', {
    kind: 'gru',
    units: 4,
    resetAfter: true,
    returnSequences: false,
  }),
  onSequence('last step', { kind: 'lastStep' }),
  onSequence('mean step', { kind: 'globalAveragePool1d' }),
  onSequence('reshape', { kind: 'reshape', shape: [3, 10] }, dense(4)),
  {
    name: 'embedding',
    inputShape: [5],
    layers: [{ kind: 'embedding', vocabularySize: 7, units: 4 }, ...head],
  },
  {
    name: 'a graph',
    inputShape: [6],
    layers: [
      { kind: 'dense', units: 4, activation: 'tanh', name: 'a' },
      { kind: 'dense', units: 4, activation: 'gelu', name: 'b', inputs: ['input'] },
      { kind: 'add', name: 'c', inputs: ['a', 'b'] },
      { kind: 'concatenate', name: 'd', inputs: ['c', 'a', 'b'] },
      { kind: 'dense', units: 3, activation: 'linear' },
    ],
  },
  {
    name: 'sampling on its way to classes',
    inputShape: [6],
    layers: [
      { kind: 'dense', units: 4, activation: 'tanh', name: 'mean' },
      { kind: 'dense', units: 4, activation: 'tanh', name: 'spread', inputs: ['input'] },
      { kind: 'sampling', inputs: ['mean', 'spread'] },
      { kind: 'dense', units: 3, activation: 'linear' },
    ],
  },
  {
    name: 'an autoencoder of images',
    inputShape: [4, 4, 2],
    layers: [
      conv({ strides: 2, filters: 3, name: 'seen' }),
      conv({ kernelSize: 1, filters: 2, name: 'mean', inputs: ['seen'] }),
      conv({ kernelSize: 1, filters: 2, name: 'spread', inputs: ['seen'] }),
      { kind: 'sampling', inputs: ['mean', 'spread'] },
      { kind: 'flatten' },
      { kind: 'dense', units: 32, activation: 'linear' },
    ],
  },
  { name: 'a prediction a step', inputShape: [5, 4], layers: [dense(6), { kind: 'gru', units: 3 }] },
  { name: 'only the head', inputShape: [2, 3, 1], layers: head },
];
const BATCH_SIZE = 3;

const SEED = 77;

function example(model: ModelSpec, objective: Objective) {
  const random = mulberry(11);
  const { tensors, outputShapes } = parameterLayout(model);
  const parameters = initialParameters(tensors, 5);
  for (let i = 0; i < parameters.length; i++) parameters[i]! += 0.1 * (random() - 0.5);
  const size = model.inputShape.reduce((a, b) => a * b, 1);
  const vocabularySize = readsIds(model);
  const inputs = Float32Array.from({ length: BATCH_SIZE * size }, () =>
    vocabularySize === null ? random() * 2 - 1 : Math.floor(random() * vocabularySize),
  );
  const output = outputShapes.at(-1)!;
  const rows = BATCH_SIZE * (output.length === 2 ? output[0]! : 1);
  const targets = Float32Array.from(
    { length: objective === 'cross-entropy' ? rows : rows * output.at(-1)! },
    (_, i) => (objective === 'cross-entropy' ? (i * 2) % 3 : random()),
  );
  return { parameters, inputs, targets };
}

const autoencoding = (reconstruction: Autoencoding['reconstruction'], klWeight: number): Objective => ({
  kind: 'autoencoding',
  reconstruction,
  klWeight,
  size: 32,
});
const objectivesOf = (model: ModelSpec): Objective[] =>
  autoencoderFault(model) === null && parameterLayout(model).outputShapes.at(-1)!.join() === '32'
    ? [autoencoding('bernoulli', 1), autoencoding('gaussian', 0.3)]
    : ['cross-entropy', 'squared-error'];

describe.each(MODELS)('$name', (model) => {
  beforeAll(() => openDevice('cpu'));

  test.each(objectivesOf(model).filter((each) => each !== 'squared-error'))(
    'the reference agrees with finite differences of its loss: %j',
    (objective) => {
      const { parameters, inputs, targets } = example(model, objective);
      const { tensors } = parameterLayout(model);
      const mode = { training: true, seed: SEED };
      const pass = () => referencePass(model, parameters, inputs, targets, objective, mode);
      const { gradient } = pass();
      // Small: a larger one may cross a kink of relu or max.
      const step = 2e-5;
      for (let i = 0; i < parameters.length; i += 11) {
        if (tensors.find(({ offset, size }) => i >= offset && i < offset + size)!.isStatistic) continue;
        // The step that float32 really makes.
        const value = parameters[i]!;
        parameters[i] = value + step;
        const high = { at: parameters[i]!, loss: pass().loss };
        parameters[i] = value - step;
        const low = { at: parameters[i]!, loss: pass().loss };
        parameters[i] = value;
        expect(gradient[i]).toBeCloseTo((high.loss - low.loss) / (high.at - low.at), 3);
      }
    },
  );

  test.each(objectivesOf(model))(
    'tfjs forwards and backwards agree with the reference: %j',
    async (objective) => {
      const { parameters, inputs, targets } = example(model, objective);
      const mode = { training: true, seed: SEED };
      const expected = referencePass(model, parameters, inputs, targets, objective, mode);
      const evaluated = referencePass(model, parameters, inputs, targets, 'squared-error', {
        ...mode,
        training: false,
      });
      const before = tf.memory().numTensors;
      const network = new Network(model);
      const weights = network.weightsFrom(parameters);
      const pass = tf.tidy(() => {
        const samples = tf.tensor(inputs, [BATCH_SIZE, ...model.inputShape]);
        const result = network.pass(weights, samples, tf.tensor1d(targets), { objective, seed: SEED });
        return { ...result, logits: network.logits(weights, samples, SEED) };
      });
      const gradient = await network.vectorFrom(pass.gradients);
      for (const [i, value] of gradient.entries()) expect(value).toBeCloseTo(expected.gradient[i]!, 5);
      for (const [i, value] of (await pass.outputs.data()).entries())
        expect(value).toBeCloseTo(expected.outputs[i]!, 5);
      for (const [i, value] of (await pass.measure.data()).entries())
        expect(value).toBeCloseTo(expected.measure[i]!, 4);
      for (const [i, value] of (await pass.logits.data()).entries())
        expect(value).toBeCloseTo(evaluated.outputs[i]!, 5);
      tf.dispose([pass.outputs, pass.measure, pass.logits, ...pass.gradients, ...weights]);
      network.dispose();
      // No tensor is left.
      expect(tf.memory().numTensors).toBe(before);
    },
  );
});

test('the work of a forward pass counts every position of a convolution and every step of a sequence', () => {
  expect(forwardMultiplyAdds({ name: 'x', inputShape: [4, 4, 2], layers: [conv({}), ...head] })).toBe(
    16 * (3 * 3 * 2 * 4) + 4 * 4 * 4 * 3,
  );
  expect(
    forwardMultiplyAdds({
      name: 'x',
      inputShape: [5],
      layers: [
        { kind: 'embedding', vocabularySize: 7, units: 4 },
        { kind: 'selfAttention', heads: 2, headUnits: 2 },
      ],
    }),
  ).toBe(5 * 7 * 4 + 5 * 4 * 16 + 2 * 25 * 4);
});

test('dropout loses the same values for a seed, about as many as it is told, and none in evaluation', () => {
  const lost = (seed: number) =>
    Array.from({ length: 10_000 }, (_, i) => i).filter((i) => !survives(i, 0.3, seed));
  expect(lost(5)).toEqual(lost(5));
  expect(lost(5)).not.toEqual(lost(6));
  expect(Math.abs(lost(5).length - 3_000)).toBeLessThan(150);
});

test('the noise is the same for a seed, and a standard normal as far as ten thousand draws can tell', () => {
  const drawn = (seed: number) => Array.from({ length: 10_000 }, (_, i) => noiseAt(i, seed));
  expect(drawn(5)).toEqual(drawn(5));
  expect(drawn(5)).not.toEqual(drawn(6));
  const moment = (power: number) => drawn(5).reduce((sum, value) => sum + value ** power, 0) / 10_000;
  expect(Math.abs(moment(1))).toBeLessThan(0.03);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.05);
  expect(Math.abs(moment(3))).toBeLessThan(0.1);
  // 3 for a normal; 2.9 for a sum of twelve.
  expect(Math.abs(moment(4) - 2.9)).toBeLessThan(0.2);
  const together = drawn(5).reduce((sum, value, i, all) => sum + value * (all[i + 1] ?? 0), 0) / 10_000;
  expect(Math.abs(together)).toBeLessThan(0.03);
  // Whole numbers of 1/256: exact in float32.
  for (const value of drawn(7)) expect(Number.isInteger(value * 256)).toBe(true);
});
