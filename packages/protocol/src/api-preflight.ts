/** REST of the look before a launch: POST /api/preflight takes a run request and says what it would cost and need. */
import Type, { type Static } from 'typebox';
import { datasetSchemas } from './dataset-requests.ts';
import { COPY_NAMES } from './model-copies.ts';
import { ARCHITECTURES, CODECS, RunRequestSchema, SCHEDULES } from './run.ts';
import { PLANNED_KNOBS, PlanReasonsSchema } from './strategy.ts';

const Count = Type.Integer({ minimum: 0 });
const Range = Type.Tuple([Type.Number({ minimum: 0 }), Type.Number({ minimum: 0 })]);
const Remarks = Type.Array(Type.Object({ field: Type.String(), message: Type.String() }));

const { datasetId, ...ofRun } = RunRequestSchema.properties;
/** Body of POST /api/preflight: of a run, where data that the coordinator draws need not be there yet. */
export const PreflightRequestSchema = Type.Object(
  {
    ...ofRun,
    datasetId: Type.Optional(datasetId),
    data: Type.Optional(
      Type.Object(datasetSchemas(Type.String()).digits, {
        additionalProperties: false,
        description: 'Instead of datasetId: the built-in digits, which are drawn when the run is created',
      }),
    ),
  },
  { additionalProperties: false },
);
export type PreflightRequest = Static<typeof PreflightRequestSchema>;

export const EstimateSchema = Type.Object({
  data: Type.Object({ name: Type.String(), trainSampleCount: Count, validationSampleCount: Count }),
  parameterCount: Count,
  /** One update of one tab, at the run's codec. */
  updateBytes: Count,
  /** What one tab sends in one round, to its server or to each of its group (the same comes in). */
  bytesSentPerRound: Count,
  /** What one tab sends in an hour, least and most. */
  bytesSentPerHour: Range,
  /** Tabs that these figures are for. */
  tabs: Count,
  peersMin: Count,
  memory: Type.Object({
    /** Of a tab's GPU: every copy of the model that is kept there (model-copies.ts). */
    stateBytes: Count,
    /** Activations of one batch, forward and backward. */
    activationBytes: Count,
    /** The shard that is trained on; in the tab's own memory. */
    dataBytes: Count,
    /** Of a tab's GPU: copies and activations. */
    totalBytes: Count,
    /** Of a tab's own memory, besides the program: copies of the model, updates that are held, the data. */
    workerBytes: Count,
    /** Of the coordinator, where it averages; else 0. */
    serverBytes: Count,
    /** What these are made of. */
    copies: Type.Array(Type.Object({ what: Type.Enum(COPY_NAMES), bytes: Count })),
    /** The largest single buffer; every WebGPU adapter binds `bindingLimitBytes`. */
    largestBufferBytes: Count,
    bindingLimitBytes: Count,
  }),
  /** Milliseconds until `roundsMax`, least and most. A run with a target may end sooner. */
  expectedMs: Range,
  /** Milliseconds of one round, least and most. */
  roundMs: Range,
  /** 'measured': from a run of the same size; 'assumed': from the speeds that are written beside the function. */
  basis: Type.Enum(['measured', 'assumed']),
});
export type Estimate = Static<typeof EstimateSchema>;

/** What the plan (packages/plan) foretells of the run, for the tabs that are connected or a crowd that is assumed. */
export const PlanViewSchema = Type.Object({
  /** With `strategy: auto`, what it would choose; else nothing. */
  chosen: Type.Array(Type.Enum(PLANNED_KNOBS)),
  architecture: Type.Enum(ARCHITECTURES),
  schedule: Type.Enum(SCHEDULES),
  localSteps: Count,
  codec: Type.Enum(CODECS),
  /** Members of a group; null: as the number of tabs says, or there is a server instead. */
  group: Type.Union([Count, Type.Null()]),
  /** Tabs that it is for, and the crowd in words. */
  tabs: Count,
  crowd: Type.String(),
  /** Until the loss that tasks of its kind are trained to. */
  timeMs: Type.Number({ minimum: 0 }),
  /** Of a run without rounds here and below: versions of its server's. */
  rounds: Type.Number({ minimum: 0 }),
  roundMs: Type.Number({ minimum: 0 }),
  /** What a round is as long as. */
  bound: Type.Enum(['training', 'uplink', 'downlink', 'coordinator', 'latency']),
  /** Of a tab; `up` and `down` a round. */
  upBytes: Count,
  downBytes: Count,
  upBytesPerHour: Count,
  tabBytes: Count,
  /** Of the coordinator, in a round and held; 0 where it has no part. */
  coordinatorOutBytes: Count,
  coordinatorBytes: Count,
  /** Another doubling saves less than a tenth of the time. */
  tabsWorthHaving: Count,
  returns: Type.Array(Type.Object({ tabs: Count, timeMs: Type.Number({ minimum: 0 }) })),
  why: PlanReasonsSchema,
  /** What nobody told. */
  assumed: Type.Array(Type.String()),
});
export type PlanView = Static<typeof PlanViewSchema>;

export const PreflightSchema = Type.Object({
  /** The run would be created as it stands. */
  ok: Type.Boolean(),
  /** What stands in the way, by field of the request. */
  refusals: Remarks,
  /** What would work, but not well. */
  warnings: Remarks,
  /** null: the request is too broken to say. */
  estimate: Type.Union([EstimateSchema, Type.Null()]),
  /** null: see `unplanned`. */
  plan: Type.Union([PlanViewSchema, Type.Null()]),
  /** Why nothing is foretold of this run; empty: something is. */
  unplanned: Type.String(),
});
export type Preflight = Static<typeof PreflightSchema>;
