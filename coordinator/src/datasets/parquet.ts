/**
 * Parquet files as tables, a row group at a time, read by a thread that is stopped when a damaged file holds it up.
 * Columns must be flat; values become the texts that a CSV would hold, and are judged like those.
 */
import { Worker } from 'node:worker_threads';
import { shown } from './column-types.ts';
import { DatasetError } from './dataset-error.ts';
import type { Table } from './table.ts';

/** A row group is in memory as a whole while it is read. */
const GROUP_MAX_BYTES = 128 * 1024 * 1024;
const GROUP_ROWS_MAX = 1_048_576;
const ROWS_AT_ONCE = 1_024;
/** Of the thread; rows of 128 MiB in columns are some times that as values. */
const THREAD_MEMORY_MAX_MB = 1_024;
/** For one row group. The largest take some seconds on a busy machine. */
const ANSWER_MAX_MS = 60_000;

interface Footer {
  readonly fileBytes: number;
  readonly columns: readonly { readonly name: string; readonly isNested: boolean }[];
  readonly groups: readonly {
    readonly rows: number;
    readonly bytes: number;
    readonly columns: readonly { readonly end: number; readonly inflatedBytes: number }[];
  }[];
}

/**
 * Reads the footer.
 * @param leaveOut columns that need not be flat
 * @throws DatasetError; so does reading the rows
 */
export async function parquetTable(
  path: string,
  leaveOut: readonly string[] = [],
  answerMaxMs = ANSWER_MAX_MS,
): Promise<Table> {
  const footer = await withThread(answerMaxMs, (thread) =>
    thread.ask<Footer>('the footer', { kind: 'open', path }),
  );
  checkGroups(footer);
  for (const name of leaveOut)
    if (!footer.columns.some((column) => column.name === name))
      throw new DatasetError('leaveOut', `there is no column "${shown(name)}"`);
  const columns = footer.columns.filter(({ name }) => !leaveOut.includes(name));
  for (const { name, isNested } of columns)
    if (isNested) throw new DatasetError('file', `column "${shown(name)}" is nested; name it in leaveOut`);
  const names = columns.map(({ name }) => name);
  return {
    columns: names,
    place: (row) => `row ${row + 1}`,
    async *rows() {
      const thread = new Thread(answerMaxMs);
      try {
        await thread.ask('the footer', { kind: 'open', path });
        let rowStart = 0;
        for (const [index, { rows }] of footer.groups.entries()) {
          const place = `row group ${index}`;
          const question = { kind: 'rows', columns: names, rowStart, rowEnd: rowStart + rows };
          const cells = await thread.ask<(string | null)[][]>(place, question);
          if (cells.length !== rows)
            throw new DatasetError('file', `${place} has ${cells.length} rows, its footer says ${rows}`);
          for (let from = 0; from < rows; from += ROWS_AT_ONCE)
            yield cells
              .slice(from, from + ROWS_AT_ONCE)
              .map((row, i) => textsOf(row, names, rowStart + from + i));
          rowStart += rows;
        }
      } finally {
        await thread.stop();
      }
    },
  };
}

function checkGroups({ groups, fileBytes }: Footer): void {
  for (const [index, { rows, bytes, columns }] of groups.entries()) {
    if (!(rows >= 0 && rows <= GROUP_ROWS_MAX) || !(bytes >= 0 && bytes <= GROUP_MAX_BYTES))
      throw new DatasetError(
        'file',
        `row group ${index} has ${rows} rows and ${bytes} bytes; write groups of at most ${GROUP_ROWS_MAX} rows and ${GROUP_MAX_BYTES} bytes`,
      );
    for (const { end, inflatedBytes } of columns)
      if (!(end >= 0 && end <= fileBytes) || !(inflatedBytes >= 0 && inflatedBytes <= GROUP_MAX_BYTES))
        throw new DatasetError(
          'file',
          `a column of row group ${index} lies outside the file or is too large`,
        );
  }
}

function textsOf(row: readonly (string | null)[], columns: readonly string[], index: number): string[] {
  return row.map((text, i) => {
    if (text !== null) return text;
    throw new DatasetError(
      'file',
      `column "${shown(columns[i]!)}", row ${index + 1}: neither number nor text; name the column in leaveOut`,
    );
  });
}

async function withThread<T>(answerMaxMs: number, work: (thread: Thread) => Promise<T>): Promise<T> {
  const thread = new Thread(answerMaxMs);
  try {
    return await work(thread);
  } finally {
    await thread.stop();
  }
}

/** One question at a time. After one that was not answered in time, or whose memory was too much, it is gone. */
class Thread {
  readonly #worker = new Worker(new URL('./parquet-worker.mjs', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: THREAD_MEMORY_MAX_MB },
    execArgv: [],
  });
  readonly #answerMaxMs: number;

  constructor(answerMaxMs: number) {
    this.#answerMaxMs = answerMaxMs;
    // An error between two questions shows at the next one, which finds the thread gone.
    this.#worker.on('error', () => {});
  }

  ask<T>(place: string, question: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = (problem: string) =>
        reject(new DatasetError('file', `${place} cannot be read: ${problem}`));
      const timer = setTimeout(() => refuse('it takes too long; is the file damaged?'), this.#answerMaxMs);
      this.#worker.removeAllListeners('message').removeAllListeners('exit');
      this.#worker.once('exit', () => {
        clearTimeout(timer);
        refuse('it takes too much memory; is the file damaged?');
      });
      this.#worker.once('message', (said: { answer: T } | { fault: string }) => {
        clearTimeout(timer);
        if ('fault' in said) refuse(said.fault);
        else resolve(said.answer);
      });
      this.#worker.postMessage(question);
    });
  }

  async stop(): Promise<void> {
    this.#worker.removeAllListeners('exit');
    await this.#worker.terminate();
  }
}
