/**
 * What tfjs's WebAssembly backend lacks or does badly, made of what it does well. It has no gradient for a convolution's
 * kernel, and its gradient of a max pool is wrong (the self-test finds it). A product with a transposed factor takes a
 * path without SIMD, ten times as slow as a transposition and the fast product. And the fast product keeps what it made of
 * its second factor under that tensor's number alone: the same numbers in another shape, which is how the tape sees a
 * gradient, would be multiplied in the first one. So it is given a tensor of its own each time.
 */
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf, view } from './gpu-program.ts';
import { WASM } from './host.ts';
import { register } from './kernels.ts';

/** Floats of a table of patches, 16 MB: of a large batch only some images are laid out at a time. */
const PATCH_VALUES_MAX = 4_194_304;

type Geometry = tf.backend_util.Conv2DInfo;
interface Call {
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly backend: tf.KernelBackend;
  readonly attributes: tf.NamedAttrMap;
}

let installed = false;

/** From now on the wasm backend computes with the kernels below. */
export function useOwnKernelsOnWasm(): void {
  if (installed) return;
  installed = true;
  register('wasm', 'Conv2DBackpropFilter', (call) => kernelGradient(callOf(call)));
  for (const kernelName of ['BatchMatMul', '_FusedMatMul', 'MaxPoolGrad']) {
    const original = tf.getKernel(kernelName, 'wasm');
    tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({
      ...original,
      kernelFunc: (call) =>
        kernelName === 'MaxPoolGrad'
          ? maxPoolGradient(callOf(call))
          : product(callOf(call), original.kernelFunc),
    });
  }
}

const callOf = ({ inputs, backend, attrs }: Parameters<tf.KernelFunc>[0]): Call => ({
  inputs: inputs as Call['inputs'],
  backend: backend as tf.KernelBackend,
  attributes: attrs ?? {},
});

const run = (kernelName: string, { inputs, backend, attributes }: Call) =>
  tf.getKernel(kernelName, 'wasm').kernelFunc({ inputs, backend, attrs: attributes }) as tf.TensorInfo;

/** BatchMatMul and _FusedMatMul; many small products at once are left to tfjs. */
function product({ inputs, backend, attributes }: Call, original: tf.KernelFunc): tf.TensorInfo {
  const isSingle = (of: tf.TensorInfo) => sizeOf(of.shape.slice(0, -2)) === 1;
  const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
  if (!isSingle(a) || !isSingle(b)) return original({ inputs, backend, attrs: attributes }) as tf.TensorInfo;
  const left = attributes['transposeA'] === true ? turned(a, backend) : null;
  const right = attributes['transposeB'] === true ? turned(b, backend) : copyOf(b, backend);
  // tfjs asks for the shape in which the bias was made, which in an attention is one row a head.
  const { bias } = inputs as { bias?: tf.TensorInfo | null };
  const offsets = bias == null ? null : copyOf({ ...bias, shape: [sizeOf(bias.shape)] }, backend);
  const result = original({
    inputs: { ...inputs, a: left ?? a, b: right, ...(offsets === null ? {} : { bias: offsets }) },
    backend,
    attrs: { ...attributes, transposeA: false, transposeB: false },
  }) as tf.TensorInfo;
  for (const made of [left, right, offsets]) if (made !== null) backend.disposeData(made.dataId);
  return result;
}

const copyOf = (tensor: tf.TensorInfo, backend: tf.KernelBackend) =>
  WASM.make(backend, tensor.shape, WASM.valuesOn(backend, tensor).slice());

/** The matrix transposed, as a tensor of its own. */
function turned(tensor: tf.TensorInfo, backend: tf.KernelBackend): tf.TensorInfo {
  const [height, width] = tensor.shape.slice(-2) as [number, number];
  const shape = [...tensor.shape.slice(0, -2), width, height];
  // tfjs's transposition would be the same data under another shape.
  if (height === 1 || width === 1) return copyOf({ ...tensor, shape }, backend);
  const x = { ...tensor, shape: [height, width] };
  return view(run('Transpose', { inputs: { x }, backend, attributes: { perm: [1, 0] } }), shape);
}

/** Conv2DBackpropFilter: patches of the images, transposed, by the gradient of what they became. */
function kernelGradient({ inputs, backend, attributes }: Call): tf.TensorInfo {
  const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
  const { strides, pad, filterShape } = attributes as unknown as {
    readonly strides: [number, number];
    readonly pad: 'same' | 'valid';
    readonly filterShape: [number, number, number, number];
  };
  const shape = x.shape as [number, number, number, number];
  const geometry = tf.backend_util.computeConv2DInfo(shape, filterShape, strides, 1, pad);
  const { batchSize, outHeight, outWidth, outChannels } = geometry;
  const columns = sizeOf(filterShape.slice(0, 3));
  const pixels = outHeight * outWidth;
  const imagesAtOnce = Math.max(1, Math.floor(PATCH_VALUES_MAX / (pixels * columns)));
  const sum = new Float32Array(columns * outChannels);
  for (let from = 0; from < batchSize; from += imagesAtOnce) {
    const to = Math.min(batchSize, from + imagesAtOnce);
    const rows = (to - from) * pixels;
    const laidOut = patches(WASM.valuesOn(backend, x), geometry, [from, to]);
    const slopes = WASM.valuesOn(backend, dy).slice(from * pixels * outChannels, to * pixels * outChannels);
    const a = WASM.make(backend, [1, rows, columns], laidOut);
    const b = WASM.make(backend, [1, rows, outChannels], slopes);
    const attributes = { transposeA: true, transposeB: false };
    const part = run('BatchMatMul', { inputs: { a, b }, backend, attributes });
    for (const [i, value] of WASM.valuesOn(backend, part).entries()) sum[i]! += value;
    for (const { dataId } of [a, b, part]) backend.disposeData(dataId);
  }
  return view(WASM.make(backend, [columns, outChannels], sum), filterShape);
}

/** A row for each pixel of the output: what the kernel sees from there, zero outside the image. */
function patches(x: Float32Array, geometry: Geometry, [from, to]: readonly [number, number]): Float32Array {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = geometry;
  const { strideHeight, strideWidth, padInfo } = geometry;
  const columns = filterHeight * filterWidth * inChannels;
  const out = new Float32Array((to - from) * outHeight * outWidth * columns);
  let row = 0;
  for (let image = from; image < to; image++)
    for (let y = 0; y < outHeight; y++)
      for (let column = 0; column < outWidth; column++, row += columns) {
        const left = column * strideWidth - padInfo.left;
        // Side by side in the image, side by side in the patch.
        const first = Math.max(0, -left);
        const count = Math.min(filterWidth, inWidth - left) - first;
        if (count <= 0) continue;
        for (let ky = 0; ky < filterHeight; ky++) {
          const inY = y * strideHeight - padInfo.top + ky;
          if (inY < 0 || inY >= inHeight) continue;
          const at = ((image * inHeight + inY) * inWidth + left + first) * inChannels;
          const to = row + (ky * filterWidth + first) * inChannels;
          for (let i = 0; i < count * inChannels; i++) out[to + i] = x[at + i]!;
        }
      }
  return out;
}

/** MaxPoolGrad. Of several largest values the first has the gradient, as on the other backends. */
function maxPoolGradient({ inputs, backend, attributes }: Call): tf.TensorInfo {
  const { input, dy } = inputs as { input: tf.TensorInfo; dy: tf.TensorInfo };
  const { filterSize, strides, pad } = attributes as unknown as {
    readonly filterSize: [number, number];
    readonly strides: [number, number];
    readonly pad: 'same' | 'valid';
  };
  const shape = input.shape as [number, number, number, number];
  const geometry = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad);
  const { batchSize, inChannels: channels, inHeight, inWidth, outHeight, outWidth } = geometry;
  const { strideHeight, strideWidth, filterHeight, filterWidth, padInfo } = geometry;
  const x = WASM.valuesOn(backend, input);
  const slopes = WASM.valuesOn(backend, dy);
  const out = new Float32Array(x.length);
  let at = 0;
  for (let image = 0; image < batchSize; image++)
    for (let y = 0; y < outHeight; y++)
      for (let column = 0; column < outWidth; column++) {
        const top = y * strideHeight - padInfo.top;
        const left = column * strideWidth - padInfo.left;
        for (let channel = 0; channel < channels; channel++, at++) {
          let best = -1;
          for (let inY = Math.max(0, top); inY < Math.min(inHeight, top + filterHeight); inY++)
            for (let inX = Math.max(0, left); inX < Math.min(inWidth, left + filterWidth); inX++) {
              const index = ((image * inHeight + inY) * inWidth + inX) * channels + channel;
              if (best < 0 || x[index]! > x[best]!) best = index;
            }
          out[best]! += slopes[at]!;
        }
      }
  return WASM.make(backend, shape, out);
}
