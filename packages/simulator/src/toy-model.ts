/**
 * A model that really learns, on plain arrays: a classifier with one layer of tanh units or none (softmax regression),
 * trained by the run's optimiser. It stands for the GPU's step in the simulator; everything around it is production code.
 *
 * Every machine computes the same bits: only +, -, *, / and square roots; exp is a polynomial. Training works on
 * scratch arrays that all tabs share, since one command runs at a time: a tab keeps nothing but its
 * optimiser's moments.
 */
import { parameterLayout, type ModelSpec, type ParameterLayout } from '@murmuration/protocol';
import { crossEntropy, likeliest, tanh } from './exact-functions.ts';
import { newMoments, stepWeights, type Moments, type OptimiserSettings } from './model-optimiser.ts';
import type { LabelledSamples, Learned, TabModel } from './tab-model.ts';

export interface ToyShape {
  readonly inputs: number;
  /** Units of the hidden layer; 0: none. */
  readonly hidden: number;
  readonly classes: number;
}

export function toySpec({ inputs, hidden, classes }: ToyShape): ModelSpec {
  const last = { kind: 'dense', units: classes, activation: 'linear' } as const;
  const first = { kind: 'dense', units: hidden, activation: 'tanh' } as const;
  return { name: 'toy', inputShape: [inputs], layers: hidden > 0 ? [first, last] : [last] };
}

export class ToyModel implements TabModel {
  readonly shape: ToyShape;
  readonly spec: ModelSpec;
  readonly layout: ParameterLayout;
  readonly #optimiser: OptimiserSettings;
  readonly #weights: Float64Array;
  readonly #gradient: Float64Array;
  /** Of each sample of the batch: inputs, hidden values (then their errors), class errors. */
  readonly #inputs: Float64Array;
  readonly #hidden: Float64Array;
  readonly #errors: Float64Array;
  readonly #logits: Float64Array;

  constructor(shape: ToyShape, options: OptimiserSettings & { readonly batchSize: number }) {
    this.shape = shape;
    this.spec = toySpec(shape);
    this.layout = parameterLayout(this.spec);
    this.#optimiser = options;
    this.#weights = new Float64Array(this.layout.parameterCount);
    this.#gradient = new Float64Array(this.layout.parameterCount);
    this.#inputs = new Float64Array(options.batchSize * shape.inputs);
    this.#hidden = new Float64Array(options.batchSize * Math.max(1, shape.hidden));
    this.#errors = new Float64Array(options.batchSize * shape.classes);
    this.#logits = new Float64Array(shape.classes);
  }

  newOptimiser(): Moments {
    return newMoments(this.layout.parameterCount);
  }

  begin(anchor: Float32Array): void {
    this.#weights.set(anchor);
  }

  end(): Float32Array {
    return Float32Array.from(this.#weights);
  }

  step(moments: Moments, samples: LabelledSamples, batch: Uint32Array): number {
    const { inputs, hidden, classes } = this.shape;
    const [from, to] = [samples.inputs, this.#inputs];
    const [errors, logits] = [this.#errors, this.#logits];
    const share = 1 / batch.length;
    let loss = 0;
    for (let b = 0; b < batch.length; b++) {
      const sample = batch[b]!;
      for (let j = 0, i = sample * inputs, k = b * inputs; j < inputs; j++) to[k + j] = from[i + j]!;
      loss += this.#forward(b * inputs, b * hidden, samples.labels[sample]!);
      for (let c = 0, e = b * classes; c < classes; c++) errors[e + c] = logits[c]! * share;
    }
    this.#backward(batch.length);
    stepWeights(this.#optimiser, moments, {
      weights: this.#weights,
      gradient: this.#gradient,
      layout: this.layout,
    });
    return loss / batch.length;
  }

  evaluate(weights: Float32Array, samples: LabelledSamples): Learned {
    const { inputs } = this.shape;
    this.#weights.set(weights);
    let loss = 0;
    let correct = 0;
    for (let i = 0; i < samples.count; i++) {
      for (let j = 0; j < inputs; j++) this.#inputs[j] = samples.inputs[i * inputs + j]!;
      const label = samples.labels[i]!;
      loss += this.#forward(0, 0, label);
      if (likeliest(this.#logits, label) === label) correct += 1;
    }
    return { loss: loss / samples.count, accuracy: correct / samples.count };
  }

  /** Leaves p - [class is the label] in the logits; returns the loss. */
  #forward(inputAt: number, hiddenAt: number, label: number): number {
    const { inputs, hidden, classes } = this.shape;
    let from: Float64Array = this.#inputs;
    let fromAt = inputAt;
    let fromCount = inputs;
    let kernel = 0;
    if (hidden > 0) {
      product(this.#inputs, inputAt, inputs, this.#weights, 0, hidden, this.#hidden, hiddenAt);
      for (let h = 0; h < hidden; h++) this.#hidden[hiddenAt + h] = tanh(this.#hidden[hiddenAt + h]!);
      kernel = inputs * hidden + hidden;
      from = this.#hidden;
      fromAt = hiddenAt;
      fromCount = hidden;
    }
    const logits = this.#logits;
    product(from, fromAt, fromCount, this.#weights, kernel, classes, logits, 0);
    return crossEntropy(logits, label);
  }

  #backward(batchSize: number): void {
    const { inputs, hidden, classes } = this.shape;
    if (hidden === 0) {
      gradients(batchSize, this.#inputs, inputs, this.#errors, classes, this.#gradient, 0);
      return;
    }
    const kernel = inputs * hidden + hidden;
    gradients(batchSize, this.#hidden, hidden, this.#errors, classes, this.#gradient, kernel);
    backThrough(batchSize, this.#errors, classes, this.#weights, kernel, this.#hidden, hidden);
    gradients(batchSize, this.#inputs, inputs, this.#hidden, hidden, this.#gradient, 0);
  }
}

/** to = bias + from * kernel; the kernel lies row by row from `kernelAt`, its biases behind it. */
function product(
  from: Float64Array,
  fromAt: number,
  rows: number,
  weights: Float64Array,
  kernelAt: number,
  columns: number,
  to: Float64Array,
  toAt: number,
): void {
  const biasAt = kernelAt + rows * columns;
  let c = 0;
  // Four columns at once: their sums stay in registers.
  for (; c + 3 < columns; c += 4) {
    let s0 = weights[biasAt + c]!;
    let s1 = weights[biasAt + c + 1]!;
    let s2 = weights[biasAt + c + 2]!;
    let s3 = weights[biasAt + c + 3]!;
    for (let j = 0, k = kernelAt + c; j < rows; j++, k += columns) {
      const x = from[fromAt + j]!;
      s0 += x * weights[k]!;
      s1 += x * weights[k + 1]!;
      s2 += x * weights[k + 2]!;
      s3 += x * weights[k + 3]!;
    }
    to[toAt + c] = s0;
    to[toAt + c + 1] = s1;
    to[toAt + c + 2] = s2;
    to[toAt + c + 3] = s3;
  }
  for (; c < columns; c++) {
    let sum = weights[biasAt + c]!;
    for (let j = 0; j < rows; j++) sum += from[fromAt + j]! * weights[kernelAt + j * columns + c]!;
    to[toAt + c] = sum;
  }
}

/** Gradient of a layer, summed over the batch: inputs times errors for the kernel, errors for the bias. */
function gradients(
  batchSize: number,
  inputs: Float64Array,
  rows: number,
  errors: Float64Array,
  columns: number,
  gradient: Float64Array,
  kernelAt: number,
): void {
  const biasAt = kernelAt + rows * columns;
  for (let c = 0; c < columns; c++) {
    let bias = 0;
    for (let b = 0; b < batchSize; b++) bias += errors[b * columns + c]!;
    gradient[biasAt + c] = bias;
  }
  for (let j = 0; j < rows; j++) {
    const at = kernelAt + j * columns;
    let c = 0;
    for (; c + 3 < columns; c += 4) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let b = 0, i = j, e = c; b < batchSize; b++, i += rows, e += columns) {
        const x = inputs[i]!;
        s0 += x * errors[e]!;
        s1 += x * errors[e + 1]!;
        s2 += x * errors[e + 2]!;
        s3 += x * errors[e + 3]!;
      }
      gradient[at + c] = s0;
      gradient[at + c + 1] = s1;
      gradient[at + c + 2] = s2;
      gradient[at + c + 3] = s3;
    }
    for (; c < columns; c++) {
      let sum = 0;
      for (let b = 0; b < batchSize; b++) sum += inputs[b * rows + j]! * errors[b * columns + c]!;
      gradient[at + c] = sum;
    }
  }
}

/** Hidden values become their errors: those of the classes through the kernel, times tanh's slope. */
function backThrough(
  batchSize: number,
  errors: Float64Array,
  classes: number,
  weights: Float64Array,
  kernelAt: number,
  values: Float64Array,
  hidden: number,
): void {
  for (let b = 0; b < batchSize; b++)
    for (let h = 0; h < hidden; h++) {
      let error = 0;
      const row = kernelAt + h * classes;
      for (let c = 0, e = b * classes; c < classes; c++, e++) error += errors[e]! * weights[row + c]!;
      const value = values[b * hidden + h]!;
      values[b * hidden + h] = error * (1 - value * value);
    }
}
