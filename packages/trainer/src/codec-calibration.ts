/**
 * Where updates are formed on this machine: by which shape of kernels, or on the CPU. Decided once, at start-up, by
 * doing it: barriers are what a GPU wants and ten times too slow on a software adapter, and neither is known beforehand.
 *
 * Kernels that are not right are not fast: a shape whose bytes or whose anchor differ from the CPU's in a single bit (a
 * driver that rounds another way, a shader that was compiled wrong) is out, and the CPU does its work.
 */
import {
  encodeUpdate,
  mulberry,
  planMean,
  Replica,
  streamSeed,
  sumOf,
  type Scheme,
} from '@murmuration/codec';
import { CodecDevice } from './codec-device.ts';
import { isPacked } from './codec-kernels.ts';
import type { Shape } from './codec-shaders.ts';

/** Values that are formed to see how long it takes; a smaller model takes its own count. */
const SAMPLE_VALUES = 262_144;
/** The fastest of so many runs counts: others on the machine can only slow one down. */
const RUNS = 3;
const SEED = 0x0ca1;

export interface Calibration {
  readonly chosen: Shape | 'host';
  /** Milliseconds from dispatch to the update's bytes in hand; null: not right, or not tried. */
  readonly hostMs: number | null;
  readonly plainMs: number | null;
  readonly workgroupMs: number | null;
}

/** `host` without trying where no kernel exists for the scheme, or there is no GPU. */
export async function calibrate(
  device: GPUDevice | null,
  scheme: Scheme,
  parameterCount: number,
): Promise<Calibration> {
  if (device === null || !isPacked(scheme))
    return { chosen: 'host', hostMs: null, plainMs: null, workgroupMs: null };
  const count = Math.min(parameterCount, SAMPLE_VALUES);
  const random = mulberry(streamSeed(SEED, scheme));
  const trained = Float32Array.from({ length: count }, () => random() + random() + random() - 1.5);
  const anchor = Float32Array.from({ length: count }, () => 0.1 * random());
  const correction = trained.map((value, i) => value - anchor[i]!);
  const right = encodeUpdate(scheme, correction);
  const replica = new Replica({ parameterCount: count, scheme, outerLearningRate: 1 });
  let hostMs = Infinity;
  const times: Record<Shape, number | null> = { plain: null, workgroup: null };
  const gpu = await CodecDevice.open(device, { count, scheme, shape: 'plain' });
  try {
    gpu.stand(anchor);
    gpu.write('trained', trained);
    for (const shape of ['plain', 'workgroup'] as const) {
      await gpu.useShape(shape);
      if (!isEqual(await gpu.form(), right)) continue;
      times[shape] = await fastest(async () => void (await gpu.form()));
    }
    hostMs = await fastest(() => formOnHost(gpu, replica, anchor));
    if (!(await addsExactly(gpu, scheme, anchor, right))) times.plain = times.workgroup = null;
  } finally {
    gpu.close();
  }
  const { plain, workgroup } = times;
  const least = Math.min(plain ?? Infinity, workgroup ?? Infinity);
  const chosen = !(least < hostMs) ? 'host' : least === plain ? 'plain' : 'workgroup';
  return { chosen, hostMs: Number.isFinite(hostMs) ? hostMs : null, plainMs: plain, workgroupMs: workgroup };
}

async function fastest(work: () => Promise<void>): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < RUNS; run++) {
    const startedMs = performance.now();
    await work();
    best = Math.min(best, performance.now() - startedMs);
  }
  return best;
}

/** What there is to do without kernels (position.ts, HostPosition): weights read back as float32, the rest here. */
async function formOnHost(gpu: CodecDevice, replica: Replica, anchor: Float32Array): Promise<void> {
  replica.load(anchor);
  replica.trained(await gpu.read('trained'));
  replica.formUpdate();
}

/** Whether the GPU's sum of two updates moves the anchor to the very bits that the CPU's does. */
async function addsExactly(
  gpu: CodecDevice,
  scheme: Scheme,
  anchor: Float32Array,
  update: Uint8Array,
): Promise<boolean> {
  const updates = [
    { author: 'a', sampleCount: 3, encoded: update },
    { author: 'b', sampleCount: 5, encoded: encodeUpdate(scheme === 'int8' ? 'topk-64' : 'int8', anchor) },
  ];
  const plan = planMean(updates, anchor.length, 1);
  const step = sumOf(plan, anchor.length);
  if (!gpu.advance(plan)) return false;
  const moved = anchor.map((value, i) => value + step[i]!);
  return isEqual(bytesOf(await gpu.read('anchor')), bytesOf(moved));
}

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const isEqual = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
