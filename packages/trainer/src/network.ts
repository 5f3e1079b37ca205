/**
 * A model on the device: weights as tensors, a forward pass, and a pass forwards and backwards. The loss costs no
 * operation of its own: its gradient is (probabilities - labels) / rows or 2 (values - targets) / size, and its value is
 * computed on the CPU from one number a row (`measure`).
 *
 * It knows no shard, round or optimiser. Tensors that a method returns belong to the caller; call within tf.tidy.
 */
import * as tf from '@tensorflow/tfjs-core';
import { parameterLayout, type ModelSpec, type ParameterLayout } from '@murmuration/protocol';
import { runModel, statisticMomentum } from './layers.ts';
import { labelGradient, labelShare } from './row-kernels.ts';
import { Constants, TapeOperations, TapeValue } from './tape.ts';

/** What a step makes small: over rows of logits with a label each, or over values. */
export type Objective = 'cross-entropy' | 'squared-error';

export interface Pass {
  /** Softmax of the logits [rows, columns], or the values. */
  readonly outputs: tf.Tensor;
  /** Cross entropy: the share of each row's label, [rows]. Squared error: what each value is off by. */
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

  /** `inputs`: [batch, ...inputShape], floats also for ids. As in evaluation: nothing is dropped. */
  logits(weights: readonly tf.Tensor[], inputs: tf.Tensor): tf.Tensor {
    return runModel(new TapeOperations(this.#constants), this.model, this.layout, {
      weights: weights.map((weight) => new TapeValue(weight, false)),
      input: new TapeValue(inputs, false),
      mode: { training: false, seed: 0 },
    }).output.tensor;
  }

  /**
   * Forward and backward.
   * @param targets cross entropy: a label a row, as floats; squared error: the values
   * @param seed of this step, for dropout
   */
  pass(
    weights: readonly tf.Tensor[],
    inputs: tf.Tensor,
    targets: tf.Tensor,
    { objective, seed }: { readonly objective: Objective; readonly seed: number },
  ): Pass {
    const ops = new TapeOperations(this.#constants);
    const values = weights.map((weight, i) => new TapeValue(weight, this.momentum[i] === 0));
    const { output, statistics } = runModel(ops, this.model, this.layout, {
      weights: values,
      input: new TapeValue(inputs, false),
      mode: { training: true, seed },
    });
    const { tensor } = output;
    const rows = tf.reshape(tensor, [tensor.size / this.outputSize, this.outputSize]) as tf.Tensor2D;
    let outputs: tf.Tensor = rows;
    let measure: tf.Tensor;
    let upstream: tf.Tensor;
    if (objective === 'cross-entropy') {
      const probabilities = tf.softmax(rows);
      outputs = probabilities;
      measure = labelShare(probabilities, targets);
      upstream = labelGradient(probabilities, targets);
    } else {
      measure = tf.sub(tf.reshape(rows, [rows.size]), tf.reshape(targets, [rows.size]));
      upstream = tf.mul(measure, 2 / rows.size);
    }
    ops.backward(output, tf.reshape(upstream, tensor.shape));
    const gradients = values.map(({ gradient, tensor: weight }) => gradient ?? tf.zerosLike(weight));
    for (const { tensorIndex, value } of statistics) gradients[tensorIndex] = value.tensor;
    return { outputs, measure, gradients };
  }

  dispose(): void {
    this.#constants.dispose();
  }
}
