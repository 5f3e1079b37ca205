/**
 * Files by their SHA-256: shards, checkpoints, uploads. A blob is whole or not there: it is written to a temporary
 * file, synced, renamed to its hash, and the directory is synced; only then is it acknowledged. What a crash leaves
 * half-written lies in `temp/` and goes at the next start. Names come from hashes, never from a client.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync } from 'node:fs';
import type { ReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '@murmuration/protocol';
import { syncDirectory } from './store.ts';

/** A blob that was to be stored is longer than it may be. */
export class BlobTooLargeError extends Error {}

export const sha256Of = (bytes: Uint8Array): Sha256 => createHash('sha256').update(bytes).digest('hex');

async function hashOf(path: string): Promise<Sha256> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest('hex');
}

export class BlobShelf {
  readonly #directory: string;

  constructor(dataDirectory: string) {
    this.#directory = join(dataDirectory, 'blobs');
    mkdirSync(this.#temp, { recursive: true });
    for (const name of readdirSync(this.#temp)) rmSync(join(this.#temp, name), { force: true });
    syncDirectory(this.#directory);
  }

  get #temp(): string {
    return join(this.#directory, 'temp');
  }

  #path(sha256: Sha256): string {
    return join(this.#directory, sha256.slice(0, 2), sha256);
  }

  /** Stores bytes; on disk when it resolves. A damaged file of the same name is mended. */
  async put(bytes: Uint8Array): Promise<Sha256> {
    const sha256 = sha256Of(bytes);
    if ((await this.read(sha256)) !== null) return sha256;
    const { sha256: stored } = await this.putStream([bytes], bytes.length);
    return stored;
  }

  /**
   * Stores a stream of unknown length.
   * @throws BlobTooLargeError past `maxBytes`; nothing is left behind
   */
  async putStream(
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    maxBytes: number,
  ): Promise<{ sha256: Sha256; byteLength: number }> {
    const temporary = join(this.#temp, randomBytes(16).toString('hex'));
    const hash = createHash('sha256');
    let byteLength = 0;
    const file = await open(temporary, 'wx');
    try {
      for await (const piece of pieces) {
        byteLength += piece.length;
        if (byteLength > maxBytes) throw new BlobTooLargeError(`more than ${maxBytes} bytes`);
        hash.update(piece);
        await file.write(piece);
      }
      await file.sync();
      await file.close();
      const sha256: Sha256 = hash.digest('hex');
      const home = join(this.#directory, sha256.slice(0, 2));
      if (mkdirSync(home, { recursive: true }) !== undefined) syncDirectory(this.#directory);
      await rename(temporary, this.#path(sha256));
      syncDirectory(home);
      return { sha256, byteLength };
    } catch (error) {
      await file.close().catch(() => {});
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /**
   * Takes a file of the same disk as a blob; it is gone from where it was.
   * @throws Error when it cannot be read or moved
   */
  async adopt(path: string): Promise<Sha256> {
    const sha256 = await hashOf(path);
    const file = await open(path, 'r');
    await file.sync();
    await file.close();
    const home = join(this.#directory, sha256.slice(0, 2));
    if (mkdirSync(home, { recursive: true }) !== undefined) syncDirectory(this.#directory);
    await rename(path, this.#path(sha256));
    syncDirectory(home);
    return sha256;
  }

  /** Where the blob lies if it is whole; null when it is missing or its hash does not match. For files too large to read. */
  async wholePath(sha256: Sha256): Promise<string | null> {
    const path = this.#path(sha256);
    return (await hashOf(path).catch(() => null)) === sha256 ? path : null;
  }

  /** null: not there. */
  async byteLength(sha256: Sha256): Promise<number | null> {
    try {
      return (await stat(this.#path(sha256))).size;
    } catch {
      return null;
    }
  }

  /** The bytes if they are whole; null when the file is missing or its hash does not match (bit rot). */
  async read(sha256: Sha256): Promise<Uint8Array | null> {
    try {
      const bytes = await readFile(this.#path(sha256));
      return sha256Of(bytes) === sha256 ? bytes : null;
    } catch {
      return null;
    }
  }

  /** For serving: readers check the hash themselves. */
  stream(sha256: Sha256): ReadStream {
    return createReadStream(this.#path(sha256));
  }

  async remove(sha256: Sha256): Promise<void> {
    await rm(this.#path(sha256), { force: true });
  }
}
