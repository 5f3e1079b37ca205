/**
 * Own kernels that walk along rows (the last dimension), one invocation a row, for all backends: layer norm and its
 * gradient, the softmax's gradient, one-hot rows, dropout, noise, and what the losses need of a row. In tfjs's own
 * operations each would be five to ten dispatches, and each dispatch a shader to compile before a volunteer can start.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { indexProgram, int32s, sizeOf, view } from './gpu-program.ts';
import type { Host } from './host.ts';
import { register } from './kernels.ts';
import { noiseAt, survives } from './noise.ts';

/** (x - mean) / sqrt(variance + epsilon) of each row. */
export const normaliseRows = (x: tf.Tensor, epsilon: number): tf.Tensor =>
  run('Normalise', { x }, { epsilon });
export const normaliseRowsGradient = (x: tf.Tensor, upstream: tf.Tensor, epsilon: number): tf.Tensor =>
  run('NormaliseGradient', { x, upstream }, { epsilon });
/** `y`: what the softmax gave. */
export const softmaxGradient = (y: tf.Tensor, upstream: tf.Tensor): tf.Tensor =>
  run('SoftmaxGradient', { x: y, upstream });
/** Ids to rows of `count` zeros and a one. */
export const oneHotRows = (ids: tf.Tensor, count: number): tf.Tensor => run('OneHot', { x: ids }, { count });
/** See noise.ts. Its gradient is the same with the gradient for x. */
export const dropout = (x: tf.Tensor, rate: number, seed: number): tf.Tensor =>
  run('Dropout', { x }, { rate, seed });
/** x times standard normal noise, see noise.ts. */
export const timesNoise = (x: tf.Tensor, seed: number): tf.Tensor => run('Noise', { x }, { seed });
/** Of each row of logits the cross entropy to shares from 0 to 1, summed over its values: [rows]. */
export const bernoulliLoss = (x: tf.Tensor2D, shares: tf.Tensor2D): tf.Tensor =>
  run('BernoulliLoss', { x, upstream: shares });
/** (sigmoid(x) - share) / rows: its mean's gradient. */
export const bernoulliGradient = (x: tf.Tensor2D, shares: tf.Tensor2D): tf.Tensor =>
  run('BernoulliGradient', { x, upstream: shares });
/** Of each row half the squared distance to another: [rows]. */
export const halfSquares = (x: tf.Tensor2D, values: tf.Tensor2D): tf.Tensor =>
  run('HalfSquares', { x, upstream: values });
/** Of each row of means and log variances the KL divergence of these normals from the standard one, summed: [rows]. */
export const normalDivergence = (mean: tf.Tensor2D, logVariance: tf.Tensor2D): tf.Tensor =>
  run('NormalDivergence', { x: mean, upstream: logVariance });
/** Of each row of `x` the value at its label: [rows]. */
export const labelShare = (x: tf.Tensor2D, labels: tf.Tensor): tf.Tensor =>
  run('LabelShare', { x, upstream: labels });
/** (x - one-hot of the label) / rows: the gradient of the mean cross entropy for the logits whose softmax is x. */
export const labelGradient = (x: tf.Tensor2D, labels: tf.Tensor): tf.Tensor =>
  run('LabelGradient', { x, upstream: labels });

interface Attributes {
  readonly epsilon?: number;
  readonly count?: number;
  readonly rate?: number;
  readonly seed?: number;
}

const run = (name: string, inputs: tf.NamedTensorMap, attributes: Attributes = {}): tf.Tensor =>
  tf.engine().runKernel(`Murmuration${name}`, inputs, attributes as tf.NamedAttrMap) as tf.Tensor;

interface RowKernel {
  /** All rows. Plain loops over whole arrays: iterators, and an object or a view a row, were half of a transformer's step. */
  readonly host: (all: HostRows, attributes: Attributes) => void;
  /** WGSL, of one row; `start` is the row's first index in x, `columns` its length, `rows` their number. */
  readonly gpu: string;
  readonly hasOther: boolean;
  readonly shape?: (x: readonly number[], attributes: Attributes) => number[];
}

interface HostRows {
  readonly x: Float32Array;
  readonly other: Float32Array;
  readonly result: Float32Array;
  readonly columns: number;
  readonly rows: number;
}

const MOMENTS = `
  var mean = 0.0;
  for (var c = 0; c < columns; c++) { mean += x[start + c]; }
  mean /= f32(columns);
  var variance = 0.0;
  for (var c = 0; c < columns; c++) { let d = x[start + c] - mean; variance += d * d; }
  let inverse = inverseSqrt(variance / f32(columns) + uniforms.epsilon);`;

/** Of each row. */
function moments({ x, columns, rows }: HostRows, epsilon: number) {
  const means = new Float64Array(rows);
  const inverses = new Float64Array(rows);
  for (let row = 0, start = 0; row < rows; row++, start += columns) {
    let sum = 0;
    for (let i = start; i < start + columns; i++) sum += x[i]!;
    const mean = sum / columns;
    let squares = 0;
    for (let i = start; i < start + columns; i++) squares += (x[i]! - mean) * (x[i]! - mean);
    means[row] = mean;
    inverses[row] = 1 / Math.sqrt(squares / columns + epsilon);
  }
  return { means, inverses };
}

/** `hash` of a place, as noise.ts has it. */
const hashOf = (place: string) => `
          let state = (u32(${place}) ^ bitcast<u32>(uniforms.seed)) * 747796405u + 2891336453u;
          let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
          let hash = (word >> 22u) ^ word;`;

/** Of each row the sum of what its values make with the others at their places. */
const sumOfRows =
  (of: (x: number, other: number) => number) =>
  ({ x, other, result, columns, rows }: HostRows) => {
    for (let row = 0, i = 0; row < rows; row++) {
      let sum = 0;
      for (const end = i + columns; i < end; i++) sum += of(x[i]!, other[i]!);
      result[row] = sum;
    }
  };
const gpuSum = (term: string) => `
      var sum = 0.0;
      for (var i = start; i < start + columns; i++) { sum += ${term}; }
      result[index] = sum;`;

const KERNELS: Readonly<Record<string, RowKernel>> = {
  Normalise: {
    hasOther: false,
    host: (all, { epsilon }) => {
      const { x, result, columns, rows } = all;
      const { means, inverses } = moments(all, epsilon!);
      for (let row = 0, i = 0; row < rows; row++) {
        const mean = means[row]!;
        const inverse = inverses[row]!;
        for (let c = 0; c < columns; c++, i++) result[i] = (x[i]! - mean) * inverse;
      }
    },
    gpu: `${MOMENTS}
      for (var c = 0; c < columns; c++) { result[start + c] = (x[start + c] - mean) * inverse; }`,
  },
  NormaliseGradient: {
    hasOther: true,
    host: (all, { epsilon }) => {
      const { x, other, result, columns, rows } = all;
      const { means, inverses } = moments(all, epsilon!);
      for (let row = 0, start = 0; row < rows; row++, start += columns) {
        const mean = means[row]!;
        const inverse = inverses[row]!;
        let meanSlope = 0;
        let meanProduct = 0;
        for (let i = start; i < start + columns; i++) {
          meanSlope += other[i]!;
          meanProduct += other[i]! * (x[i]! - mean);
        }
        meanSlope /= columns;
        meanProduct *= inverse / columns;
        for (let i = start; i < start + columns; i++)
          result[i] = (other[i]! - meanSlope - (x[i]! - mean) * inverse * meanProduct) * inverse;
      }
    },
    gpu: `${MOMENTS}
      var meanSlope = 0.0;
      var meanProduct = 0.0;
      for (var c = 0; c < columns; c++) {
        meanSlope += other[start + c];
        meanProduct += other[start + c] * (x[start + c] - mean);
      }
      meanSlope /= f32(columns);
      meanProduct *= inverse / f32(columns);
      for (var c = 0; c < columns; c++) {
        result[start + c] = (other[start + c] - meanSlope - (x[start + c] - mean) * inverse * meanProduct) * inverse;
      }`,
  },
  SoftmaxGradient: {
    hasOther: true,
    host: ({ x, other, result, columns, rows }) => {
      for (let row = 0, start = 0; row < rows; row++, start += columns) {
        let sum = 0;
        for (let i = start; i < start + columns; i++) sum += x[i]! * other[i]!;
        for (let i = start; i < start + columns; i++) result[i] = x[i]! * (other[i]! - sum);
      }
    },
    gpu: `
      var sum = 0.0;
      for (var c = 0; c < columns; c++) { sum += x[start + c] * other[start + c]; }
      for (var c = 0; c < columns; c++) { result[start + c] = x[start + c] * (other[start + c] - sum); }`,
  },
  OneHot: {
    hasOther: false,
    shape: (x, { count }) => [...x, count!],
    host: ({ x, result, columns, rows }) => {
      for (let row = 0; row < rows; row++) result[row * columns + x[row]!] = 1;
    },
    // `columns` is the length of the output's row.
    gpu: `
      let id = i32(x[index]);
      for (var c = 0; c < columns; c++) { result[start + c] = select(0.0, 1.0, c == id); }`,
  },
  Dropout: {
    hasOther: false,
    host: ({ x, result }, { rate, seed }) => {
      for (let i = 0; i < x.length; i++) result[i] = survives(i, rate!, seed!) ? x[i]! / (1 - rate!) : 0;
    },
    gpu: `
      for (var c = 0; c < columns; c++) {
        ${hashOf('start + c')}
        result[start + c] = select(0.0, x[start + c] * uniforms.growth, (hash >> 8u) >= u32(uniforms.threshold));
      }`,
  },
  Noise: {
    hasOther: false,
    host: ({ x, result }, { seed }) => {
      for (let i = 0; i < x.length; i++) result[i] = x[i]! * noiseAt(i, seed!);
    },
    gpu: `
      for (var c = 0; c < columns; c++) {
        var sum = -1530;
        for (var part = 0; part < 3; part++) {
          ${hashOf('3 * (start + c) + part')}
          sum += i32((hash & 255u) + ((hash >> 8u) & 255u) + ((hash >> 16u) & 255u) + (hash >> 24u));
        }
        result[start + c] = x[start + c] * (f32(sum) / 256.0);
      }`,
  },
  BernoulliLoss: {
    hasOther: true,
    shape: (x) => x.slice(0, -1),
    host: sumOfRows((x, share) => Math.max(x, 0) - x * share + Math.log1p(Math.exp(-Math.abs(x)))),
    gpu: gpuSum('max(x[i], 0.0) - x[i] * other[i] + log(1.0 + exp(-abs(x[i])))'),
  },
  BernoulliGradient: {
    hasOther: true,
    host: ({ x, other, result, rows }) => {
      for (let i = 0; i < x.length; i++) result[i] = (1 / (1 + Math.exp(-x[i]!)) - other[i]!) / rows;
    },
    // The exponent is never above zero, so nothing is infinite.
    gpu: `
      for (var i = start; i < start + columns; i++) {
        let e = exp(-abs(x[i]));
        result[i] = (select(e, 1.0, x[i] >= 0.0) / (1.0 + e) - other[i]) / f32(rows);
      }`,
  },
  HalfSquares: {
    hasOther: true,
    shape: (x) => x.slice(0, -1),
    host: sumOfRows((x, value) => 0.5 * (x - value) * (x - value)),
    gpu: gpuSum('0.5 * (x[i] - other[i]) * (x[i] - other[i])'),
  },
  NormalDivergence: {
    hasOther: true,
    shape: (x) => x.slice(0, -1),
    host: sumOfRows((mean, log) => 0.5 * (Math.exp(log) + mean * mean - 1 - log)),
    gpu: gpuSum('0.5 * (exp(other[i]) + x[i] * x[i] - 1.0 - other[i])'),
  },
  LabelShare: {
    hasOther: true,
    shape: (x) => x.slice(0, -1),
    host: ({ x, other, result, columns, rows }) => {
      for (let row = 0; row < rows; row++) result[row] = x[row * columns + other[row]!]!;
    },
    gpu: 'result[index] = x[start + i32(other[index])];',
  },
  LabelGradient: {
    hasOther: true,
    host: ({ x, other, result, columns, rows }) => {
      for (let i = 0; i < x.length; i++) result[i] = x[i]! / rows;
      for (let row = 0; row < rows; row++) result[row * columns + other[row]!]! -= 1 / rows;
    },
    gpu: `
      let label = i32(other[index]);
      for (var c = 0; c < columns; c++) {
        result[start + c] = (x[start + c] - select(0.0, 1.0, c == label)) / f32(rows);
      }`,
  },
};
export const ROW_KERNELS: readonly string[] = Object.keys(KERNELS).map((name) => `Murmuration${name}`);

const rowShape = (name: string, x: tf.TensorInfo, attributes: Attributes) => {
  const outputShape = KERNELS[name]!.shape?.(x.shape, attributes) ?? x.shape;
  const columns = name === 'OneHot' ? attributes.count! : x.shape.at(-1)!;
  const rows = name === 'OneHot' ? sizeOf(x.shape) : sizeOf(x.shape) / columns;
  return { outputShape, columns, rows };
};

export function registerRowsOnHost({ backendName, valuesOn, make }: Host): void {
  for (const [name, kernel] of Object.entries(KERNELS))
    register(backendName, `Murmuration${name}`, ({ inputs, backend, attrs }) => {
      const { x, upstream } = inputs as Record<string, tf.TensorInfo>;
      const attributes = (attrs ?? {}) as Attributes;
      const { outputShape, columns, rows } = rowShape(name, x!, attributes);
      const result = new Float32Array(sizeOf(outputShape));
      const other = kernel.hasOther ? valuesOn(backend, upstream!) : result;
      kernel.host({ x: valuesOn(backend, x!), other, result, columns, rows }, attributes);
      return make(backend, outputShape, result);
    });
}

export function registerRowsOnGpu(): void {
  for (const [name, kernel] of Object.entries(KERNELS))
    register('webgpu', `Murmuration${name}`, ({ inputs, backend, attrs }) => {
      const { x, upstream } = inputs as Record<string, tf.TensorInfo>;
      const attributes = (attrs ?? {}) as Attributes;
      const { outputShape, columns, rows } = rowShape(name, x!, attributes);
      const usesEpsilon = attributes.epsilon !== undefined;
      const usesSeed = attributes.seed !== undefined;
      const usesRate = attributes.rate !== undefined;
      const flat = (tensor: tf.TensorInfo) => view(tensor, [sizeOf(tensor.shape)]);
      const program = indexProgram({
        name: `rows_${name}`,
        outputShape: [sizeOf(outputShape)],
        threads: rows,
        inputs: [
          { name: 'x', components: 1 },
          ...(kernel.hasOther ? [{ name: 'other', components: 1 } as const] : []),
        ],
        outputComponents: 1,
        uniforms: `threads : i32, columns : i32,${usesEpsilon ? ' epsilon : f32,' : ''}${
          usesSeed ? ' seed : i32,' : ''
        }${usesRate ? ' threshold : i32, growth : f32,' : ''}`,
        body: `
          let rows = uniforms.threads;
          if (index >= rows) { return; }
          let columns = uniforms.columns;
          let start = index * columns;
          ${kernel.gpu}`,
      });
      const result = (backend as WebGPUBackend).runWebGPUProgram(
        program,
        [flat(x!), ...(kernel.hasOther ? [flat(upstream!)] : [])],
        'float32',
        [
          ...int32s(rows, columns),
          ...(usesEpsilon ? [{ type: 'float32', data: [attributes.epsilon!] }] : []),
          ...(usesSeed ? int32s(attributes.seed! | 0) : []),
          ...(usesRate
            ? [
                ...int32s(Math.round(attributes.rate! * 16_777_216)),
                { type: 'float32', data: [1 / (1 - attributes.rate!)] },
              ]
            : []),
        ],
      );
      return view(result, outputShape);
    });
}
