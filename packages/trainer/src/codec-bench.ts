/**
 * The codec's kernels timed against the CPU on this device, for `npm run bench:codec`. In one tab, the ways taking
 * turns, so that whatever else the machine does falls on all of them.
 *
 * What is timed is an exchange's cost on the way out: from the weights on the GPU to the update's bytes in hand, formed,
 * corrected by its residual, encoded. `host` is the same without kernels (position.ts, HostPosition): weights read back
 * as float32, everything else here. `encode` is only a part of that, reading float32 back and encoding it, as if
 * forming and correcting cost nothing.
 */
import { encodeUpdate, mulberry, Replica, streamSeed, type Scheme } from '@murmuration/codec';
import { CodecDevice } from './codec-device.ts';
import { isPacked } from './codec-kernels.ts';
import { openDevice } from './device.ts';

export interface CodecTimes {
  readonly scheme: Scheme;
  readonly count: number;
  /** Milliseconds, the fastest turn's. */
  readonly hostMs: number;
  readonly encodeMs: number;
  readonly plainMs: number;
  readonly workgroupMs: number;
  readonly readbackBytes: number;
  readonly encodedBytes: number;
  /** Whether both shapes gave the CPU's bytes. */
  readonly isRight: boolean;
}

export interface CodecBenchOptions {
  readonly scheme: Scheme;
  readonly count: number;
  readonly turns: number;
  readonly seed: number;
}

const WARM_UP_TURNS = 2;

/** On a device of its own, with values of a bell. @throws Error when WebGPU reported one. */
export async function benchCodec({ scheme, count, turns, seed }: CodecBenchOptions): Promise<CodecTimes> {
  const { adapter, ...device } = await openDevice('webgpu');
  try {
    const random = mulberry(streamSeed(seed, 'bench', scheme));
    const values = Float32Array.from({ length: count }, () => 0.01 * (random() + random() + random() - 1.5));
    const times = await codecTimes(device.gpu()!, scheme, values, turns);
    const fault = device.fault();
    if (fault !== null) throw new Error(`${adapter.vendor} ${adapter.architecture}: ${fault}`);
    return times;
  } finally {
    device.close();
  }
}

/** @param correction what is encoded: it stands in for weights that training moved by it from an anchor of zero. */
export async function codecTimes(
  device: GPUDevice,
  scheme: Scheme,
  correction: Float32Array,
  turns: number,
): Promise<CodecTimes> {
  if (!isPacked(scheme)) throw new Error(`codec bench: ${scheme} has no kernels`);
  const count = correction.length;
  // A difference from zero is never a negative zero.
  const right = encodeUpdate(
    scheme,
    correction.map((value) => value + 0),
  );
  const plain = await CodecDevice.open(device, { count, scheme, shape: 'plain' });
  const workgroup = await CodecDevice.open(device, { count, scheme, shape: 'workgroup' });
  for (const gpu of [plain, workgroup]) {
    gpu.stand(new Float32Array(count));
    gpu.write('trained', correction);
  }
  const zero = new Float32Array(count);
  let isRight = true;
  const replica = new Replica({ parameterCount: count, scheme, outerLearningRate: 1 });
  const ways = {
    host: async () => {
      replica.trained(await plain.read('trained'));
      return replica.formUpdate();
    },
    encode: async () => encodeUpdate(scheme, await plain.read('correction')),
    plain: () => plain.form(),
    workgroup: () => workgroup.form(),
  };
  const times = {
    host: [] as number[],
    encode: [] as number[],
    plain: [] as number[],
    workgroup: [] as number[],
  };
  await plain.form();
  for (let turn = 0; turn < WARM_UP_TURNS + turns; turn++)
    for (const way of ['host', 'encode', 'plain', 'workgroup'] as const) {
      // As at the start of a round, with nothing trained yet.
      replica.load(zero);
      const startedMs = performance.now();
      const bytes = await ways[way]();
      const ms = performance.now() - startedMs;
      if (turn >= WARM_UP_TURNS) times[way].push(ms);
      isRight &&= bytes.length === right.length && bytes.every((byte, i) => byte === right[i]);
    }
  const { readbackBytes } = plain;
  plain.close();
  workgroup.close();
  return {
    scheme,
    count,
    hostMs: Math.min(...times.host),
    encodeMs: Math.min(...times.encode),
    plainMs: Math.min(...times.plain),
    workgroupMs: Math.min(...times.workgroup),
    readbackBytes,
    encodedBytes: right.length,
    isRight,
  };
}
