/**
 * Datasets: made from a request, cut into shards, stored as blobs, listed and shown. The same content is kept once.
 * What an image file looks like inside is the business of `datasets/`.
 */
import { randomBytes } from 'node:crypto';
import { idFromRandomBytes, LIMITS, sampleSize, shardByteLength } from '@murmuration/protocol';
import type { DatasetManifest, DatasetRequest, DatasetSamples, Sha256, Shard } from '@murmuration/protocol';
import { sha256Of } from './blobs.ts';
import type { BlobShelf } from './blobs.ts';
import { DIGIT_CLASS_COUNT, DIGIT_SIDE_PIXELS, drawDigits } from './datasets/digits.ts';
import { parseIdx } from './datasets/idx.ts';
import { DatasetError } from './datasets/labelled-samples.ts';
import { cutDataset } from './datasets/shards.ts';
import type { DatasetCut } from './datasets/shards.ts';
import { ApiError } from './api-error.ts';
import type { Store, StoredDataset } from './store.ts';

const DIGITS_SEED = 1;
const DIGITS_TRAIN_COUNT = 12_000;
const DIGITS_VALIDATION_COUNT = 2_000;
const IDX_TRAIN_SHARE = 0.8;
/** Order of samples in the shards of an IDX file. */
const IDX_CUT_SEED = 1;
/** All uploads together: an operator's disk is not endless. */
const UPLOADS_TOTAL_MAX_BYTES = 4 * 1024 * 1024 * 1024;

export class DatasetShelf {
  readonly #store: Store;
  readonly #blobs: BlobShelf;
  readonly #nowMs: () => number;
  readonly #datasets = new Map<string, StoredDataset>();
  readonly #publicBlobs = new Map<Sha256, number>();
  readonly #uploads = new Map<Sha256, number>();
  #isMaking = false;

  private constructor(store: Store, blobs: BlobShelf, nowMs: () => number) {
    this.#store = store;
    this.#blobs = blobs;
    this.#nowMs = nowMs;
  }

  static async open(store: Store, blobs: BlobShelf, nowMs: () => number): Promise<DatasetShelf> {
    const shelf = new DatasetShelf(store, blobs, nowMs);
    for (const dataset of await store.datasets()) shelf.#list(dataset);
    for (const { sha256, byteLength } of await store.uploads()) shelf.#uploads.set(sha256, byteLength);
    return shelf;
  }

  list(): DatasetManifest[] {
    return [...this.#datasets.values()].map(({ manifest }) => manifest);
  }
  get(id: string): StoredDataset | null {
    return this.#datasets.get(id) ?? null;
  }
  /** Length of a shard or validation blob; null: no blob of any dataset. */
  blobByteLength(sha256: Sha256): number | null {
    return this.#publicBlobs.get(sha256) ?? null;
  }

  /** @throws BlobTooLargeError */
  async upload(pieces: AsyncIterable<Uint8Array>): Promise<{ id: Sha256; byteLength: number }> {
    const used = [...this.#uploads.values()].reduce((a, b) => a + b, 0);
    const { sha256, byteLength } = await this.#blobs.putStream(
      pieces,
      Math.min(LIMITS.uploadMaxBytes, UPLOADS_TOTAL_MAX_BYTES - used),
    );
    await this.#store.addUpload(sha256, byteLength, Math.round(this.#nowMs()));
    this.#uploads.set(sha256, byteLength);
    return { id: sha256, byteLength };
  }

  /** One at a time: each holds all its samples in memory. @throws ApiError naming the field */
  async create(request: DatasetRequest): Promise<{ manifest: DatasetManifest; isNew: boolean }> {
    if (this.#isMaking)
      throw new ApiError(409, 'busy', 'another dataset is being made; try again when it is done');
    this.#isMaking = true;
    try {
      return await this.#keep(request.kind === 'digits' ? this.#draw(request) : await this.#readIdx(request));
    } catch (error) {
      if (error instanceof DatasetError) throw new ApiError(400, 'bad-field', error.message, error.field);
      throw error;
    } finally {
      this.#isMaking = false;
    }
  }

  /** The first `count` training samples. */
  async samples({ manifest, shards }: StoredDataset, count: number): Promise<DatasetSamples> {
    const size = sampleSize(manifest.sampleShape);
    const samples: DatasetSamples['samples'] = [];
    for (const shard of shards) {
      if (samples.length >= count) break;
      const bytes = await this.#blobs.read(shard.sha256);
      if (bytes === null)
        throw new ApiError(503, 'blob-damaged', 'a shard of this dataset is missing or damaged on disk');
      for (let i = 0; i < shard.sampleCount && samples.length < count; i++)
        samples.push({
          label: bytes[shard.sampleCount * size + i]!,
          pixels: Buffer.from(bytes.subarray(i * size, (i + 1) * size)).toString('base64'),
        });
    }
    return { sampleShape: [...manifest.sampleShape], samples };
  }

  #draw(request: DatasetRequest & { kind: 'digits' }): DatasetCut {
    const seed = request.seed ?? DIGITS_SEED;
    const trainSampleCount = request.trainSampleCount ?? DIGITS_TRAIN_COUNT;
    const count = trainSampleCount + (request.validationSampleCount ?? DIGITS_VALIDATION_COUNT);
    // About 50 microseconds a sample, so sockets wait for a second; nobody is called silent for that.
    const { samples, labels } = drawDigits({ seed, count });
    return {
      name: seed === DIGITS_SEED ? 'Digits' : `Digits ${seed}`,
      kind: 'digits',
      licence: 'CC0-1.0, drawn by this program',
      sampleShape: [DIGIT_SIDE_PIXELS, DIGIT_SIDE_PIXELS, 1],
      classCount: DIGIT_CLASS_COUNT,
      trainSampleCount,
      samples,
      labels,
      seed,
    };
  }

  async #readIdx(request: DatasetRequest & { kind: 'idx' }): Promise<DatasetCut> {
    const images = await this.#uploaded('images', request.images);
    const labels = await this.#uploaded('labels', request.labels);
    const parsed = parseIdx(images, labels);
    const trainSampleCount = request.trainSampleCount ?? Math.floor(parsed.sampleCount * IDX_TRAIN_SHARE);
    return {
      name: request.name,
      kind: 'idx',
      licence: request.licence ?? '',
      sampleShape: parsed.sampleShape,
      classCount: parsed.classCount,
      trainSampleCount,
      samples: parsed.samples,
      labels: parsed.labels,
      seed: IDX_CUT_SEED,
    };
  }

  async #uploaded(field: string, sha256: Sha256): Promise<Uint8Array> {
    const bytes = this.#uploads.has(sha256) ? await this.#blobs.read(sha256) : null;
    if (bytes === null)
      throw new ApiError(400, 'bad-field', 'no such upload; send the file to POST /api/uploads first', field);
    return bytes;
  }

  async #keep(cut: DatasetCut): Promise<{ manifest: DatasetManifest; isNew: boolean }> {
    const { shards: pieces, validation: held, ...description } = cutDataset(cut);
    const shards: Shard[] = [];
    for (const [index, piece] of pieces.entries()) shards.push(await this.#shard(index, piece));
    const validation = await this.#shard(0, held);
    const content = sha256Of(Buffer.from(JSON.stringify({ ...description, shards, validation })));
    const knownId = await this.#store.datasetIdOfContent(content);
    const known = knownId === null ? null : this.get(knownId);
    if (known !== null) return { manifest: known.manifest, isNew: false };
    const manifest: DatasetManifest = {
      id: idFromRandomBytes('data', randomBytes(26)),
      ...description,
      shardCount: shards.length,
      validation,
    };
    await this.#store.addDataset({ manifest, shards }, content, Math.round(this.#nowMs()));
    this.#list({ manifest, shards });
    return { manifest, isNew: true };
  }

  async #shard(index: number, piece: { sampleCount: number; bytes: Uint8Array }): Promise<Shard> {
    const sha256 = await this.#blobs.put(piece.bytes);
    return { index, sha256, sampleCount: piece.sampleCount, byteLength: piece.bytes.length };
  }

  #list(dataset: StoredDataset): void {
    this.#datasets.set(dataset.manifest.id, dataset);
    for (const { sha256, sampleCount } of [...dataset.shards, dataset.manifest.validation])
      this.#publicBlobs.set(sha256, shardByteLength(dataset.manifest, sampleCount));
  }
}
