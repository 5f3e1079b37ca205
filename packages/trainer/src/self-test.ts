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
import type { ModelSpec, OptimiserName } from '@murmuration/protocol';
import { sizeOf } from './gpu-program.ts';
import { Network, type Objective } from './network.ts';
import { Optimiser } from './optimiser.ts';
import { optimiserReference, stepFactors, type OptimiserVectors } from './optimiser-reference.ts';
import { crossEntropy, forwardMultiplyAdds, referencePass } from './reference.ts';
import { layerCases, readsIds, type Case } from './self-test-cases.ts';

/** Relative error (Euclidean) of any gradient or probability. Honest float32 stays under 1e-5; broken shaders are off by 1e-1. */
export const SELF_TEST_ERROR_MAX = 1e-3;
/** Multiply-adds that the reference may spend on the model's own case: about a second of JavaScript. */
const MODEL_CASE_MULTIPLY_ADDS_MAX = 2e8;
const SEED = 0x5e1f;
/** A zero reference (a dead relu's gradient) is compared absolutely against this. */
const TINY = 1e-12;
/**
 * A tensor whose gradient is a smaller part of the whole is measured against this part: the true gradient of a bias
 * before a norm, or of attention's key bias, is zero, and what float32 leaves of it is noise.
 */
const SMALLEST_SHARE = 1e-2;

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
  {
    batchSize,
    optimiser,
    objective,
  }: { readonly batchSize: number; readonly optimiser: OptimiserName; readonly objective: Objective },
  compileAhead: (work: () => void) => Promise<void>,
): Promise<SelfTestFailure | null> {
  const budget = Math.floor(MODEL_CASE_MULTIPLY_ADDS_MAX / (3 * forwardMultiplyAdds(model)));
  const cases: Case[] = [
    ...layerCases(model),
    {
      name: `the model ${model.name}`,
      spec: model,
      batchSize: Math.min(batchSize, Math.max(budget, 1)),
      objective,
    },
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

/** All operations of a case and of an optimiser step, results thrown away. */
function rehearse({ spec, batchSize, objective }: Case, optimiserName: OptimiserName): void {
  const network = new Network(spec);
  const optimiser = new Optimiser(network, optimiserName, 0.01);
  const weights = network.weightsFrom(new Float32Array(network.layout.parameterCount));
  tf.tidy(() => {
    const inputs = tf.zeros([batchSize, ...spec.inputShape]);
    const rows = batchSize * network.rowsPerSample;
    const targets = tf.zeros(objective === 'cross-entropy' ? [rows] : [rows, network.outputSize]);
    network.logits(weights, inputs);
    optimiser.step(weights, network.pass(weights, inputs, targets, { objective, seed: 0 }).gradients);
  });
  tf.dispose(weights);
  optimiser.reset();
  network.dispose();
}

async function compare({ name, spec, batchSize, objective }: Case): Promise<SelfTestFailure | null> {
  const network = new Network(spec);
  const { layout, outputSize } = network;
  const rows = batchSize * network.rowsPerSample;
  const parameters = initialParameters(layout.tensors, SEED);
  const random = mulberry(streamSeed(SEED, name));
  // Biases of zero would hide a bias that is not added, gains of one a gain that is not multiplied by.
  for (const tensor of layout.tensors)
    if (tensor.fanIn === 0)
      for (let i = 0; i < tensor.size; i++) parameters[tensor.offset + i]! += 0.2 * random() - 0.1;
  const vocabularySize = readsIds(spec);
  const inputs = Float32Array.from({ length: batchSize * sizeOf(spec.inputShape) }, () =>
    vocabularySize === null ? random() : Math.floor(random() * vocabularySize),
  );
  const targets = Float32Array.from(
    { length: objective === 'cross-entropy' ? rows : rows * outputSize },
    (_, i) => (objective === 'cross-entropy' ? i % outputSize : random()),
  );
  const seed = streamSeed(SEED, 'dropout');
  const expected = referencePass(spec, parameters, inputs, targets, objective, { training: true, seed });
  const isOtherwiseInTraining = spec.layers.some(({ kind }) => kind === 'dropout' || kind === 'batchNorm');
  const evaluated = isOtherwiseInTraining
    ? referencePass(spec, parameters, inputs, targets, objective, { training: false, seed })
    : expected;

  const tensors = tf.tidy(() => {
    const weights = network.weightsFrom(parameters);
    const samples = tf.tensor(inputs, [batchSize, ...spec.inputShape]);
    const wanted = tf.tensor1d(targets);
    const pass = network.pass(weights, samples, wanted, { objective, seed });
    return { ...pass, logits: network.logits(weights, samples, seed) };
  });
  try {
    const logits = (await tensors.logits.data()) as Float32Array;
    const outputsOf = (values: Float32Array): ArrayLike<number> =>
      objective === 'cross-entropy'
        ? crossEntropy(values, targets, outputSize).probabilities
        : typeof objective === 'object' && objective.reconstruction === 'bernoulli'
          ? Float64Array.from(values, (logit) => 1 / (1 + Math.exp(-logit)))
          : values;
    const pairs: [string, ArrayLike<number>, ArrayLike<number>][] = [
      ['outputs', await tensors.outputs.data(), expected.outputs],
      ['measure', await tensors.measure.data(), expected.measure],
      ['logits', outputsOf(logits), evaluated.outputs],
    ];
    const gradient = await network.vectorFrom(tensors.gradients);
    for (const { name: weight, offset, size } of layout.tensors)
      pairs.push([
        `gradient of ${weight}`,
        gradient.subarray(offset, offset + size),
        expected.gradient.subarray(offset, offset + size),
      ]);
    return firstDifference(name, pairs, SMALLEST_SHARE * normOf(expected.gradient));
  } finally {
    tf.dispose([tensors.logits, tensors.outputs, tensors.measure, ...tensors.gradients]);
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
        const momentum = network.momentum[i]!;
        if (momentum > 0) {
          const weight = own(expected.weight);
          for (const [j, value] of own(gradient).entries())
            weight[j] = momentum * weight[j]! + (1 - momentum) * value;
          continue;
        }
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

/** @param sizeMin what a value is measured against at least */
function firstDifference(
  name: string,
  pairs: readonly (readonly [string, ArrayLike<number>, ArrayLike<number>])[],
  sizeMin = TINY,
): SelfTestFailure | null {
  for (const [value, actual, expected] of pairs) {
    let difference = 0;
    for (let i = 0; i < expected.length; i++) difference += (actual[i]! - expected[i]!) ** 2;
    const relativeError = Math.sqrt(difference) / Math.max(normOf(expected), sizeMin, TINY);
    // Written so that NaN fails.
    if (!(relativeError <= SELF_TEST_ERROR_MAX)) return { case: name, value, relativeError };
  }
  return null;
}

function normOf(vector: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! ** 2;
  return Math.sqrt(sum);
}
