import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ADAPTER, hash, RUN_ID, runSetup, volunteer } from '../testing/run.ts';
import {
  recordsBeforeSnapshot,
  RunLedger,
  SNAPSHOT_VERSION,
  snapshotOf,
  type LedgerRecord,
} from './ledger.ts';
import type { JournalRow } from './journal.ts';
import { NO_TOTALS } from './ledger-state.ts';
import { RunBook } from './run-book.ts';
import { Store } from './store.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000 });

const checkpoint = (round: number) => ({
  round,
  term: 1,
  sha256: hash(round),
  loss: 1 / round,
  accuracy: 0.5,
});
const volunteerId = volunteer(1);

/** What each kind of record may say; the compiler asks for a new kind. */
const EVERY_KIND: { readonly [K in LedgerRecord['kind']]: readonly (LedgerRecord & { kind: K })[] } = {
  restarted: [{ kind: 'restarted', atMs: 2_000 }],
  joined: [
    { kind: 'joined', atMs: 2_100, volunteerId, adapter: ADAPTER, links: 'relay-only' },
    { kind: 'joined', atMs: 2_200, volunteerId: volunteer(2), adapter: ADAPTER },
  ],
  state: [{ kind: 'state', atMs: 2_300, state: 'training', reason: '' }],
  founded: [{ kind: 'founded', atMs: 2_400, volunteerId, term: 1, checkpoint: checkpoint(3) }],
  leased: [0, 1, 2].map((shardIndex) => ({
    ...{ kind: 'leased', atMs: 2_500, volunteerId, shardIndex, generation: 1, deadlineMs: 9_000 },
  })),
  released: [{ kind: 'released', atMs: 2_600, shardIndex: 1, why: 'deadline' }],
  counted: [{ kind: 'counted', atMs: 2_700, volunteerId, shardIndex: 0 }],
  totals: [{ kind: 'totals', atMs: 2_800, volunteerId, totals: { ...NO_TOTALS, rounds: 7 } }],
  point: [4, 5].map((round) => ({
    ...{ kind: 'point', atMs: 2_900, round, loss: 1, lossMin: 0.5, lossMax: 1.5, volunteers: 2 },
  })),
  diverged: [{ kind: 'diverged', atMs: 3_000, volunteerId, term: 1, round: 5 }],
  'evaluation-dropped': [{ kind: 'evaluation-dropped', atMs: 3_100, why: 'late', isLate: true }],
  'checkpoint-stored': [{ kind: 'checkpoint-stored', atMs: 3_200, sha256: hash(5) }],
  evaluated: [
    { kind: 'evaluated', atMs: 3_300, volunteerId, checkpoint: checkpoint(5), verdict: 'promoted' },
    { kind: 'evaluated', atMs: 3_400, volunteerId, checkpoint: { ...checkpoint(6), error: 2 } },
  ],
  'checkpoint-lost': [{ kind: 'checkpoint-lost', atMs: 3_500, sha256: hash(6) }],
  'evaluation-asked': [
    { kind: 'evaluation-asked', atMs: 3_600, volunteerId, generation: 2, roundMin: 6, deadlineMs: 9_500 },
  ],
  node: [{ kind: 'node', atMs: 3_650, volunteerId, node: volunteer(2), why: 'near' }],
  left: [{ kind: 'left', atMs: 3_700, volunteerId: volunteer(2), exit: 'silent', totals: NO_TOTALS }],
};
const RECORDS: readonly LedgerRecord[] = Object.values(EVERY_KIND).flat();

describe('a snapshot', () => {
  it('[I-7] is of the version that its fold is', () => {
    const { state } = new RunLedger(runSetup(), RECORDS);
    const digest = createHash('sha256')
      .update(JSON.stringify(snapshotOf(state)))
      .digest('hex');
    // Records come to something else, or the state has other fields: raise SNAPSHOT_VERSION, so that no start trusts a
    // snapshot of before, and pin what there is now.
    expect([SNAPSHOT_VERSION, digest]).toEqual([
      4,
      '2e3de4a52bb757c03a0a48ddbb17e71d2da17d0b5d833767ea461c8be967d2f5',
    ]);
  });

  it('[I-4] [I-7] is taken as a run grows, and the next start folds only what came after it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'murmuration-snapshot-'));
    const store = await Store.open(directory);
    try {
      const setup = runSetup();
      await store.addDataset(
        { manifest: setup.manifest.dataset, shards: setup.shards, details: null },
        'content',
        1,
      );
      await store.addRun(setup);
      const book = new RunBook({ setup, snapshot: null, records: [] });
      book.storedCheckpoints.add(hash(9));
      const most = recordsBeforeSnapshot(book.ledger.state);
      const rows: JournalRow[] = [];
      for (let tick = 0, count = 0; count < most + 10; tick++) {
        const { records } = book.ledger.handle(
          { kind: 'joined', volunteerId: volunteer(tick % 3), adapter: ADAPTER, links: 'direct', head: null },
          setup.createdAtMs + tick,
        );
        count += records.length;
        rows.push(...book.rowsOf(records));
      }
      await store.append(rows);
      const stored = await (async () => {
        for await (const run of store.runs()) return run;
        throw new Error('no run');
      })();
      expect(stored.records.length).toBeLessThan(100);
      const again = new RunBook(stored);
      expect(again.ledger.state).toEqual(book.ledger.state);
      expect([...again.storedCheckpoints]).toEqual([hash(9)]);
      expect(stored.setup.manifest.id).toBe(RUN_ID);
    } finally {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
