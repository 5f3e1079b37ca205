import { expect, it } from 'vitest';
import { GRACE_MAX_MS, RoundClock } from './round-clock.ts';

/** Twelve rounds of a group of three, whose updates come after so many ms. */
function after(arrivalsMs: readonly number[], adapts: boolean): RoundClock {
  const clock = new RoundClock(0, adapts);
  for (let round = 0; round < 12; round++) {
    for (const ms of arrivalsMs) clock.arrived(10_000 * round + ms);
    clock.next(clock.measuredGraceMs, 0, 10_000 * (round + 1));
  }
  return clock;
}

it('[R3] the grace is a quarter of a usual round, or four deviations', () => {
  expect(after([1_900, 2_000, 2_100], true).measuredGrace).toEqual({
    ms: 500,
    usualMs: 2_000,
    deviationMs: 100,
  });
  expect(after([1_000, 2_000, 3_000], true).measuredGraceMs).toBe(4_000);
  expect(after([10, 20, 30], true).measuredGraceMs).toBe(250);
});

it('[R3] with `adaptive: off` it is five seconds, whatever was measured', () => {
  const clock = after([10, 20, 30], false);
  expect([clock.measuredGraceMs, clock.measuredGrace]).toEqual([GRACE_MAX_MS, undefined]);
});
