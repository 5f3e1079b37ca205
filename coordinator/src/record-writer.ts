/** The near end of the thread that appends records (record-thread.mjs): batches go in, promises come out, in order. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** A record: the run, what it takes the place of (null: nothing), and its text. */
export type RecordRow = readonly [runId: string, replaces: string | null, body: string];
/** What all rows of the run before this one come to; it takes the place of the snapshot before. */
export interface SnapshotRow {
  readonly runId: string;
  readonly version: number;
  readonly body: string;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class RecordWriter {
  readonly #thread: Worker;
  readonly #waiting: Waiting[] = [];
  #failure: Error | null = null;

  /** @param pragmas statements for its connection. */
  constructor(path: string, pragmas: readonly string[]) {
    this.#thread = new Worker(new URL('./record-thread.mjs', import.meta.url), {
      workerData: { path, pragmas },
      // Loaders of TypeScript are for this thread.
      execArgv: [],
    });
    this.#thread.on('message', (fault: string | null) => {
      const { resolve, reject } = this.#waiting.shift()!;
      if (fault === null) resolve();
      else reject(new Error(fault));
    });
    this.#thread.on('error', (error) =>
      this.#fail(error instanceof Error ? error : new Error(String(error))),
    );
    this.#thread.on('exit', () => this.#fail(new Error('the store is closed')));
  }

  /** All of the rows or none, on disk when it resolves. @throws what SQLite or the system said. */
  append(rows: readonly (RecordRow | SnapshotRow)[]): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#thread.postMessage(rows);
    });
  }

  /** What was appended before is on disk then. */
  async close(): Promise<void> {
    if (this.#failure !== null) return;
    this.#thread.postMessage(null);
    await once(this.#thread, 'exit');
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
