/**
 * Optimiser steps of ours and nothing else (no samples to fetch, no rounds, no exchange): how fast a device of this
 * machine trains a model. Batches are made of chance and lie ready. Run it in a worker of its own.
 */
import * as tf from '@tensorflow/tfjs-core';
import { initialParameters, mulberry } from '@murmuration/codec';
import type { ModelSpec } from '@murmuration/protocol';
import { openDevice, type DeviceChoice } from './device.ts';
import { sizeOf } from './gpu-program.ts';
import { Network } from './network.ts';
import { Optimiser } from './optimiser.ts';
import { readsIds } from './self-test-cases.ts';

/** The first compile shaders, the next let the JavaScript engine see what is hot. */
const WARM_UP_STEPS = 5;
const BATCHES = 8;
const SEED = 1;

export interface StepLoopOptions {
  readonly device: DeviceChoice;
  readonly model: ModelSpec;
  readonly batchSize: number;
  /** At least. */
  readonly windowMs: number;
}

/** Steps of Adam and the milliseconds that they took, each waited for, as the loss of each is read in training. */
export async function stepLoop(
  options: StepLoopOptions,
): Promise<{ readonly steps: number; readonly ms: number }> {
  const { model, batchSize, windowMs } = options;
  const device = await openDevice(options.device);
  const network = new Network(model);
  const optimiser = new Optimiser(network, 'adam', 0.001);
  const random = mulberry(SEED);
  const vocabularySize = readsIds(model);
  const batches = Array.from({ length: BATCHES }, () => ({
    inputs: Float32Array.from({ length: batchSize * sizeOf(model.inputShape) }, () =>
      vocabularySize === null ? random() : Math.floor(random() * vocabularySize),
    ),
    labels: Float32Array.from({ length: batchSize * network.rowsPerSample }, () =>
      Math.floor(random() * network.outputSize),
    ),
  }));
  let weights = network.weightsFrom(initialParameters(network.layout.tensors, SEED));
  const step = async (index: number) => {
    const { inputs, labels } = batches[index % BATCHES]!;
    const previous = weights;
    const [measure, ...next] = tf.tidy(() => {
      const samples = tf.tensor(inputs, [batchSize, ...model.inputShape]);
      const objective = { objective: 'cross-entropy', seed: index } as const;
      const pass = network.pass(previous, samples, tf.tensor1d(labels), objective);
      return [pass.measure, ...optimiser.step(previous, pass.gradients)];
    });
    weights = next;
    tf.dispose(previous);
    await measure!.data();
    tf.dispose(measure!);
  };

  for (let index = 0; index < WARM_UP_STEPS; index++) await step(index);
  const startedMs = performance.now();
  let steps = 0;
  for (; performance.now() - startedMs < windowMs; steps++) await step(steps);
  const ms = performance.now() - startedMs;

  tf.dispose(weights);
  optimiser.reset();
  network.dispose();
  const fault = device.fault();
  device.close();
  if (fault !== null) throw new Error(`WebGPU reported an error, so the figure says nothing: ${fault}`);
  return { steps, ms };
}
