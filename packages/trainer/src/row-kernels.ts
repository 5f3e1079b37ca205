/**
 * Own kernels that walk along rows (the last dimension), one invocation a row, for both backends: layer norm and its
 * gradient, the softmax's gradient, one-hot rows, dropout, and what the cross entropy needs of a row. In tfjs's own
 * operations each would be five to ten dispatches, and each dispatch a shader to compile before a volunteer can start.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { indexProgram, int32s, sizeOf, view } from './gpu-program.ts';
import { register, valuesOn } from './kernels.ts';
import { survives } from './operations.ts';

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
/** See operations.ts, `survives`. Its gradient is the same with the gradient for x. */
export const dropout = (x: tf.Tensor, rate: number, seed: number): tf.Tensor =>
  run('Dropout', { x }, { rate, seed });
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
  /** `out` is a row of the output, `x` and `other` of the inputs; where the row is a single value, `other` has one. */
  readonly cpu: (
    rows: { readonly x: Float32Array; readonly other: Float32Array; readonly out: Float32Array },
    attributes: Attributes,
    place: { readonly row: number; readonly rowCount: number },
  ) => void;
  /** WGSL; `start` is the row's first index in x, `columns` its length, `rows` their number. */
  readonly gpu: string;
  readonly hasOther: boolean;
  readonly shape?: (x: readonly number[], attributes: Attributes) => number[];
}

const MOMENTS = `
  var mean = 0.0;
  for (var c = 0; c < columns; c++) { mean += x[start + c]; }
  mean /= f32(columns);
  var variance = 0.0;
  for (var c = 0; c < columns; c++) { let d = x[start + c] - mean; variance += d * d; }
  let inverse = inverseSqrt(variance / f32(columns) + uniforms.epsilon);`;

function moments(x: Float32Array, epsilon: number) {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return { mean, inverse: 1 / Math.sqrt(variance + epsilon) };
}

const KERNELS: Readonly<Record<string, RowKernel>> = {
  Normalise: {
    hasOther: false,
    cpu: ({ x, out }, { epsilon }) => {
      const { mean, inverse } = moments(x, epsilon!);
      for (const [c, value] of x.entries()) out[c] = (value - mean) * inverse;
    },
    gpu: `${MOMENTS}
      for (var c = 0; c < columns; c++) { result[start + c] = (x[start + c] - mean) * inverse; }`,
  },
  NormaliseGradient: {
    hasOther: true,
    cpu: ({ x, other, out }, { epsilon }) => {
      const { mean, inverse } = moments(x, epsilon!);
      let meanSlope = 0;
      let meanProduct = 0;
      for (const [c, d] of other.entries()) {
        meanSlope += d / x.length;
        meanProduct += (d * (x[c]! - mean) * inverse) / x.length;
      }
      for (const [c, d] of other.entries())
        out[c] = (d - meanSlope - (x[c]! - mean) * inverse * meanProduct) * inverse;
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
    cpu: ({ x, other, out }) => {
      const sum = x.reduce((total, value, c) => total + value * other[c]!, 0);
      for (const [c, value] of x.entries()) out[c] = value * (other[c]! - sum);
    },
    gpu: `
      var sum = 0.0;
      for (var c = 0; c < columns; c++) { sum += x[start + c] * other[start + c]; }
      for (var c = 0; c < columns; c++) { result[start + c] = x[start + c] * (other[start + c] - sum); }`,
  },
  OneHot: {
    hasOther: false,
    shape: (x, { count }) => [...x, count!],
    cpu: ({ x, out }) => (out[x[0]!] = 1),
    // `columns` is the length of the output's row.
    gpu: `
      let id = i32(x[index]);
      for (var c = 0; c < columns; c++) { result[start + c] = select(0.0, 1.0, c == id); }`,
  },
  Dropout: {
    hasOther: false,
    cpu: ({ x, out }, { rate, seed }, { row }) => {
      for (const [c, value] of x.entries())
        out[c] = survives(row * x.length + c, rate!, seed!) ? value / (1 - rate!) : 0;
    },
    gpu: `
      for (var c = 0; c < columns; c++) {
        let state = (u32(start + c) ^ bitcast<u32>(uniforms.seed)) * 747796405u + 2891336453u;
        let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
        let draw = ((word >> 22u) ^ word) >> 8u;
        result[start + c] = select(0.0, x[start + c] * uniforms.growth, draw >= u32(uniforms.threshold));
      }`,
  },
  LabelShare: {
    hasOther: true,
    shape: (x) => x.slice(0, -1),
    cpu: ({ x, other, out }) => (out[0] = x[other[0]!]!),
    gpu: 'result[index] = x[start + i32(other[index])];',
  },
  LabelGradient: {
    hasOther: true,
    cpu: ({ x, other, out }, _attributes, { rowCount }) => {
      for (const [c, value] of x.entries()) out[c] = (value - (c === other[0] ? 1 : 0)) / rowCount;
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

export function registerRowsOnCpu(): void {
  for (const [name, kernel] of Object.entries(KERNELS))
    register('cpu', `Murmuration${name}`, ({ inputs, backend, attrs }) => {
      const { x, upstream } = inputs as Record<string, tf.TensorInfo>;
      const attributes = (attrs ?? {}) as Attributes;
      const { outputShape, rows } = rowShape(name, x!, attributes);
      const values = new Float32Array(sizeOf(outputShape));
      const part = (of: Float32Array, row: number) => {
        const length = of.length / rows;
        return of.subarray(row * length, (row + 1) * length);
      };
      const from = valuesOn(backend, x!);
      const others = kernel.hasOther ? valuesOn(backend, upstream!) : new Float32Array(0);
      for (let row = 0; row < rows; row++)
        kernel.cpu({ x: part(from, row), other: part(others, row), out: part(values, row) }, attributes, {
          row,
          rowCount: rows,
        });
      return (backend as MathBackendCPU).makeTensorInfo(outputShape, 'float32', values);
    });
}

export function registerRowsOnGpu(): void {
  for (const [name, kernel] of Object.entries(KERNELS))
    register('webgpu', `Murmuration${name}`, ({ inputs, backend, attrs }) => {
      const { x, upstream } = inputs as Record<string, tf.TensorInfo>;
      const attributes = (attrs ?? {}) as Attributes;
      const { outputShape, columns, rows } = rowShape(name, x!, attributes);
      const usesEpsilon = attributes.epsilon !== undefined;
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
          usesRate ? ' seed : i32, threshold : i32, growth : f32,' : ''
        }`,
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
          ...(usesRate
            ? [
                ...int32s(attributes.seed! | 0, Math.round(attributes.rate! * 16_777_216)),
                { type: 'float32', data: [1 / (1 - attributes.rate!)] },
              ]
            : []),
        ],
      );
      return view(result, outputShape);
    });
}
