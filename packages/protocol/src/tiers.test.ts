import { expect, it } from 'vitest';
import { contradictionIn } from './contradictions.ts';
import { DEFAULT_TRAINING } from './run.ts';
import { betweenAt, cycleOf, firstOf, nodeIn, nodeKeyIn, tiersOf } from './tiers.ts';

const tiers = { insideEvery: 2, betweenEvery: 3 };
const id = `run_${'a'.repeat(26)}`;

it('[N1] rounds of a node go in cycles, each of which ends where the node waits for the others', () => {
  const places = Array.from({ length: 9 }, (_, round) => [
    cycleOf(tiers, round),
    round - firstOf(tiers, cycleOf(tiers, round)),
  ]);
  expect(places).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 0],
    [1, 1],
    [1, 2],
    [1, 3],
    [2, 0],
  ]);
  expect(betweenAt(tiers, 1)).toBe(7);
  expect(firstOf(tiers, 2)).toBe(betweenAt(tiers, 1) + 1);
});

it('tiers are off unless a run asks for them, and `auto` takes its local steps', () => {
  expect(tiersOf(DEFAULT_TRAINING)).toBeNull();
  expect(tiersOf({ localSteps: 5, tiers: 'off' })).toBeNull();
  expect(tiersOf({ localSteps: 7, tiers: 'auto' })).toEqual({ insideEvery: 7, betweenEvery: 10 });
  expect(tiersOf({ localSteps: 7, tiers })).toEqual(tiers);
});

it('tiers with what makes no sense beside them are refused with the reason', () => {
  const training = { ...DEFAULT_TRAINING, localSteps: tiers.insideEvery, tiers };
  expect(contradictionIn(training)).toBeNull();
  const refusal = (changes: object) => contradictionIn({ ...training, ...changes });
  for (const changes of [
    { architecture: 'central' },
    { architecture: 'hybrid' },
    { architecture: 'central', schedule: 'asynchronous' },
    { codec: 'topk-auto' },
    { group: 4 },
    { exchange: 'gradients' },
    { exchange: 'parameters' },
  ])
    expect(refusal(changes)).toMatchObject({
      field: 'training.tiers',
      message: expect.stringMatching(/needs/),
    });
});

it('[N1] a node has a name of its own in each run, from which nobody learns its key', () => {
  const [key, other] = ['k'.repeat(20), 'l'.repeat(20)];
  const run = { id, training: { localSteps: 1, tiers } };
  expect(nodeIn(run, key)).toMatch(/^vol_[0-9a-z]{26}$/);
  expect(nodeIn(run, key)).toBe(nodeIn(run, key));
  expect(nodeIn(run, key)).not.toContain('kk');
  const names = [nodeIn(run, key), nodeIn(run, other), nodeIn({ ...run, id: `run_${'b'.repeat(26)}` }, key)];
  expect(new Set(names).size).toBe(3);
  expect(nodeIn(run, undefined)).toBeNull();
  expect(['room-4', '', 'a b', 'x'.repeat(65), null].map(nodeKeyIn)).toEqual([
    'room-4',
    null,
    null,
    null,
    null,
  ]);
  expect(nodeIn({ id, training: { localSteps: 1 } }, key)).toBeNull();
});
