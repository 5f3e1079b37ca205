import { describe, expect, it } from 'vitest';
import { isWithin, nextAtMinute, nextMidnightMs, tomorrowMs } from './schedule.ts';

const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute).getTime();
const hours = (from: number, to: number) => ({ fromMinute: from * 60, toMinute: to * 60 });

describe('hours of the day', () => {
  it('hold from the first minute to before the last', () => {
    expect(isWithin(hours(9, 17), at(1, 8, 59))).toBe(false);
    expect(isWithin(hours(9, 17), at(1, 9))).toBe(true);
    expect(isWithin(hours(9, 17), at(1, 16, 59))).toBe(true);
    expect(isWithin(hours(9, 17), at(1, 17))).toBe(false);
  });

  it('may run over midnight', () => {
    expect(isWithin(hours(20, 7), at(1, 23))).toBe(true);
    expect(isWithin(hours(20, 7), at(1, 6, 59))).toBe(true);
    expect(isWithin(hours(20, 7), at(1, 12))).toBe(false);
  });

  it('the same hour twice is the whole day', () => {
    expect(isWithin(hours(8, 8), at(1, 3))).toBe(true);
  });

  it('begin again at the next such minute, today or tomorrow', () => {
    expect(nextAtMinute(20 * 60, at(1, 12))).toBe(at(1, 20));
    expect(nextAtMinute(20 * 60, at(1, 20))).toBe(at(2, 20));
    expect(nextMidnightMs(at(1, 23, 59))).toBe(at(2, 0));
  });

  it('tomorrow is the next morning at eight, and never in less than four hours', () => {
    expect(tomorrowMs(at(1, 14))).toBe(at(2, 8));
    expect(tomorrowMs(at(1, 23, 30))).toBe(at(2, 8));
    expect(tomorrowMs(at(1, 2))).toBe(at(1, 8));
    expect(tomorrowMs(at(1, 6))).toBe(at(2, 8));
  });
});
