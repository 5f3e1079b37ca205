/** REST of the look before a launch: POST /api/preflight takes a run request and says what it would cost and need. */
import Type, { type Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });
const Range = Type.Tuple([Type.Number({ minimum: 0 }), Type.Number({ minimum: 0 })]);

export const PreflightSchema = Type.Object({
  /** The run would be created as it stands. */
  ok: Type.Boolean(),
  /** What stands in the way, by field of the request. */
  refusals: Type.Array(Type.Object({ field: Type.String(), message: Type.String() })),
  /** What would work, but not well. */
  warnings: Type.Array(Type.Object({ field: Type.String(), message: Type.String() })),
  parameterCount: Count,
  /** One update of one tab, at the run's codec. */
  updateBytes: Count,
  /** What one tab sends in one round of a group of `tabs` (the same comes in). */
  bytesSentPerRound: Count,
  /** What one tab sends in an hour, least and most. */
  bytesSentPerHour: Range,
  /** Size of the group that these figures are for. */
  tabs: Count,
  peersMin: Count,
  memory: Type.Object({
    /** Weights, anchor, residual, gradient, the optimiser's moments. */
    stateBytes: Count,
    /** Outputs of all layers for one batch, forward and backward. */
    activationBytes: Count,
    /** One batch, and the shard it comes from. */
    dataBytes: Count,
    totalBytes: Count,
    /** The largest single buffer; WebGPU binds this much at least: `bindingLimitBytes`. */
    largestBufferBytes: Count,
    bindingLimitBytes: Count,
  }),
  /** Milliseconds until `roundsMax`, least and most. A run with a target may end sooner. */
  expectedMs: Range,
  /** Milliseconds of one round, least and most. */
  roundMs: Range,
  /** How the range of time came about. */
  basis: Type.String(),
});
export type Preflight = Static<typeof PreflightSchema>;
