/** Datasets made in a temporary directory, for tests: what is put, and the rows of the shards read again. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { featureBytes, readShard, type DatasetRequest, type Shard } from '@murmuration/protocol';
import { sha256Of } from '../src/blobs.ts';
import { DatasetError } from '../src/datasets/dataset-error.ts';
import { makeShards, type MadeDataset } from '../src/datasets/make-shards.ts';
import { sourceOf } from '../src/datasets/sources.ts';

type Wish<K extends DatasetRequest['kind']> = K extends 'digits'
  ? Extract<DatasetRequest, { kind: K }>
  : Omit<Extract<DatasetRequest, { kind: K }>, 'name' | 'licence' | 'sharedWithVolunteers'>;
export type AnyWish = { [K in DatasetRequest['kind']]: Wish<K> }[DatasetRequest['kind']];

export class Workshop {
  readonly directory = mkdtempSync(join(tmpdir(), 'murmuration-data-'));
  readonly #spools = join(this.directory, 'spools');
  readonly blobs = new Map<string, Uint8Array>();
  #fileCount = 0;
  readonly #leftBehind: string[] = [];

  constructor() {
    mkdirSync(this.#spools);
  }

  /** Writes a file; answers its path. */
  file(bytes: Uint8Array | string): string {
    const path = join(this.directory, `file-${this.#fileCount++}`);
    writeFileSync(path, bytes);
    return path;
  }

  /** Files are paths here. */
  async make(wish: AnyWish): Promise<MadeDataset> {
    const request = { name: 'test', licence: 'ours', sharedWithVolunteers: true, ...wish } as DatasetRequest;
    try {
      const source = await sourceOf(request, async (_, path) => path, this.#spools);
      return await makeShards(source, request, {
        directory: this.#spools,
        put: async (bytes) => {
          const sha256 = sha256Of(bytes);
          this.blobs.set(sha256, bytes);
          return sha256;
        },
      });
    } finally {
      this.#leftBehind.push(...readdirSync(this.#spools));
    }
  }

  /** @throws when the data was taken */
  async refusal(wish: AnyWish): Promise<DatasetError> {
    try {
      await this.make(wish);
    } catch (error) {
      if (error instanceof DatasetError) return error;
      throw error;
    }
    throw new Error('the data was taken');
  }

  /** The samples of a shard: bytes of the features in hexadecimal, and the target's bytes. */
  rows(made: MadeDataset, shard: Shard): { features: Uint8Array; target: Uint8Array }[] {
    const bytes = this.blobs.get(shard.sha256)!;
    const block = readShard(made, bytes);
    if (typeof block === 'string') throw new Error(block);
    const size = featureBytes(made);
    const targetSize = block.targets.byteLength / block.sampleCount;
    const targetsAt = block.sampleCount * size;
    return Array.from({ length: block.sampleCount }, (_, i) => ({
      features: bytes.slice(i * size, (i + 1) * size),
      target: bytes.slice(targetsAt + i * targetSize, targetsAt + (i + 1) * targetSize),
    }));
  }

  trainRows(made: MadeDataset) {
    return made.shards.flatMap((shard) => this.rows(made, shard));
  }

  /** @throws when making a dataset, or refusing one, left temporary files behind */
  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
    if (this.#leftBehind.length > 0)
      throw new Error(`${this.#leftBehind.length} temporary files were left behind`);
  }
}

export const numbersOf = (bytes: Uint8Array): number[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
};

/** Real data, where it is: MURMURATION_DATA, or ../shared/data beside the project; null: tests skip and say so. */
export function realFile(path: string): string | null {
  const root = process.env['MURMURATION_DATA'] ?? new URL('../../../shared/data', import.meta.url).pathname;
  const file = join(root, path);
  return existsSync(file) ? file : null;
}
