/**
 * The gradient of relu, which tfjs does not have in one piece, as a kernel of our own for both backends; and how own
 * kernels are registered.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { elementwise } from './gpu-program.ts';

export const RELU_GRADIENT_KERNEL = 'MurmurationReluGradient';

/** `upstream` where the output of relu is positive, else zero. */
export const reluGradient = (upstream: tf.Tensor, output: tf.Tensor): tf.Tensor =>
  tf.engine().runKernel(RELU_GRADIENT_KERNEL, { upstream, output }) as tf.Tensor;

export function registerOnCpu(): void {
  register('cpu', RELU_GRADIENT_KERNEL, ({ inputs, backend }) => {
    const { upstream, output } = inputs as Record<string, tf.TensorInfo>;
    const outputs = valuesOn(backend, output!);
    const values = valuesOn(backend, upstream!).map((value, i) => (outputs[i]! > 0 ? value : 0));
    return (backend as MathBackendCPU).makeTensorInfo(upstream!.shape, 'float32', values);
  });
}

export function registerOnGpu(): void {
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

export function register(backendName: string, kernelName: string, kernelFunc: tf.KernelFunc): void {
  if (tf.getKernel(kernelName, backendName) === undefined)
    tf.registerKernel({ kernelName, backendName, kernelFunc });
}

export const valuesOn = (backend: unknown, tensor: tf.TensorInfo): Float32Array =>
  (backend as MathBackendCPU).data.get(tensor.dataId).values as Float32Array;
