/**
 * The operations that tfjs does not have in one piece, as kernels of our own, for both backends: a step of Adam (tfjs
 * spends fifteen dispatches a weight on it) and the gradient of relu.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON, adamReference, type AdamFactors } from './adam-reference.ts';
import { elementwise } from './gpu-program.ts';

export const ADAM_KERNEL = 'MurmurationAdam';
export const RELU_GRADIENT_KERNEL = 'MurmurationReluGradient';

/** weight, first and second moment after one step. */
export function adamStep(
  inputs: { weight: tf.Tensor; gradient: tf.Tensor; first: tf.Tensor; second: tf.Tensor },
  factors: AdamFactors,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const attributes = factors as unknown as tf.NamedAttrMap;
  return tf.engine().runKernel(ADAM_KERNEL, inputs, attributes) as unknown as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
}

/** `upstream` where the output of relu is positive, else zero. */
export const reluGradient = (upstream: tf.Tensor, output: tf.Tensor): tf.Tensor =>
  tf.engine().runKernel(RELU_GRADIENT_KERNEL, { upstream, output }) as tf.Tensor;

export function registerOnCpu(): void {
  register('cpu', ADAM_KERNEL, ({ inputs, backend, attrs }) => {
    const { weight, gradient, first, second } = inputs as Record<string, tf.TensorInfo>;
    const next = adamReference(
      {
        weight: valuesOn(backend, weight!),
        gradient: valuesOn(backend, gradient!),
        first: valuesOn(backend, first!),
        second: valuesOn(backend, second!),
      },
      attrs as unknown as AdamFactors,
    );
    const make = (values: Float32Array) =>
      (backend as MathBackendCPU).makeTensorInfo(weight!.shape, 'float32', values);
    return [make(next.weight), make(next.first), make(next.second)];
  });
  register('cpu', RELU_GRADIENT_KERNEL, ({ inputs, backend }) => {
    const { upstream, output } = inputs as Record<string, tf.TensorInfo>;
    const outputs = valuesOn(backend, output!);
    const values = valuesOn(backend, upstream!).map((value, i) => (outputs[i]! > 0 ? value : 0));
    return (backend as MathBackendCPU).makeTensorInfo(upstream!.shape, 'float32', values);
  });
}

export function registerOnGpu(): void {
  register('webgpu', ADAM_KERNEL, ({ inputs, backend, attrs }) => {
    const gpu = backend as WebGPUBackend;
    const { weight, gradient, first, second } = inputs as Record<string, tf.TensorInfo>;
    const { stepSize, firstCorrection, secondCorrection } = attrs as unknown as AdamFactors;
    const nextFirst = elementwise(gpu, {
      name: 'adam_first',
      inputs: { moment: first!, gradient: gradient! },
      uniforms: {},
      expression: `${ADAM_BETA1} * moment + ${1 - ADAM_BETA1} * gradient`,
    });
    const nextSecond = elementwise(gpu, {
      name: 'adam_second',
      inputs: { moment: second!, gradient: gradient! },
      uniforms: {},
      expression: `${ADAM_BETA2} * moment + ${1 - ADAM_BETA2} * gradient * gradient`,
    });
    const next = elementwise(gpu, {
      name: 'adam_weight',
      inputs: { weight: weight!, first: nextFirst, second: nextSecond },
      uniforms: { firstFactor: stepSize * firstCorrection, secondFactor: secondCorrection },
      expression: `weight - uniforms.firstFactor * first / (sqrt(second * uniforms.secondFactor) + ${ADAM_EPSILON})`,
    });
    return [next, nextFirst, nextSecond];
  });
  register('webgpu', RELU_GRADIENT_KERNEL, ({ inputs, backend }) => {
    const { upstream, output } = inputs as Record<string, tf.TensorInfo>;
    return elementwise(backend as WebGPUBackend, {
      name: 'relu_gradient',
      inputs: { upstream: upstream!, activated: output! },
      uniforms: {},
      expression: 'select(zero, upstream, activated > zero)',
    });
  });
}

function register(backendName: string, kernelName: string, kernelFunc: tf.KernelFunc): void {
  if (tf.getKernel(kernelName, backendName) === undefined)
    tf.registerKernel({ kernelName, backendName, kernelFunc });
}

const valuesOn = (backend: unknown, tensor: tf.TensorInfo): Float32Array =>
  (backend as MathBackendCPU).data.get(tensor.dataId).values as Float32Array;
