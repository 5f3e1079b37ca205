/**
 * Backends whose tensors lie where JavaScript reads them: the own kernels that are written in JavaScript run on each.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

export interface Host {
  readonly backendName: 'cpu' | 'wasm';
  /** The tensor's own values, not a copy; good until the next tensor is made. */
  readonly valuesOn: (backend: unknown, tensor: tf.TensorInfo) => Float32Array;
  /** A tensor of these values; the caller does not write to them afterwards. */
  readonly make: (backend: unknown, shape: readonly number[], values: Float32Array) => tf.TensorInfo;
}

export const CPU: Host = {
  backendName: 'cpu',
  valuesOn: (backend, { dataId }) => (backend as MathBackendCPU).data.get(dataId).values as Float32Array,
  make: (backend, shape, values) => (backend as MathBackendCPU).makeTensorInfo([...shape], 'float32', values),
};

/** Memory that grows moves all of it: a view is asked for again after every tensor that was made. */
export const WASM: Host = {
  backendName: 'wasm',
  valuesOn: (backend, tensor) => (backend as BackendWasm).typedArrayFromHeap(tensor) as Float32Array,
  make: (backend, shape, values) =>
    (backend as BackendWasm).makeOutput([...shape], 'float32', undefined, values),
};
