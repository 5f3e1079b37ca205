import { describe, expect, it } from 'vitest';
import { capLastsMs, DataPace, dayUseFrom, isReached, today, used } from './data-cap.ts';

const NOON_MS = new Date(2026, 10, 28, 12).getTime();
const TOMORROW_MS = new Date(2026, 10, 29, 0, 1).getTime();
const USE = { day: '2026-11-28', sentBytes: 30, receivedBytes: 40 };

describe('data of a day', () => {
  it('add up until midnight and begin anew', () => {
    expect(used(USE, { sentBytes: 1, receivedBytes: 2 }, NOON_MS)).toEqual({
      day: '2026-11-28',
      sentBytes: 31,
      receivedBytes: 42,
    });
    expect(used(USE, { sentBytes: 1, receivedBytes: 2 }, TOMORROW_MS)).toEqual({
      day: '2026-11-29',
      sentBytes: 1,
      receivedBytes: 2,
    });
    expect(today(USE, NOON_MS)).toBe(USE);
  });

  it('reach the cap up and down together', () => {
    expect(isReached(USE, 71)).toBe(false);
    expect(isReached(USE, 70)).toBe(true);
    expect(isReached(USE, null)).toBe(false);
  });

  it('are remembered within the day; nonsense is a fresh day', () => {
    expect(dayUseFrom(USE, NOON_MS)).toEqual(USE);
    expect(dayUseFrom(USE, TOMORROW_MS)).toMatchObject({ sentBytes: 0, receivedBytes: 0 });
    for (const nonsense of [null, 7, 'x', {}, { ...USE, sentBytes: -1 }, { ...USE, receivedBytes: 'many' }])
      expect(dayUseFrom(nonsense, NOON_MS)).toEqual({ day: '2026-11-28', sentBytes: 0, receivedBytes: 0 });
  });
});

describe('how long the cap lasts', () => {
  const HOUR_MS = 3_600_000;
  const useOf = (bytes: number) => ({ ...USE, sentBytes: bytes / 2, receivedBytes: bytes / 2 });

  it('is the rest of it at the pace of the last minutes', () => {
    const pace = new DataPace();
    for (let second = 0; second <= 120; second += 5)
      pace.look(useOf(1_000 * second), NOON_MS + 1_000 * second);
    expect(pace.bytesPerHour).toBeCloseTo(3_600_000);
    expect(capLastsMs(1_800_000, 3_600_000, 3_600_000)).toBeCloseTo(HOUR_MS / 2);
    expect(capLastsMs(4_000_000, 3_600_000, 3_600_000)).toBe(0);
  });

  it('is not told in the first minute, without a cap, or while nothing moves', () => {
    const pace = new DataPace();
    expect(pace.bytesPerHour).toBeNull();
    pace.look(useOf(0), NOON_MS);
    pace.look(useOf(9_000), NOON_MS + 50_000);
    expect(pace.bytesPerHour).toBeNull();
    expect(capLastsMs(0, null, 1_000)).toBeNull();
    expect(capLastsMs(0, 1_000, 0)).toBeNull();
  });

  it('forgets an earlier pace, and yesterday', () => {
    const pace = new DataPace();
    for (let minute = 0; minute <= 30; minute++)
      pace.look(useOf(minute <= 15 ? 1e6 * minute : 15e6), NOON_MS + 60_000 * minute);
    expect(pace.bytesPerHour).toBe(0);
    pace.look(useOf(0), NOON_MS + 31 * 60_000);
    expect(pace.bytesPerHour).toBeNull();
  });
});
