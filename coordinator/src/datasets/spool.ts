/**
 * Rows of one size on the disk: in a line, or in buckets. So a data set of any size is cut with a few megabytes of
 * memory. The files lie in a directory that is emptied at the coordinator's start, and go when the spool is closed.
 */
import { randomBytes } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DatasetError } from './dataset-error.ts';

/** All rows of a data set while it is made, as they are on the disk. */
const SPOOL_MAX_BYTES = 4 * 1024 * 1024 * 1024;
const LINE_BUFFER_BYTES = 256 * 1024;
/** Of each bucket; a bucket's rows lie in such pieces all over the file. */
const BUCKET_BUFFER_BYTES = 32 * 1024;

class TemporaryFile {
  readonly handle: FileHandle;
  readonly #path: string;
  byteLength = 0;

  private constructor(handle: FileHandle, path: string) {
    this.handle = handle;
    this.#path = path;
  }

  static async create(directory: string): Promise<TemporaryFile> {
    const path = join(directory, randomBytes(16).toString('hex'));
    return new TemporaryFile(await open(path, 'wx+'), path);
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.byteLength + bytes.length > SPOOL_MAX_BYTES)
      throw new DatasetError(
        'file',
        `the rows take more than ${SPOOL_MAX_BYTES} bytes; use fewer rows or columns`,
      );
    // Position by position: a write may be short when the disk is nearly full.
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, this.byteLength);
      done += bytesWritten;
      this.byteLength += bytesWritten;
    }
  }

  /** @throws Error when the file is shorter than it was written */
  async fill(into: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < into.length;) {
      const { bytesRead } = await this.handle.read(into, done, into.length - done, position + done);
      if (bytesRead === 0) throw new Error(`a spool ends at byte ${position + done}`);
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
    await rm(this.#path, { force: true });
  }
}

/** Bytes one after the other, written once, read from the start as often as one likes. */
export class Spool {
  readonly #file: TemporaryFile;
  readonly #buffer = Buffer.allocUnsafe(LINE_BUFFER_BYTES);
  #filled = 0;

  private constructor(file: TemporaryFile) {
    this.#file = file;
  }

  static async create(directory: string): Promise<Spool> {
    return new Spool(await TemporaryFile.create(directory));
  }

  get byteLength(): number {
    return this.#file.byteLength + this.#filled;
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#filled + bytes.length > this.#buffer.length) await this.#flush();
    if (bytes.length > this.#buffer.length) return this.#file.append(bytes);
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  /** Blocks of whole rows. The buffer is used again for the next block. */
  async *blocks(rowBytes: number): AsyncGenerator<Uint8Array, void, void> {
    await this.#flush();
    const block = Buffer.allocUnsafe(Math.max(1, Math.floor(LINE_BUFFER_BYTES / rowBytes)) * rowBytes);
    for (let at = 0; at < this.#file.byteLength; at += block.length) {
      const piece = block.subarray(0, Math.min(block.length, this.#file.byteLength - at));
      await this.#file.fill(piece, at);
      yield piece;
    }
  }

  /** Bytes [from, to). */
  async read(from: number, to: number): Promise<Uint8Array> {
    await this.#flush();
    const bytes = Buffer.allocUnsafe(to - from);
    await this.#file.fill(bytes, from);
    return bytes;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #flush(): Promise<void> {
    const filled = this.#filled;
    this.#filled = 0;
    if (filled > 0) await this.#file.append(this.#buffer.subarray(0, filled));
  }
}

interface Bucket {
  readonly buffer: Buffer;
  filled: number;
  readonly pieces: { readonly position: number; readonly length: number }[];
}

/** Rows by bucket. Each bucket keeps the order in which its rows came. */
export class BucketSpool {
  readonly #file: TemporaryFile;
  readonly #rowBytes: number;
  readonly #buckets: Bucket[];
  /** The bucket that was read last: one buffer for all, since garbage of megabytes is collected late. */
  #rows = Buffer.alloc(0);

  private constructor(file: TemporaryFile, rowBytes: number, bucketCount: number) {
    this.#file = file;
    this.#rowBytes = rowBytes;
    const bufferBytes = Math.max(1, Math.floor(BUCKET_BUFFER_BYTES / rowBytes)) * rowBytes;
    this.#buckets = Array.from({ length: bucketCount }, () => ({
      buffer: Buffer.allocUnsafe(bufferBytes),
      filled: 0,
      pieces: [],
    }));
  }

  static async create(directory: string, rowBytes: number, bucketCount: number): Promise<BucketSpool> {
    return new BucketSpool(await TemporaryFile.create(directory), rowBytes, bucketCount);
  }

  /** Copies the row. A promise only when the disk must be waited for: most rows cost no turn of the loop. */
  add(bucketIndex: number, block: Uint8Array, at: number): Promise<void> | null {
    const bucket = this.#buckets[bucketIndex]!;
    bucket.buffer.set(block.subarray(at, at + this.#rowBytes), bucket.filled);
    bucket.filled += this.#rowBytes;
    return bucket.filled === bucket.buffer.length ? this.#flush(bucket) : null;
  }

  /** All rows of a bucket, good until the next bucket is read. */
  async read(bucketIndex: number): Promise<Uint8Array> {
    const bucket = this.#buckets[bucketIndex]!;
    await this.#flush(bucket);
    const byteLength = bucket.pieces.reduce((sum, { length }) => sum + length, 0);
    if (byteLength > this.#rows.length) this.#rows = Buffer.allocUnsafeSlow(byteLength);
    const rows = this.#rows.subarray(0, byteLength);
    let done = 0;
    for (const { position, length } of bucket.pieces) {
      await this.#file.fill(rows.subarray(done, done + length), position);
      done += length;
    }
    return rows;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #flush(bucket: Bucket): Promise<void> {
    if (bucket.filled === 0) return;
    bucket.pieces.push({ position: this.#file.byteLength, length: bucket.filled });
    const { filled } = bucket;
    bucket.filled = 0;
    await this.#file.append(bucket.buffer.subarray(0, filled));
  }
}
