/** A stranger's file as a stream: inflated when it is gzip, read by counts of bytes, checked to be text. */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DatasetError } from './dataset-error.ts';

const PIECE_BYTES = 256 * 1024;
/** What a gzip file may become; a bomb is stopped here, having cost time and no memory. */
const INFLATED_MAX_BYTES = 4 * 1024 * 1024 * 1024;

/**
 * The file's bytes; those of a gzip file inflated. A piece is good until the next one is asked for.
 * @throws DatasetError in the midst when the gzip stream is broken
 */
export async function* fileBytes(field: string, path: string): AsyncGenerator<Uint8Array, void, void> {
  if (!(await isGzip(path))) return yield* plainBytes(path);
  const file = createReadStream(path, { highWaterMark: PIECE_BYTES });
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  // A fault of the file reaches the loop below through gunzip.
  pipeline(file, gunzip, () => {});
  let byteLength = 0;
  try {
    for await (const piece of gunzip as AsyncIterable<Uint8Array>) {
      byteLength += piece.length;
      if (byteLength > INFLATED_MAX_BYTES)
        throw new DatasetError(field, `inflates beyond ${INFLATED_MAX_BYTES} bytes; bring a smaller file`);
      yield piece;
    }
  } catch (error) {
    if (error instanceof DatasetError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR')
      throw new DatasetError(
        field,
        `the gzip stream is cut off after byte ${byteLength}; upload the whole file`,
      );
    throw new DatasetError(
      field,
      `the gzip stream is broken after byte ${byteLength} (${message}); upload the file again`,
    );
  } finally {
    file.destroy();
    gunzip.destroy();
  }
}

/** One buffer for all pieces: a buffer a piece would be half a gigabyte of garbage, which is collected late. */
async function* plainBytes(path: string): AsyncGenerator<Uint8Array, void, void> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/** Takes a stream apart by counts of bytes. */
export class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Bytes that were read. */
  offset = 0;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** The next `count` bytes in a buffer of their own; fewer only where the stream ends. */
  async read(count: number): Promise<Uint8Array> {
    let bytes = new Uint8Array(Math.min(count, PIECE_BYTES));
    let filled = 0;
    while (filled < count) {
      if (this.#at === this.#piece.length) {
        const next = await this.#pieces.next();
        if (next.done === true) break;
        this.#piece = next.value;
        this.#at = 0;
        continue;
      }
      const taken = this.#piece.subarray(this.#at, this.#at + count - filled);
      // Grows with what is there, not with what was asked for: a lying length costs nothing.
      if (filled + taken.length > bytes.length) {
        const larger = new Uint8Array(Math.min(count, Math.max(2 * bytes.length, filled + taken.length)));
        larger.set(bytes.subarray(0, filled));
        bytes = larger;
      }
      bytes.set(taken, filled);
      filled += taken.length;
      this.#at += taken.length;
    }
    this.offset += filled;
    return bytes.subarray(0, filled);
  }

  /** Frees the file behind the stream. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}

/** Passes pieces of UTF-8 on; a character may lie across two. @throws DatasetError naming the byte that is none */
export async function* utf8Bytes(
  field: string,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let rest: Uint8Array = new Uint8Array(0);
  let offset = 0;
  for await (const piece of pieces) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const end = bytes.length - openBytes(bytes);
    const whole = bytes.subarray(0, end);
    if (!isUtf8(whole)) throw noText(field, offset + firstWrong(whole));
    yield whole;
    offset += end;
    rest = Uint8Array.from(bytes.subarray(end));
  }
  if (rest.length > 0) throw noText(field, offset);
}

const noText = (field: string, byte: number) =>
  new DatasetError(field, `byte ${byte} is no UTF-8; save the file as UTF-8 text`);

/** Bytes at the end that begin a character and do not end it. */
function openBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}

function firstWrong(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const part = bytes.subarray(0, middle);
    if (isUtf8(part.subarray(0, middle - openBytes(part)))) good = middle;
    else bad = middle;
  }
  return good - openBytes(bytes.subarray(0, good));
}
