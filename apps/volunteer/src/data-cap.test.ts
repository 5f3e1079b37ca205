import { describe, expect, it } from 'vitest';
import { dayUseFrom, isReached, today, used } from './data-cap.ts';

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
