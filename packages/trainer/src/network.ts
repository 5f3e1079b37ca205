/**
 * A model on the device: weights as tensors, a forward pass, and a pass forwards and backwards. The loss costs no
 * operation of its own: its gradient is (probabilities - labels) / rows or 2 (values - targets) / size, and its value is
 * computed on the CPU from one number a row (`measure`).
 *
 * It knows no shard, round or optimiser. Tensors that a method returns belong to the caller; call within tf.tidy.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  parameterLayout,
  type Autoencoding,
  type ModelSpec,
  type ParameterLayout,
} from '@murmuration/protocol';
import { runModel, statisticMomentum, type ModelRun, type PassMode } from './layers.ts';
import {
  bernoulliGradient,
  bernoulliLoss,
  halfSquares,
  labelGradient,
  labelShare,
  normalDivergence,
} from './row-kernels.ts';
import { Constants, TapeOperations, TapeValue } from './tape.ts';

/** What a step makes small: over rows of logits with a label each, over values, or the two losses of an autoencoder. */
export type Objective = 'cross-entropy' | 'squared-error' | Autoencoding;

export interface Pass {
  /** Softmax of the logits [rows, columns], or the values; of a Bernoulli reconstruction the sigmoid. */
  readonly outputs: tf.Tensor;
  /**
   * Cross entropy: the share of each row's label, [rows]. Squared error: what each value is off by. Autoencoding: the
   * reconstruction loss of each sample, then the KL divergence of each, [2 * rows].
   */
  readonly measure: tf.Tensor;
  /** Of the mean loss, one a weight, in the layout's order; at statistics (batchNorm) what the batch says of them. */
  readonly gradients: tf.Tensor[];
}

export class Network {
  readonly model: ModelSpec;
  readonly layout: ParameterLayout;
  /** Last dimension of the output: classes, values, or the size of the vocabulary. */
  readonly outputSize: number;
  /** Rows of `outputSize` that one sample gives: 1, or its steps. */
  readonly rowsPerSample: number;
  /** One a tensor: the share of a running statistic that stays at a step; 0: an ordinary weight. */
  readonly momentum: readonly number[];
  readonly #constants = new Constants();

  constructor(model: ModelSpec) {
    this.model = model;
    this.layout = parameterLayout(model);
    this.momentum = statisticMomentum(model, this.layout);
    const output = this.layout.outputShapes.at(-1)!;
    this.outputSize = output.at(-1)!;
    this.rowsPerSample = output.length === 2 ? output[0]! : 1;
  }

  /** One tensor a parameter. Copies: the vector may change afterwards. */
  weightsFrom(vector: Float32Array): tf.Tensor[] {
    return this.layout.tensors.map((t) =>
      tf.tensor(vector.slice(t.offset, t.offset + t.size), [...t.shape], 'float32'),
    );
  }

  /** Reads tensors in the layout's order into one vector, in one round trip. */
  async vectorFrom(weights: readonly tf.Tensor[]): Promise<Float32Array> {
    const parts = await Promise.all(weights.map((weight) => weight.data()));
    const vector = new Float32Array(this.layout.parameterCount);
    for (const [i, tensor] of this.layout.tensors.entries()) vector.set(parts[i]!, tensor.offset);
    return vector;
  }

  /**
   * `inputs`: [batch, ...inputShape], floats also for ids. As in evaluation: nothing is dropped.
   * @param seed for sampling
   */
  logits(weights: readonly tf.Tensor[], inputs: tf.Tensor, seed = 0): tf.Tensor {
    return this.#evaluated(weights, inputs, seed).output.tensor;
  }

  /** As in evaluation, the `measure` of a pass. @param targets the values of the samples */
  autoencodingMeasure(
    weights: readonly tf.Tensor[],
    inputs: tf.Tensor,
    targets: tf.Tensor,
    { objective, seed }: { readonly objective: Autoencoding; readonly seed: number },
  ): tf.Tensor {
    const { output, latent } = this.#evaluated(weights, inputs, seed);
    const rows = this.#rowsOf(output.tensor);
    return autoencodingMeasure(objective, rows, tf.reshape(targets, rows.shape), latent!);
  }

  #evaluated(weights: readonly tf.Tensor[], inputs: tf.Tensor, seed: number): ModelRun<TapeValue> {
    const ops = new TapeOperations(this.#constants);
    const values = weights.map((weight) => new TapeValue(weight, false));
    return this.#run(ops, values, inputs, { training: false, seed });
  }

  #run(
    ops: TapeOperations,
    weights: readonly TapeValue[],
    inputs: tf.Tensor,
    mode: PassMode,
  ): ModelRun<TapeValue> {
    const input = new TapeValue(inputs, false);
    return runModel(ops, this.model, this.layout, { weights, input, mode });
  }

  #rowsOf = (output: tf.Tensor): tf.Tensor2D =>
    tf.reshape(output, [output.size / this.outputSize, this.outputSize]);

  /**
   * Forward and backward.
   * @param targets cross entropy: a label a row, as floats; else the values
   * @param seed of this step, for dropout and sampling
   */
  pass(
    weights: readonly tf.Tensor[],
    inputs: tf.Tensor,
    targets: tf.Tensor,
    { objective, seed }: { readonly objective: Objective; readonly seed: number },
  ): Pass {
    const ops = new TapeOperations(this.#constants);
    const values = weights.map((weight, i) => new TapeValue(weight, this.momentum[i] === 0));
    const { output, statistics, latent } = this.#run(ops, values, inputs, { training: true, seed });
    const { tensor } = output;
    const rows = this.#rowsOf(tensor);
    const roots: [TapeValue, tf.Tensor][] = [];
    let outputs: tf.Tensor = rows;
    let measure: tf.Tensor;
    let upstream: tf.Tensor;
    if (objective === 'cross-entropy') {
      const probabilities = tf.softmax(rows);
      outputs = probabilities;
      measure = labelShare(probabilities, targets);
      upstream = labelGradient(probabilities, targets);
    } else if (objective === 'squared-error') {
      measure = tf.sub(tf.reshape(rows, [rows.size]), tf.reshape(targets, [rows.size]));
      upstream = tf.mul(measure, 2 / rows.size);
    } else {
      const wanted: tf.Tensor2D = tf.reshape(targets, rows.shape);
      measure = autoencodingMeasure(objective, rows, wanted, latent!);
      const batch = rows.shape[0];
      if (objective.reconstruction === 'bernoulli') {
        outputs = tf.sigmoid(rows);
        upstream = bernoulliGradient(rows, wanted);
      } else upstream = tf.mul(tf.sub(rows, wanted), 1 / batch);
      // Of half the sum of exp(s) + m^2 - 1 - s: m, and half of exp(s) - 1.
      const { mean, logVariance } = latent!;
      const weight = objective.klWeight / batch;
      roots.push([mean, tf.mul(mean.tensor, weight)]);
      roots.push([logVariance, tf.mul(tf.sub(tf.exp(logVariance.tensor), 1), weight / 2)]);
    }
    ops.backward([...roots, [output, tf.reshape(upstream, tensor.shape)]]);
    const gradients = values.map(({ gradient, tensor: weight }) => gradient ?? tf.zerosLike(weight));
    for (const { tensorIndex, value } of statistics) gradients[tensorIndex] = value.tensor;
    return { outputs, measure, gradients };
  }

  dispose(): void {
    this.#constants.dispose();
  }
}

function autoencodingMeasure(
  { reconstruction }: Autoencoding,
  rows: tf.Tensor2D,
  wanted: tf.Tensor2D,
  { mean, logVariance }: NonNullable<ModelRun<TapeValue>['latent']>,
): tf.Tensor {
  const code = (value: TapeValue): tf.Tensor2D =>
    tf.reshape(value.tensor, [rows.shape[0], value.tensor.size / rows.shape[0]]);
  const losses = reconstruction === 'bernoulli' ? bernoulliLoss(rows, wanted) : halfSquares(rows, wanted);
  return tf.concat([losses, normalDivergence(code(mean), code(logVariance))]);
}
