/** REST of sweeps: many runs that differ in some keys of their configuration, and a table of what came of them. */
import Type, { type Static } from 'typebox';
import { CheckpointViewSchema } from './api.ts';
import { RunIdSchema } from './ids.ts';
import { RunRequestSchema, RunStateSchema } from './run.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Count = Type.Integer({ minimum: 0 });

export const SWEEP_TRIALS_MAX = 500;
const PARAMETERS_MAX = 8;
const VALUES_MAX = 50;

export const SweepIdSchema = Type.String({ pattern: '^sweep_[0-9a-z]{26}$' });

const Key = Type.String({
  pattern: '^[A-Za-z][A-Za-z0-9]{0,39}(\\.[A-Za-z0-9]{1,40}){0,7}$',
  description:
    'A key of the run request, with dots: training.learningRate, model, model.layers.1.units, seed.',
});
const Values = Type.Array(
  Type.Union([Type.Number(), Type.String({ maxLength: 200 }), Type.Boolean(), Type.Null()]),
  {
    minItems: 1,
    maxItems: VALUES_MAX,
  },
);
const Listed = Type.Object({ key: Key, values: Values }, { additionalProperties: false });
const Drawn = Type.Object(
  {
    key: Key,
    min: Type.Number(),
    max: Type.Number(),
    scale: Type.Enum(['linear', 'log']),
    /** Whole numbers only. */
    integer: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type DrawnParameter = Static<typeof Drawn>;

export const SearchSchema = Type.Union([
  /** Every combination, the last parameter changing fastest. */
  Type.Object(
    {
      kind: Type.Literal('grid'),
      parameters: Type.Array(Listed, { minItems: 1, maxItems: PARAMETERS_MAX }),
    },
    { additionalProperties: false },
  ),
  /** `trials` draws from a seed. */
  Type.Object(
    {
      kind: Type.Literal('random'),
      seed: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
      trials: Type.Integer({ minimum: 1, maximum: SWEEP_TRIALS_MAX }),
      parameters: Type.Array(Type.Union([Listed, Drawn]), { minItems: 1, maxItems: PARAMETERS_MAX }),
    },
    { additionalProperties: false },
  ),
]);
export type Search = Static<typeof SearchSchema>;

/** POST /api/sweeps */
export const SweepRequestSchema = Type.Object(
  {
    name: RunRequestSchema.properties.name,
    /** What all trials share. */
    base: RunRequestSchema,
    search: SearchSchema,
    /** What is compared: the best checkpoint's. */
    metric: Type.Enum(['accuracy', 'loss'], { default: 'accuracy' }),
    /** Trials that are open at once; volunteers work on the oldest. */
    parallel: Type.Optional(Type.Integer({ minimum: 1, maximum: 16, default: 1 })),
  },
  { additionalProperties: false },
);
export type SweepRequest = Static<typeof SweepRequestSchema>;

export const SWEEP_STATES = ['running', 'paused', 'stopped', 'finished'] as const;
export const SWEEP_ORDERS = ['pause', 'resume', 'stop'] as const;
export type SweepOrder = (typeof SWEEP_ORDERS)[number];

export const AssignmentSchema = Type.Record(Type.String(), Type.Unknown());

export const TrialSchema = Type.Object({
  index: Count,
  /** Key to value. */
  assignment: AssignmentSchema,
  /** null: not begun, or its run was deleted. */
  runId: Nullable(RunIdSchema),
  state: Type.Union([
    RunStateSchema,
    Type.Literal('pending'),
    Type.Literal('deleted'),
    Type.Literal('refused'),
  ]),
  /** Why a trial was refused. */
  reason: Type.String(),
  best: Nullable(CheckpointViewSchema),
  rounds: Count,
  samples: Count,
  trainingMs: Count,
});
export type Trial = Static<typeof TrialSchema>;

export const SweepViewSchema = Type.Object({
  id: SweepIdSchema,
  name: Type.String(),
  state: Type.Enum(SWEEP_STATES),
  createdAt: Type.String(),
  request: SweepRequestSchema,
  trialCount: Count,
  trialsOver: Count,
  /** Index of the best trial so far; null: none was measured. */
  bestTrial: Nullable(Count),
});
export type SweepView = Static<typeof SweepViewSchema>;
export const SweepListSchema = Type.Array(SweepViewSchema);
/** GET /api/sweeps/:id */
export const SweepTableSchema = Type.Object({ sweep: SweepViewSchema, trials: Type.Array(TrialSchema) });
export type SweepTable = Static<typeof SweepTableSchema>;
