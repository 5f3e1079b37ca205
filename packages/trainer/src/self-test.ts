/**
 * Whether this device computes what it says: before a volunteer's GPU is trusted, every kind of layer that the model
 * uses runs forwards and backwards on a small shape of its own, then the model itself on a batch of its real size
 * (products choose their shader by size), then two steps of the run's
 * optimiser. Each result is compared with plain JavaScript
 * (reference.ts). Needed because WebGPU under tfjs fails silently: zeros, stale buffers and wrong reductions were all
 * seen on real devices.
 *
 * It is also the warm-up: all shaders are compiled first, at once, because one after the other they cost seconds. The
 * small shapes agree with the model's in what chooses a shader (divisible by four or not), so they add hardly any.
 */
import * as tf from '@tensorflow/tfjs-core';
import { initialParameters, mulberry, streamSeed } from '@murmuration/codec';
import { parameterLayout, type LayerSpec, type ModelSpec, type OptimiserName } from '@murmuration/protocol';
import { sizeOf } from './gpu-program.ts';
import { Network } from './network.ts';
import { Optimiser } from './optimiser.ts';
import { optimiserReference, stepFactors, type OptimiserVectors } from './optimiser-reference.ts';
import { crossEntropy, forwardMultiplyAdds, referencePass } from './reference.ts';

/** Relative error (Euclidean) of any gradient or probability. Honest float32 stays under 1e-5; broken shaders are off by 1e-1. */
export const SELF_TEST_ERROR_MAX = 1e-3;
/** Multiply-adds that the reference may spend on the model's own case: about a second of JavaScript. */
const MODEL_CASE_MULTIPLY_ADDS_MAX = 2e8;
/** Different layers tested on their own; a model with more is still covered by its own case. */
const LAYER_CASES_MAX = 6;
/** Odd, and more than a tile of eight rows. */
const LAYER_CASE_BATCH_SIZE = 9;
const SEED = 0x5e1f;
/** A zero reference (a dead relu's gradient) is compared absolutely against this. */
const TINY = 1e-12;

export interface SelfTestFailure {
  /** e.g. `conv2d 3x3 stride 1 same relu, 1 to 8` */
  readonly case: string;
  /** e.g. `gradient of conv2d/kernel` */
  readonly value: string;
  readonly relativeError: number;
}

/**
 * Null: the device passed.
 * `compileAhead` runs its work without computing, and compiles what it would have needed (device.ts).
 */
export async function selfTest(
  model: ModelSpec,
  { batchSize, optimiser }: { readonly batchSize: number; readonly optimiser: OptimiserName },
  compileAhead: (work: () => void) => Promise<void>,
): Promise<SelfTestFailure | null> {
  const budget = Math.floor(MODEL_CASE_MULTIPLY_ADDS_MAX / (3 * forwardMultiplyAdds(model)));
  const cases: Case[] = [
    ...layerCases(model),
    { name: `the model ${model.name}`, spec: model, batchSize: Math.min(batchSize, Math.max(budget, 1)) },
  ];
  await compileAhead(() => {
    for (const one of cases) rehearse(one, optimiser);
  });
  for (const one of cases) {
    const failure = await compare(one);
    if (failure !== null) return failure;
  }
  return compareOptimiser(model, optimiser);
}

interface Case {
  readonly name: string;
  readonly spec: ModelSpec;
  readonly batchSize: number;
}

/** Each different kind of layer in the model, in a small model of its own. */
export function layerCases(model: ModelSpec): Case[] {
  const { outputShapes } = parameterLayout(model);
  const cases = new Map<string, Case>();
  for (const [i, layer] of model.layers.entries()) {
    if (layer.kind === 'flatten' || cases.size === LAYER_CASES_MAX) continue;
    const inputs = (i === 0 ? model.inputShape : outputShapes[i - 1]!).at(-1)!;
    const outputs = outputShapes[i]!.at(-1)!;
    const name = `${describe(layer)}, ${smallLike(inputs)} to ${smallLike(outputs)}`;
    const spec = { name: 'case', ...caseFor(layer, smallLike(inputs), smallLike(outputs)) };
    cases.set(name, { name, spec, batchSize: LAYER_CASE_BATCH_SIZE });
  }
  return [...cases.values()];
}

/** A small number of channels or units that shaders treat as they treat `count`. */
const smallLike = (count: number): number => (count === 1 ? 1 : count % 4 === 0 ? 8 : 5);

/** The layer behind another one, so that the gradient of its input is needed too, and before a head of three classes. */
function caseFor(
  layer: Exclude<LayerSpec, { kind: 'flatten' }>,
  inputs: number,
  outputs: number,
): Omit<ModelSpec, 'name'> {
  const head: LayerSpec[] = [{ kind: 'flatten' }, { kind: 'dense', units: 3, activation: 'linear' }];
  switch (layer.kind) {
    case 'dense':
      return {
        inputShape: [8],
        layers: [{ ...layer, units: inputs }, { ...layer, units: outputs }, head[1]!],
      };
    case 'conv2d': {
      const before: LayerSpec = { ...layer, kernelSize: 1, strides: 1, filters: inputs };
      const side = layer.kernelSize * 2 + layer.strides + 1;
      return { inputShape: [side, side + 1, 1], layers: [before, { ...layer, filters: outputs }, ...head] };
    }
    case 'maxPool2d': {
      const before: LayerSpec = {
        kind: 'conv2d',
        kernelSize: 1,
        strides: 1,
        padding: 'same',
        filters: inputs,
        activation: 'relu',
      };
      // One more than whole windows: the border belongs to none.
      const side = layer.poolSize * 2;
      return { inputShape: [side, side + 1, 1], layers: [before, layer, ...head] };
    }
    default:
      return layer satisfies never;
  }
}

function describe(layer: Exclude<LayerSpec, { kind: 'flatten' }>): string {
  switch (layer.kind) {
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

/** All operations of a case and of an optimiser step, results thrown away. */
function rehearse({ spec, batchSize }: Case, optimiserName: OptimiserName): void {
  const network = new Network(spec);
  const optimiser = new Optimiser(network, optimiserName, 0.01);
  const weights = network.weightsFrom(new Float32Array(network.layout.parameterCount));
  tf.tidy(() => {
    const samples = tf.tensor(new Float32Array(batchSize * sizeOf(spec.inputShape)), [
      batchSize,
      ...spec.inputShape,
    ]);
    const labels = tf.tensor2d(new Float32Array(batchSize * network.classCount), [
      batchSize,
      network.classCount,
    ]);
    network.logits(weights, samples);
    optimiser.step(weights, network.pass(weights, samples, labels).gradients);
  });
  tf.dispose(weights);
  optimiser.reset();
  network.dispose();
}

async function compare({ name, spec, batchSize }: Case): Promise<SelfTestFailure | null> {
  const network = new Network(spec);
  const { layout, classCount } = network;
  const parameters = initialParameters(layout.tensors, SEED);
  const random = mulberry(streamSeed(SEED, name));
  // Biases of zero would hide a bias that is not added.
  for (const tensor of layout.tensors)
    if (tensor.fanIn === 0)
      for (let i = 0; i < tensor.size; i++) parameters[tensor.offset + i] = 0.2 * random() - 0.1;
  const pixels = Float32Array.from({ length: batchSize * sizeOf(spec.inputShape) }, () => random());
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

async function compareOptimiser(model: ModelSpec, name: OptimiserName): Promise<SelfTestFailure | null> {
  const network = new Network(model);
  const { parameterCount, tensors } = network.layout;
  const random = mulberry(streamSeed(SEED, 'optimiser'));
  const optimiser = new Optimiser(network, name, 0.01);
  const start = initialParameters(tensors, SEED);
  const expected = { weight: start.slice(), second: new Float32Array(parameterCount) };
  const firsts: Float32Array[] = tensors.map(({ size }) => new Float32Array(size));
  let weights = network.weightsFrom(start);
  try {
    for (let step = 1; step <= 2; step++) {
      // Of all sizes: where there is a floor under the second moment, half of the values are to stand on it.
      const gradient = Float32Array.from({ length: parameterCount }, () => (random() - 0.5) * random() ** 4);
      const previous = weights;
      weights = tf.tidy(() => optimiser.step(previous, network.weightsFrom(gradient)));
      tf.dispose(previous);
      for (const [i, { offset, size }] of tensors.entries()) {
        const own = (vector: Float32Array) => vector.subarray(offset, offset + size);
        const now: OptimiserVectors = {
          weight: own(expected.weight),
          first: firsts[i]!,
          second: own(expected.second),
        };
        const next = optimiserReference({ ...now, gradient: own(gradient) }, stepFactors(name, 0.01, step));
        now.weight.set(next.weight);
        now.second.set(next.second);
        firsts[i] = next.first;
      }
    }
    const moved = (await network.vectorFrom(weights)).map((value, i) => value - start[i]!);
    return firstDifference(name, [
      ['movement of the weights', moved, expected.weight.map((value, i) => value - start[i]!)],
      ['second moment', await optimiser.secondMoment(), expected.second],
    ]);
  } finally {
    tf.dispose(weights);
    optimiser.reset();
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
