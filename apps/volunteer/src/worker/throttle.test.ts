import { describe, expect, it } from 'vitest';
import { LoadMeter, Throttle } from './throttle.ts';

/** Plays a device that works in steps and rests when told to; answers the share of the time in which it worked. */
function played(options: {
  readonly share: number;
  readonly stepMs: number;
  readonly overMs: number;
  /** Every rest ends this much late, as timers do. */
  readonly timerLateMs?: number;
}): { readonly busyShare: number; readonly longestWorkMs: number } {
  const { share, stepMs, overMs, timerLateMs = 0 } = options;
  let nowMs = 0;
  let busyMs = 0;
  let sinceRestMs = 0;
  let longestWorkMs = 0;
  const throttle = new Throttle(share, nowMs);
  while (nowMs < overMs) {
    nowMs += stepMs;
    busyMs += stepMs;
    sinceRestMs += stepMs;
    if (!throttle.isDue(sinceRestMs)) continue;
    throttle.worked(sinceRestMs, nowMs);
    longestWorkMs = Math.max(longestWorkMs, sinceRestMs);
    sinceRestMs = 0;
    for (let restMs = throttle.restMs(nowMs); restMs > 0; restMs = throttle.restMs(nowMs))
      nowMs += Math.ceil(restMs) + timerLateMs;
  }
  return { busyShare: busyMs / nowMs, longestWorkMs };
}

describe('the throttle', () => {
  it.each([0.05, 0.25, 0.5, 0.8])(
    'keeps a share of %f for short and long steps, and with late timers',
    (share) => {
      for (const stepMs of [1, 7, 40, 300])
        for (const timerLateMs of [0, 4]) {
          const { busyShare } = played({ share, stepMs, timerLateMs, overMs: 60_000 });
          expect(busyShare, `steps of ${stepMs} ms, timers late by ${timerLateMs} ms`).toBeGreaterThan(
            share - 0.05,
          );
          expect(busyShare).toBeLessThan(share + 0.02);
        }
    },
  );

  it('never rests at full speed', () => {
    expect(played({ share: 1, stepMs: 5, overMs: 10_000 }).busyShare).toBe(1);
  });

  it('works in slices that cannot be felt, where steps are short', () => {
    expect(played({ share: 0.25, stepMs: 2, overMs: 10_000 }).longestWorkMs).toBeLessThan(40);
  });

  it('does not let a device make up for a minute in which it waited for others', () => {
    const throttle = new Throttle(0.25, 0);
    let nowMs = 60_000;
    let sliceCount = 0;
    do {
      nowMs += 40;
      throttle.worked(40, nowMs);
      sliceCount += 1;
    } while (throttle.restMs(nowMs) === 0);
    // 50 ms of work at most are saved up; a minute would be worth 15 s.
    expect(sliceCount).toBeLessThanOrEqual(3);
  });

  it('a change of the share holds from that moment on', () => {
    const throttle = new Throttle(0.25, 0);
    throttle.worked(100, 100);
    expect(throttle.restMs(100)).toBeCloseTo(300);
    throttle.setShare(0.5, 100);
    expect(throttle.restMs(100)).toBeCloseTo(150);
    throttle.setShare(1, 100);
    expect(throttle.restMs(100)).toBe(0);
  });
});

describe('the meter', () => {
  it('tells the share of the last half minute in which the device worked', () => {
    const meter = new LoadMeter(0);
    for (let second = 0; second < 120; second++) meter.record(second * 1_000, second * 1_000 + 250);
    expect(meter.share(120_000)).toBeCloseTo(0.25);
  });

  it('forgets what is longer ago', () => {
    const meter = new LoadMeter(0);
    meter.record(0, 10_000);
    expect(meter.share(10_000)).toBeCloseTo(1);
    expect(meter.share(30_000)).toBeCloseTo(1 / 3);
    expect(meter.share(45_000)).toBe(0);
  });

  it('says nothing before it has seen a second, and begins anew with a new promise', () => {
    const meter = new LoadMeter(0);
    meter.record(0, 500);
    expect(meter.share(500)).toBeNull();
    expect(meter.share(1_000)).toBeCloseTo(0.5);
    meter.restart(1_000);
    expect(meter.share(1_500)).toBeNull();
    expect(meter.share(2_000)).toBe(0);
  });
});
