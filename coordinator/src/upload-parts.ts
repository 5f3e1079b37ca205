/**
 * Uploads in parts, which survive a lost connection and a restart of either side. The client says how long the file is,
 * sends part after part, each with the offset where it begins and its SHA-256, and finishes; the file then is a blob.
 *
 * A part counts when its bytes are synced and the new offset stands in the upload's record; what a crash left behind
 * that offset is cut off. A client that lost its way asks for the offset and goes on there. Memory: one piece of a part.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  idFromRandomBytes,
  UploadBeginSchema,
  type UploadBegin,
  type UploadState,
} from '@murmuration/protocol';
import { Value } from 'typebox/value';
import { ApiError } from './api-error.ts';

/** A part that is lost is sent again: small enough for a bad line, large enough that requests cost nothing. */
export const PART_MAX_BYTES = 8 * 1024 * 1024;
const UNFINISHED_MAX = 32;
/** What nobody went on with for so long is forgotten at the next start. */
const FORGOTTEN_AFTER_MS = 7 * 24 * 60 * 60 * 1000;

interface Unfinished extends UploadBegin {
  readonly id: string;
  offset: number;
  touchedAtMs: number;
}

export class UploadParts {
  readonly #directory: string;
  readonly #nowMs: () => number;
  readonly #uploads = new Map<string, Unfinished>();
  /** Uploads that a request is writing to. */
  readonly #busy = new Set<string>();

  constructor(dataDirectory: string, nowMs: () => number) {
    this.#directory = join(dataDirectory, 'uploads');
    this.#nowMs = nowMs;
    mkdirSync(this.#directory, { recursive: true });
    this.#recall();
  }

  /** Bytes that were announced and are not a blob yet. */
  get announcedBytes(): number {
    return [...this.#uploads.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  list(): UploadState[] {
    return [...this.#uploads.values()].map(stateOf);
  }

  /** @throws ApiError 404 */
  state(id: string): UploadState {
    return stateOf(this.#find(id));
  }

  /** @param roomBytes what may still be announced @throws ApiError */
  async begin(wish: UploadBegin, roomBytes: number): Promise<UploadState> {
    if (this.#uploads.size >= UNFINISHED_MAX)
      throw new ApiError(
        409,
        'too-many-uploads',
        `${UNFINISHED_MAX} uploads are unfinished; finish one, or delete it with DELETE /api/uploads/parts/<id>`,
      );
    if (wish.byteLength > roomBytes)
      throw new ApiError(
        413,
        'too-large',
        `there is room for ${roomBytes} more bytes of uploads; delete some`,
        'byteLength',
      );
    const upload = {
      ...wish,
      id: idFromRandomBytes('part', randomBytes(26)),
      offset: 0,
      touchedAtMs: Math.round(this.#nowMs()),
    };
    this.#uploads.set(upload.id, upload);
    await writeFile(this.#partPath(upload.id), new Uint8Array(0));
    await this.#record(upload);
    return stateOf(upload);
  }

  /**
   * Appends a part. Of a part that was not counted nothing stays.
   * @throws ApiError 409 with the offset that is due, 400 when the bytes are not what was announced
   */
  async append(
    id: string,
    offset: number,
    sha256: string,
    pieces: AsyncIterable<Uint8Array>,
  ): Promise<UploadState> {
    const upload = this.#find(id);
    return this.#alone(upload, async () => {
      if (offset !== upload.offset)
        throw new ApiError(409, 'wrong-offset', `the next part begins at byte ${upload.offset}`, 'offset');
      const lengthMax = Math.min(PART_MAX_BYTES, upload.byteLength - offset);
      const file = await open(this.#partPath(id), 'r+');
      try {
        const hash = createHash('sha256');
        let length = 0;
        for await (const piece of pieces) {
          if (length + piece.length > lengthMax)
            throw new ApiError(413, 'too-large', `the part has more than ${lengthMax} bytes`, 'body');
          hash.update(piece);
          for (let done = 0; done < piece.length;)
            done += (await file.write(piece, done, piece.length - done, offset + length + done)).bytesWritten;
          length += piece.length;
        }
        if (length === 0) throw new ApiError(400, 'bad-length', 'the part is empty', 'body');
        if (hash.digest('hex') !== sha256)
          throw new ApiError(400, 'bad-hash', 'the part has another SHA-256; send it again', 'sha256');
        await file.sync();
        upload.offset += length;
      } finally {
        // After a success this changes nothing; after a failure it takes back what was written.
        await file.truncate(upload.offset).catch(() => {});
        await file.close();
      }
      upload.touchedAtMs = Math.round(this.#nowMs());
      await this.#record(upload);
      return stateOf(upload);
    });
  }

  /**
   * Gives the whole file to `adopt`, which moves it away.
   * @throws ApiError 409 when parts are missing
   */
  async finish<T>(id: string, adopt: (path: string) => Promise<T>): Promise<T> {
    const upload = this.#find(id);
    return this.#alone(upload, async () => {
      if (upload.offset !== upload.byteLength)
        throw new ApiError(
          409,
          'unfinished',
          `${upload.offset} of ${upload.byteLength} bytes are here; the next part begins at byte ${upload.offset}`,
          'offset',
        );
      const adopted = await adopt(this.#partPath(id));
      await this.#forget(id);
      return adopted;
    });
  }

  async remove(id: string): Promise<void> {
    await this.#alone(this.#find(id), () => this.#forget(id));
  }

  #find(id: string): Unfinished {
    const upload = this.#uploads.get(id);
    if (upload === undefined) throw new ApiError(404, 'not-found', 'no such unfinished upload', 'id');
    return upload;
  }

  async #alone<T>({ id }: Unfinished, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(id))
      throw new ApiError(409, 'busy', 'another request is writing to this upload; wait for its answer', 'id');
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }

  async #forget(id: string): Promise<void> {
    this.#uploads.delete(id);
    await rm(this.#recordPath(id), { force: true });
    await rm(this.#partPath(id), { force: true });
  }

  /** Whole or not at all. */
  async #record(upload: Unfinished): Promise<void> {
    const path = this.#recordPath(upload.id);
    const file = await open(`${path}.new`, 'w');
    try {
      await file.writeFile(JSON.stringify(upload));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }

  /** What is here from before the restart. Anything that is no whole upload is removed. */
  #recall(): void {
    const names = readdirSync(this.#directory);
    for (const name of names.filter((name) => name.endsWith('.json'))) {
      const id = name.slice(0, -'.json'.length);
      const upload = recordOf(readFileSync(join(this.#directory, name), 'utf8'));
      const isLate = upload !== null && this.#nowMs() - upload.touchedAtMs > FORGOTTEN_AFTER_MS;
      if (upload === null || upload.id !== id || isLate || !names.includes(`${id}.part`)) continue;
      if (statSync(this.#partPath(id)).size < upload.offset) continue;
      truncateSync(this.#partPath(id), upload.offset);
      this.#uploads.set(id, upload);
    }
    for (const name of names)
      if (!this.#uploads.has(name.replace(/\.(json|part)$/, '')))
        rmSync(join(this.#directory, name), { force: true });
  }

  #partPath(id: string): string {
    return join(this.#directory, `${id}.part`);
  }
  #recordPath(id: string): string {
    return join(this.#directory, `${id}.json`);
  }
}

function recordOf(text: string): Unfinished | null {
  try {
    const { id, offset, touchedAtMs, ...begin } = JSON.parse(text) as Unfinished;
    const isWhole =
      Value.Check(UploadBeginSchema, begin) && Number.isInteger(offset) && Number.isFinite(touchedAtMs);
    return isWhole && typeof id === 'string' ? { id, offset, touchedAtMs, ...begin } : null;
  } catch {
    return null;
  }
}

const stateOf = ({ id, name = '', byteLength, offset }: Unfinished): UploadState => ({
  id,
  name,
  byteLength,
  offset,
  partMaxBytes: PART_MAX_BYTES,
});
