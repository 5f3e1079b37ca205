import type { UpdateBody } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
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

describe('[R9] of what authors say of their speed, the fastest counts for three times what the others bear out', () => {
  const stepsAfter = (rounds: number, updates: readonly UpdateBody[]) => {
    const pace = new Pace({ localSteps: 20, warmUpRounds: 0 });
    for (let round = 0; round < rounds; round++) pace.learn(updates, 'a');
    return pace.stepsOf(rounds);
  };
  const alike = (count: number) =>
    Array.from({ length: count }, (_, i) => update(String.fromCharCode(97 + i), 20, 1_000));

  it('of six, one who says 1,000 steps in a millisecond says nothing (was: a step a round)', () => {
    expect(stepsAfter(40, [...alike(5), update('z', 1_000, 1)])).toBe(20);
  });
  it('one who says fifty times our speed is one who is three times as fast, of twenty so are four', () => {
    const liars = ['w', 'x', 'y', 'z'].map((author) => update(author, 20, 20));
    expect(stepsAfter(40, [...alike(5), ...liars.slice(3)])).toBe(7);
    expect(stepsAfter(40, [...alike(16), ...liars])).toBe(7);
  });
  it('whom the others bear out is as fast as it says: speeds of 10:1, evenly', () => {
    const even = Array.from({ length: 8 }, (_, i) =>
      update(String.fromCharCode(97 + i), 20, 10_000 / 10 ** (i / 7)),
    );
    expect(stepsAfter(60, even)).toBe(stepsAfter(60, [even[0]!, even[7]!]));
  });
  it('of three nobody can tell who lies', () => {
    expect(stepsAfter(40, [...alike(2), update('z', 1_000, 1)])).toBe(1);
  });
  it('who is faster than is believed does a round’s steps, not more', () => {
    expect(stepsAfter(40, [update('a', 20, 10), ...alike(6).slice(1)])).toBe(20);
  });
});
