import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { OPTIMISERS, presetModel, type ModelSpec, type OptimiserName } from '@murmuration/protocol';
import { openDevice, type Device } from './device.ts';
import { CURVE_GRADIENT_KERNEL, GELU_KERNEL } from './kernels.ts';
import { OPTIMISER_KERNEL } from './optimiser-kernels.ts';
import { ROW_KERNELS } from './row-kernels.ts';
import { layerCases } from './self-test-cases.ts';
import { selfTest } from './self-test.ts';

const MODEL: ModelSpec = {
  name: 'all layers',
  inputShape: [8, 8, 1],
  layers: [
    { kind: 'conv2d', filters: 4, kernelSize: 3, strides: 1, padding: 'same', activation: 'relu' },
    { kind: 'maxPool2d', poolSize: 2 },
    { kind: 'conv2d', filters: 4, kernelSize: 3, strides: 2, padding: 'valid', activation: 'tanh' },
    { kind: 'flatten' },
    { kind: 'dense', units: 6, activation: 'gelu' },
    { kind: 'dense', units: 10, activation: 'linear' },
  ],
};

let device: Device;
beforeAll(async () => {
  device = await openDevice('cpu');
});
const testDevice = (optimiser: OptimiserName = 'adam', model = MODEL) =>
  selfTest(model, { batchSize: 8, optimiser, objective: 'cross-entropy' }, device.compileAhead);

/** All other kinds of layers, and a graph. */
const TEXT: ModelSpec = {
  name: 'text',
  inputShape: [6],
  layers: [
    { kind: 'embedding', vocabularySize: 9, units: 8 },
    { kind: 'positionEmbedding', name: 'placed' },
    { kind: 'layerNorm' },
    { kind: 'selfAttention', heads: 2, headUnits: 4, name: 'attended' },
    { kind: 'dropout', rate: 0.2 },
    { kind: 'add', inputs: ['placed', 'dropout'] },
    { kind: 'gru', units: 5, name: 'remembered' },
    { kind: 'activation', activation: 'silu' },
    { kind: 'batchNorm' },
    { kind: 'concatenate', inputs: ['batch_normalization', 'remembered'] },
    { kind: 'softmax' },
    { kind: 'dense', units: 9, activation: 'linear' },
  ],
};

test.each(OPTIMISERS)('a healthy device passes and keeps no tensor: %s', async (optimiser) => {
  const before = tf.memory().numTensors;
  for (const model of [MODEL, TEXT]) expect(await testDevice(optimiser, model)).toBeNull();
  expect(tf.memory().numTensors).toBe(before);
});

test('a model of values is tested on its squared error', async () => {
  const options = { batchSize: 8, optimiser: 'adam', objective: 'squared-error' } as const;
  expect(await selfTest(MODEL, options, device.compileAhead)).toBeNull();
});

const autoencoder = (reconstruction: 'bernoulli' | 'gaussian') =>
  selfTest(
    presetModel('vae', [8, 8, 1], 10),
    {
      batchSize: 8,
      optimiser: 'adam',
      objective: { kind: 'autoencoding', reconstruction, klWeight: 1, size: 64 },
    },
    device.compileAhead,
  );

test.each(['bernoulli', 'gaussian'] as const)(
  'an autoencoder is tested on its two losses: %s',
  async (kind) => {
    expect(await autoencoder(kind)).toBeNull();
  },
);

test('each different layer of the model has a case, in a shape that shaders treat alike', () => {
  expect(layerCases(MODEL).map(({ name }) => name)).toEqual([
    'conv2d 3x3 stride 1 same relu, 1 to 8',
    'maxPool2d 2, 8 to 8',
    'conv2d 3x3 stride 2 valid tanh, 8 to 8',
    'dense gelu, 8 to 5',
    'dense linear, 5 to 5',
  ]);
});

describe('a broken kernel is found', () => {
  let restore = () => {};
  afterEach(() => restore());

  /** Replaces a kernel of the device by one that spoils the first value of its first result. */
  function plant(kernelName: string, spoil: (value: number) => number) {
    const original = tf.getKernel(kernelName, 'cpu');
    const replaceBy = (kernel: tf.KernelConfig) => {
      tf.unregisterKernel(kernelName, 'cpu');
      tf.registerKernel(kernel);
    };
    restore = () => replaceBy(original);
    replaceBy({
      ...original,
      kernelFunc: (call) => {
        const result = original.kernelFunc(call);
        const first = Array.isArray(result) ? result[0]! : result;
        const values = (call.backend as MathBackendCPU).data.get(first.dataId).values as Float32Array;
        values[0] = spoil(values[0]!);
        return result;
      },
    });
  }

  test.each([
    ['_FusedMatMul', 'conv2d 3x3 stride 1 same relu, 1 to 8'],
    ['FusedConv2D', 'conv2d 3x3 stride 1 same relu, 1 to 8'],
    ['Conv2DBackpropFilter', 'conv2d 3x3 stride 1 same relu, 1 to 8'],
    ['Conv2DBackpropInput', 'conv2d 3x3 stride 1 same relu, 1 to 8'],
    [CURVE_GRADIENT_KERNEL, 'conv2d 3x3 stride 1 same relu, 1 to 8'],
    ['Softmax', 'conv2d 3x3 stride 1 same relu, 1 to 8'],
    ['MaxPool', 'maxPool2d 2, 8 to 8'],
    ['MaxPoolGrad', 'maxPool2d 2, 8 to 8'],
    ['Tanh', 'conv2d 3x3 stride 2 valid tanh, 8 to 8'],
    [GELU_KERNEL, 'dense gelu, 8 to 5'],
    [OPTIMISER_KERNEL, 'adam'],
  ])('%s off by one in one value', async (kernelName, failedCase) => {
    plant(kernelName, (value) => value + 1);
    const failure = await testDevice();
    expect(failure?.case).toBe(failedCase);
    expect(failure!.relativeError).toBeGreaterThan(1e-3);
  });

  test.each([
    ['MurmurationNormalise', 'layerNorm, 8 to 8'],
    ['MurmurationNormaliseGradient', 'layerNorm, 8 to 8'],
    ['MurmurationSoftmaxGradient', 'selfAttention, 8 a head'],
    ['MurmurationOneHot', 'embedding, 5 to 8'],
    ['MurmurationDropout', 'dropout, 8 to 8'],
    ['MurmurationLabelShare', 'embedding, 5 to 8'],
    ['MurmurationLabelGradient', 'embedding, 5 to 8'],
    ['Transpose', 'selfAttention, 8 a head'],
    ['Concat', 'gru, 8 to 5'],
    ['Sigmoid', 'gru, 8 to 5'],
  ])('%s off by one in one value, in a text model', async (kernelName, failedCase) => {
    plant(kernelName, (value) => value + 1);
    expect((await testDevice('adam', TEXT))?.case).toBe(failedCase);
  });

  test.each([
    ['MurmurationNoise', 'sampling, 8 to 8', 'bernoulli'],
    ['MurmurationBernoulliLoss', 'the model vae', 'bernoulli'],
    ['MurmurationBernoulliGradient', 'the model vae', 'bernoulli'],
    ['MurmurationHalfSquares', 'the model vae', 'gaussian'],
    ['MurmurationNormalDivergence', 'the model vae', 'gaussian'],
  ] as const)('%s off by one in one value, in an autoencoder', async (kernelName, failedCase, kind) => {
    plant(kernelName, (value) => value + 1);
    expect((await autoencoder(kind))?.case).toBe(failedCase);
  });

  test('of the kernels that walk along rows none is left out here', () => {
    expect(ROW_KERNELS.toSorted()).toEqual(
      [
        'BernoulliGradient',
        'BernoulliLoss',
        'Dropout',
        'HalfSquares',
        'LabelGradient',
        'LabelShare',
        'Noise',
        'NormalDivergence',
        'Normalise',
        'NormaliseGradient',
        'OneHot',
        'SoftmaxGradient',
      ].map((name) => `Murmuration${name}`),
    );
  });

  test('not a number is a failure, not an unknown', async () => {
    plant('Conv2DBackpropFilter', () => Number.NaN);
    const failure = await testDevice();
    expect(failure).toMatchObject({ value: 'gradient of conv2d/kernel', relativeError: Number.NaN });
  });
});
