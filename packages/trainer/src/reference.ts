/**
 * The model in plain JavaScript, double precision, loops only: the oracle of the self-test. It shares no line with
 * tfjs or with network.ts, so both a broken shader and a wrong derivative show. Slow (0.1 to 0.3 G multiply-adds a
 * second): the self-test bounds what it asks for.
 */
import { parameterLayout, type LayerSpec, type ModelSpec } from '@murmuration/protocol';

export interface ReferencePass {
  /** Mean cross entropy, nats. */
  readonly loss: number;
  /** [batch * classes] */
  readonly probabilities: Float64Array;
  /** Flat, in the layout's order. */
  readonly gradient: Float64Array;
}

interface Shape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Multiply-adds of one forward pass over one sample; a backward pass costs about twice that again. */
export function forwardMultiplyAdds(model: ModelSpec): number {
  const { tensors, outputShapes } = parameterLayout(model);
  let sum = 0;
  let next = 0;
  for (const [i, layer] of model.layers.entries()) {
    if (layer.kind !== 'dense' && layer.kind !== 'conv2d') continue;
    const positions = layer.kind === 'conv2d' ? outputShapes[i]![0]! * outputShapes[i]![1]! : 1;
    sum += tensors[next]!.size * positions;
    next += 2;
  }
  return sum;
}

/** `samples`: batch times the input, row-major; `labels`: one class a sample. */
export function referencePass(
  model: ModelSpec,
  parameters: Float32Array,
  samples: Float32Array,
  labels: Uint8Array,
): ReferencePass {
  const { tensors, outputShapes, parameterCount } = parameterLayout(model);
  const batchSize = labels.length;
  const values: Float64Array[] = [Float64Array.from(samples)];
  const linears: Float64Array[] = [];
  const kernels: number[] = [];
  let next = 0;
  for (const [i, layer] of model.layers.entries()) {
    const input = values[i]!;
    const inputShape = i === 0 ? model.inputShape : outputShapes[i - 1]!;
    const size = outputShapes[i]!.reduce((a, b) => a * b, 1);
    let linear: Float64Array = new Float64Array(batchSize * size);
    kernels.push(next);
    if (layer.kind === 'flatten') linear = input;
    else if (layer.kind === 'maxPool2d')
      eachPool(
        batchSize,
        image(inputShape),
        layer.poolSize,
        input,
        (out, from) => (linear[out] = input[from]!),
      );
    else {
      const kernel = tensors[next]!.offset;
      const bias = tensors[next + 1]!;
      for (let j = 0; j < linear.length; j++) linear[j] = parameters[bias.offset + (j % bias.size)]!;
      eachProduct(layer, batchSize, inputShape, outputShapes[i]!, (out, from, weight) => {
        linear[out]! += input[from]! * parameters[kernel + weight]!;
      });
      next += 2;
    }
    linears.push(linear);
    values.push('activation' in layer ? linear.map((z) => activation(layer.activation, z)) : linear);
  }

  const classCount = outputShapes.at(-1)![0]!;
  const { loss, probabilities } = crossEntropy(values.at(-1)!, labels, classCount);
  let upstream = probabilities.map(
    (p, j) => (p - (labels[Math.floor(j / classCount)] === j % classCount ? 1 : 0)) / batchSize,
  );
  const gradient = new Float64Array(parameterCount);
  for (let i = model.layers.length - 1; i >= 0; i--) {
    const layer = model.layers[i]!;
    if (layer.kind === 'flatten') continue;
    const input = values[i]!;
    const inputShape = i === 0 ? model.inputShape : outputShapes[i - 1]!;
    const downstream = new Float64Array(input.length);
    if (layer.kind === 'maxPool2d')
      eachPool(
        batchSize,
        image(inputShape),
        layer.poolSize,
        input,
        (out, from) => (downstream[from]! += upstream[out]!),
      );
    else {
      const kernel = tensors[kernels[i]!]!.offset;
      const bias = tensors[kernels[i]! + 1]!;
      const linear = linears[i]!;
      const dz = upstream.map((dy, j) => dy * activationSlope(layer.activation, linear[j]!));
      for (let j = 0; j < dz.length; j++) gradient[bias.offset + (j % bias.size)]! += dz[j]!;
      eachProduct(layer, batchSize, inputShape, outputShapes[i]!, (out, from, weight) => {
        gradient[kernel + weight]! += input[from]! * dz[out]!;
        downstream[from]! += parameters[kernel + weight]! * dz[out]!;
      });
    }
    upstream = downstream;
  }
  return { loss, probabilities, gradient };
}

/** Visits every product of a dense or convolutional layer: indices of output, input and kernel element. */
function eachProduct(
  layer: Extract<LayerSpec, { kind: 'dense' | 'conv2d' }>,
  batchSize: number,
  inputShape: readonly number[],
  outputShape: readonly number[],
  visit: (out: number, from: number, weight: number) => void,
): void {
  if (layer.kind === 'dense') {
    const inputs = inputShape[0]!;
    for (let b = 0; b < batchSize; b++)
      for (let i = 0; i < inputs; i++)
        for (let u = 0; u < layer.units; u++) visit(b * layer.units + u, b * inputs + i, i * layer.units + u);
    return;
  }
  const from = image(inputShape);
  const to = image(outputShape);
  const { kernelSize: k, strides, filters } = layer;
  const pad = (input: number, output: number) =>
    layer.padding === 'valid' ? 0 : Math.floor(Math.max((output - 1) * strides + k - input, 0) / 2);
  const top = pad(from.height, to.height);
  const left = pad(from.width, to.width);
  for (let b = 0; b < batchSize; b++)
    for (let y = 0; y < to.height; y++)
      for (let x = 0; x < to.width; x++)
        for (let ky = 0; ky < k; ky++)
          for (let kx = 0; kx < k; kx++) {
            const row = y * strides + ky - top;
            const column = x * strides + kx - left;
            if (row < 0 || row >= from.height || column < 0 || column >= from.width) continue;
            const pixel = ((b * from.height + row) * from.width + column) * from.channels;
            const out = ((b * to.height + y) * to.width + x) * filters;
            for (let c = 0; c < from.channels; c++)
              for (let f = 0; f < filters; f++)
                visit(out + f, pixel + c, ((ky * k + kx) * from.channels + c) * filters + f);
          }
}

/** Visits every window of a max pool with the index of its largest element (the first of equals). */
function eachPool(
  batchSize: number,
  from: Shape,
  poolSize: number,
  input: Float64Array,
  visit: (out: number, from: number) => void,
): void {
  const height = Math.floor(from.height / poolSize);
  const width = Math.floor(from.width / poolSize);
  for (let b = 0; b < batchSize; b++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < from.channels; c++) {
          let best = -1;
          for (let py = 0; py < poolSize; py++)
            for (let px = 0; px < poolSize; px++) {
              const row = y * poolSize + py;
              const at = ((b * from.height + row) * from.width + x * poolSize + px) * from.channels + c;
              if (best < 0 || input[at]! > input[best]!) best = at;
            }
          visit(((b * height + y) * width + x) * from.channels + c, best);
        }
}

/** Softmax and mean cross entropy of logits, computed in double precision. */
export function crossEntropy(
  logits: Float32Array | Float64Array,
  labels: Uint8Array,
  classCount: number,
): { loss: number; probabilities: Float64Array } {
  const probabilities = new Float64Array(logits.length);
  let loss = 0;
  for (let b = 0; b < labels.length; b++) {
    const row = b * classCount;
    let peak = -Infinity;
    for (let c = 0; c < classCount; c++) peak = Math.max(peak, logits[row + c]!);
    let sum = 0;
    for (let c = 0; c < classCount; c++) sum += Math.exp(logits[row + c]! - peak);
    for (let c = 0; c < classCount; c++) probabilities[row + c] = Math.exp(logits[row + c]! - peak) / sum;
    loss += Math.log(sum) + peak - logits[row + labels[b]!]!;
  }
  return { loss: loss / labels.length, probabilities };
}

const image = (shape: readonly number[]): Shape => ({
  height: shape[0]!,
  width: shape[1]!,
  channels: shape[2]!,
});

function activation(kind: 'linear' | 'relu' | 'tanh' | 'gelu', z: number): number {
  switch (kind) {
    case 'linear':
      return z;
    case 'relu':
      return Math.max(z, 0);
    case 'tanh':
      return Math.tanh(z);
    case 'gelu':
      return z * normalCdf(z);
    default:
      return kind satisfies never;
  }
}

function activationSlope(kind: 'linear' | 'relu' | 'tanh' | 'gelu', z: number): number {
  switch (kind) {
    case 'linear':
      return 1;
    case 'relu':
      return z > 0 ? 1 : 0;
    case 'tanh':
      return 1 - Math.tanh(z) ** 2;
    case 'gelu':
      return normalCdf(z) + (z * Math.exp(-z * z * 0.5)) / Math.sqrt(2 * Math.PI);
    default:
      return kind satisfies never;
  }
}

/** Abramowitz and Stegun 7.1.26, absolute error under 1.5e-7: far below the self-test's bound. */
function normalCdf(z: number): number {
  const x = Math.abs(z) * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const erf = 1 - poly * Math.exp(-x * x);
  return 0.5 * (1 + Math.sign(z) * erf);
}
