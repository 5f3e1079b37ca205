import { describe, expect, it } from 'vitest';
import { settledWish, wishFault } from './contradictions.ts';
import type { TrainingWish } from './run.ts';

const tiers = { insideEvery: 4, betweenEvery: 10 };

describe('what would be without effect is refused with the reason', () => {
  it.each([
    [{ localSteps: 50, tiers }, 'localSteps', /insideEvery: 4; leave localSteps out, or make it 4/],
    [{ warmUpRounds: 11, roundsMax: 10 }, 'warmUpRounds', /ends after roundsMax: 10/],
    [{ warmUpRounds: 5, localSteps: 2, adaptive: 'off' }, 'warmUpRounds', /would change nothing/],
    [{ warmUpRounds: 5, localSteps: 1, tiers: 'auto' }, 'warmUpRounds', /all of this run have 1; leave it/],
    [{ warmUpRounds: 5, tiers: { ...tiers, insideEvery: 2 } }, 'warmUpRounds', /would change nothing/],
    [
      { warmUpRounds: 5, localSteps: 1, exchange: 'gradients', optimiser: 'sgd' },
      'warmUpRounds',
      /would change nothing/,
    ],
    [{ architecture: 'central', group: 4 }, 'group', /a central run has no groups/],
    [
      {
        strategy: 'auto',
        ...{ architecture: 'central', schedule: 'asynchronous' },
        localSteps: 5,
        codec: 'int8',
      },
      'strategy',
      /nothing to choose/,
    ],
    [{ strategy: 'auto', architecture: 'central', group: 4 }, 'group', /a central run has no groups/],
    [{ strategy: 'auto', architecture: 'hybrid', tiers }, 'tiers', /needs architecture: decentralised/],
    [{ strategy: 'auto', exchange: 'gradients' }, 'optimiser', /sgd or momentum/],
  ] as const satisfies readonly [TrainingWish, string, RegExp][])('%j', (wish, field, message) => {
    expect(wishFault(wish)).toEqual({ field: `training.${field}`, message: expect.stringMatching(message) });
  });

  it.each([
    {},
    { tiers },
    { tiers, localSteps: 4 },
    { tiers: 'auto', localSteps: 50 },
    { warmUpRounds: 10, roundsMax: 10 },
    { warmUpRounds: 5, tiers },
    // Rounds of two steps become longer where their exchange shows, and warm-up keeps the first ones at two.
    { warmUpRounds: 5, localSteps: 2 },
    { strategy: 'auto', architecture: 'central' },
    // Its local steps, its codec and its architecture are still to be chosen.
    { strategy: 'auto', exchange: 'gradients', optimiser: 'sgd' },
    { strategy: 'auto', exchange: 'parameters' },
    { strategy: 'auto', schedule: 'asynchronous' },
    { strategy: 'auto', warmUpRounds: 5, adaptive: 'off' },
  ] as const satisfies readonly TrainingWish[])('%j is a wish', (wish) => expect(wishFault(wish)).toBeNull());
});

it('the steps that tiers say are the local steps of the run, and nothing else is settled', () => {
  expect(settledWish({ tiers })).toEqual({ tiers, localSteps: 4 });
  for (const wish of [{}, { tiers: 'auto' }, { tiers, localSteps: 9 }] as const)
    expect(settledWish(wish)).toBe(wish);
});
