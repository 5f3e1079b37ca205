import type { UpdateBody } from '@murmuration/protocol';
import { expect, it } from 'vitest';
import { Pace } from './pace.ts';

const update = (author: string, stepCount: number, trainMs: number) =>
  ({ author, stepCount, trainMs }) as UpdateBody;

it('[R1] a run that warms up has two steps in its first rounds, by the round alone', () => {
  const pace = new Pace({ localSteps: 5, warmUpRounds: 3 });
  expect([0, 2, 3, 100].map((round) => pace.stepsOf(round))).toEqual([2, 2, 5, 5]);
  expect(new Pace({ localSteps: 1, warmUpRounds: 3 }).stepsOf(0)).toBe(1);
  expect(new Pace({ localSteps: 5, warmUpRounds: 0 }).stepsOf(0)).toBe(5);
});

it('who is half as fast comes to do half of the steps, in the warm-up too, and never none', () => {
  const pace = new Pace({ localSteps: 10, warmUpRounds: 3 });
  for (let round = 0; round < 40; round++) pace.learn([update('a', 10, 200), update('b', 10, 100)], 'a');
  expect(pace.stepsOf(3)).toBe(5);
  expect(pace.stepsOf(0)).toBe(1);
});

it('steps stay as they are while the measured share wavers about where they would change', () => {
  const pace = new Pace({ localSteps: 5, warmUpRounds: 0 });
  const stepsAt = (share: number, rounds: number) =>
    Array.from({ length: rounds }, (_, round) => {
      const wavers = share + (round % 2 === 0 ? 0.08 : -0.08);
      pace.learn([update('a', 5, 500 / wavers), update('b', 5, 500)], 'a');
      return pace.stepsOf(round);
    });
  expect(new Set(stepsAt(0.9, 40))).toEqual(new Set([5]));
  expect(stepsAt(0.78, 40).at(-1)).toBe(4);
  expect(new Set(stepsAt(0.9, 40))).toEqual(new Set([4]));
  expect(stepsAt(1, 40).at(-1)).toBe(5);
});

it('does all steps of a round, however slow it is, where nothing adapts', () => {
  const pace = new Pace({ localSteps: 10, warmUpRounds: 0, adaptive: 'off' });
  for (let round = 0; round < 40; round++) pace.learn([update('a', 10, 200), update('b', 10, 100)], 'a');
  expect(pace.stepsOf(3)).toBe(10);
  expect(pace.share).toBeCloseTo(0.5, 2);
});
