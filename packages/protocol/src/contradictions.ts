/**
 * What of a run's training makes no sense together, and what a researcher's wish says before a run is made of it. Whether
 * training fits a model and its data is misfit's (objective.ts). Pure.
 */
import { exchangeContradiction, hasFixedRounds } from './exchange.ts';
import {
  ARCHITECTURES,
  DEFAULT_TRAINING,
  SCHEDULES,
  WARM_UP_LOCAL_STEPS,
  type Training,
  type TrainingWish,
} from './run.ts';
import { PLANNED_KNOBS, strategyFault, type PlannedKnob } from './strategy.ts';
import { tiersContradiction } from './tiers.ts';

/** Knobs that make no sense together: the field, and why. Null: they do. */
export function contradictionIn(
  training: Training,
): { readonly field: string; readonly message: string } | null {
  const { architecture, schedule, maxStaleness } = training;
  if (schedule === 'asynchronous' && architecture !== 'central')
    return {
      field: 'training.schedule',
      message:
        'asynchronous needs architecture: central; without a server and without rounds, nobody could say whose updates are in the model',
    };
  if (maxStaleness !== undefined && schedule !== 'asynchronous')
    return {
      field: 'training.maxStaleness',
      message: 'belongs to schedule: asynchronous; leave it out, as in a round no update is stale',
    };
  return tiersContradiction(training) ?? exchangeContradiction(training) ?? warmUpContradiction(training);
}

function warmUpContradiction(training: Training): ReturnType<typeof contradictionIn> {
  const { warmUpRounds, localSteps, roundsMax } = training;
  const refused = (message: string) => ({ field: 'training.warmUpRounds', message });
  if (warmUpRounds > roundsMax)
    return refused(`the run ends after roundsMax: ${roundsMax}; at most so many can be for warming up`);
  // Where rounds follow what is measured, warm-up keeps the first ones short.
  if (warmUpRounds > 0 && localSteps <= WARM_UP_LOCAL_STEPS && hasFixedRounds(training))
    return refused(
      `would change nothing: it makes rounds of ${WARM_UP_LOCAL_STEPS} local steps, and all of this run have ${localSteps}; leave it out`,
    );
  return null;
}

/** A wish of which tiers say the steps between two exchanges: these are the run's local steps. */
export const settledWish = (wish: TrainingWish): TrainingWish =>
  typeof wish.tiers === 'object' && wish.localSteps === undefined
    ? { ...wish, localSteps: wish.tiers.insideEvery }
    : wish;

/** Of each knob that a strategy may choose: values one of which goes with all that goes with any. */
const CHOICES = {
  architecture: ARCHITECTURES,
  schedule: SCHEDULES,
  group: ['auto'],
  localSteps: [1, WARM_UP_LOCAL_STEPS + 1],
  codec: ['fp16'],
} as const satisfies { readonly [K in PlannedKnob]: readonly Training[K][] };

/** What cannot be a run, whatever its model, its data and its tabs; with a strategy, whatever that would choose. */
export function wishFault(wish: TrainingWish): ReturnType<typeof contradictionIn> {
  const { strategy, ...knobs } = settledWish(wish);
  const said: Training = { ...DEFAULT_TRAINING, ...knobs };
  if (strategy === undefined) return contradictionIn(said);
  const open = PLANNED_KNOBS.filter((knob) => knobs[knob] === undefined);
  const trainings = open.reduce<readonly Training[]>(
    (all, knob) => all.flatMap((each) => CHOICES[knob].map((value) => ({ ...each, [knob]: value }))),
    [said],
  );
  const faults = trainings.map(contradictionIn);
  const fault = faults.includes(null)
    ? null
    : faults.find((each) => !open.some((knob) => each!.field === `training.${knob}`));
  return strategyFault(wish) ?? fault ?? null;
}
