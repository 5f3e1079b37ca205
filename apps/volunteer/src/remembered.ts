/**
 * What this browser keeps between visits: the person's terms and today's data count. Read when the page opens, written
 * when they change. A browser that keeps nothing gets the defaults every time.
 */
import { dayUseFrom, type DayUse } from './data-cap.ts';
import { limitsFrom, type Limits } from './limits.ts';

const LIMITS_KEY = 'murmuration-limits';
const USE_KEY = 'murmuration-data-today';

export const rememberedLimits = (): Limits => limitsFrom(read(LIMITS_KEY));
export const rememberLimits = (limits: Limits): void => write(LIMITS_KEY, limits);
export const rememberedUse = (nowMs: number): DayUse => dayUseFrom(read(USE_KEY), nowMs);
export const rememberUse = (use: DayUse): void => write(USE_KEY, use);

export function forgetAll(): void {
  localStorage.removeItem(LIMITS_KEY);
  localStorage.removeItem(USE_KEY);
}

function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows and full disks: the terms hold for this visit.
  }
}
