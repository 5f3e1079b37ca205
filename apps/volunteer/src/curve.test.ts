import { describe, expect, it } from 'vitest';
import { extended, learnedFurther, NOTHING_LEARNED, type Curve } from './curve.ts';

describe('the course of a number', () => {
  it('takes each round once, and nothing that is not known', () => {
    let curve: Curve = [];
    curve = extended(curve, 1, 2.3);
    curve = extended(curve, 1, 2.2);
    curve = extended(curve, 2, null);
    curve = extended(curve, 3, Number.NaN);
    curve = extended(curve, 4, 1.9);
    expect(curve).toEqual([
      { round: 1, value: 2.3 },
      { round: 4, value: 1.9 },
    ]);
  });

  it('is bounded however long it lasts, and keeps its first and last value', () => {
    let curve: Curve = [];
    for (let round = 0; round < 100_000; round++) curve = extended(curve, round, round);
    expect(curve.length).toBeLessThanOrEqual(240);
    expect(curve[0]).toEqual({ round: 0, value: 0 });
    expect(curve.at(-1)).toEqual({ round: 99_999, value: 99_999 });
  });

  it('begins anew with another run, and keeps an accuracy once', () => {
    const run = (changes: object) => ({ id: 'a', round: 1, loss: 2, accuracy: null, ...changes });
    let learned = learnedFurther(NOTHING_LEARNED, run({}));
    learned = learnedFurther(learned, run({ round: 5, accuracy: 0.3 }));
    learned = learnedFurther(learned, run({ round: 6, accuracy: 0.3 }));
    expect(learned.accuracy).toEqual([{ round: 5, value: 0.3 }]);
    expect(learned.loss).toHaveLength(3);
    expect(learnedFurther(learned, run({ id: 'b' })).loss).toEqual([{ round: 1, value: 2 }]);
    expect(learnedFurther(learned, null)).toBe(learned);
  });
});
