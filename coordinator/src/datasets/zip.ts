/**
 * A stranger's zip as a list of files, each opened as a stream. Names with `..` or a root, sizes that lie and more bytes
 * than allowed are refused; a bomb is not inflated beyond what its own directory says, which is bounded first.
 */
import type { Readable } from 'node:stream';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { DatasetError } from './dataset-error.ts';

const ENTRIES_MAX = 200_000;
const INFLATED_MAX_BYTES = 4 * 1024 * 1024 * 1024;

export interface ZippedFile {
  readonly name: string;
  readonly byteLength: number;
}

export class Zip {
  readonly #file: ZipFile;
  readonly #entries = new Map<string, Entry>();

  private constructor(file: ZipFile) {
    this.#file = file;
  }

  /** @throws DatasetError when it is no zip, or one that is too large */
  static async open(field: string, path: string): Promise<Zip> {
    let file: ZipFile | null = null;
    try {
      file = await openPromise(path, { autoClose: false, strictFileNames: true });
      if (file.entryCount > ENTRIES_MAX)
        throw new DatasetError(field, `holds ${file.entryCount} files; at most ${ENTRIES_MAX} are taken`);
      const zip = new Zip(file);
      let byteLength = 0;
      for await (const entry of file.eachEntry()) {
        if (entry.fileName.endsWith('/')) continue;
        byteLength += entry.uncompressedSize;
        if (byteLength > INFLATED_MAX_BYTES)
          throw new DatasetError(field, `inflates beyond ${INFLATED_MAX_BYTES} bytes; bring a smaller file`);
        if (entry.isEncrypted()) throw new DatasetError(field, `"${shownName(entry.fileName)}" is encrypted`);
        zip.#entries.set(entry.fileName, entry);
      }
      return zip;
    } catch (error) {
      file?.close();
      if (error instanceof DatasetError) throw error;
      throw new DatasetError(field, `is no zip that can be read: ${(error as Error).message.slice(0, 100)}`);
    }
  }

  get files(): ZippedFile[] {
    return [...this.#entries].map(([name, { uncompressedSize }]) => ({ name, byteLength: uncompressedSize }));
  }

  /** @throws DatasetError, also in the midst, when the file is damaged */
  async *bytes(field: string, name: string): AsyncGenerator<Uint8Array, void, void> {
    let stream: Readable | null = null;
    try {
      stream = await this.#file.openReadStreamPromise(this.#entries.get(name)!);
      yield* stream as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw new DatasetError(
        field,
        `"${shownName(name)}" is damaged: ${(error as Error).message.slice(0, 80)}`,
      );
    } finally {
      stream?.destroy();
    }
  }

  close(): void {
    this.#file.close();
  }
}

/** The end of a path says more than its beginning. */
export const shownName = (name: string): string => (name.length > 60 ? `...${name.slice(-60)}` : name);
