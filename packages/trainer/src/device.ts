/**
 * The one place that opens a tfjs backend: the GPU through our own GPUDevice, or the processor, in JavaScript or
 * WebAssembly, where somebody asked for it by name. Never one in place of the other.
 *
 * tfjs fails silently on WebGPU: a shader that does not compile is a console warning and a result of zeros. So the
 * device is ours, and its first uncaptured error is kept (`fault`); whoever computes asks before it believes a result.
 * tfjs's engine and its flags are global to the thread: at most one WebGPU device a worker.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { Adapter } from '@murmuration/protocol';
import type { TrainerFailure } from '@murmuration/swarm';
import { useOwnProductOnCpu } from './cpu-product.ts';
import { CPU, WASM, type Host } from './host.ts';
import { registerOnGpu, registerOnHost } from './kernels.ts';
import { registerRowsOnGpu, registerRowsOnHost } from './row-kernels.ts';
import { registerOptimiserOnGpu, registerOptimiserOnHost } from './optimiser-kernels.ts';
import { useOwnKernelsOnWasm } from './wasm-kernels.ts';

/** MatMulProgramType.MatMulPackedProgram: the only one of tfjs's products without a tree of barriers (15x on SwiftShader). */
const MATMUL_PACKED = 3;
/** How long the news that the device is gone is waited for after an error. Later news costs one command more. */
const LOSS_NEWS_MAX_MS = 1_000;

export class TrainerError extends Error {
  readonly failure: TrainerFailure;
  /** With `too-small`. */
  readonly size: { readonly needsBytes: number; readonly hasBytes: number } | undefined;
  constructor(failure: TrainerFailure, message: string, size?: TrainerError['size']) {
    super(message);
    this.failure = failure;
    this.size = size;
  }
}

export interface Device {
  readonly adapter: Adapter;
  /** Largest buffer that a kernel may bind, bytes. */
  readonly bufferMaxBytes: number;
  /** The device itself, for kernels of our own; null on the CPU. */
  readonly gpu: () => GPUDevice | null;
  /** Why the device is gone; null while it is there. */
  readonly lost: () => string | null;
  /** First error that WebGPU reported outside any scope; after it no result of this device can be trusted. */
  readonly fault: () => string | null;
  /**
   * Runs work without computing and compiles the shaders that it needs, in parallel. Results of the work hold nothing.
   * @throws TrainerError 'self-test' when one does not compile
   */
  readonly compileAhead: (work: () => void) => Promise<void>;
  /** Whether the device is gone, after an error that may have come ahead of that news. */
  readonly isLostAfterError: () => Promise<boolean>;
  /** Frees everything. All tensors on the device are gone. */
  readonly close: () => void;
}

/** The whole address space of the module is 2 GiB, and a step holds several buffers of the largest size. */
const WASM_BUFFER_MAX_BYTES = 256 * 2 ** 20;

/** `wasmUrl`: where tfjs-backend-wasm-simd.wasm lies, which whoever bundles this room knows. */
export type DeviceChoice = 'webgpu' | 'cpu' | { readonly wasmUrl: string };

/** @throws TrainerError 'no-adapter' */
export async function openDevice(choice: DeviceChoice): Promise<Device> {
  if (choice === 'webgpu') return openGpu();
  return choice === 'cpu' ? openCpu() : openWasm(choice.wasmUrl);
}

async function openCpu(): Promise<Device> {
  await import('@tensorflow/tfjs-backend-cpu');
  useOwnProductOnCpu();
  return openHost(CPU, { architecture: 'javascript', bufferMaxBytes: Number.MAX_SAFE_INTEGER });
}

async function openWasm(wasmUrl: string): Promise<Device> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')))
    throw new TrainerError('no-adapter', 'this browser has no WebAssembly SIMD; ask for cpu instead of wasm');
  // Threads would start workers from blob: addresses, which the page's policy forbids; on two cores they gained nothing.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  const names = ['wasm', 'wasm-simd', 'wasm-threaded-simd'] as const;
  wasm.setWasmPaths(Object.fromEntries(names.map((name) => [`tfjs-backend-${name}.wasm`, wasmUrl])));
  useOwnKernelsOnWasm();
  return openHost(WASM, { architecture: 'webassembly simd', bufferMaxBytes: WASM_BUFFER_MAX_BYTES });
}

async function openHost(
  host: Host,
  { architecture, bufferMaxBytes }: { readonly architecture: string; readonly bufferMaxBytes: number },
): Promise<Device> {
  const { backendName } = host;
  registerOnHost(host);
  registerRowsOnHost(host);
  registerOptimiserOnHost(host);
  if (!(await tf.setBackend(backendName)))
    throw new TrainerError('error', `tfjs could not start its ${backendName} backend; the console says why`);
  return {
    adapter: {
      backend: backendName,
      vendor: 'tfjs',
      architecture,
      description: `tfjs ${backendName} backend, asked for by name`,
      isFallbackAdapter: false,
    },
    bufferMaxBytes,
    gpu: () => null,
    lost: () => null,
    fault: () => null,
    compileAhead: () => Promise.resolve(),
    isLostAfterError: () => Promise.resolve(false),
    close: () => {},
  };
}

async function openGpu(): Promise<Device> {
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (gpu === undefined)
    throw new TrainerError(
      'no-adapter',
      'this browser offers no WebGPU here; use a current Chrome, Edge, Safari or Firefox, and an https address',
    );
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null)
    throw new TrainerError(
      'no-adapter',
      'WebGPU found no graphics adapter; check chrome://gpu, or reload after a crash',
    );
  const { limits, info } = adapter;
  const wish: GPUDeviceDescriptor = {
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    },
  };
  // An adapter of a process that has crashed meanwhile refuses.
  const device = await adapter.requestDevice(wish).catch((reason: unknown) => {
    throw new TrainerError('no-adapter', `the graphics adapter gave no device: ${String(reason)}`);
  });
  let lost: string | null = null;
  let fault: string | null = null;
  const loss = device.lost.then((why) => {
    lost = `${why.reason}: ${why.message}`;
  });
  device.addEventListener('uncapturederror', (event) => {
    fault ??= event.error.message;
  });

  const webgpu = await import('@tensorflow/tfjs-backend-webgpu');
  const { useSoftwareKernels } = await import('./software-gpu.ts');
  registerOnGpu();
  registerRowsOnGpu();
  registerOptimiserOnGpu();
  if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
  const isFallbackAdapter = info.isFallbackAdapter;
  tf.registerBackend('webgpu', () => {
    const backend = new webgpu.WebGPUBackend(device, info as never);
    if (isFallbackAdapter) useSoftwareKernels(backend);
    return backend;
  });
  if (!(await tf.setBackend('webgpu'))) throw new TrainerError('error', 'tfjs refused the WebGPU device');
  // Small tensors would be computed by the cpu backend: the self-test must test the GPU, and training must use it.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', isFallbackAdapter ? MATMUL_PACKED : -1);

  return {
    adapter: {
      backend: 'webgpu',
      vendor: info.vendor.slice(0, 128),
      architecture: info.architecture.slice(0, 128),
      description: (info.description || info.device).slice(0, 256),
      isFallbackAdapter,
    },
    bufferMaxBytes: Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize),
    gpu: () => device,
    lost: () => lost,
    fault: () => fault,
    compileAhead: async (work) => {
      tf.env().set('WEBGPU_ENGINE_COMPILE_ONLY', true);
      try {
        work();
      } finally {
        tf.env().set('WEBGPU_ENGINE_COMPILE_ONLY', false);
      }
      try {
        await (tf.backend() as WebGPUBackend).checkCompileCompletionAsync();
      } catch (error) {
        throw new TrainerError(
          'self-test',
          `a shader does not compile: ${error instanceof Error ? error.message : error}`,
        );
      }
    },
    isLostAfterError: async () => {
      await Promise.race([loss, new Promise((resolve) => setTimeout(resolve, LOSS_NEWS_MAX_MS))]);
      return lost !== null;
    },
    close: () => {
      if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
      device.destroy();
    },
  };
}
