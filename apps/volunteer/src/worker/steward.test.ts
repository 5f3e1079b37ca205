import { describe, expect, it } from 'vitest';
import { dayOf } from '../data-cap.ts';
import { DEFAULT_LIMITS, MEGABYTE } from '../limits.ts';
import type { Facts } from '../pauses.ts';
import { Steward } from './steward.ts';

const NOW_MS = new Date(2026, 10, 28, 14).getTime();
const DAY_MS = 86_400_000;
const facts: Facts = {
  power: 'mains',
  savesData: false,
  isHidden: false,
  usedAtMs: null,
  use: { day: dayOf(NOW_MS), sentBytes: 0, receivedBytes: 0 },
};
const steward = (limits = {}) => new Steward({ ...DEFAULT_LIMITS, ...limits }, facts);
const moved = (megabytes: number) => ({ sentBytes: megabytes * MEGABYTE, receivedBytes: 0 });

describe('the steward', () => {
  it('counts what is new of each source, and begins anew with a source that does', () => {
    const kept = steward();
    kept.count('hands', moved(10), NOW_MS);
    kept.count('hands', moved(15), NOW_MS);
    kept.count('page', moved(2), NOW_MS);
    kept.restart('hands');
    kept.count('hands', moved(3), NOW_MS);
    expect(kept.use.sentBytes).toBe(20 * MEGABYTE);
  });

  it('a count that is behind for a moment takes nothing back and counts nothing twice', () => {
    const kept = steward();
    for (const megabytes of [10, 4, 10, 12]) kept.count('around links', moved(megabytes), NOW_MS);
    expect(kept.use.sentBytes).toBe(12 * MEGABYTE);
  });

  it('pauses when the day’s data are used up and goes on after midnight', () => {
    const kept = steward({ dataPerDayBytes: 100 * MEGABYTE });
    kept.count('hands', moved(99), NOW_MS);
    expect(kept.verdict(NOW_MS).kind).toBe('train');
    kept.count('hands', moved(100), NOW_MS);
    expect(kept.verdict(NOW_MS)).toMatchObject({ kind: 'pause', reason: 'data-cap' });
    expect(kept.verdict(NOW_MS + DAY_MS).kind).toBe('train');
  });

  it('an override sets aside every rule that holds the device back now, until each has ceased once', () => {
    const kept = steward();
    kept.learn({ power: 'battery', savesData: true });
    kept.pause(null);
    kept.resume(NOW_MS);
    expect(kept.verdict(NOW_MS).kind).toBe('train');
    kept.learn({ power: 'mains' });
    expect(kept.verdict(NOW_MS).kind).toBe('train');
    kept.learn({ power: 'battery' });
    expect(kept.verdict(NOW_MS)).toMatchObject({ reason: 'battery' });
  });

  it('terms that are set anew are meant: overrides end', () => {
    const kept = steward();
    kept.learn({ power: 'battery' });
    kept.resume(NOW_MS);
    expect(kept.verdict(NOW_MS).kind).toBe('train');
    kept.setLimits({ ...DEFAULT_LIMITS, share: 0.5 });
    expect(kept.verdict(NOW_MS)).toMatchObject({ reason: 'battery' });
    kept.setLimits({ ...DEFAULT_LIMITS, battery: 'go-on' });
    expect(kept.verdict(NOW_MS).kind).toBe('train');
  });
});
