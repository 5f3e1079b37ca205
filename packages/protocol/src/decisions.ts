/** What a tab, or the coordinator, decided by itself while a run goes on, and on what grounds: for people who watch it. */
import Type, { type Static } from 'typebox';
import { VolunteerIdSchema } from './ids.ts';

/**
 * What is decided, and the grounds that are given:
 *
 *   round-steps  of the fastest in a round: what the exchange takes, what training takes, the share of the members that
 *                leaves in such a round
 *   local-steps  of a tab: a tab's speed as a share of its group's fastest, and how many the run asks for
 *   kept-values  of 4,096 in an update (topk-auto): the uplink, how long an update takes on it, how long a round usually is
 *   grace        for who is late, ms: when updates usually come after a round's start, and their usual distance from that
 *   group-size   members that average together, in one group at most, in several about: how many there are
 */
export const DECIDED = ['round-steps', 'local-steps', 'kept-values', 'grace', 'group-size'] as const;
export type Decided = (typeof DECIDED)[number];

/** Of one report; a tab that decides more often tells the latest. */
export const DECISIONS_TOLD_MAX = 4;
/** Of a run, kept by the coordinator while it runs. */
export const DECISIONS_KEPT_MAX = 200;

const Amount = Type.Number({ minimum: 0, maximum: 1e9 });

export const DecisionSchema = Type.Object(
  {
    /** From which round on, about. */
    round: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
    what: Type.Enum(DECIDED),
    from: Amount,
    to: Amount,
    because: Type.Partial(
      Type.Object({
        share: Amount,
        asked: Amount,
        uplinkKbit: Amount,
        exchangeMs: Amount,
        trainMs: Amount,
        leaving: Amount,
        roundMs: Amount,
        usualMs: Amount,
        deviationMs: Amount,
        members: Amount,
      }),
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
export type Decision = Static<typeof DecisionSchema>;

/** GET /api/runs/:id/decisions, oldest first: the latest of all tabs together. */
export const DecisionViewSchema = Type.Object({
  sequence: Type.Integer({ minimum: 0 }),
  /** When the coordinator heard of it, milliseconds since the run was created. */
  atMs: Type.Integer({ minimum: 0 }),
  /** Null: the coordinator's own. */
  volunteerId: Type.Union([VolunteerIdSchema, Type.Null()]),
  ...DecisionSchema.properties,
});
export type DecisionView = Static<typeof DecisionViewSchema>;
export const DecisionListSchema = Type.Array(DecisionViewSchema, { maxItems: DECISIONS_KEPT_MAX });
