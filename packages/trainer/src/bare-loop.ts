/**
 * The yardstick of the overhead benchmark: the same model, batch and optimiser as an ordinary tfjs user trains them,
 * with tfjs-layers and `optimizer.minimize`, data resident on the device, no grid. Run it in a worker of its own: it
 * takes tfjs's default device, the trainer brings its own.
 *
 * On a software adapter it gets the one flag that helps plain tfjs there (packed products); our own kernels it does not.
 */
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { mulberry } from '@murmuration/codec';
import type { Activation, ModelSpec } from '@murmuration/protocol';

const WARM_UP_STEPS = 2;
const RESIDENT_BATCHES = 8;
const MATMUL_PACKED = 3;

export interface BareLoopOptions {
  readonly model: ModelSpec;
  readonly batchSize: number;
  readonly steps: number;
  readonly backend: 'webgpu' | 'cpu';
  /** Adam's. */
  readonly learningRate: number;
}

/** Milliseconds of `steps` optimiser steps, after warm-up, until the weights of the last one can be read. */
export async function bareLoop(
  options: BareLoopOptions,
): Promise<{ readonly steps: number; readonly ms: number }> {
  const { model: spec, batchSize, steps, backend } = options;
  if (backend === 'cpu') await import('@tensorflow/tfjs-backend-cpu');
  else {
    await import('@tensorflow/tfjs-backend-webgpu');
    const adapter = await navigator.gpu.requestAdapter();
    if (adapter?.info.isFallbackAdapter === true) tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', MATMUL_PACKED);
  }
  if (!(await tf.setBackend(backend)) || tf.getBackend() !== backend)
    throw new Error(`bare loop: tfjs has no ${backend} backend here`);

  const model = sequential(spec);
  const optimiser = tf.train.adam(options.learningRate);
  const random = mulberry(1);
  const classCount = model.outputShape[1] as number;
  const batches = Array.from({ length: RESIDENT_BATCHES }, () => {
    const pixels = Float32Array.from(
      { length: batchSize * spec.inputShape.reduce((a, b) => a * b, 1) },
      random,
    );
    const labels = Int32Array.from({ length: batchSize }, () => Math.floor(random() * classCount));
    return {
      samples: tf.tensor(pixels, [batchSize, ...spec.inputShape]),
      labels: tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classCount), 'float32')),
    };
  });
  const step = (index: number) => {
    const { samples, labels } = batches[index % RESIDENT_BATCHES]!;
    optimiser.minimize(() => {
      const logits = model.apply(samples, { training: true }) as tf.Tensor2D;
      return tf.losses.softmaxCrossEntropy(labels, logits) as tf.Scalar;
    });
  };
  const finished = () => model.trainableWeights[0]!.read().data();

  for (let i = 0; i < WARM_UP_STEPS; i++) step(i);
  await finished();
  const startedMs = performance.now();
  for (let i = 0; i < steps; i++) step(i);
  await finished();
  const ms = performance.now() - startedMs;

  model.dispose();
  optimiser.dispose();
  tf.dispose(batches.map(({ samples, labels }) => [samples, labels]));
  return { steps, ms };
}

function sequential(spec: ModelSpec): layers.Sequential {
  const model = layers.sequential();
  for (const [index, layer] of spec.layers.entries()) {
    const input = index === 0 ? { inputShape: [...spec.inputShape] } : {};
    switch (layer.kind) {
      case 'flatten':
        model.add(layers.layers.flatten(input));
        break;
      case 'dense':
        model.add(
          layers.layers.dense({ units: layer.units, activation: activationOf(layer.activation), ...input }),
        );
        break;
      case 'conv2d': {
        const { filters, kernelSize, strides, padding, activation } = layer;
        model.add(
          layers.layers.conv2d({
            filters,
            kernelSize,
            strides,
            padding,
            activation: activationOf(activation),
            ...input,
          }),
        );
        break;
      }
      case 'maxPool2d':
        model.add(layers.layers.maxPooling2d({ poolSize: layer.poolSize, ...input }));
        break;
      default:
        throw new Error(`bare loop: ${layer.kind} is not in the models that it is compared on`);
    }
  }
  return model;
}

/** By the name that tfjs-layers has for it. */
const activationOf = (activation: Activation) => (activation === 'silu' ? 'swish' : activation);
