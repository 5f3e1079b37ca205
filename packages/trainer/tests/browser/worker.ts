/** A worker with one trainer, as in the volunteer page, and with what the test needs to do harm to its device. */
import * as tf from '@tensorflow/tfjs-core';
import type { Scheme } from '@murmuration/codec';
import type { ModelSpec, Training } from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent } from '@murmuration/swarm';
import { bareLoop } from '../../src/bare-loop.ts';
import { codecTimes } from '../../src/codec-bench.ts';
import { calibrate } from '../../src/codec-calibration.ts';
import { createTrainer, type Trainer } from '../../src/index.ts';
import { exampleBatches, exampleCheckpoint, exampleManifest, exampleShard } from '../example.ts';
import { checkCodec, openTestDevice, wildVector, type CodecCase } from './codec-checks.ts';

export type Request =
  | {
      readonly kind: 'open';
      readonly backend: 'webgpu' | 'cpu';
      readonly formedBy?: 'plain' | 'workgroup' | 'host';
    }
  /** Prepare, become a replica at round 0, take a shard and validation samples. */
  | {
      readonly kind: 'stand';
      readonly model: 'mlp' | 'cnn' | ModelSpec;
      readonly training: Partial<Training>;
    }
  | { readonly kind: 'prepare'; readonly model: ModelSpec }
  | { readonly kind: 'execute'; readonly command: TrainerCommand }
  | { readonly kind: 'train'; readonly round: number; readonly steps: number }
  /** Train and commit the own update. */
  | { readonly kind: 'round'; readonly round: number; readonly steps: number }
  | { readonly kind: 'memory' }
  /** Lose the device once the training that was asked for before is under way. */
  | { readonly kind: 'lose-device' }
  /** From now on the browser has no adapter. */
  | { readonly kind: 'hide-adapters' }
  | { readonly kind: 'break-shader' }
  | { readonly kind: 'close' }
  /** The codec's kernels against their definition. */
  | { readonly kind: 'check-codec'; readonly cases: readonly CodecCase[] }
  /** Where updates are formed on this machine. */
  | {
      readonly kind: 'time-codec';
      readonly scheme: Scheme;
      readonly count: number;
      readonly turns: number;
    }
  | { readonly kind: 'calibrate'; readonly scheme: Scheme; readonly parameterCount: number }
  | {
      readonly kind: 'bare';
      readonly model: 'mlp' | 'cnn';
      readonly batchSize: number;
      readonly steps: number;
    };

export type Reply =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

let device: GPUDevice | null = null;
/** Buffers that were made and not destroyed, of all devices of this worker. */
let liveBuffers = 0;
if ('gpu' in navigator) {
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    liveBuffers += 1;
    return createBuffer.call(this, descriptor);
  };
  GPUBuffer.prototype.destroy = function () {
    liveBuffers -= 1;
    return destroy.call(this);
  };
  const requestDevice = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    device = await requestDevice.call(this, descriptor);
    return device;
  };
}

let trainer: Trainer | null = null;
let ticket = 0;
const execute = (command: TrainerCommand): Promise<TrainerEvent> => trainer!.execute(++ticket, command);

async function answer(request: Request): Promise<unknown> {
  switch (request.kind) {
    case 'open':
      trainer ??= createTrainer(request);
      return trainer.open();
    case 'stand': {
      const manifest = exampleManifest(request.model, request.training);
      const [side] = manifest.model.inputShape;
      return Promise.all([
        execute({ kind: 'prepare', manifest }),
        execute({ kind: 'load-checkpoint', round: 0, parameters: exampleCheckpoint(manifest.model) }),
        execute({ kind: 'add-shard', shardIndex: 0, bytes: exampleShard(0, side) }),
        execute({ kind: 'add-validation', bytes: exampleShard(99, side) }),
      ]);
    }
    case 'prepare':
      return execute({ kind: 'prepare', manifest: exampleManifest(request.model) });
    case 'execute':
      return execute(request.command);
    case 'train': {
      const { round } = request;
      const trained = await execute({ kind: 'train', round, batches: exampleBatches(round, request.steps) });
      return trained.kind === 'trained'
        ? execute({ kind: 'form-update', round, withSlice: false, scheme: 'int8' })
        : trained;
    }
    case 'round': {
      const { round } = request;
      const trained = await execute({ kind: 'train', round, batches: exampleBatches(round, request.steps) });
      if (trained.kind !== 'trained') return trained;
      const formed = await execute({ kind: 'form-update', round, withSlice: false, scheme: 'int8' });
      if (formed.kind !== 'update-formed') return formed;
      const { sampleCount } = trained;
      const { encoded } = formed;
      const author = 'vol_00000000000000000000000000';
      await execute({
        kind: 'commit',
        round,
        updates: [{ author, sampleCount, stepCount: 1, encoded, slice: formed.slice }],
        own: 'counted',
      });
      return { ...trained, encoded: encoded.length };
    }
    case 'memory': {
      const { numTensors, numBytesAllocatedInGPU } = tf.memory() as tf.MemoryInfo & {
        numBytesAllocatedInGPU: number;
      };
      return { numTensors, numBytesAllocatedInGPU, liveBuffers };
    }
    case 'lose-device':
      device!.destroy();
      return null;
    case 'hide-adapters':
      navigator.gpu.requestAdapter = () => Promise.resolve(null);
      return null;
    case 'break-shader':
      device!.createShaderModule({ code: 'this is no shader' });
      return null;
    case 'close':
      await trainer!.close();
      trainer = null;
      return tf.engine().state.numTensors;
    case 'check-codec': {
      const test = await openTestDevice();
      const verdicts = [];
      for (const one of request.cases) verdicts.push(await checkCodec(test.device, one));
      test.device.destroy();
      return { isFallbackAdapter: test.isFallbackAdapter, faults: test.faults, verdicts };
    }
    case 'time-codec': {
      const test = await openTestDevice();
      const vector = wildVector(request.count, 1, 0.01);
      const times = await codecTimes(test.device, request.scheme, vector, request.turns);
      test.device.destroy();
      return { ...times, faults: test.faults };
    }
    case 'calibrate': {
      const test = await openTestDevice();
      const startedMs = performance.now();
      const found = await calibrate(test.device, request.scheme, request.parameterCount);
      const ms = performance.now() - startedMs;
      test.device.destroy();
      return { ...found, ms, faults: test.faults };
    }
    case 'bare': {
      const { model } = exampleManifest(request.model);
      const { learningRate } = exampleManifest(request.model).training;
      return bareLoop({ ...request, model, backend: 'webgpu', learningRate });
    }
    default:
      return request satisfies never;
  }
}

addEventListener('message', async ({ data }: MessageEvent<{ id: number; request: Request }>) => {
  const { id, request } = data;
  try {
    postMessage({ id, value: await answer(request) } satisfies Reply);
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Reply);
  }
});
