import { describe, expect, it } from 'vitest';
import { GRACE_MAX_MS, RoundClock } from './round-clock.ts';

/** Twelve rounds of a group of three, whose updates come after so many ms. */
function after(arrivalsMs: readonly number[], adapts: boolean): RoundClock {
  const clock = new RoundClock(0, adapts);
  for (let round = 0; round < 12; round++) {
    for (const ms of arrivalsMs) clock.arrived(10_000 * round + ms);
    clock.next(clock.measuredGraceMs, [], 10_000 * (round + 1));
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

it('[R3] while our own update is still leaving no grace begins, for five seconds at most', () => {
  const clock = new RoundClock(0, true);
  clock.arrived(0);
  clock.judge(true, 100, true);
  expect([clock.closeMs, clock.nextDeadlineMs(null)]).toEqual([Infinity, 150]);
  clock.judge(true, 3_000, false);
  expect(clock.closeMs).toBe(3_000 + GRACE_MAX_MS);
  clock.next(500, [], 4_000);
  clock.arrived(4_100);
  clock.judge(false, 9_000, true);
  expect(clock.closeMs).toBe(Infinity);
  clock.judge(false, 9_100, true);
  expect(clock.closeMs).toBe(9_600);
});

describe('[R3] updates that come after their round was closed', () => {
  const [early, late] = [
    ['vol_a', 'vol_b'],
    ['vol_c', 'vol_d', 'vol_e'],
  ];
  /** Twelve rounds that are closed over two of five after 0.7 s; the others come at two seconds. */
  function afterLate(isSending: boolean): RoundClock {
    const clock = new RoundClock(0, true);
    for (let round = 0; round < 12; round++) {
      const startMs = 3_000 * round;
      for (const ms of [400, 500, 700]) {
        if (ms < 700) clock.arrived(startMs + ms);
        clock.judge(false, startMs + ms, isSending);
      }
      clock.closed(round, [...early, ...late], { has: (author) => early.includes(author) });
      // Who says it twice is heard once, and who was counted was not late.
      for (const author of [...late, ...late, ...early]) clock.arrivedLate(round, author, startMs + 2_000);
      clock.next(clock.measuredGraceMs, [], startMs + 3_000);
    }
    return clock;
  }

  it('make the grace longer where our line was busy as well: it is lines that are thin', () => {
    expect(afterLate(false).measuredGrace).toEqual({ ms: 250, usualMs: 450, deviationMs: 50 });
    expect(afterLate(true).measuredGrace).toEqual({ ms: 5_000, usualMs: 2_000, deviationMs: 1_550 });
  });
});
