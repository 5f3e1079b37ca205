/**
 * The operations (operations.ts) as tfjs operations on the device, with a tape of our own: each notes how its gradient
 * flows back, and `backward` walks it from the end.
 *
 * Why not tf.variableGrads: tfjs's tape needs every gradient and chained operation registered (bundle), some of its
 * gradients are wrong or missing, and it cannot fuse activation and bias into the product while it records. Here a dense
 * layer is one dispatch forwards. The self-test compares every gradient with plain JavaScript (reference.ts), so a wrong
 * line here cannot train.
 *
 * Int-transpose patch of tfjs (STACK A.3): not needed. Ids travel as floats, and no tensor is an integer. Elementwise
 * operations see flat tensors: tfjs compiles a shader a rank, and compiling costs more than running.
 *
 * Call within tf.tidy: everything but the constants is the caller's tidy's to free.
 */
import * as tf from '@tensorflow/tfjs-core';
import { curveGradient, gelu } from './kernels.ts';
import type { Convolution, Curve, Operations, Value } from './operations.ts';
import {
  dropout,
  normaliseRows,
  normaliseRowsGradient,
  oneHotRows,
  softmaxGradient,
  timesNoise,
} from './row-kernels.ts';

export class TapeValue implements Value {
  readonly tensor: tf.Tensor;
  readonly shape: readonly number[];
  readonly needsGradient: boolean;
  gradient: tf.Tensor | null = null;

  constructor(tensor: tf.Tensor, needsGradient: boolean) {
    this.tensor = tensor;
    this.shape = tensor.shape;
    this.needsGradient = needsGradient;
  }
}

/** Tensors that every pass needs and none changes. */
export class Constants {
  readonly #rows = new Map<number, tf.Tensor2D>();
  readonly #masks = new Map<number, tf.Tensor3D>();

  /** A row of ones: a product with it sums over rows, in one dispatch. */
  ones(length: number): tf.Tensor2D {
    return cached(this.#rows, length, () => tf.tensor2d(new Float32Array(length).fill(1), [1, length]));
  }

  /** [1, steps, steps], far below every logit where the column comes after the row. */
  mask(steps: number): tf.Tensor3D {
    const values = () =>
      Float32Array.from({ length: steps * steps }, (_, i) => (i % steps > Math.floor(i / steps) ? -1e9 : 0));
    return cached(this.#masks, steps, () => tf.tensor3d(values(), [1, steps, steps]));
  }

  dispose(): void {
    tf.dispose([...this.#rows.values(), ...this.#masks.values()]);
    this.#rows.clear();
    this.#masks.clear();
  }
}

function cached<T extends tf.Tensor>(map: Map<number, T>, key: number, make: () => T): T {
  let tensor = map.get(key);
  if (tensor === undefined) {
    tensor = tf.keep(make());
    map.set(key, tensor);
  }
  return tensor;
}

interface Step {
  readonly outputs: readonly TapeValue[];
  /** Gradients of the outputs, null where nothing came back. */
  readonly backward: (upstream: readonly (tf.Tensor | null)[]) => void;
}

export class TapeOperations implements Operations<TapeValue> {
  readonly #constants: Constants;
  readonly #steps: Step[] = [];

  constructor(constants: Constants) {
    this.#constants = constants;
  }

  /** Fills the `gradient` of every value that needs one. @param roots values that the loss is made of, and its slopes there */
  backward(roots: readonly (readonly [TapeValue, tf.Tensor])[]): void {
    for (const [value, upstream] of roots) value.gradient = upstream;
    for (const { outputs, backward } of this.#steps.toReversed())
      if (outputs.some(({ gradient }) => gradient !== null))
        backward(outputs.map(({ gradient }) => gradient));
  }

  product(x: TapeValue, kernel: TapeValue, bias: TapeValue | null, relu: boolean): TapeValue {
    const [inner, columns] = kernel.shape as [number, number];
    const rows = table(x.tensor, inner);
    const weights = kernel.tensor as tf.Tensor2D;
    const linear = tf.fused.matMul({
      a: rows,
      b: weights,
      ...(bias === null ? {} : { bias: bias.tensor as tf.Tensor1D }),
      activation: relu ? 'relu' : 'linear',
    });
    const output = tf.reshape(linear, [...x.shape.slice(0, -1), columns]);
    return this.#record(output, [x, kernel, bias], (dy) => {
      const slope = table(dy, columns);
      const dz = (relu ? curveGradient('relu', slope, linear, linear) : slope) as tf.Tensor2D;
      give(kernel, () => tf.matMul(rows, dz, true, false));
      give(bias, () => this.#sumToTail(tf.reshape(dz, output.shape), columns));
      give(x, () => tf.reshape(tf.matMul(dz, weights, false, true), [...x.shape]));
    });
  }

  batchProduct(a: TapeValue, b: TapeValue, transposeB: boolean): TapeValue {
    const left = a.tensor as tf.Tensor3D;
    const right = b.tensor as tf.Tensor3D;
    return this.#record(tf.matMul(left, right, false, transposeB), [a, b], (upstream) => {
      const dy = upstream as tf.Tensor3D;
      give(a, () => tf.matMul(dy, right, false, !transposeB));
      give(b, () => (transposeB ? tf.matMul(dy, left, true, false) : tf.matMul(left, dy, true, false)));
    });
  }

  convolution(
    x: TapeValue,
    kernel: TapeValue,
    bias: TapeValue | null,
    { strides, padding }: Convolution,
    relu: boolean,
  ): TapeValue {
    const input = x.tensor as tf.Tensor4D;
    const filter = kernel.tensor as tf.Tensor4D;
    const output = tf.fused.conv2d({
      x: input,
      filter,
      ...(bias === null ? {} : { bias: bias.tensor as tf.Tensor1D }),
      strides,
      pad: padding,
      activation: relu ? 'relu' : 'linear',
    });
    return this.#record(output, [x, kernel, bias], (dy) => {
      const dz = (relu ? curveGradient('relu', dy, output, output) : dy) as tf.Tensor4D;
      give(kernel, () =>
        run(
          'Conv2DBackpropFilter',
          { x: input, dy: dz },
          { strides: [strides, strides], pad: padding, dataFormat: 'NHWC', filterShape: filter.shape },
        ),
      );
      give(bias, () => this.#sumToTail(dz, output.shape[3]));
      give(x, () => tf.conv2dTranspose(dz, filter, input.shape, strides, padding));
    });
  }

  pool(kind: 'max' | 'average', x: TapeValue, size: number): TapeValue {
    const input = x.tensor as tf.Tensor4D;
    const attributes = { filterSize: [size, size], strides: [size, size], pad: 'valid' };
    // 'valid' only: tfjs's gradient of a padded average is wrong at the borders (STACK A.2).
    const output =
      kind === 'max' ? tf.maxPool(input, size, size, 'valid') : tf.avgPool(input, size, size, 'valid');
    return this.#record(output, [x], (dy) =>
      give(x, () =>
        kind === 'max'
          ? run('MaxPoolGrad', { dy, input, output }, attributes)
          : run('AvgPoolGrad', { dy, input }, attributes),
      ),
    );
  }

  activate(curve: Curve, x: TapeValue): TapeValue {
    const at = flat(x.tensor);
    const y = curveOf(curve, at);
    return this.#record(tf.reshape(y, [...x.shape]), [x], (dy) =>
      give(x, () => tf.reshape(curveGradient(curve, flat(dy), at, y), [...x.shape])),
    );
  }

  softmax(x: TapeValue, causal: boolean): TapeValue {
    const logits = causal ? tf.add(x.tensor, this.#constants.mask(x.shape.at(-1)!)) : x.tensor;
    const shares = tf.softmax(logits);
    return this.#record(shares, [x], (dy) => give(x, () => softmaxGradient(shares, dy)));
  }

  add(a: TapeValue, b: TapeValue): TapeValue {
    return this.#record(sum(a.tensor, b.tensor), [a, b], (dy) => {
      give(a, () => dy);
      give(b, () => dy);
    });
  }

  multiply(a: TapeValue, b: TapeValue): TapeValue {
    return this.#record(times(a.tensor, b.tensor), [a, b], (dy) => {
      give(a, () => times(dy, b.tensor));
      give(b, () => times(dy, a.tensor));
    });
  }

  scale(x: TapeValue, factor: number): TapeValue {
    const scaled = (tensor: tf.Tensor) => tf.reshape(tf.mul(flat(tensor), factor), [...x.shape]);
    return this.#record(scaled(x.tensor), [x], (dy) => give(x, () => scaled(dy)));
  }

  addTail(x: TapeValue, tail: TapeValue): TapeValue {
    const output = tf.reshape(tf.add(table(x.tensor, tail.tensor.size), flat(tail.tensor)), [...x.shape]);
    return this.#record(output, [x, tail], (dy) => {
      give(x, () => dy);
      give(tail, () => tf.reshape(this.#sumToTail(dy, tail.tensor.size), [...tail.shape]));
    });
  }

  multiplyTail(x: TapeValue, tail: TapeValue): TapeValue {
    const scaled = (tensor: tf.Tensor) =>
      tf.reshape(tf.mul(table(tensor, tail.tensor.size), flat(tail.tensor)), [...x.shape]);
    return this.#record(scaled(x.tensor), [x, tail], (dy) => {
      give(x, () => scaled(dy));
      give(tail, () => tf.reshape(this.#sumToTail(times(dy, x.tensor), tail.tensor.size), [...tail.shape]));
    });
  }

  meanOfRows(x: TapeValue): TapeValue {
    const [batch, rows, columns] = x.shape as [number, number, number];
    const ones = tf.reshape(this.#constants.ones(rows), [1, 1, rows]) as tf.Tensor3D;
    const output = tf.mul(tf.reshape(tf.matMul(ones, x.tensor as tf.Tensor3D), [batch * columns]), 1 / rows);
    return this.#record(tf.reshape(output, [batch, columns]), [x], (dy) =>
      give(x, () => {
        const share = tf.reshape(tf.mul(flat(dy), 1 / rows), [batch, 1, columns]) as tf.Tensor3D;
        return tf.matMul(tf.reshape(ones, [1, rows, 1]) as tf.Tensor3D, share);
      }),
    );
  }

  normalise(x: TapeValue, epsilon: number): TapeValue {
    return this.#record(normaliseRows(x.tensor, epsilon), [x], (dy) =>
      give(x, () => normaliseRowsGradient(x.tensor, dy, epsilon)),
    );
  }

  /** With y = (x - mean) / deviation: dx = (dy - mean(dy) - y mean(dy y)) / deviation (Ioffe and Szegedy 2015). */
  normaliseBatch(x: TapeValue, epsilon: number) {
    const columns = x.shape.at(-1)!;
    const rows = x.tensor.size / columns;
    const whole = (tensor: tf.Tensor) => tf.reshape(tensor, [...x.shape]);
    const meanOf = (tensor: tf.Tensor) => tf.mul(this.#sumToTail(whole(tensor), columns), 1 / rows);
    const mean = meanOf(x.tensor);
    const centred = tf.sub(table(x.tensor, columns), mean);
    const variance = meanOf(tf.square(centred));
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const y = tf.mul(centred, inverse);
    const value = this.#record(whole(y), [x], (dy) =>
      give(x, () => {
        const slope = table(dy, columns);
        const meanProduct = meanOf(tf.mul(slope, y));
        return whole(tf.mul(tf.sub(tf.sub(slope, meanOf(slope)), tf.mul(y, meanProduct)), inverse));
      }),
    );
    return { value, mean: new TapeValue(mean, false), variance: new TapeValue(variance, false) };
  }

  standardise(x: TapeValue, mean: TapeValue, variance: TapeValue, epsilon: number): TapeValue {
    // What lossy averaging made of a small variance may be below zero.
    const inverse = tf.rsqrt(tf.add(tf.relu(variance.tensor), epsilon));
    const centred = tf.sub(table(x.tensor, mean.tensor.size), mean.tensor);
    return new TapeValue(tf.reshape(tf.mul(centred, inverse), [...x.shape]), false);
  }

  oneHot(ids: TapeValue, count: number): TapeValue {
    return new TapeValue(oneHotRows(ids.tensor, count), false);
  }

  dropout(x: TapeValue, rate: number, seed: number): TapeValue {
    return this.#record(dropout(x.tensor, rate, seed), [x], (dy) => give(x, () => dropout(dy, rate, seed)));
  }

  sample(mean: TapeValue, logVariance: TapeValue, seed: number): TapeValue {
    const away = timesNoise(tf.exp(tf.mul(logVariance.tensor, 0.5)), seed);
    return this.#record(sum(mean.tensor, away), [mean, logVariance], (dy) => {
      give(mean, () => dy);
      give(logVariance, () => tf.mul(times(dy, away), 0.5));
    });
  }

  reshape(x: TapeValue, shape: readonly number[]): TapeValue {
    return this.#record(tf.reshape(x.tensor, [...shape]), [x], (dy) =>
      give(x, () => tf.reshape(dy, [...x.shape])),
    );
  }

  transpose(x: TapeValue, order: readonly number[]): TapeValue {
    const back = order.map((_, axis) => order.indexOf(axis));
    return this.#record(tf.transpose(x.tensor, [...order]), [x], (dy) =>
      give(x, () => tf.transpose(dy, back)),
    );
  }

  split(x: TapeValue, axis: number, count: number): TapeValue[] {
    const outputs = tf.split(x.tensor, count, axis).map((part) => new TapeValue(part, x.needsGradient));
    if (x.needsGradient)
      this.#steps.push({
        outputs,
        backward: (upstream) =>
          give(x, () =>
            tf.concat(
              upstream.map((dy, i) => dy ?? tf.zeros([...outputs[i]!.shape])),
              axis,
            ),
          ),
      });
    return outputs;
  }

  concatenate(parts: readonly TapeValue[], axis: number): TapeValue {
    const output = tf.concat(
      parts.map(({ tensor }) => tensor),
      axis,
    );
    return this.#record(output, parts, (dy) => {
      const sizes = parts.map(({ shape }) => shape[axis]!);
      const slopes = tf.split(dy, sizes, axis);
      for (const [i, part] of parts.entries()) give(part, () => slopes[i]!);
    });
  }

  #record(
    tensor: tf.Tensor,
    inputs: readonly (TapeValue | null)[],
    backward: (upstream: tf.Tensor) => void,
  ): TapeValue {
    const output = new TapeValue(
      tensor,
      inputs.some((input) => input?.needsGradient === true),
    );
    if (output.needsGradient)
      this.#steps.push({ outputs: [output], backward: ([upstream]) => backward(upstream!) });
    return output;
  }

  /**
   * Sum over what comes before the last `size` values, [size]. Each sample is summed first: one long product would have
   * one thread a column.
   */
  #sumToTail(x: tf.Tensor, size: number): tf.Tensor1D {
    const batch = x.shape[0]!;
    const rows = x.size / size / batch;
    let sums = x;
    if (rows > 1) {
      const ones = tf.reshape(this.#constants.ones(rows), [1, 1, rows]) as tf.Tensor3D;
      sums = tf.matMul(ones, tf.reshape(x, [batch, rows, size]) as tf.Tensor3D);
    }
    return tf.reshape(tf.matMul(this.#constants.ones(batch), table(sums, size)), [size]);
  }
}

/** Adds to a value's gradient; is not even computed where nobody needs it. */
function give(value: TapeValue | null, gradient: () => tf.Tensor): void {
  if (value === null || !value.needsGradient) return;
  value.gradient = value.gradient === null ? gradient() : sum(value.gradient, gradient());
}

function curveOf(curve: Curve, x: tf.Tensor): tf.Tensor {
  switch (curve) {
    case 'relu':
      return tf.relu(x);
    case 'tanh':
      return tf.tanh(x);
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'elu':
      return tf.elu(x);
    case 'silu':
      return tf.mul(x, tf.sigmoid(x));
    case 'gelu':
      return gelu(x);
    default:
      return curve satisfies never;
  }
}

const flat = (tensor: tf.Tensor): tf.Tensor => tf.reshape(tensor, [tensor.size]);
const table = (tensor: tf.Tensor, columns: number): tf.Tensor2D =>
  tf.reshape(tensor, [tensor.size / columns, columns]);
const sum = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.reshape(tf.add(flat(a), flat(b)), a.shape);
const times = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.reshape(tf.mul(flat(a), flat(b)), a.shape);
const run = (kernel: string, inputs: tf.NamedTensorMap, attributes: tf.NamedAttrMap): tf.Tensor =>
  tf.engine().runKernel(kernel, inputs, attributes) as tf.Tensor;
