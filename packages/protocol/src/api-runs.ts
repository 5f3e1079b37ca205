/**
 * REST of runs beyond what `api.ts` shows of one: the list, orders, descendants, comparison, exports, the public view.
 * Times are milliseconds since the run was created, unless a field says `At`.
 */
import Type, { type Static } from 'typebox';
import { CheckpointViewSchema, MetricPointSchema } from './api.ts';
import { DatasetIdSchema, RunIdSchema, Sha256Schema, VolunteerIdSchema } from './ids.ts';
import { LIMITS } from './limits.ts';
import { RunManifestSchema, RunRequestSchema, RunStateSchema } from './run.ts';
import { TASK_KINDS } from './task.ts';
import { AdapterSchema, TabTotalsSchema } from './volunteer-messages.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Count = Type.Integer({ minimum: 0 });

/** Points of one curve that are sent at most; more are thinned out (largest triangle, three buckets). */
export const CURVE_POINTS_MAX = 2_000;
/** Points of a run's picture in the list. */
export const SPARKLINE_POINTS_MAX = 40;
export const PAGE_ITEMS_MAX = 100;
/** Runs side by side. */
export const COMPARED_RUNS_MAX = 50;

/** A number as it stands in a query: text, never coerced by the schema. */
export const CountTextSchema = Type.String({ pattern: '^(0|[1-9][0-9]{0,8})$' });

/** One page of a list: `next` is the cursor to ask for the page after it, null when this is the last. */
export const pageOf = <T extends Type.TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item, { maxItems: PAGE_ITEMS_MAX }), next: Nullable(Type.String()) });

export const PageQuerySchema = Type.Object(
  {
    limit: Type.Optional(
      Type.String({ pattern: '^([1-9][0-9]?|100)$', description: '1 to 100 items, 50 when left out.' }),
    ),
    cursor: Type.Optional(
      Type.String({ pattern: '^[A-Za-z0-9_-]{1,200}$', description: '`next` of the page before.' }),
    ),
  },
  { additionalProperties: false },
);
export type PageQuery = Static<typeof PageQuerySchema>;

export const RunListQuerySchema = Type.Object(
  {
    ...PageQuerySchema.properties,
    state: Type.Optional(Type.Enum([...RunStateSchema.enum, 'open', 'over'])),
  },
  { additionalProperties: false },
);
export type RunListQuery = Static<typeof RunListQuerySchema>;

/** A run as a line of the list. */
export const RunSummarySchema = Type.Object({
  id: RunIdSchema,
  name: Type.String(),
  state: RunStateSchema,
  reason: Type.String(),
  /** ISO 8601; the age is counted from it. */
  createdAt: Type.String(),
  elapsedMs: Count,
  trainingMs: Count,
  seed: Count,
  modelName: Type.String(),
  parameterCount: Count,
  datasetId: DatasetIdSchema,
  datasetName: Type.String(),
  codec: Type.String(),
  round: Count,
  roundsMax: Count,
  volunteersConnected: Count,
  lossLatest: Nullable(Type.Number()),
  best: Nullable(CheckpointViewSchema),
  targetAccuracy: Nullable(Type.Number()),
  reached: Type.Boolean(),
  progress: Type.Number({ minimum: 0, maximum: 1 }),
  etaMs: Nullable(Type.Tuple([Count, Count])),
  /** From first to last, thinned out: validation accuracy once it was measured, before that training loss. */
  sparkline: Type.Object({
    metric: Type.Enum(['accuracy', 'loss']),
    values: Type.Array(Type.Number(), { maxItems: SPARKLINE_POINTS_MAX }),
  }),
  forkOf: Nullable(RunIdSchema),
  sweepId: Nullable(Type.String()),
});
export type RunSummary = Static<typeof RunSummarySchema>;
/** GET /api/runs: newest first. */
export const RunPageSchema = pageOf(RunSummarySchema);
export type RunPage = Static<typeof RunPageSchema>;

/** POST /api/runs/:id/<order>. `finish`: measure once more, then end; `stop`: end now with the best checkpoint there is. */
export const RUN_ORDERS = ['pause', 'resume', 'finish', 'stop'] as const;
export type RunOrderName = (typeof RUN_ORDERS)[number];

const { name, seed, training } = RunRequestSchema.properties;
/** POST /api/runs/:id/clone: the same configuration, with what is named here changed. */
export const CloneRequestSchema = Type.Object(
  { name: Type.Optional(name), seed, training },
  { additionalProperties: false },
);
export type CloneRequest = Static<typeof CloneRequestSchema>;

/** POST /api/runs/:id/fork: a new run that begins with a checkpoint of this one. */
export const ForkRequestSchema = Type.Object(
  {
    ...CloneRequestSchema.properties,
    checkpoint: Type.Optional(
      Type.Union([Type.Literal('best'), Type.Literal('latest'), Sha256Schema], {
        default: 'best',
        description: 'best, latest, or the SHA-256 of a kept checkpoint (GET /api/runs/:id/checkpoints).',
      }),
    ),
  },
  { additionalProperties: false },
);
export type ForkRequest = Static<typeof ForkRequestSchema>;

/** GET /api/runs/:id/checkpoints: those that are kept, oldest first; the first is where the run began. */
export const CheckpointListSchema = Type.Array(
  Type.Object({ ...CheckpointViewSchema.properties, isBest: Type.Boolean(), byteLength: Count }),
);
export type CheckpointList = Static<typeof CheckpointListSchema>;

export const MetricsQuerySchema = Type.Object(
  {
    points: Type.Optional(
      Type.String({
        pattern: '^([3-9]|[1-9][0-9]{1,2}|1[0-9]{3}|2000)$',
        description: 'At most so many points, 3 to 2000 (default 2000).',
      }),
    ),
    from: Type.Optional(CountTextSchema),
    to: Type.Optional(CountTextSchema),
  },
  { additionalProperties: false },
);
export type MetricsQuery = Static<typeof MetricsQuerySchema>;

export const EventsQuerySchema = Type.Object(
  { after: Type.Optional(CountTextSchema) },
  { additionalProperties: false },
);

const RUN_IDS_PATTERN = `^run_[0-9a-z]{26}(,run_[0-9a-z]{26}){0,${COMPARED_RUNS_MAX - 1}}$`;
export const CompareQuerySchema = Type.Object(
  {
    ids: Type.String({
      pattern: RUN_IDS_PATTERN,
      description: `1 to ${COMPARED_RUNS_MAX} run ids, with commas.`,
    }),
    points: MetricsQuerySchema.properties.points,
  },
  { additionalProperties: false },
);
/** GET /api/runs/compare: curves side by side, and of the configuration only what differs. */
export const ComparisonSchema = Type.Object({
  runs: Type.Array(
    Type.Object({
      id: RunIdSchema,
      name: Type.String(),
      state: RunStateSchema,
      best: Nullable(CheckpointViewSchema),
      samples: Count,
      trainingMs: Count,
      points: Type.Array(MetricPointSchema, { maxItems: CURVE_POINTS_MAX }),
    }),
  ),
  /** `values` by run, in the order of `runs`, as JSON texts; null: this run has no such key. */
  differs: Type.Array(Type.Object({ key: Type.String(), values: Type.Array(Nullable(Type.String())) })),
});
export type Comparison = Static<typeof ComparisonSchema>;

/** GET /api/runs/:id/export: the files that hold the served checkpoint, so that a download can be checked. */
export const ExportListSchema = Type.Object({
  checkpoint: CheckpointViewSchema,
  files: Type.Array(
    Type.Object({
      /** Below /api/runs/:id/export/. */
      name: Type.String(),
      byteLength: Count,
      sha256: Sha256Schema,
    }),
  ),
});
export type ExportList = Static<typeof ExportListSchema>;

/** GET /api/runs/:id/export/manifest.json: enough to say what made this model. */
export const ProvenanceSchema = Type.Object({
  format: Type.Literal('murmuration-run/1'),
  run: RunManifestSchema,
  state: RunStateSchema,
  reason: Type.String(),
  createdAt: Type.String(),
  seed: Count,
  /** SHA-256 of the canonical JSON of model, training and seed. */
  configurationSha256: Sha256Schema,
  /** SHA-256 over the hashes of all shards and the held-out samples, in order. */
  datasetSha256: Sha256Schema,
  /** SHA-256 over the source files of the coordinator and what it is made of. */
  codeSha256: Sha256Schema,
  checkpoint: CheckpointViewSchema,
  adapters: Type.Array(Type.Object({ adapter: AdapterSchema, tabs: Count, samples: Count })),
  volunteers: Type.Array(
    Type.Object({
      id: VolunteerIdSchema,
      joinedAtMs: Count,
      leftAtMs: Nullable(Count),
      exit: Nullable(Type.String()),
      confirmedSamples: Count,
      totals: TabTotalsSchema,
    }),
  ),
  churn: Type.Array(
    Type.Object({
      atMs: Count,
      kind: Type.String(),
      volunteerId: Nullable(VolunteerIdSchema),
      text: Type.String(),
    }),
  ),
});
export type Provenance = Static<typeof ProvenanceSchema>;

/** GET /api/public/runs/:id, no login: what anybody may know. */
export const PublicRunSchema = Type.Object({
  id: RunIdSchema,
  name: Type.String({ maxLength: LIMITS.nameMaxCharacters }),
  state: RunStateSchema,
  reason: Type.String(),
  createdAt: Type.String(),
  elapsedMs: Count,
  trainingMs: Count,
  datasetName: Type.String(),
  licence: Type.String(),
  /** What is learned of a sample: its class, values, what comes next, or the sample itself. */
  task: Type.Enum(TASK_KINDS),
  /** Bytes of one shard, which is what a tab fetches and trains on at a time; the mean. */
  shardBytes: Count,
  modelName: Type.String(),
  parameterCount: Count,
  codec: Type.String(),
  /** What one more tab would send in a round, and receive: to its server, or to each of its group. */
  roundBytes: Count,
  round: Count,
  roundsMax: Count,
  samples: Count,
  volunteersConnected: Count,
  volunteersEver: Count,
  accuracy: Nullable(Type.Number()),
  loss: Nullable(Type.Number()),
  targetAccuracy: Nullable(Type.Number()),
  progress: Type.Number({ minimum: 0, maximum: 1 }),
  etaMs: Nullable(Type.Tuple([Count, Count])),
});
export type PublicRun = Static<typeof PublicRunSchema>;
/** GET /api/public/runs: runs that are open for work first, in the order in which volunteers are given to them. */
export const PublicRunListSchema = Type.Array(PublicRunSchema, { maxItems: PAGE_ITEMS_MAX });
/** With its curve. */
export const PublicRunPageSchema = Type.Object({
  run: PublicRunSchema,
  points: Type.Array(MetricPointSchema, { maxItems: CURVE_POINTS_MAX }),
});
export type PublicRunPage = Static<typeof PublicRunPageSchema>;
