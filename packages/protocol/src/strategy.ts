/**
 * `strategy: auto`: the coordinator chooses the knobs that the researcher left out, when the run is created (packages/plan). A run
 * then has them like any other, with what was chosen and why beside them.
 */
import Type, { type Static } from 'typebox';

/** What the plan may choose; all else is the researcher's. */
export const PLANNED_KNOBS = ['architecture', 'schedule', 'group', 'localSteps', 'codec'] as const;
export type PlannedKnob = (typeof PLANNED_KNOBS)[number];
export const PLAN_REASONS_MAX = 16;
export const PLAN_REASON_MAX_CHARACTERS = 300;

export const StrategySchema = Type.Enum(['auto'], {
  title: 'Strategy',
  description:
    'auto: architecture, schedule, group, local steps and codec are chosen for the tabs that are connected when the run is created; what is set beside it stays.',
});

/** What a wish leaves open. A central run has no groups. */
export const openKnobs = (wish: { readonly [knob: string]: unknown }): PlannedKnob[] =>
  PLANNED_KNOBS.filter(
    (knob) => wish[knob] === undefined && !(knob === 'group' && wish['architecture'] === 'central'),
  );

export const PlanReasonsSchema = Type.Array(Type.String({ maxLength: PLAN_REASON_MAX_CHARACTERS }), {
  maxItems: PLAN_REASONS_MAX,
});

export const ChosenStrategySchema = Type.Object(
  {
    /** The knobs of `training` that the plan chose. */
    knobs: Type.Array(Type.Enum(PLANNED_KNOBS), { minItems: 1, maxItems: PLANNED_KNOBS.length }),
    why: PlanReasonsSchema,
  },
  { additionalProperties: false },
);
export type ChosenStrategy = Static<typeof ChosenStrategySchema>;

/** Sentences that fit into a manifest: the first ones, whole. */
export const boundedReasons = (sentences: readonly string[]): string[] =>
  sentences
    .slice(0, PLAN_REASONS_MAX)
    .map((each) =>
      each.length <= PLAN_REASON_MAX_CHARACTERS ? each : `${each.slice(0, PLAN_REASON_MAX_CHARACTERS - 2)} …`,
    );

/** `strategy: auto` beside all that it could choose; null: it has something to do, or was not asked for. */
export function strategyFault(wish: {
  readonly strategy?: 'auto';
  readonly [knob: string]: unknown;
}): { readonly field: string; readonly message: string } | null {
  if (wish.strategy === undefined || openKnobs(wish).length > 0) return null;
  return {
    field: 'training.strategy',
    message: `auto has nothing to choose: ${PLANNED_KNOBS.join(', ')} are all set, or there are none; leave out what it should choose, or strategy`,
  };
}
