/**
 * What of a run's training makes no sense together, and what a researcher's wish says before a run is made of it. Whether
 * training fits a model and its data is misfit's (objective.ts). Pure.
 */
import { exchangeContradiction, hasFixedRounds } from './exchange.ts';
import { DEFAULT_TRAINING, WARM_UP_LOCAL_STEPS, type Training, type TrainingWish } from './run.ts';
import { strategyFault } from './strategy.ts';
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

/** What cannot be a run, whatever its model, its data and its tabs; of a strategy's knobs only that some are left to choose. */
export function wishFault(wish: TrainingWish): ReturnType<typeof contradictionIn> {
  const { strategy, ...knobs } = settledWish(wish);
  return strategy === undefined
    ? contradictionIn({ ...DEFAULT_TRAINING, ...knobs })
    : strategyFault({ strategy, ...knobs });
}
