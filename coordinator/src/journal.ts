/**
 * The journal between decisions and their announcement. Entries are written in order, and only when an entry is on
 * disk is it announced; entries that pile up while the disk is busy share one transaction, and with them those that come
 * while more are gathered: with ten thousand volunteers, handing single records to the thread that commits them took a
 * quarter of this one's time. Who comes while nothing is written does not wait.
 *
 * If it cannot be written, memory is ahead of the disk and nothing may be announced any more: `onFatal` ends the
 * process, and the next start folds what is there.
 */
import type { RunId } from '@murmuration/protocol';
import type { LedgerRecord } from './ledger.ts';

export type JournalRow =
  | { readonly runId: RunId; readonly record: LedgerRecord }
  /** What the run's records before it come to. */
  | { readonly runId: RunId; readonly snapshot: string };

export interface JournalEntry {
  readonly records: readonly JournalRow[];
  readonly announce: () => void;
}

export interface JournalPorts {
  /** All or none of the records, on disk when it resolves. */
  readonly append: (records: JournalEntry['records']) => Promise<void>;
  /** Between a transaction and the next, where one is due at once. */
  readonly gather: () => Promise<void>;
  readonly onFatal: (error: Error) => void;
}

export class Journal {
  readonly #ports: JournalPorts;
  #waiting: JournalEntry[] = [];
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  constructor(ports: JournalPorts) {
    this.#ports = ports;
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
        if (records.length > 0) await this.#ports.append(records);
        for (const { announce } of batch) announce();
        if (this.#waiting.some((entry) => entry.records.length > 0)) await this.#ports.gather();
      }
    } catch (error) {
      this.#failure = error as Error;
      this.#ports.onFatal(this.#failure);
    } finally {
      this.#isWriting = false;
    }
  }
}
