/** Hours of the day in which a device contributes, in local time. Pure: the moment is an argument. */
import type { Hours } from './limits.ts';

const minuteOf = (atMs: number): number => {
  const at = new Date(atMs);
  return at.getHours() * 60 + at.getMinutes();
};

/** The same hour twice means the whole day. */
export function isWithin({ fromMinute, toMinute }: Hours, nowMs: number): boolean {
  const minute = minuteOf(nowMs);
  if (fromMinute === toMinute) return true;
  return fromMinute < toMinute
    ? minute >= fromMinute && minute < toMinute
    : minute >= fromMinute || minute < toMinute;
}

/** The next moment at which the local clock shows this minute, after `nowMs`. The clock's own leaps are kept. */
export function nextAtMinute(minute: number, nowMs: number): number {
  const at = new Date(nowMs);
  at.setHours(0, minute, 0, 0);
  if (at.getTime() > nowMs) return at.getTime();
  at.setDate(at.getDate() + 1);
  at.setHours(0, minute, 0, 0);
  return at.getTime();
}

export const nextMidnightMs = (nowMs: number): number => nextAtMinute(0, nowMs);

const MORNING_MINUTE = 8 * 60;
/** Nobody who says "tomorrow" late at night means in less than this. */
const TOMORROW_MIN_MS = 4 * 3_600_000;

/** The next morning at eight. */
export function tomorrowMs(nowMs: number): number {
  const morningMs = nextAtMinute(MORNING_MINUTE, nowMs);
  return morningMs - nowMs >= TOMORROW_MIN_MS ? morningMs : nextAtMinute(MORNING_MINUTE, morningMs);
}
