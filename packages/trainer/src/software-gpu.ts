/**
 * Kernels for WebGPU adapters that are software (SwiftShader in CI, in the demo, on machines without a GPU).
 *
 * tfjs's products share tiles in workgroup memory and meet at barriers: right on a GPU, ten times too slow where each
 * invocation is a lane of a CPU's vector unit. Here no invocation waits for another.
 *
 * The kernels replace tfjs's under the same names, but only for backends that `useSoftwareKernels` was told of; every
 * other backend, and every case that is not ours (dilation, padded pools), goes to tfjs's own.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { indexProgram, int32s, sizeOf, view, type OwnKernel } from './gpu-program.ts';
import {
  convolution,
  filterGradient,
  inputGradient,
  maxPool,
  maxPoolGradient,
} from './software-convolution.ts';
import { product } from './software-product.ts';

const softwareBackends = new WeakSet<object>();
let installed = false;

/** From now on this backend computes with the kernels of the software-*.ts files. */
export function useSoftwareKernels(backend: WebGPUBackend): void {
  softwareBackends.add(backend);
  if (installed) return;
  installed = true;
  const kernels: Record<string, OwnKernel> = {
    BatchMatMul: product,
    _FusedMatMul: product,
    FusedConv2D: convolution,
    Conv2DBackpropFilter: filterGradient,
    Conv2DBackpropInput: inputGradient,
    MaxPool: maxPool,
    MaxPoolGrad: maxPoolGradient,
    Softmax: softmax,
  };
  for (const [kernelName, own] of Object.entries(kernels)) {
    const original = tf.getKernel(kernelName, 'webgpu');
    tf.unregisterKernel(kernelName, 'webgpu');
    tf.registerKernel({
      ...original,
      kernelFunc: (call) => {
        const gpu = call.backend as WebGPUBackend;
        const result = softwareBackends.has(gpu) ? own(call.inputs, call.attrs ?? {}, gpu) : null;
        return result ?? original.kernelFunc(call);
      },
    });
  }
}

/** One thread a row: rows are short (the classes). */
const softmax: OwnKernel = (inputs, attributes, gpu) => {
  const logits = inputs['logits']!;
  if (attributes['dim'] !== logits.shape.length - 1) return null;
  const columns = logits.shape.at(-1)!;
  const rows = sizeOf(logits.shape) / columns;
  const program = indexProgram({
    name: 'softmax',
    outputShape: [rows, columns],
    threads: rows,
    inputs: [{ name: 'logits', components: 1 }],
    outputComponents: 1,
    uniforms: 'threads : i32, columns : i32,',
    body: `
      if (index >= uniforms.threads) { return; }
      let start = index * uniforms.columns;
      var peak = logits[start];
      for (var c = 1; c < uniforms.columns; c++) { peak = max(peak, logits[start + c]); }
      var sum = 0.0;
      for (var c = 0; c < uniforms.columns; c++) { sum += exp(logits[start + c] - peak); }
      for (var c = 0; c < uniforms.columns; c++) { result[start + c] = exp(logits[start + c] - peak) / sum; }`,
  });
  const result = gpu.runWebGPUProgram(
    program,
    [view(logits, [rows, columns])],
    'float32',
    int32s(rows, columns),
  );
  return view(result, logits.shape);
};
