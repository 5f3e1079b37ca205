/**
 * Shards and validation samples as bytes on the CPU, and batches drawn from them. Which samples a batch holds is a pure
 * function of run seed, shard, pass and batch number (codec `shuffledIndices`), so anybody can draw it again.
 */
import { shuffledIndices } from '@murmuration/codec';
import { sampleSize, shardByteLength, type DatasetManifest } from '@murmuration/protocol';
import type { BatchPlan } from '@murmuration/swarm';

/** Shards held at once; the mind leases far fewer. Bounds memory: 16 MiB each at most. */
const SHARDS_MAX = 64;

export interface Batch {
  /** [batch * sampleSize], pixel / 255. */
  readonly pixels: Float32Array;
  readonly labels: Uint8Array;
  /** [batch * classes] */
  readonly oneHot: Float32Array;
}

interface Block {
  readonly bytes: Uint8Array;
  readonly sampleCount: number;
}

export class Samples {
  readonly #dataset: DatasetManifest;
  readonly #seed: number;
  readonly #sampleSize: number;
  readonly #shards = new Map<number, Block>();
  #validation: Block | null = null;
  /** The permutation drawn last: consecutive batches share it. */
  #order: { readonly shardIndex: number; readonly pass: number; readonly indices: Uint32Array } | null = null;

  constructor(dataset: DatasetManifest, seed: number) {
    this.#dataset = dataset;
    this.#seed = seed;
    this.#sampleSize = sampleSize(dataset.sampleShape);
  }

  get validationCount(): number {
    return this.#validation?.sampleCount ?? 0;
  }

  addShard(shardIndex: number, bytes: Uint8Array): void {
    if (this.#shards.size >= SHARDS_MAX && !this.#shards.has(shardIndex))
      throw new Error(`shard ${shardIndex}: ${SHARDS_MAX} shards are held already; drop one first`);
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
        throw new Error(`shard ${shardIndex} is not here; add it before a batch of it is trained`);
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
      throw new Error('there are no validation samples; add-validation comes first');
    const last = this.#validation.sampleCount - 1;
    return this.#gather(this.#validation, batchSize, (i) => Math.min(start + i, last));
  }

  #gather(block: Block, batchSize: number, indexAt: (i: number) => number): Batch {
    const size = this.#sampleSize;
    const { classCount } = this.#dataset;
    const pixels = new Float32Array(batchSize * size);
    const labels = new Uint8Array(batchSize);
    const oneHot = new Float32Array(batchSize * classCount);
    for (let i = 0; i < batchSize; i++) {
      const index = indexAt(i);
      for (let j = 0; j < size; j++) pixels[i * size + j] = block.bytes[index * size + j]! / 255;
      const label = block.bytes[block.sampleCount * size + index]!;
      labels[i] = label;
      oneHot[i * classCount + label] = 1;
    }
    return { pixels, labels, oneHot };
  }

  #read(name: string, bytes: Uint8Array): Block {
    const sampleCount = Math.floor(bytes.length / (this.#sampleSize + 1));
    if (sampleCount === 0 || bytes.length !== shardByteLength(this.#dataset.sampleShape, sampleCount))
      throw new Error(
        `${name}: ${bytes.length} bytes are no whole number of samples of ${this.#sampleSize + 1} bytes`,
      );
    for (let i = sampleCount * this.#sampleSize; i < bytes.length; i++)
      if (bytes[i]! >= this.#dataset.classCount)
        throw new Error(
          `${name}: label ${bytes[i]} is not under the dataset's classCount ${this.#dataset.classCount}`,
        );
    return { bytes, sampleCount };
  }
}
