/**
 * Whether this device computes what it says: before a volunteer's GPU is trusted, every kind of layer that the model
 * uses runs forwards and backwards on a small odd shape and on one divisible by four (tfjs takes other shaders there),
 * then the model itself on a batch of its real size (products choose their shader by size), then two steps of Adam.
 * Each result is compared with plain JavaScript (reference.ts). Needed because WebGPU under tfjs fails silently: zeros,
 * stale buffers and wrong reductions were all seen on real devices.
 *
 * The same pass compiles every shader that training uses, so it is also the warm-up.
 */
import * as tf from '@tensorflow/tfjs-core';
import { initialParameters, mulberry, streamSeed } from '@murmuration/codec';
import type { LayerSpec, ModelSpec } from '@murmuration/protocol';
import { Adam } from './adam.ts';
import { ADAM_BETA1, ADAM_BETA2, adamReference, type AdamVectors } from './adam-reference.ts';
import { Network } from './network.ts';
import { crossEntropy, forwardMultiplyAdds, referencePass } from './reference.ts';

/** Relative error (Euclidean) of any gradient or probability. Honest float32 stays under 1e-5; broken shaders are off by 1e-1. */
export const SELF_TEST_ERROR_MAX = 1e-3;
/** Multiply-adds that the reference may spend on the model's own case: about a second of JavaScript. */
const MODEL_CASE_MULTIPLY_ADDS_MAX = 2e8;
/** Different layers tested on their own; a model with more is still covered by its own case. */
const LAYER_CASES_MAX = 6;
const SEED = 0x5e1f;
/** A zero reference (a dead relu's gradient) is compared absolutely against this. */
const TINY = 1e-12;

export interface SelfTestFailure {
  /** e.g. `conv2d 3x3 stride 1 same relu, odd` */
  readonly case: string;
  /** e.g. `gradient of conv2d/kernel` */
  readonly value: string;
  readonly relativeError: number;
}

/** Null: the device passed. */
export async function selfTest(model: ModelSpec, batchSize: number): Promise<SelfTestFailure | null> {
  for (const { name, spec } of layerCases(model)) {
    const failure = await comparePass(name, spec, 4);
    if (failure !== null) return failure;
  }
  const budget = Math.floor(MODEL_CASE_MULTIPLY_ADDS_MAX / (3 * forwardMultiplyAdds(model)));
  const failure = await comparePass(
    `the model ${model.name}`,
    model,
    Math.min(batchSize, Math.max(budget, 1)),
  );
  return failure ?? compareAdam(model);
}

interface Case {
  readonly name: string;
  readonly spec: ModelSpec;
}

/** Each different layer of the model, alone, on two shapes. Sizes of the model do not matter, only its kinds do. */
export function layerCases(model: ModelSpec): Case[] {
  const cases = new Map<string, Case>();
  for (const layer of model.layers) {
    if (cases.size / 2 >= LAYER_CASES_MAX) break;
    for (const shape of ['odd', 'even'] as const) {
      const name = `${describe(layer)}, ${shape}`;
      const spec = caseFor(layer, shape === 'even');
      if (spec !== null) cases.set(name, { name, spec: { name: 'case', ...spec } });
    }
  }
  return [...cases.values()];
}

function caseFor(layer: LayerSpec, even: boolean): Omit<ModelSpec, 'name'> | null {
  const head: LayerSpec[] = [{ kind: 'flatten' }, { kind: 'dense', units: 3, activation: 'linear' }];
  switch (layer.kind) {
    case 'flatten':
      return null;
    case 'dense':
      // Two, so that the gradient of an input is needed too.
      return {
        inputShape: [even ? 16 : 7],
        layers: [
          { ...layer, units: even ? 12 : 5 },
          { ...layer, units: 3 },
        ],
      };
    case 'conv2d': {
      const side = layer.kernelSize * 2 + layer.strides + 1;
      return {
        inputShape: even ? [side, side, 4] : [side, side + 1, 3],
        layers: [
          { ...layer, kernelSize: 1, strides: 1, filters: even ? 4 : 3 },
          { ...layer, filters: even ? 8 : 5 },
          ...head,
        ],
      };
    }
    case 'maxPool2d': {
      const side = layer.poolSize * 2 + (even ? 0 : 1);
      return {
        inputShape: even ? [side, side, 4] : [side, side + 1, 3],
        layers: [
          {
            kind: 'conv2d',
            kernelSize: 1,
            strides: 1,
            padding: 'same',
            filters: even ? 4 : 3,
            activation: 'linear',
          },
          layer,
          ...head,
        ],
      };
    }
    default:
      return layer satisfies never;
  }
}

function describe(layer: LayerSpec): string {
  switch (layer.kind) {
    case 'flatten':
      return 'flatten';
    case 'dense':
      return `dense ${layer.activation}`;
    case 'conv2d':
      return `conv2d ${layer.kernelSize}x${layer.kernelSize} stride ${layer.strides} ${layer.padding} ${layer.activation}`;
    case 'maxPool2d':
      return `maxPool2d ${layer.poolSize}`;
    default:
      return layer satisfies never;
  }
}

async function comparePass(
  name: string,
  spec: ModelSpec,
  batchSize: number,
): Promise<SelfTestFailure | null> {
  const network = new Network(spec);
  const { layout, classCount } = network;
  const parameters = initialParameters(layout.tensors, SEED);
  const random = mulberry(streamSeed(SEED, name));
  // Biases of zero would hide a bias that is not added.
  for (const tensor of layout.tensors)
    if (tensor.fanIn === 0)
      for (let i = 0; i < tensor.size; i++) parameters[tensor.offset + i] = 0.2 * random() - 0.1;
  const inputSize = spec.inputShape.reduce((a, b) => a * b, 1);
  const pixels = Float32Array.from({ length: batchSize * inputSize }, () => random());
  const labels = Uint8Array.from({ length: batchSize }, (_, i) => i % Math.min(classCount, 256));
  const expected = referencePass(spec, parameters, pixels, labels);

  const tensors = tf.tidy(() => {
    const weights = network.weightsFrom(parameters);
    const samples = tf.tensor(pixels, [batchSize, ...spec.inputShape]);
    const oneHot = tf.tensor2d(
      Float32Array.from({ length: batchSize * classCount }, (_, i) =>
        labels[Math.floor(i / classCount)] === i % classCount ? 1 : 0,
      ),
      [batchSize, classCount],
    );
    const { probabilities, gradients } = network.pass(weights, samples, oneHot);
    return { probabilities, logits: network.logits(weights, samples), gradients };
  });
  try {
    const logits = (await tensors.logits.data()) as Float32Array;
    const pairs: [string, ArrayLike<number>, ArrayLike<number>][] = [
      ['probabilities', await tensors.probabilities.data(), expected.probabilities],
      ['logits', crossEntropy(logits, labels, classCount).probabilities, expected.probabilities],
    ];
    const gradient = await network.vectorFrom(tensors.gradients);
    for (const { name: weight, offset, size } of layout.tensors)
      pairs.push([
        `gradient of ${weight}`,
        gradient.subarray(offset, offset + size),
        expected.gradient.subarray(offset, offset + size),
      ]);
    return firstDifference(name, pairs);
  } finally {
    tf.dispose([tensors.logits, tensors.probabilities, ...tensors.gradients]);
    network.dispose();
  }
}

async function compareAdam(model: ModelSpec): Promise<SelfTestFailure | null> {
  const network = new Network(model);
  const count = network.layout.parameterCount;
  const random = mulberry(streamSeed(SEED, 'adam'));
  const adam = new Adam(network, 0.01);
  let expected: AdamVectors = {
    weight: initialParameters(network.layout.tensors, SEED),
    first: new Float32Array(count),
    second: new Float32Array(count),
  };
  const start = expected.weight;
  let weights = network.weightsFrom(start);
  try {
    for (let step = 1; step <= 2; step++) {
      const gradient = Float32Array.from({ length: count }, () => random() - 0.5);
      const previous = weights;
      weights = tf.tidy(() => adam.step(previous, network.weightsFrom(gradient)));
      tf.dispose(previous);
      expected = adamReference(
        { ...expected, gradient },
        {
          stepSize: 0.01,
          firstCorrection: 1 / (1 - ADAM_BETA1 ** step),
          secondCorrection: 1 / (1 - ADAM_BETA2 ** step),
        },
      );
    }
    const moved = (await network.vectorFrom(weights)).map((value, i) => value - start[i]!);
    return firstDifference('adam', [
      ['movement of the weights', moved, expected.weight.map((value, i) => value - start[i]!)],
      ['second moment', await adam.secondMoment(), expected.second],
    ]);
  } finally {
    tf.dispose(weights);
    adam.reset();
    network.dispose();
  }
}

function firstDifference(
  name: string,
  pairs: readonly (readonly [string, ArrayLike<number>, ArrayLike<number>])[],
): SelfTestFailure | null {
  for (const [value, actual, expected] of pairs) {
    let difference = 0;
    let size = 0;
    for (let i = 0; i < expected.length; i++) {
      difference += (actual[i]! - expected[i]!) ** 2;
      size += expected[i]! ** 2;
    }
    const relativeError = Math.sqrt(difference) / Math.max(Math.sqrt(size), TINY);
    // Written so that NaN fails.
    if (!(relativeError <= SELF_TEST_ERROR_MAX)) return { case: name, value, relativeError };
  }
  return null;
}
