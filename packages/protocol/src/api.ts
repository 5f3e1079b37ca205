/**
 * REST of the coordinator: what the admin page, the demo and scripts read and write. Times are milliseconds since the
 * run was created, unless a field says `At`.
 */
import Type, { type Static } from 'typebox';
import { DecisionListSchema } from './decisions.ts';
import { RunIdSchema, Sha256Schema, VolunteerIdSchema } from './ids.ts';
import { LinkPolicySchema, RoutesSchema } from './link-policy.ts';
import { LossPartsSchema } from './objective.ts';
import { RunManifestSchema, RunStateSchema } from './run.ts';
import { AdapterSchema, TabTotalsSchema } from './volunteer-messages.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Count = Type.Integer({ minimum: 0 });

const FaultSchema = Type.Object({
  field: Type.String({ maxLength: 200 }),
  message: Type.String({ maxLength: 200 }),
});
/** Every error body: `field` names what to mend when one field is at fault. */
export const ErrorBodySchema = Type.Object({
  code: Type.String(),
  message: Type.String({ maxLength: 200 }),
  field: Type.Optional(Type.String({ maxLength: 200 })),
  /** Everything that is wrong with the request, when it is more than one thing; the first is `field`. */
  faults: Type.Optional(Type.Array(FaultSchema, { maxItems: 20 })),
  /** Code 'illegal-state': the state that the run or sweep is in now. */
  state: Type.Optional(Type.String()),
});
export type ErrorBody = Static<typeof ErrorBodySchema>;

/** One tab as the coordinator knows it; the same fields stand in the demo's report. */
export const VolunteerViewSchema = Type.Object({
  id: VolunteerIdSchema,
  adapter: AdapterSchema,
  links: LinkPolicySchema,
  /** In a run with tiers: the node that it is of, or was last; null: there are none. */
  node: Nullable(VolunteerIdSchema),
  state: Type.String(),
  connected: Type.Boolean(),
  round: Nullable(Count),
  loss: Nullable(Type.Number()),
  stepsPerSecond: Type.Number(),
  /** Share of the time in which its device was at work lately, as it says; null: unknown. */
  duty: Nullable(Type.Number({ minimum: 0, maximum: 1 })),
  /** Median round trip to its peers, as it says; null: unknown. */
  rttMs: Nullable(Type.Number({ minimum: 0 })),
  /** Rounds by which its replica is behind the furthest of the run; null: it holds none. */
  staleRounds: Nullable(Count),
  totals: TabTotalsSchema,
  /** Samples of completed leases that were counted. */
  confirmedSamples: Count,
  joinedAtMs: Count,
  leftAtMs: Nullable(Count),
  /** Why it went: 'leaving', 'socket-closed', 'silent', 'run-finished'; null while connected. */
  exit: Nullable(Type.String()),
  /** Milliseconds since it was last heard of. */
  heartbeatAgeMs: Count,
});
export type VolunteerView = Static<typeof VolunteerViewSchema>;

export const CheckpointViewSchema = Type.Object({
  round: Count,
  term: Count,
  sha256: Sha256Schema,
  loss: Nullable(Type.Number()),
  accuracy: Nullable(Type.Number()),
  /** Mean absolute error, bits a token or nats a value (task.ts); left out where there is none. */
  error: Type.Optional(Nullable(Type.Number())),
  /** Where the loss is one of several. */
  parts: Type.Optional(LossPartsSchema),
});
export type CheckpointView = Static<typeof CheckpointViewSchema>;

export const RunViewSchema = Type.Object({
  manifest: RunManifestSchema,
  state: RunStateSchema,
  reason: Type.String(),
  createdAt: Type.String(),
  elapsedMs: Count,
  /** Milliseconds from the first training report to now or to the end. */
  trainingMs: Count,
  term: Count,
  round: Count,
  volunteersConnected: Count,
  /** Totals over all tabs that ever took part. */
  localSteps: Count,
  samples: Count,
  epoch: Count,
  shardsCounted: Count,
  lossLatest: Nullable(Type.Number()),
  best: Nullable(CheckpointViewSchema),
  latest: Nullable(CheckpointViewSchema),
  reached: Type.Boolean(),
  /** Times that two replicas of one term and round reported different fingerprints. Zero is the claim. */
  divergences: Count,
  /** Progress 0..1 and remaining milliseconds as a range, by rounds or by the accuracy curve; null: unknown. */
  progress: Type.Number({ minimum: 0, maximum: 1 }),
  etaMs: Nullable(Type.Tuple([Count, Count])),
});
export type RunView = Static<typeof RunViewSchema>;

/** One point of the curves. Training loss is the mean over the tabs that reported the round. */
export const MetricPointSchema = Type.Object({
  round: Count,
  atMs: Count,
  loss: Nullable(Type.Number()),
  lossMin: Nullable(Type.Number()),
  lossMax: Nullable(Type.Number()),
  valLoss: Nullable(Type.Number()),
  valAccuracy: Nullable(Type.Number()),
  valError: Type.Optional(Nullable(Type.Number())),
  /** The parts of valLoss, where it has some: valLoss = valReconstruction + klWeight * valKl. */
  valReconstruction: Type.Optional(Type.Number()),
  valKl: Type.Optional(Type.Number()),
  volunteers: Count,
});
export type MetricPoint = Static<typeof MetricPointSchema>;

/** Joins, leaves, coordinator restarts, state changes: the churn lane and the log. */
export const RunEventSchema = Type.Object({
  sequence: Count,
  atMs: Count,
  kind: Type.String(),
  volunteerId: Nullable(VolunteerIdSchema),
  text: Type.String({ maxLength: 200 }),
});
export type RunEvent = Static<typeof RunEventSchema>;

/** GET /api/runs/:id/live answers `text/event-stream`; each event's data is one of these. */
export const RunLiveSchema = Type.Object({
  run: RunViewSchema,
  volunteers: Type.Array(VolunteerViewSchema),
  /** Points that are new or changed since the last event: an evaluation lands on an older round. Merge by `round`. */
  points: Type.Array(MetricPointSchema),
  events: Type.Array(RunEventSchema),
  /** What tabs decided by themselves; each connection begins with the latest. */
  decisions: DecisionListSchema,
});
export type RunLive = Static<typeof RunLiveSchema>;

/** The demo's `--report FILE.json`: a contract that others script against. */
export const ReportSchema = Type.Object({
  run: Type.Object({
    id: RunIdSchema,
    name: Type.String(),
    model: Type.String(),
    parameterCount: Count,
    seed: Count,
  }),
  result: Type.Object({
    valAccuracy: Nullable(Type.Number()),
    valLoss: Nullable(Type.Number()),
    rounds: Count,
    localSteps: Count,
    samples: Count,
    seconds: Type.Number({ minimum: 0 }),
    reached: Type.Boolean(),
  }),
  tabs: Type.Array(
    Type.Object({
      id: VolunteerIdSchema,
      backend: Type.String(),
      adapter: Type.Object({
        vendor: Type.String(),
        architecture: Type.String(),
        isFallbackAdapter: Type.Boolean(),
      }),
      localSteps: Count,
      samples: Count,
      rounds: Count,
      bytesSentPeers: Count,
      bytesReceivedPeers: Count,
      bytesSentCoordinator: Count,
      bytesReceivedCoordinator: Count,
      peersMax: Count,
      links: LinkPolicySchema,
      routes: RoutesSchema,
      joinedAtMs: Count,
      leftAtMs: Nullable(Count),
      exit: Nullable(Type.String()),
    }),
  ),
  exports: Type.Object({ tfjs: Nullable(Type.String()), safetensors: Nullable(Type.String()) }),
});
export type Report = Static<typeof ReportSchema>;

/** The cluster command's `--report FILE.json`: the demo's report, and the verdict with what it rests on. */
export const ClusterReportSchema = Type.Object({
  ...ReportSchema.properties,
  verdict: Type.Object({
    exitCode: Type.Integer(),
    /** 'passed', 'assertion failed', 'not real', 'budget ran out', 'interrupted'. */
    outcome: Type.String(),
    /** Why the run proves nothing, line by line; empty: it was real. */
    emptiness: Type.Array(Type.String()),
  }),
  asserts: Type.Array(
    Type.Object({ text: Type.String(), value: Nullable(Type.Number()), holds: Type.Boolean() }),
  ),
  /** Names and meanings: `murmur cluster --assert help`. */
  figures: Type.Record(Type.String(), Nullable(Type.Number())),
  faults: Type.Array(
    Type.Object({
      kind: Type.String(),
      /** Milliseconds since the first training report. */
      atMs: Count,
      /** 0: the coordinator. */
      seat: Count,
      durationMs: Count,
      strength: Type.Number(),
      outcome: Type.String(),
    }),
  ),
  environment: Type.Object({
    command: Type.String(),
    seed: Count,
    chaos: Type.String(),
    backendsAllowed: Type.Array(Type.String()),
    node: Type.String(),
    platform: Type.String(),
    cores: Count,
    browser: Type.String(),
    adapter: Type.String(),
  }),
});
export type ClusterReport = Static<typeof ClusterReportSchema>;
