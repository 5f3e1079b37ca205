/** The store's tables, and how a store of an older version becomes one of this. */
import type { ModelId, Scope, Sha256 } from '@murmuration/protocol';
import { sql } from 'kysely';
import type { Kysely, Migration } from 'kysely';

export interface Tables {
  settings: { name: string; value: string };
  datasets: { id: string; content: string; manifest: string; created_at_ms: number; details: string | null };
  dataset_shards: {
    dataset_id: string;
    shard_index: number;
    sha256: string;
    sample_count: number;
    byte_length: number;
  };
  /** `weights`: the blob with the file's, null: it had none. `gives_probabilities`: 0 or 1. */
  models: {
    id: ModelId;
    content: string;
    name: string;
    model: string;
    report: string;
    weights: Sha256 | null;
    gives_probabilities: number;
    created_at_ms: number;
  };
  uploads: { sha256: string; byte_length: number; created_at_ms: number };
  runs: {
    id: string;
    dataset_id: string;
    manifest: string;
    initial_checkpoint: string;
    created_at_ms: number;
  };
  /** Browsers that signed in; `token_id` null: with the first-run token. */
  sessions: {
    sha256: string;
    scope: Scope;
    token_id: string | null;
    created_at_ms: number;
    expires_at_ms: number;
  };
  tokens: {
    id: string;
    name: string;
    scope: Scope;
    sha256: string;
    created_at_ms: number;
    expires_at_ms: number | null;
    last_used_at_ms: number | null;
  };
  /** Idempotency keys: which resource a key was first used for. Written before the resource. */
  creations: { key_sha256: string; body_sha256: string; resource_id: string; created_at_ms: number };
  sweeps: { id: string; request: string; state: string; created_at_ms: number };
  /** `note`: why a trial was refused. `outcome`: its row of the table, kept when the run is deleted. */
  sweep_trials: {
    sweep_id: string;
    trial_index: number;
    run_id: string | null;
    note: string;
    outcome: string | null;
  };
  webhooks: { id: string; url: string; secret: string; events: string; created_at_ms: number };
  /** `due_at_ms` null: over, one way or the other. */
  deliveries: {
    id: string;
    webhook_id: string;
    event: string;
    body: string;
    attempts: number;
    due_at_ms: number | null;
    outcome: string;
    detail: string;
    at_ms: number;
  };
  /** `replaces`: a later record of the run with the same key takes this one's place (totals of a tab). */
  records: { sequence?: number; run_id: string; replaces: string | null; body: string };
  /** What a run's records up to `sequence` come to, by the fold of this version. One a run. */
  snapshots: { run_id: string; sequence: number; version: number; body: string };
}

/** Names sort in order; a published migration is never changed. */
export const MIGRATIONS: Record<string, Migration> = {
  '001-first': {
    async up(db: Kysely<Tables>) {
      await sql`create table settings (name text primary key, value text not null) strict`.execute(db);
      await sql`create table datasets (id text primary key, content text not null unique, manifest text not null,
        created_at_ms integer not null) strict`.execute(db);
      await sql`create table dataset_shards (dataset_id text not null references datasets(id),
        shard_index integer not null, sha256 text not null, sample_count integer not null,
        byte_length integer not null, primary key (dataset_id, shard_index)) strict`.execute(db);
      await sql`create table uploads (sha256 text primary key, byte_length integer not null,
        created_at_ms integer not null) strict`.execute(db);
      await sql`create table runs (id text primary key, dataset_id text not null references datasets(id),
        manifest text not null, initial_checkpoint text not null, created_at_ms integer not null) strict`.execute(
        db,
      );
      await sql`create table records (sequence integer primary key autoincrement,
        run_id text not null references runs(id), replaces text, body text not null) strict`.execute(db);
      await sql`create index records_of_run on records (run_id, sequence)`.execute(db);
      await sql`create unique index records_replaced on records (run_id, replaces) where replaces is not null`.execute(
        db,
      );
    },
  },
  /** Datasets say how their samples are encoded and what is predicted; until then all were bytes with a class. */
  '002-targets': {
    async up(db: Kysely<Tables>) {
      const [whole, ofRun] = ['$', '$.dataset'].map(
        (at) =>
          sql<string>`json_remove(json_set(manifest, ${`${at}.encoding`}, 'uint8', ${`${at}.target`},
          json_object('kind', 'class', 'classCount', json_extract(manifest, ${`${at}.classCount`}))), ${`${at}.classCount`})`,
      );
      await sql`update datasets set manifest = ${whole!}`.execute(db);
      await sql`update runs set manifest = ${ofRun!}`.execute(db);
    },
  },
  '003-workbench': {
    async up(db: Kysely<Tables>) {
      await sql`create table sessions (sha256 text primary key, scope text not null, token_id text,
        created_at_ms integer not null, expires_at_ms integer not null) strict`.execute(db);
      await sql`create table tokens (id text primary key, name text not null, scope text not null,
        sha256 text not null unique, created_at_ms integer not null, expires_at_ms integer,
        last_used_at_ms integer) strict`.execute(db);
      await sql`create table creations (key_sha256 text primary key, body_sha256 text not null,
        resource_id text not null, created_at_ms integer not null) strict`.execute(db);
      await sql`create table sweeps (id text primary key, request text not null, state text not null,
        created_at_ms integer not null) strict`.execute(db);
      await sql`create table sweep_trials (sweep_id text not null references sweeps(id) on delete cascade,
        trial_index integer not null, run_id text, note text not null, outcome text,
        primary key (sweep_id, trial_index)) strict`.execute(db);
      await sql`create table webhooks (id text primary key, url text not null, secret text not null,
        events text not null, created_at_ms integer not null) strict`.execute(db);
      await sql`create table deliveries (id text primary key,
        webhook_id text not null references webhooks(id) on delete cascade, event text not null,
        body text not null, attempts integer not null, due_at_ms integer, outcome text not null,
        detail text not null, at_ms integer not null) strict`.execute(db);
    },
  },
  '004-dataset-details': {
    async up(db: Kysely<Tables>) {
      await sql`alter table datasets add column details text`.execute(db);
    },
  },
  /** Runs of the first version knew neither optimiser nor warm-up: they trained with Adam and without one. */
  '005-training-defaults': {
    async up(db: Kysely<Tables>) {
      for (const [path, value] of [
        ['$.training.optimiser', sql.lit('adam')],
        ['$.training.warmUpRounds', sql.lit(0)],
      ] as const)
        await sql`update runs set manifest = json_set(manifest, ${path}, ${value})
          where json_extract(manifest, ${path}) is null`.execute(db);
    },
  },
  '006-models': {
    async up(db: Kysely<Tables>) {
      await sql`create table models (id text primary key, content text not null unique, name text not null,
        model text not null, report text not null, weights text, gives_probabilities integer not null,
        created_at_ms integer not null) strict`.execute(db);
    },
  },
  '007-snapshots': {
    async up(db: Kysely<Tables>) {
      await sql`create table snapshots (run_id text primary key references runs(id), sequence integer not null,
        version integer not null, body text not null) strict`.execute(db);
    },
  },
};
