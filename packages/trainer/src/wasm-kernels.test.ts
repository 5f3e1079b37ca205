import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { isAutoencoder, presetModel, type ModelSpec } from '@murmuration/protocol';
import { openDevice, type Device } from './device.ts';
import type { Objective } from './network.ts';
import { selfTest } from './self-test.ts';

const wasmUrl = createRequire(import.meta.url).resolve(
  '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
);
let device: Device;
beforeAll(async () => {
  device = await openDevice({ wasmUrl });
});

/** What the presets lack: strides, windows that leave a border, all curves, norms, recurrence. */
const IMAGES: ModelSpec = {
  name: 'all of images',
  inputShape: [9, 9, 3],
  layers: [
    { kind: 'conv2d', filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation: 'elu' },
    { kind: 'batchNorm' },
    { kind: 'maxPool2d', poolSize: 2 },
    { kind: 'conv2d', filters: 5, kernelSize: 2, strides: 1, padding: 'valid', activation: 'gelu' },
    { kind: 'flatten' },
    { kind: 'dropout', rate: 0.3 },
    { kind: 'dense', units: 8, activation: 'silu' },
    { kind: 'dense', units: 10, activation: 'linear' },
  ],
};

test.each([
  presetModel('mlp', [28, 28, 1], 10),
  presetModel('cnn', [28, 28, 1], 10),
  presetModel('resnet', [28, 28, 1], 10),
  presetModel('gru', [16], 12),
  presetModel('gpt', [16], 12),
  presetModel('vae', [8, 8, 1], 10),
  IMAGES,
])('$name: the self-test passes on WebAssembly, and no tensor is left', async (model) => {
  const before = tf.memory().numTensors;
  const objective: Objective = isAutoencoder(model)
    ? { kind: 'autoencoding', reconstruction: 'bernoulli', klWeight: 1, size: 64 }
    : 'cross-entropy';
  const options = { batchSize: 4, optimiser: 'adam', objective } as const;
  expect(await selfTest(model, options, device.compileAhead)).toBeNull();
  expect(tf.getBackend()).toBe('wasm');
  expect(tf.memory().numTensors).toBe(before);
});
