/**
 * The journal between decisions and their announcement. Entries are written in order, and only when an entry is on
 * disk is it announced; entries that pile up while the disk is busy share one transaction.
 *
 * If it cannot be written, memory is ahead of the disk and nothing may be announced any more: `onFatal` ends the
 * process, and the next start folds what is there.
 */
import type { RunId } from '@murmuration/protocol';
import type { LedgerRecord } from './ledger.ts';

export interface JournalEntry {
  readonly records: readonly { readonly runId: RunId; readonly record: LedgerRecord }[];
  readonly announce: () => void;
}

export class Journal {
  readonly #append: (records: JournalEntry['records']) => Promise<void>;
  readonly #onFatal: (error: Error) => void;
  #waiting: JournalEntry[] = [];
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  /** @param append all or none of the records, on disk when it resolves */
  constructor(append: (records: JournalEntry['records']) => Promise<void>, onFatal: (error: Error) => void) {
    this.#append = append;
    this.#onFatal = onFatal;
  }

  /** An entry without records still waits for its turn, so that messages keep their order. */
  write(entry: JournalEntry): void {
    if (this.#failure !== null) return;
    this.#waiting.push(entry);
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#writing = this.#drain();
  }

  /**
   * Everything written so far is on disk and announced.
   * @throws what broke the journal: nothing may be acknowledged then
   */
  async settled(): Promise<void> {
    while (this.#isWriting) await this.#writing;
    if (this.#failure !== null) throw this.#failure;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting;
        this.#waiting = [];
        const records = batch.flatMap((entry) => entry.records);
        if (records.length > 0) await this.#append(records);
        for (const { announce } of batch) announce();
      }
    } catch (error) {
      this.#failure = error as Error;
      this.#onFatal(this.#failure);
    } finally {
      this.#isWriting = false;
    }
  }
}
