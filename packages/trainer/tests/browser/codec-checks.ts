/**
 * The codec on a GPU held against its definition on the CPU: the same rounds through both, everything that can be
 * compared compared bit by bit. Runs on whatever adapter the browser gives, and says which.
 */
import {
  encodeUpdate,
  mulberry,
  Replica,
  streamSeed,
  type Fate,
  type GroupUpdate,
  type Scheme,
} from '@murmuration/codec';
import { CodecDevice } from '../../src/codec-device.ts';
import { isPacked } from '../../src/codec-kernels.ts';
import type { Shape } from '../../src/codec-shaders.ts';

export interface CodecCase {
  readonly scheme: Scheme;
  /** Of later rounds, one after another and again from the first; else all are of `scheme`. */
  readonly later?: readonly Scheme[];
  readonly shape: Shape;
  readonly count: number;
  readonly rounds: number;
}

export interface CodecVerdict extends CodecCase {
  /** Bytes of updates that differ, of `bytes`; a different length counts all of them. */
  readonly wrongBytes: number;
  readonly bytes: number;
  /** Words of anchors that differ. */
  readonly wrongAnchors: number;
  /** Words of weights that training would go on from. */
  readonly wrongWeights: number;
  /** Of the residuals' norms. */
  readonly residualError: number;
  readonly readbackRatio: number;
  /** Buffers after the second round, and after the last. */
  readonly buffers: readonly [number, number];
}

export async function openTestDevice(): Promise<{
  device: GPUDevice;
  isFallbackAdapter: boolean;
  faults: string[];
}> {
  const adapter = (await navigator.gpu.requestAdapter())!;
  const { maxComputeWorkgroupStorageSize, maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredLimits: { maxComputeWorkgroupStorageSize, maxStorageBufferBindingSize, maxBufferSize },
  });
  const faults: string[] = [];
  device.addEventListener('uncapturederror', (event) => faults.push(event.error.message));
  return { device, isFallbackAdapter: adapter.info.isFallbackAdapter, faults };
}

/** Values as training gives them and worse: layers of different sizes, zeros, repeats, ties, tiny ones. */
export function wildVector(count: number, seed: number, size: number): Float32Array {
  const random = mulberry(seed);
  return Float32Array.from({ length: count }, (_, i) => {
    const layer = size * 10 ** -(Math.floor(i / 3_000) % 5);
    const kind = random();
    if (kind < 0.05) return 0;
    if (kind < 0.1) return layer * (kind < 0.075 ? 1 : -1);
    // Too small for any code, but no subnormal numbers: a GPU may take those for zero.
    if (kind < 0.11) return 1e-33 * (1 + random());
    const value = layer * (random() + random() + random() - 1.5);
    return kind < 0.2 ? Math.round((value / layer) * 8) * (layer / 8) : value;
  });
}

/** Other volunteers' updates, of every scheme that has a kernel. */
const OTHERS: readonly Scheme[] = ['int8', 'topk-64', 'int4', 'sign', 'topk-256'];

export async function checkCodec(device: GPUDevice, one: CodecCase): Promise<CodecVerdict> {
  const { scheme, shape, count, rounds } = one;
  if (!isPacked(scheme)) throw new Error(`${scheme} has no kernels`);
  const gpu = await CodecDevice.open(device, { count, scheme, shape });
  const replica = new Replica({ parameterCount: count, scheme, outerLearningRate: 0.7 });
  const seed = streamSeed(11, scheme, count);
  const first = wildVector(count, seed, 0.1);
  replica.load(first);
  gpu.stand(first);
  let [wrongBytes, bytes, wrongAnchors, wrongWeights, residualError, buffersEarly] = [0, 0, 0, 0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    const step = wildVector(count, seed + 100 + round, 0.01);
    const weights = replica.anchor.map((value, i) => value + step[i]!);
    const now = round === 0 ? scheme : (one.later?.[(round - 1) % one.later.length] ?? scheme);
    if (!isPacked(now)) throw new Error(`${now} has no kernels`);
    await gpu.useScheme(now);
    const must = replica.formUpdate(weights, now);
    gpu.write('trained', weights);
    const is = await gpu.form();
    gpu.keepFormed();
    bytes += must.length;
    wrongBytes +=
      is.length === must.length ? must.reduce((n, byte, i) => n + (byte === is[i] ? 0 : 1), 0) : must.length;
    // Training went on meanwhile.
    const ahead = weights.map((value, i) => value + 0.1 * step[count - 1 - i]!);
    replica.trained(ahead);
    gpu.write('trained', ahead);
    const others = OTHERS.map((other, i): GroupUpdate => ({
      author: `w${i}`,
      sampleCount: 80 + i,
      encoded: encodeUpdate(other, wildVector(count, seed + 1_000 * (i + 1) + round, 0.01)),
    }));
    // Another update is formed over one that stayed pending.
    const own: Fate = (['counted', 'uncounted', 'counted', 'pending'] as const)[round % 4]!;
    const isIncluded = own === 'counted';
    const updates = isIncluded ? [...others, { author: 'v', sampleCount: 90, encoded: must }] : others;
    if (own === 'pending') gpu.carry('lift');
    else gpu.settle(isIncluded);
    if (!gpu.advance(replica.plan(updates))) throw new Error('an update has no kernel');
    if (own === 'pending') gpu.carry('land');
    else gpu.rebase();
    replica.commit(updates, own);
    wrongAnchors += differing(await gpu.read('anchor'), replica.anchor);
    wrongWeights += differing(await gpu.read('trained'), replica.weights());
    const size = norm(await gpu.read('residual'));
    residualError = Math.max(
      residualError,
      Math.abs(size - replica.residualNorm) / Math.max(1e-30, replica.residualNorm),
    );
    if (round === 1) buffersEarly = gpu.bufferCount;
  }
  const verdict = {
    ...one,
    wrongBytes,
    bytes,
    wrongAnchors,
    wrongWeights,
    residualError,
    readbackRatio: (gpu.readbackBytes * rounds) / bytes,
    buffers: [buffersEarly, gpu.bufferCount] as const,
  };
  gpu.close();
  return verdict;
}

function differing(a: Float32Array, b: Float32Array): number {
  let count = 0;
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) count += 1;
  return count;
}

const norm = (vector: Float32Array) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
