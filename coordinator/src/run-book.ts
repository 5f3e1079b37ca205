/** What of a run goes into the store and comes out of it again: its ledger's records, and snapshots of what they come to. */
import type { Sha256 } from '@murmuration/protocol';
import type { JournalRow } from './journal.ts';
import {
  recordsBeforeSnapshot,
  RunLedger,
  snapshotOf,
  stateOfSnapshot,
  type LedgerRecord,
  type LedgerSnapshot,
} from './ledger.ts';
import type { StoredRun } from './store.ts';

/** All that a start would otherwise read from the records. */
interface Past {
  readonly ledger: LedgerSnapshot;
  readonly storedCheckpoints: readonly Sha256[];
}

export class RunBook {
  readonly ledger: RunLedger;
  /** Blobs that volunteers stored for this run and that may have to go. */
  readonly storedCheckpoints: Set<Sha256>;
  /** Records that a start would fold now; totals replace one another and are few. */
  #recordsToFold: number;

  constructor({ setup, snapshot, records }: StoredRun) {
    const past = snapshot === null ? null : (JSON.parse(snapshot) as Past);
    this.ledger = new RunLedger(setup, records, past === null ? null : stateOfSnapshot(setup, past.ledger));
    this.storedCheckpoints = new Set(past?.storedCheckpoints);
    for (const record of records)
      if (record.kind === 'checkpoint-stored') this.storedCheckpoints.add(record.sha256);
    this.#recordsToFold = records.length;
  }

  /** A start would fold nothing of it. */
  get isSummed(): boolean {
    return this.#recordsToFold === 0;
  }

  /** The records of the ledger's last decision, and behind them, now and then, what all of them come to. */
  rowsOf(records: readonly LedgerRecord[]): JournalRow[] {
    const { state } = this.ledger;
    const runId = state.setup.manifest.id;
    const rows: JournalRow[] = records.map((record) => ({ runId, record }));
    this.#recordsToFold += records.filter(({ kind }) => kind !== 'totals').length;
    if (this.#recordsToFold < recordsBeforeSnapshot(state)) return rows;
    this.#recordsToFold = 0;
    const past: Past = { ledger: snapshotOf(state), storedCheckpoints: [...this.storedCheckpoints] };
    return [...rows, { runId, snapshot: JSON.stringify(past) }];
  }
}
