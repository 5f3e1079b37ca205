/**
 * The few operations that all layers are made of (layers.ts). Two engines carry them out, forwards and backwards: tfjs on
 * the device (tape.ts) and plain JavaScript in double precision (reference.ts), which is the oracle of the self-test. They
 * share what a layer is, and no arithmetic; that a layer is what Keras means by it, tests hold against files and against
 * formulas of their own.
 *
 * A value's first dimension is the batch. Shapes were checked with the model (protocol); nothing is checked here.
 */
import type { Activation } from '@murmuration/protocol';

export interface Value {
  readonly shape: readonly number[];
}

export type Curve = Exclude<Activation, 'linear'>;

export interface Convolution {
  readonly strides: number;
  readonly padding: 'same' | 'valid';
}

export interface Operations<V extends Value> {
  /** Over the last dimension: x [.., in] by kernel [in, out], plus bias [out]. */
  product(x: V, kernel: V, bias: V | null, relu: boolean): V;
  /** For each n: a [n, r, k] by b [n, k, c], or by the transpose of b [n, c, k]. */
  batchProduct(a: V, b: V, transposeB: boolean): V;
  /** x [batch, height, width, channels], kernel [k, k, channels, filters]. */
  convolution(x: V, kernel: V, bias: V | null, geometry: Convolution, relu: boolean): V;
  /** Windows of size by size, side by side; what is left at the border belongs to none. */
  pool(kind: 'max' | 'average', x: V, size: number): V;
  activate(curve: Curve, x: V): V;
  /** Over the last dimension. `causal`: of [n, steps, steps], row i has no share of what comes after i. */
  softmax(x: V, causal: boolean): V;
  /** One shape. */
  add(a: V, b: V): V;
  multiply(a: V, b: V): V;
  scale(x: V, factor: number): V;
  /** `tail` has the last dimensions of x and is repeated over the others. */
  addTail(x: V, tail: V): V;
  multiplyTail(x: V, tail: V): V;
  /** [batch, rows, columns] to [batch, columns]. */
  meanOfRows(x: V): V;
  /** (x - mean) / sqrt(variance + epsilon), mean and variance of each position's last dimension. */
  normalise(x: V, epsilon: number): V;
  /** The same with mean and variance of each column over everything but the last dimension; these two bear no gradient. */
  normaliseBatch(x: V, epsilon: number): { readonly value: V; readonly mean: V; readonly variance: V };
  /** With given mean and variance. Has no gradient: evaluation only. */
  standardise(x: V, mean: V, variance: V, epsilon: number): V;
  /** Ids (whole numbers as floats) [batch, steps] to [batch, steps, count] of zeros and ones. Has no gradient. */
  oneHot(ids: V, count: number): V;
  /** Each value is lost with probability `rate`, the others grow by 1 / (1 - rate). The seed decides which. */
  dropout(x: V, rate: number, seed: number): V;
  /** mean + exp(logVariance / 2) * noise, the noise of each place by the seed (noise.ts). */
  sample(mean: V, logVariance: V, seed: number): V;
  reshape(x: V, shape: readonly number[]): V;
  transpose(x: V, order: readonly number[]): V;
  /** Equal parts. */
  split(x: V, axis: number, count: number): V[];
  concatenate(parts: readonly V[], axis: number): V;
}
