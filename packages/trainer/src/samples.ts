/**
 * Shards and validation samples as bytes on the CPU, and batches drawn from them. Which samples a batch holds is a pure
 * function of run seed, shard, pass and batch number (codec `shuffledIndices`), so anybody can draw it again.
 */
import { shuffledIndices } from '@murmuration/codec';
import { readShard, sampleSize, type DatasetManifest, type ShardBlock } from '@murmuration/protocol';
import type { BatchPlan } from '@murmuration/swarm';
import { TrainerError } from './device.ts';

/** Shards held at once; the mind leases far fewer. Bounds memory: 16 MiB each at most. */
const SHARDS_MAX = 64;

/** What is to be predicted of a batch, sample after sample. */
export type BatchTargets =
  | { readonly kind: 'class'; readonly labels: Uint8Array }
  /** [batch * size], standardised as they are stored. */
  | { readonly kind: 'value'; readonly values: Float32Array }
  /** [batch * L]: the id that follows each input id. */
  | { readonly kind: 'next-token'; readonly ids: Int32Array };

export interface Batch {
  /** [batch * sampleSize]: values (a byte p as p / 255), or ids of tokens as int32. */
  readonly inputs: Float32Array | Int32Array;
  readonly targets: BatchTargets;
}

export class Samples {
  readonly #dataset: DatasetManifest;
  readonly #seed: number;
  readonly #shards = new Map<number, ShardBlock>();
  #validation: ShardBlock | null = null;
  /** The permutation drawn last: consecutive batches share it. */
  #order: { readonly shardIndex: number; readonly pass: number; readonly indices: Uint32Array } | null = null;

  constructor(dataset: DatasetManifest, seed: number) {
    this.#dataset = dataset;
    this.#seed = seed;
  }

  get validationCount(): number {
    return this.#validation?.sampleCount ?? 0;
  }

  addShard(shardIndex: number, bytes: Uint8Array): void {
    if (this.#shards.size >= SHARDS_MAX && !this.#shards.has(shardIndex))
      throw new TrainerError(
        'error',
        `shard ${shardIndex}: ${SHARDS_MAX} shards are held already; drop one first`,
      );
    this.#shards.set(shardIndex, this.#read(`shard ${shardIndex}`, bytes));
    if (this.#order?.shardIndex === shardIndex) this.#order = null;
  }

  dropShard(shardIndex: number): void {
    this.#shards.delete(shardIndex);
  }

  addValidation(bytes: Uint8Array): void {
    this.#validation = this.#read('validation', bytes);
  }

  /** @throws naming the shard, before anything of a round was trained. */
  requireShards(plans: readonly BatchPlan[]): void {
    for (const { shardIndex } of plans)
      if (!this.#shards.has(shardIndex))
        throw new TrainerError(
          'error',
          `shard ${shardIndex} is not here; add it before a batch of it is trained`,
        );
  }

  /** Entries [k * batchSize, (k + 1) * batchSize) of the pass's permutation, modulo its size. The shard must be here. */
  batch(plan: BatchPlan, batchSize: number): Batch {
    const { shardIndex, pass } = plan;
    const shard = this.#shards.get(shardIndex)!;
    if (this.#order?.shardIndex !== shardIndex || this.#order.pass !== pass)
      this.#order = {
        shardIndex,
        pass,
        indices: shuffledIndices(this.#seed, shardIndex, pass, shard.sampleCount),
      };
    const { indices } = this.#order;
    const start = plan.batchIndex * batchSize;
    return this.#gather(shard, batchSize, (i) => indices[(start + i) % indices.length]!);
  }

  /** `batchSize` validation samples from `start`; past the end the last one is repeated, so that shapes never vary. */
  validationBatch(start: number, batchSize: number): Batch {
    if (this.#validation === null)
      throw new TrainerError('error', 'there are no validation samples; add-validation comes first');
    const last = this.#validation.sampleCount - 1;
    return this.#gather(this.#validation, batchSize, (i) => Math.min(start + i, last));
  }

  #gather(block: ShardBlock, batchSize: number, indexAt: (i: number) => number): Batch {
    const indices = Array.from({ length: batchSize }, (_, i) => indexAt(i));
    const { encoding, target, sampleShape } = this.#dataset;
    const size = sampleSize(sampleShape);
    if (target.kind === 'next-token') {
      const inputs = idsOf(block.features, indices, size, 0);
      return { inputs, targets: { kind: 'next-token', ids: idsOf(block.features, indices, size, 1) } };
    }
    const inputs =
      encoding === 'uint8'
        ? sharesOf(block.features, indices, size)
        : numbersOf(block.features, indices, size);
    if (target.kind === 'value')
      return { inputs, targets: { kind: 'value', values: numbersOf(block.targets, indices, target.size) } };
    const labels = Uint8Array.from(indices, (index) => block.targets.getUint8(index));
    return { inputs, targets: { kind: 'class', labels } };
  }

  #read(name: string, bytes: Uint8Array): ShardBlock {
    const block = readShard(this.#dataset, bytes);
    if (typeof block === 'string') throw new TrainerError('error', `${name}: ${block}`);
    return block;
  }
}

/** Bytes as parts of 255. */
function sharesOf(features: DataView, indices: readonly number[], size: number): Float32Array {
  const bytes = new Uint8Array(features.buffer, features.byteOffset, features.byteLength);
  const shares = new Float32Array(indices.length * size);
  for (const [i, index] of indices.entries())
    for (let j = 0; j < size; j++) shares[i * size + j] = bytes[index * size + j]! / 255;
  return shares;
}

function numbersOf(block: DataView, indices: readonly number[], size: number): Float32Array {
  const numbers = new Float32Array(indices.length * size);
  for (const [i, index] of indices.entries())
    for (let j = 0; j < size; j++) numbers[i * size + j] = block.getFloat32(4 * (index * size + j), true);
  return numbers;
}

/** @param shift 0: the first `length` ids of each sample, 1: those after them */
function idsOf(
  features: DataView,
  indices: readonly number[],
  length: number,
  shift: 0 | 1,
): Int32Array<ArrayBuffer> {
  const ids = new Int32Array(indices.length * length);
  for (const [i, index] of indices.entries())
    for (let j = 0; j < length; j++)
      ids[i * length + j] = features.getUint16(2 * (index * (length + 1) + j + shift), true);
  return ids;
}
