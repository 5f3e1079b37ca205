/**
 * Element by element, in one piece each where tfjs needs several or has none: the derivatives of the activations, and
 * gelu; for all backends. And how own kernels are registered.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { elementwise } from './gpu-program.ts';
import type { Host } from './host.ts';
import type { Curve } from './operations.ts';

export const CURVE_GRADIENT_KERNEL = 'MurmurationCurveGradient';
export const GELU_KERNEL = 'MurmurationGelu';

/** `upstream` times the curve's slope at `x`, where it gives `y`. */
export const curveGradient = (curve: Curve, upstream: tf.Tensor, x: tf.Tensor, y: tf.Tensor): tf.Tensor =>
  // Most need one of the two; a buffer that a shader does not read may not be bound.
  tf
    .engine()
    .runKernel(
      CURVE_GRADIENT_KERNEL,
      { upstream, at: curve === 'gelu' || curve === 'silu' ? x : y },
      { curve },
    ) as tf.Tensor;

/** The exact gelu of Keras and tfjs-layers (`gelu`, not `gelu_new`), so that an export means the same. */
export const gelu = (x: tf.Tensor): tf.Tensor => tf.engine().runKernel(GELU_KERNEL, { x }) as tf.Tensor;

export function registerOnHost({ backendName, valuesOn, make }: Host): void {
  register(backendName, CURVE_GRADIENT_KERNEL, ({ inputs, backend, attrs }) => {
    const { upstream, at } = inputs as Record<string, tf.TensorInfo>;
    const slope = SLOPES[attrs!['curve'] as Curve];
    const ats = valuesOn(backend, at!);
    const values = valuesOn(backend, upstream!).slice();
    for (let i = 0; i < values.length; i++) values[i]! *= slope(ats[i]!);
    return make(backend, upstream!.shape, values);
  });
  register(backendName, GELU_KERNEL, ({ inputs, backend }) => {
    const { x } = inputs as Record<string, tf.TensorInfo>;
    const values = valuesOn(backend, x!).slice();
    for (let i = 0; i < values.length; i++) values[i]! *= normalCdf(values[i]!);
    return make(backend, x!.shape, values);
  });
}

export function registerOnGpu(): void {
  register('webgpu', CURVE_GRADIENT_KERNEL, ({ inputs, backend, attrs }) => {
    const { upstream, at } = inputs as Record<string, tf.TensorInfo>;
    const curve = attrs!['curve'] as Curve;
    return elementwise(backend as WebGPUBackend, {
      name: `${curve}_gradient`,
      inputs: { upstream: upstream!, at: at! },
      uniforms: {},
      ...GPU_SLOPES[curve],
    });
  });
  register('webgpu', GELU_KERNEL, ({ inputs, backend }) =>
    elementwise(backend as WebGPUBackend, {
      name: 'gelu',
      inputs: { at: (inputs as Record<string, tf.TensorInfo>)['x']! },
      uniforms: {},
      before: GPU_NORMAL_CDF,
      expression: 'at * cdf',
    }),
  );
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
/** By the curve's output, gelu and silu by its input. */
const SLOPES: Readonly<Record<Curve, (at: number) => number>> = {
  relu: (y) => (y > 0 ? 1 : 0),
  tanh: (y) => 1 - y * y,
  sigmoid: (y) => y * (1 - y),
  elu: (y) => (y > 0 ? 1 : y + 1),
  silu: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  gelu: (x) => normalCdf(x) + x * Math.exp(-0.5 * x * x) * DENSITY,
};
const DENSITY = 1 / Math.sqrt(2 * Math.PI);

/** Abramowitz and Stegun 7.1.26, as tfjs's own erf: absolute error under 1.5e-7. */
function normalCdf(z: number): number {
  const x = Math.abs(z) * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp(-x * x);
  return z < 0 ? tail : 1 - tail;
}

const GPU_NORMAL_CDF = `
  let size = abs(at) * ${Math.SQRT1_2};
  let t = 1.0 / (1.0 + 0.3275911 * size);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * poly * exp(-size * size);
  let cdf = select(1.0 - tail, tail, at < zero);`;
const GPU_SLOPES: Readonly<Record<Curve, { readonly before?: string; readonly expression: string }>> = {
  relu: { expression: 'select(zero, upstream, at > zero)' },
  tanh: { expression: 'upstream * (1.0 - at * at)' },
  sigmoid: { expression: 'upstream * at * (1.0 - at)' },
  elu: { expression: 'upstream * select(at + 1.0, zero + 1.0, at > zero)' },
  silu: {
    before: 'let gate = 1.0 / (1.0 + exp(-at));',
    expression: 'upstream * gate * (1.0 + at * (1.0 - gate))',
  },
  gelu: { before: GPU_NORMAL_CDF, expression: `upstream * (cdf + at * exp(-0.5 * at * at) * ${DENSITY})` },
};

export function register(backendName: string, kernelName: string, kernelFunc: tf.KernelFunc): void {
  if (tf.getKernel(kernelName, backendName) === undefined)
    tf.registerKernel({ kernelName, backendName, kernelFunc });
}
