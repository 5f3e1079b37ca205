/**
 * Datasets and the uploads that they are made from: made from a request, stored as blobs, listed, shown, removed. The
 * same content is kept once. How rows are read and cut is the business of `datasets/`.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  featureBytes,
  idFromRandomBytes,
  LIMITS,
  type DatasetManifest,
  type DatasetRequest,
  type DatasetSamples,
  type Preprocessing,
  type Preview,
  type Sha256,
  type Upload,
  type UploadBegin,
  type UploadList,
  type UploadState,
} from '@murmuration/protocol';
import { ApiError } from './api-error.ts';
import { sha256Of, type BlobShelf } from './blobs.ts';
import { DatasetError } from './datasets/dataset-error.ts';
import { makeShards, type MadeDataset } from './datasets/make-shards.ts';
import { DIGITS_LICENCE, digitsName, sourceOf } from './datasets/sources.ts';
import type { Store, StoredDataset } from './store.ts';
import { UploadParts } from './upload-parts.ts';

/** All uploads together, finished or not: an operator's disk is not endless. */
const UPLOADS_TOTAL_MAX_BYTES = 4 * 1024 * 1024 * 1024;

interface Details {
  readonly preview: Preview;
  readonly preprocessing: Preprocessing;
}

export class DatasetShelf {
  readonly #store: Store;
  readonly #blobs: BlobShelf;
  readonly #nowMs: () => number;
  /** For temporary files of the dataset that is being made. */
  readonly #directory: string;
  readonly #parts: UploadParts;
  readonly #datasets = new Map<string, StoredDataset>();
  /** Blobs that volunteers fetch: length, and how many datasets hold them. */
  readonly #publicBlobs = new Map<Sha256, { readonly byteLength: number; holders: number }>();
  readonly #uploads = new Map<Sha256, number>();
  #isMaking = false;

  private constructor(store: Store, blobs: BlobShelf, dataDirectory: string, nowMs: () => number) {
    this.#store = store;
    this.#blobs = blobs;
    this.#nowMs = nowMs;
    this.#directory = join(dataDirectory, 'making');
    // What a crash left half made.
    rmSync(this.#directory, { recursive: true, force: true });
    mkdirSync(this.#directory, { recursive: true });
    this.#parts = new UploadParts(dataDirectory, nowMs);
  }

  static async open(
    store: Store,
    blobs: BlobShelf,
    dataDirectory: string,
    nowMs: () => number,
  ): Promise<DatasetShelf> {
    const shelf = new DatasetShelf(store, blobs, dataDirectory, nowMs);
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
    return this.#publicBlobs.get(sha256)?.byteLength ?? null;
  }

  /** A whole file in one stream. @throws BlobTooLargeError */
  async upload(pieces: AsyncIterable<Uint8Array>): Promise<Upload> {
    const bytesMax = Math.min(LIMITS.uploadMaxBytes, this.#uploadRoomBytes);
    const { sha256, byteLength } = await this.#blobs.putStream(pieces, bytesMax);
    return this.#addUpload(sha256, byteLength);
  }

  /** Of a finished upload; null: there is none. */
  uploadByteLength(sha256: Sha256): number | null {
    return this.#uploads.get(sha256) ?? null;
  }
  uploads(): UploadList {
    const finished = [...this.#uploads].map(([id, byteLength]) => ({ id, byteLength }));
    return { finished, unfinished: this.#parts.list() };
  }
  uploadState(id: string): UploadState {
    return this.#parts.state(id);
  }
  beginUpload(wish: UploadBegin): Promise<UploadState> {
    return this.#parts.begin(wish, this.#uploadRoomBytes);
  }
  appendPart(...part: Parameters<UploadParts['append']>): Promise<UploadState> {
    return this.#parts.append(...part);
  }
  finishUpload(id: string): Promise<Upload> {
    const { byteLength } = this.#parts.state(id);
    return this.#parts.finish(id, async (path) => this.#addUpload(await this.#blobs.adopt(path), byteLength));
  }
  removeUnfinished(id: string): Promise<void> {
    return this.#parts.remove(id);
  }

  /** Datasets that were made from it stay. @throws ApiError */
  async removeUpload(sha256: Sha256): Promise<void> {
    if (!this.#uploads.has(sha256)) throw new ApiError(404, 'not-found', 'no such upload');
    if (this.#isMaking)
      throw new ApiError(409, 'busy', 'a dataset is being made, perhaps from this upload; try again later');
    await this.#store.removeUpload(sha256);
    this.#uploads.delete(sha256);
    if (!this.#publicBlobs.has(sha256)) await this.#blobs.remove(sha256);
  }

  /** One at a time. @throws ApiError naming the field */
  async create(request: DatasetRequest): Promise<{ manifest: DatasetManifest; isNew: boolean }> {
    if (this.#isMaking)
      throw new ApiError(409, 'busy', 'another dataset is being made; try again when it is done');
    this.#isMaking = true;
    const put: Sha256[] = [];
    try {
      const source = await sourceOf(
        request,
        (field, upload) => this.#uploadPath(field, upload),
        this.#directory,
      );
      const made = await makeShards(source, request, {
        directory: this.#directory,
        put: async (bytes) => {
          const sha256 = await this.#blobs.put(bytes);
          put.push(sha256);
          return sha256;
        },
      });
      return await this.#keep(request, made);
    } catch (error) {
      for (const sha256 of put) await this.#dropBlob(sha256);
      if (error instanceof DatasetError) throw new ApiError(400, 'bad-field', error.message, error.field);
      throw error;
    } finally {
      this.#isMaking = false;
    }
  }

  /** @throws ApiError 409 when a run was made on it */
  async remove(id: string): Promise<void> {
    const dataset = this.get(id);
    if (dataset === null) throw new ApiError(404, 'not-found', 'no such dataset');
    if (this.#isMaking) throw new ApiError(409, 'busy', 'a dataset is being made; try again when it is done');
    if (!(await this.#store.removeDataset(id)))
      throw new ApiError(
        409,
        'in-use',
        'a run was made on this dataset; its export and clones need it',
        'id',
      );
    this.#datasets.delete(id);
    for (const { sha256 } of [...dataset.shards, dataset.manifest.validation]) {
      const blob = this.#publicBlobs.get(sha256);
      if (blob !== undefined && --blob.holders === 0) this.#publicBlobs.delete(sha256);
      await this.#dropBlob(sha256);
    }
    const isShared = [...this.#datasets.values()].some(({ details }) => details === dataset.details);
    if (dataset.details !== null && !isShared) await this.#dropBlob(dataset.details);
  }

  /** The first `count` training samples. */
  async samples({ manifest, shards }: StoredDataset, count: number): Promise<DatasetSamples> {
    const size = featureBytes(manifest);
    const samples: DatasetSamples['samples'] = [];
    for (const shard of shards) {
      if (samples.length >= count) break;
      const bytes = await this.#blobs.read(shard.sha256);
      if (bytes === null) throw damaged('a shard');
      for (let i = 0; i < shard.sampleCount && samples.length < count; i++)
        samples.push({
          label: manifest.target.kind === 'class' ? bytes[shard.sampleCount * size + i]! : 0,
          pixels: Buffer.from(bytes.subarray(i * size, (i + 1) * size)).toString('base64'),
        });
    }
    return { sampleShape: [...manifest.sampleShape], samples };
  }

  /** @throws ApiError 404 for datasets of an earlier version, which were made without */
  async details({ details }: StoredDataset): Promise<Details> {
    if (details === null)
      throw new ApiError(404, 'not-found', 'this dataset was made by an earlier version; make it again');
    const bytes = await this.#blobs.read(details);
    if (bytes === null) throw damaged('the description');
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Details;
  }

  async #uploadPath(field: string, sha256: Sha256): Promise<string> {
    const path = this.#uploads.has(sha256) ? await this.#blobs.wholePath(sha256) : null;
    if (path === null)
      throw new ApiError(400, 'bad-field', 'no such upload; send the file to POST /api/uploads first', field);
    return path;
  }

  async #keep(
    request: DatasetRequest,
    { shards, preview, preprocessing, validation, ...made }: MadeDataset,
  ): Promise<{ manifest: DatasetManifest; isNew: boolean }> {
    const { kind } = request;
    const name = kind === 'digits' ? digitsName(request) : request.name;
    const licence = kind === 'digits' ? DIGITS_LICENCE : request.licence;
    const description = { name, kind, licence, ...made };
    const whole: Details = { preview, preprocessing: { version: 1, name, kind, licence, ...preprocessing } };
    const details = Buffer.from(JSON.stringify(whole));
    const content = sha256Of(
      Buffer.from(JSON.stringify({ ...description, shards, validation, details: sha256Of(details) })),
    );
    const knownId = await this.#store.datasetIdOfContent(content);
    const known = knownId === null ? null : this.get(knownId);
    if (known !== null) return { manifest: known.manifest, isNew: false };
    const manifest: DatasetManifest = {
      id: idFromRandomBytes('data', randomBytes(26)),
      ...description,
      shardCount: shards.length,
      validation,
    };
    const dataset = { manifest, shards, details: await this.#blobs.put(details) };
    await this.#store.addDataset(dataset, content, Math.round(this.#nowMs()));
    this.#list(dataset);
    return { manifest, isNew: true };
  }

  async #addUpload(sha256: Sha256, byteLength: number): Promise<Upload> {
    await this.#store.addUpload(sha256, byteLength, Math.round(this.#nowMs()));
    this.#uploads.set(sha256, byteLength);
    return { id: sha256, byteLength };
  }

  get #uploadRoomBytes(): number {
    const used = [...this.#uploads.values()].reduce((a, b) => a + b, this.#parts.announcedBytes);
    return UPLOADS_TOTAL_MAX_BYTES - used;
  }

  /** Unless something else holds it. */
  async #dropBlob(sha256: Sha256): Promise<void> {
    if (!this.#publicBlobs.has(sha256) && !this.#uploads.has(sha256)) await this.#blobs.remove(sha256);
  }

  #list(dataset: StoredDataset): void {
    this.#datasets.set(dataset.manifest.id, dataset);
    for (const { sha256, byteLength } of [...dataset.shards, dataset.manifest.validation]) {
      const known = this.#publicBlobs.get(sha256);
      if (known === undefined) this.#publicBlobs.set(sha256, { byteLength, holders: 1 });
      else known.holders += 1;
    }
  }
}

const damaged = (what: string) =>
  new ApiError(503, 'blob-damaged', `${what} of this dataset is missing or damaged on disk`);
