import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { mulberry } from '@murmuration/codec';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hash, RUN_ID, runSetup } from '../testing/run.ts';
import { BlobShelf, BlobTooLargeError, sha256Of } from './blobs.ts';
import { Store, StoreError } from './store.ts';

/** A night may take more of them: MURMURATION_KILLS=200. */
const KILLS = Number(process.env['MURMURATION_KILLS'] ?? 4);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'murmuration-store-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function newStoreWithRun(): Promise<Store> {
  const store = await Store.open(directory);
  const setup = runSetup();
  await store.addDataset(
    { manifest: setup.manifest.dataset, shards: setup.shards, details: null },
    'content',
    1,
  );
  await store.addRun(setup);
  return store;
}

async function firstRun(store: Store) {
  for await (const run of store.runs()) return run;
  throw new Error('the store has no run');
}

describe('store', () => {
  it(
    '[I-4] [I-6] kill -9, again and again: nothing acknowledged is lost, nothing is torn',
    async () => {
      await (await newStoreWithRun()).close();
      const writer = fileURLToPath(new URL('../testing/store-writer.ts', import.meta.url));
      const random = mulberry(9);
      const blobs: string[] = [];
      let acknowledged = -1;
      let blobsWhenKilled = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const killAfter = acknowledged + 20 + Math.floor(random() * 60);
        const child = spawn(
          process.execPath,
          ['--import', 'tsx', writer, directory, String(acknowledged + 1)],
          {
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        for await (const line of createInterface(child.stdout)) {
          const [kind, value] = line.split(' ') as [string, string];
          if (kind === 'record') acknowledged = Number(value);
          else blobs.push(value);
          if (acknowledged >= killAfter) child.kill('SIGKILL');
        }
        const store = await Store.open(directory);
        const { records, snapshot } = await firstRun(store);
        const summed = Number(snapshot);
        const count = summed + records.length;
        await store.close();
        const last = count / 2 - 1;
        expect(last).toBeGreaterThanOrEqual(acknowledged);
        // The records behind the snapshot, one by one; the snapshot is one of the last four that were written.
        expect(records.map(({ atMs }) => atMs)).toEqual(
          Array.from({ length: records.length }, (_, i) => Math.floor((summed + i) / 2)),
        );
        expect(records.length).toBeLessThan(8);
        acknowledged = last;

        const shelf = new BlobShelf(directory);
        for (const sha256 of blobs) expect(await shelf.read(sha256)).not.toBeNull();
        expect(readdirSync(join(directory, 'blobs', 'temp'))).toEqual([]);
        expect(blobs.length).toBeGreaterThan(blobsWhenKilled);
        blobsWhenKilled = blobs.length;
      }
      expect(acknowledged).toBeGreaterThan(20 * KILLS);
    },
    60_000 * KILLS,
  );

  it('[I-20] a second coordinator on the same data directory is refused by name, and may start when the first ends', async () => {
    const first = await Store.open(directory);
    await expect(Store.open(directory)).rejects.toThrow(
      new StoreError(
        `data directory ${directory} is in use by another coordinator (process ${process.pid}); stop it or choose another --data`,
      ),
    );
    await first.close();
    await (await Store.open(directory)).close();
  });

  it('[C10] a store of a newer version is refused, not downgraded', async () => {
    const store = await newStoreWithRun();
    await store.close();
    const { default: Database } = await import('libsql');
    const db = new Database(join(directory, 'coordinator.db'));
    db.exec("insert into kysely_migration (name, timestamp) values ('999-future', '2030-01-01')");
    db.close();
    await expect(Store.open(directory)).rejects.toThrow(/newer version/);
  });

  it('[C9] a data directory that is a file, or damaged, is refused with the reason', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    await expect(Store.open(file)).rejects.toThrow(StoreError);
    writeFileSync(
      join(directory, 'coordinator.db'),
      'this is no database, but it is long enough to be taken for one',
    );
    await expect(Store.open(directory)).rejects.toThrow(StoreError);
  });

  it('totals of a tab replace the ones before, other records stay in order', async () => {
    const store = await newStoreWithRun();
    const { NO_TOTALS } = await import('./ledger-state.ts');
    const volunteerId = `vol_${'a'.repeat(26)}`;
    const totals = (atMs: number) => ({
      runId: RUN_ID,
      record: { kind: 'totals', atMs, volunteerId, totals: { ...NO_TOTALS, rounds: atMs } } as const,
    });
    const other = { runId: RUN_ID, record: { kind: 'checkpoint-lost', atMs: 2, sha256: hash(2) } as const };
    await store.append([totals(1), other]);
    await store.append([totals(3)]);
    expect((await firstRun(store)).records.map(({ atMs }) => atMs)).toEqual([2, 3]);
    await store.close();
  });

  it('[I-7] totals that a snapshot holds are read again when others took their place', async () => {
    const store = await newStoreWithRun();
    const { NO_TOTALS } = await import('./ledger-state.ts');
    const volunteerId = `vol_${'a'.repeat(26)}`;
    const totals = (atMs: number) => ({
      runId: RUN_ID,
      record: { kind: 'totals', atMs, volunteerId, totals: NO_TOTALS } as const,
    });
    await store.append([totals(1), { runId: RUN_ID, snapshot: '"the first"' }]);
    expect(await firstRun(store)).toMatchObject({ snapshot: '"the first"', records: [] });
    await store.append([totals(2)]);
    expect((await firstRun(store)).records.map(({ atMs }) => atMs)).toEqual([2]);
    await store.removeRun(RUN_ID);
    await expect(firstRun(store)).rejects.toThrow('no run');
    await store.close();
  });

  it('[I-4] a snapshot of another version is as if it were not there', async () => {
    const store = await newStoreWithRun();
    const record = { kind: 'restarted', atMs: 1 } as const;
    await store.append([
      { runId: RUN_ID, record },
      { runId: RUN_ID, snapshot: '{}' },
    ]);
    await store.close();
    const later = new Database(join(directory, 'coordinator.db'));
    later.exec('update snapshots set version = version + 1');
    later.close();
    const opened = await Store.open(directory);
    expect(await firstRun(opened)).toMatchObject({ snapshot: null, records: [record] });
    await opened.close();
  });

  it('a transaction that fails leaves nothing behind', async () => {
    const store = await newStoreWithRun();
    const record = { kind: 'restarted', atMs: 1 } as const;
    await expect(
      store.append([
        { runId: RUN_ID, record },
        { runId: 'run_that_is_not_there', record },
      ]),
    ).rejects.toThrow(/FOREIGN KEY/);
    expect((await firstRun(store)).records).toEqual([]);
    await store.close();
  });
});

describe('a store of an earlier version', () => {
  it('its datasets and runs, all bytes with a class, say so now', async () => {
    const store = await newStoreWithRun();
    await store.close();
    const { manifest } = runSetup();
    const {
      dataset: { encoding: _encoding, target: _target, ...dataset },
    } = manifest;
    const before = { ...dataset, classCount: 10 };
    const old = new Database(join(directory, 'coordinator.db'));
    old.prepare('update datasets set manifest = ?').run(JSON.stringify(before));
    const { optimiser, warmUpRounds, ...training } = manifest.training;
    expect([optimiser, warmUpRounds]).toEqual(['adam', 0]);
    old
      .prepare('update runs set manifest = ?')
      .run(JSON.stringify({ ...manifest, training, dataset: before }));
    old.exec('alter table datasets drop column details');
    old.exec("delete from kysely_migration where name > '001-first'");
    for (const table of [
      'snapshots',
      'models',
      'deliveries',
      'webhooks',
      'sweep_trials',
      'sweeps',
      'creations',
      'tokens',
      'sessions',
    ])
      old.exec(`drop table ${table}`);
    old.close();
    const mended = await Store.open(directory);
    expect((await mended.datasets())[0]!.manifest).toEqual(manifest.dataset);
    expect((await firstRun(mended)).setup.manifest).toEqual(manifest);
    await mended.close();
  });

  it('a run that cannot be read is refused with its id, the field, and what to do', async () => {
    const store = await newStoreWithRun();
    await store.close();
    const { manifest } = runSetup();
    const old = new Database(join(directory, 'coordinator.db'));
    old
      .prepare('update runs set manifest = ?')
      .run(JSON.stringify({ ...manifest, model: 'a picture of one' }));
    old.close();
    const opened = await Store.open(directory);
    await expect(firstRun(opened)).rejects.toThrow(
      /^run run_r+ was stored by a version .*model must be an object.*--data/,
    );
    await opened.close();
  });
});

describe('blobs', () => {
  it('[U7] a stream beyond its limit is refused and leaves nothing behind', async () => {
    const shelf = new BlobShelf(directory);
    const pieces = Array.from({ length: 5 }, () => new Uint8Array(100));
    await expect(shelf.putStream(pieces, 499)).rejects.toThrow(BlobTooLargeError);
    expect(readdirSync(join(directory, 'blobs', 'temp'))).toEqual([]);
    expect((await shelf.putStream(pieces, 500)).byteLength).toBe(500);
  });

  it('[U21] a blob with a flipped bit is not served as whole, and storing it again mends it', async () => {
    const shelf = new BlobShelf(directory);
    const bytes = new Uint8Array(1_000).fill(7);
    const sha256 = await shelf.put(bytes);
    writeFileSync(join(directory, 'blobs', sha256.slice(0, 2), sha256), new Uint8Array(1_000).fill(8));
    expect(await shelf.read(sha256)).toBeNull();
    expect(await shelf.put(bytes)).toBe(sha256);
    expect(sha256Of((await shelf.read(sha256))!)).toBe(sha256);
  });

  it('[I-6] what a crash left half-written is gone after the next start', async () => {
    const temp = join(directory, 'blobs', 'temp');
    const before = new BlobShelf(directory);
    writeFileSync(join(temp, 'half'), 'half');
    const sha256 = await before.put(new Uint8Array(8));
    expect(readdirSync(temp)).toEqual(['half']);
    const after = new BlobShelf(directory);
    expect(readdirSync(temp)).toEqual([]);
    expect(await after.read(sha256)).toEqual(Buffer.alloc(8));
  });
});
