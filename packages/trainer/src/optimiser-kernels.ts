/**
 * A step of the optimiser as kernels of our own, for all backends (for Adam alone tfjs spends fifteen dispatches a
 * weight). What a step is says optimiser-reference.ts.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { elementwise, indexProgram, int32s, sizeOf, view } from './gpu-program.ts';
import type { Host } from './host.ts';
import { register } from './kernels.ts';
import { BETA2, EPSILON, optimiserReference, type StepFactors } from './optimiser-reference.ts';

export const OPTIMISER_KERNEL = 'MurmurationOptimiser';

/** Up to so many values one invocation sums; of more, so many invocations sum a part each first. */
const PARTS_MAX = 1_024;
/** A part has at least so many values. */
const PART_MIN = 64;

export interface OptimiserTensors {
  readonly weight: tf.Tensor;
  /** Missing: this optimiser has none. */
  readonly first?: tf.Tensor;
  readonly second?: tf.Tensor;
}

/** One weight tensor and its moments after one step. */
export function optimiserStep(
  inputs: OptimiserTensors & { readonly gradient: tf.Tensor },
  factors: StepFactors,
): OptimiserTensors {
  const attributes = factors as unknown as tf.NamedAttrMap;
  const [weight, ...moments] = tf
    .engine()
    .runKernel(OPTIMISER_KERNEL, { ...inputs }, attributes) as unknown as tf.Tensor[];
  return {
    weight: weight!,
    ...(factors.beta1 > 0 ? { first: moments.shift()! } : {}),
    ...(factors.hasSecond ? { second: moments.shift()! } : {}),
  };
}

export function registerOptimiserOnHost({ backendName, valuesOn, make }: Host): void {
  register(backendName, OPTIMISER_KERNEL, ({ inputs, backend, attrs }) => {
    const { weight, gradient, first, second } = inputs as Record<string, tf.TensorInfo>;
    const valuesOf = (tensor: tf.TensorInfo | undefined) =>
      tensor === undefined ? new Float32Array(0) : valuesOn(backend, tensor);
    const next = optimiserReference(
      {
        weight: valuesOf(weight),
        gradient: valuesOf(gradient),
        first: valuesOf(first),
        second: valuesOf(second),
      },
      attrs as unknown as StepFactors,
    );
    const moments = [next.first, next.second].filter(({ length }) => length > 0);
    return [next.weight, ...moments].map((values) => make(backend, weight!.shape, values));
  });
}

export function registerOptimiserOnGpu(): void {
  register('webgpu', OPTIMISER_KERNEL, ({ inputs, backend, attrs }) => {
    const gpu = backend as WebGPUBackend;
    const { weight, gradient, first, second } = inputs as Record<string, tf.TensorInfo>;
    const { beta1, gradientShare, hasSecond, stepSize, firstCorrection, secondCorrection, floorShare } =
      attrs as unknown as StepFactors;
    const nextFirst =
      beta1 === 0
        ? gradient!
        : elementwise(gpu, {
            name: 'first_moment',
            inputs: { moment: first!, gradient: gradient! },
            uniforms: { beta: beta1, share: gradientShare },
            expression: 'uniforms.beta * moment + uniforms.share * gradient',
          });
    const firsts = beta1 === 0 ? [] : [nextFirst];
    const firstFactor = stepSize * firstCorrection;
    if (!hasSecond) {
      const linear = elementwise(gpu, {
        name: 'linear_step',
        inputs: { weight: weight!, first: nextFirst },
        uniforms: { firstFactor },
        expression: 'weight - uniforms.firstFactor * first',
      });
      return [linear, ...firsts];
    }
    const nextSecond = elementwise(gpu, {
      name: 'second_moment',
      inputs: { moment: second!, gradient: gradient! },
      uniforms: {},
      expression: `${BETA2} * moment + ${1 - BETA2} * gradient * gradient`,
    });
    const sum = floorShare > 0 ? sumOf(gpu, nextSecond) : null;
    const moved = { weight: weight!, first: nextFirst, second: nextSecond };
    const factors = { firstFactor, secondFactor: secondCorrection };
    const step = (second: string) =>
      `weight - uniforms.firstFactor * first / (sqrt(${second} * uniforms.secondFactor) + ${EPSILON})`;
    const next =
      sum === null
        ? elementwise(gpu, { name: 'step', inputs: moved, uniforms: factors, expression: step('second') })
        : elementwise(gpu, {
            name: 'floored_step',
            inputs: moved,
            scalars: { sum },
            uniforms: { ...factors, floorFactor: floorShare / sizeOf(weight!.shape) },
            expression: step('max(second, sum * uniforms.floorFactor + zero)'),
          });
    if (sum !== null) gpu.disposeData(sum.dataId);
    return [next, ...firsts, nextSecond];
  });
}

/** The sum of all values, as a tensor of one. Without barriers, which cost much on software adapters. */
function sumOf(gpu: WebGPUBackend, tensor: tf.TensorInfo): tf.TensorInfo {
  const count = sizeOf(tensor.shape);
  const flat = view(tensor, [count]);
  if (count <= PARTS_MAX) return stridedSums(gpu, flat, 1);
  const parts = stridedSums(gpu, flat, Math.min(PARTS_MAX, Math.ceil(count / PART_MIN)));
  const sum = stridedSums(gpu, parts, 1);
  gpu.disposeData(parts.dataId);
  return sum;
}

/** Sum i is of the values i, i + sums, i + 2 sums, ... */
function stridedSums(gpu: WebGPUBackend, values: tf.TensorInfo, sums: number): tf.TensorInfo {
  const program = indexProgram({
    name: 'strided_sums',
    outputShape: [sums],
    threads: sums,
    inputs: [{ name: 'values', components: 1 }],
    outputComponents: 1,
    uniforms: 'count : i32, sums : i32,',
    body: `
      if (index >= uniforms.sums) { return; }
      var sum = 0.0;
      for (var i = index; i < uniforms.count; i += uniforms.sums) { sum += values[i]; }
      result[index] = sum;`,
  });
  return gpu.runWebGPUProgram(program, [values], 'float32', int32s(values.shape[0]!, sums));
}
