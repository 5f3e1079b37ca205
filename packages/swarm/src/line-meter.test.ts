import { describe, expect, it } from 'vitest';
import { LineMeter } from './line-meter.ts';
import { forPeople } from './report.ts';

/** A line of 125 bytes a millisecond (1 Mbit/s) that is given so much at times, looked at every 250 ms. */
function looked(given: readonly { readonly atMs: number; readonly bytes: number }[], untilMs: number) {
  const meter = new LineMeter();
  let left = 0;
  let waiting = 0;
  const due = [...given];
  for (let nowMs = 0; nowMs <= untilMs; nowMs++) {
    while (due[0] !== undefined && due[0].atMs <= nowMs) waiting += due.shift()!.bytes;
    const leaves = Math.min(waiting, 125);
    waiting -= leaves;
    left += leaves;
    if (nowMs % 250 === 0) meter.look({ leftBytes: left, waitingBytes: waiting }, nowMs);
  }
  return meter.uplinkKbit;
}

describe('[C5] the uplink', () => {
  it('is what left while something waited all the time', () => {
    expect(looked([{ atMs: 100, bytes: 250_000 }], 4_000)).toBe(1_000);
    // Also of one that is never still.
    expect(looked([{ atMs: 0, bytes: 1e9 }], 30_000)).toBe(1_000);
  });
  it('is not known where nothing waits for long, and not guessed from what is only little used', () => {
    expect(looked([], 5_000)).toBeNull();
    const sometimes = Array.from({ length: 20 }, (_, i) => ({ atMs: 1_000 * i + 10, bytes: 30_000 }));
    expect(looked(sometimes, 20_000)).toBeNull();
    // Something waits at every look, and in between the line is still.
    const always = Array.from({ length: 80 }, (_, i) => ({ atMs: 250 * i, bytes: 20_000 }));
    expect(looked(always, 20_000)).toBeNull();
  });
  it('goes with a report once it is known, as a whole number within the bounds of the wire', () => {
    const told = (uplinkKbit: number | null) => forPeople({ duty: null, rttMs: null, uplinkKbit }, []);
    expect([told(null), told(0.2), told(4_200.4)]).toEqual([{}, { uplinkKbit: 1 }, { uplinkKbit: 4_200 }]);
    expect(told(1e12)).toEqual({ uplinkKbit: 100_000_000 });
  });
  it('is a median: one burst in which the machine slept is one wrong measurement', () => {
    const meter = new LineMeter();
    let [nowMs, leftBytes] = [0, 0];
    for (const bytesPerMs of [125, 125, 1, 125]) {
      for (let look = 0; look <= 4; look++) {
        meter.look({ leftBytes, waitingBytes: 1e6 }, nowMs);
        nowMs += 250;
        leftBytes += 250 * bytesPerMs;
      }
      meter.look({ leftBytes, waitingBytes: 0 }, nowMs);
    }
    expect(meter.uplinkKbit).toBe(1_000);
  });
});
