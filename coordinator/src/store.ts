/**
 * What survives: one SQLite file through kysely, written by one process.
 *
 * A transition of a ledger is appended in one transaction, and `append` resolves only when SQLite has synced it (WAL,
 * synchronous FULL); whoever acknowledges waits for that, and nobody else: a thread appends, with a connection of its
 * own, because a busy disk took half of the coordinator's time from its sockets. Reading the records back in order and
 * folding them gives the ledger again. It refuses to know what a record means.
 *
 * The binding is libsql 0.5 (SQLite 3.45), which has better-sqlite3's API and carries its binary inside the npm
 * package: it installs in 2 s where better-sqlite3 12 must be compiled (43 s on two cores, and a compiler is needed).
 * Our own crash test (store.test.ts) chose: 20 kills with -9 in the midst of a stream of transactions, about 1,000
 * acknowledged ones, none lost and none torn. Synced transactions a second on a shared two-core machine: 2,400 bare,
 * 310 through kysely with the machine three times overloaded; a run needs a few dozen, and the journal groups them.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RunManifestSchema } from '@murmuration/protocol';
import type { DatasetManifest, Sha256, Shard } from '@murmuration/protocol';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import type { SqliteDatabase } from 'kysely';
import Database from 'libsql';
import { door } from './doors.ts';
import type { JournalRow } from './journal.ts';
import { SNAPSHOT_VERSION } from './ledger.ts';
import type { LedgerRecord, RunSetup } from './ledger.ts';
import { RecordWriter } from './record-writer.ts';
import { MIGRATIONS } from './store-schema.ts';
import type { Tables } from './store-schema.ts';

const runManifest = door(RunManifestSchema);

/** The store cannot be used as it is; the message names the cause and the fix. */
export class StoreError extends Error {}

export interface StoredDataset {
  readonly manifest: DatasetManifest;
  readonly shards: readonly Shard[];
  /** Blob of preview and preprocessing; null in datasets of an earlier version. */
  readonly details: Sha256 | null;
}
export interface StoredRun {
  readonly setup: RunSetup;
  /** What the records before `records` come to, as it was appended; null: these are all. */
  readonly snapshot: string | null;
  readonly records: readonly LedgerRecord[];
}

const PRAGMAS = [
  'pragma journal_mode = wal',
  'pragma synchronous = full',
  'pragma foreign_keys = on',
  'pragma busy_timeout = 5000',
] as const;

export class Store {
  readonly #db: Kysely<Tables>;
  readonly #lock: InstanceType<typeof Database>;
  readonly #writer: RecordWriter;

  private constructor(db: Kysely<Tables>, lock: InstanceType<typeof Database>, writer: RecordWriter) {
    this.#db = db;
    this.#lock = lock;
    this.#writer = writer;
  }

  /**
   * Opens (or makes) the store in `directory` and brings it to this version's schema.
   * @throws StoreError when another coordinator holds it, it cannot be written, or a newer version wrote it
   */
  static async open(directory: string): Promise<Store> {
    try {
      mkdirSync(directory, { recursive: true });
    } catch (error) {
      throw new StoreError(`data directory ${directory} cannot be made: ${(error as Error).message}`);
    }
    const lock = takeLock(directory);
    try {
      const path = join(directory, 'coordinator.db');
      const connection = new Database(path);
      for (const pragma of PRAGMAS) connection.exec(pragma);
      const db = new Kysely<Tables>({
        dialect: new SqliteDialect({ database: waitingForTheOther(connection) }),
      });
      const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
      const { error } = await migrator.migrateToLatest();
      if (error !== undefined) {
        await db.destroy();
        throw error;
      }
      syncDirectory(directory);
      return new Store(db, lock, new RecordWriter(path, PRAGMAS));
    } catch (error) {
      lock.close();
      const cause = error instanceof Error ? error.message : String(error);
      throw new StoreError(
        /missing/.test(cause)
          ? `the data directory ${directory} was written by a newer version; start that version, or use another --data`
          : `the store in ${directory} cannot be opened: ${cause}`,
      );
    }
  }

  /** For the books that keep their own tables (access, sweeps, alerts). */
  get db(): Kysely<Tables> {
    return this.#db;
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#db.destroy();
    this.#lock.close();
  }

  async setting(name: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom('settings')
      .select('value')
      .where('name', '=', name)
      .executeTakeFirst();
    return row?.value ?? null;
  }

  async setSetting(name: string, value: string): Promise<void> {
    await this.#db
      .insertInto('settings')
      .values({ name, value })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
      .execute();
  }

  /** All or none of `entries`, in order, on disk when it resolves. */
  append(entries: readonly JournalRow[]): Promise<void> {
    return this.#writer.append(
      entries.map((entry) => {
        const { runId } = entry;
        if ('snapshot' in entry) return { runId, version: SNAPSHOT_VERSION, body: entry.snapshot };
        const { record } = entry;
        const replaces = record.kind === 'totals' ? `totals ${record.volunteerId}` : null;
        return [runId, replaces, JSON.stringify(record)];
      }),
    );
  }

  async addRun(setup: RunSetup): Promise<void> {
    await this.#db
      .insertInto('runs')
      .values({
        id: setup.manifest.id,
        dataset_id: setup.manifest.dataset.id,
        manifest: JSON.stringify(setup.manifest),
        initial_checkpoint: setup.initialCheckpoint,
        created_at_ms: Math.round(setup.createdAtMs),
      })
      .execute();
  }

  /** All of the run goes; its blobs are somebody else's matter. */
  async removeRun(runId: string): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await tx.deleteFrom('snapshots').where('run_id', '=', runId).execute();
      await tx.deleteFrom('records').where('run_id', '=', runId).execute();
      await tx.deleteFrom('runs').where('id', '=', runId).execute();
    });
  }

  /** Every run with its records since its snapshot, oldest first; one at a time, because they may be many. */
  async *runs(): AsyncGenerator<StoredRun, void, void> {
    const datasets = new Map(
      (await this.datasets()).map((dataset) => [dataset.manifest.id as string, dataset]),
    );
    const rows = await this.#db
      .selectFrom('runs')
      .selectAll()
      .orderBy('created_at_ms')
      .orderBy('id')
      .execute();
    for (const row of rows) {
      const manifest = runManifest(JSON.parse(row.manifest));
      if (!manifest.ok)
        throw new StoreError(
          `run ${row.id} was stored by a version whose runs this one cannot read (${manifest.fault.field} ` +
            `${manifest.fault.message}); start that version and delete the run, or use another --data`,
        );
      const snapshot = await this.#db
        .selectFrom('snapshots')
        .select(['sequence', 'body'])
        .where('run_id', '=', row.id)
        .where('version', '=', SNAPSHOT_VERSION)
        .executeTakeFirst();
      const records = await this.#db
        .selectFrom('records')
        .select('body')
        .where('run_id', '=', row.id)
        .where('sequence', '>', snapshot?.sequence ?? 0)
        .orderBy('sequence')
        .execute();
      yield {
        setup: {
          manifest: manifest.value,
          shards: datasets.get(row.dataset_id)!.shards,
          initialCheckpoint: row.initial_checkpoint,
          createdAtMs: row.created_at_ms,
        },
        snapshot: snapshot?.body ?? null,
        records: records.map(({ body }) => JSON.parse(body) as LedgerRecord),
      };
    }
  }

  /** @param content hash of all that makes the dataset; the same content is kept once */
  async addDataset(dataset: StoredDataset, content: string, createdAtMs: number): Promise<void> {
    const { manifest, shards, details } = dataset;
    await this.#db.transaction().execute(async (tx) => {
      await tx
        .insertInto('datasets')
        .values({
          id: manifest.id,
          content,
          manifest: JSON.stringify(manifest),
          created_at_ms: createdAtMs,
          details,
        })
        .execute();
      for (const shard of shards)
        await tx
          .insertInto('dataset_shards')
          .values({
            dataset_id: manifest.id,
            shard_index: shard.index,
            sha256: shard.sha256,
            sample_count: shard.sampleCount,
            byte_length: shard.byteLength,
          })
          .execute();
    });
  }

  async datasetIdOfContent(content: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom('datasets')
      .select('id')
      .where('content', '=', content)
      .executeTakeFirst();
    return row?.id ?? null;
  }

  /** Oldest first. */
  async datasets(): Promise<StoredDataset[]> {
    const rows = await this.#db
      .selectFrom('datasets')
      .selectAll()
      .orderBy('created_at_ms')
      .orderBy('id')
      .execute();
    const datasets: StoredDataset[] = [];
    for (const row of rows) {
      const shards = await this.#db
        .selectFrom('dataset_shards')
        .selectAll()
        .where('dataset_id', '=', row.id)
        .orderBy('shard_index')
        .execute();
      datasets.push({
        manifest: JSON.parse(row.manifest) as DatasetManifest,
        details: row.details,
        shards: shards.map((shard) => ({
          index: shard.shard_index,
          sha256: shard.sha256,
          sampleCount: shard.sample_count,
          byteLength: shard.byte_length,
        })),
      });
    }
    return datasets;
  }

  /** @returns false when a run needs it; nothing is removed then */
  async removeDataset(id: string): Promise<boolean> {
    return this.#db.transaction().execute(async (tx) => {
      const run = await tx.selectFrom('runs').select('id').where('dataset_id', '=', id).executeTakeFirst();
      if (run !== undefined) return false;
      await tx.deleteFrom('dataset_shards').where('dataset_id', '=', id).execute();
      await tx.deleteFrom('datasets').where('id', '=', id).execute();
      return true;
    });
  }

  async addUpload(sha256: Sha256, byteLength: number, createdAtMs: number): Promise<void> {
    await this.#db
      .insertInto('uploads')
      .values({ sha256, byte_length: byteLength, created_at_ms: createdAtMs })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  async removeUpload(sha256: Sha256): Promise<void> {
    await this.#db.deleteFrom('uploads').where('sha256', '=', sha256).execute();
  }

  async uploads(): Promise<{ sha256: Sha256; byteLength: number }[]> {
    const rows = await this.#db.selectFrom('uploads').select(['sha256', 'byte_length']).execute();
    return rows.map((row) => ({ sha256: row.sha256, byteLength: row.byte_length }));
  }
}

/**
 * A transaction that reads before it writes would be refused at once when the thread committed in between; one that takes
 * its turn at the beginning waits.
 */
function waitingForTheOther(connection: InstanceType<typeof Database>): SqliteDatabase {
  const prepare = (text: string) => connection.prepare(text === 'begin' ? 'begin immediate' : text);
  return { prepare, close: () => connection.close() } as unknown as SqliteDatabase;
}

/**
 * One writer a data directory. The lock is a transaction that the operating system ends with the process, so a killed
 * coordinator leaves nothing to clean up. The id of the process stands beside it for people.
 */
function takeLock(directory: string): InstanceType<typeof Database> {
  const pidFile = join(directory, 'coordinator.pid');
  let lock: InstanceType<typeof Database> | null = null;
  try {
    lock = new Database(join(directory, 'coordinator.lock'), { timeout: 0 });
    lock.exec('begin exclusive');
    writeFileSync(pidFile, `${process.pid}\n`);
    return lock;
  } catch (error) {
    lock?.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY')
      throw new StoreError(`data directory ${directory} cannot be written: ${(error as Error).message}`);
    let owner = '';
    try {
      owner = ` (process ${readFileSync(pidFile, 'utf8').trim()})`;
    } catch {
      // The other coordinator has the lock but not written its id yet.
    }
    throw new StoreError(
      `data directory ${directory} is in use by another coordinator${owner}; stop it or choose another --data`,
    );
  }
}

/** Makes the names in a directory durable, as fsync of a file does not. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
