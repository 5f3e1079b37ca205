import { describe, expect, it } from 'vitest';
import { dayOf } from './data-cap.ts';
import { DEFAULT_LIMITS, MEGABYTE, type Limits } from './limits.ts';
import { decide, lasting, USED_FOR_MS, type Asked, type Cause, type Facts } from './pauses.ts';
import { nextMidnightMs } from './schedule.ts';

const NOW_MS = new Date(2026, 10, 28, 14, 30).getTime();
const NOTHING: Asked = { kind: 'nothing' };
const facts = (changes: Partial<Facts> = {}): Facts => ({
  power: 'mains',
  savesData: false,
  isHidden: false,
  usedAtMs: null,
  use: { day: dayOf(NOW_MS), sentBytes: 0, receivedBytes: 0 },
  ...changes,
});
const limits = (changes: Partial<Limits> = {}): Limits => ({ ...DEFAULT_LIMITS, ...changes });
const asked = (
  question: { limits?: Partial<Limits>; facts?: Partial<Facts>; asked?: Asked; overrides?: Cause[] },
  nowMs = NOW_MS,
) =>
  decide(
    {
      limits: limits(question.limits),
      facts: facts(question.facts),
      asked: question.asked ?? NOTHING,
      overrides: new Set(question.overrides),
    },
    nowMs,
  );
const USED_UP = { use: { day: dayOf(NOW_MS), sentBytes: 900 * MEGABYTE, receivedBytes: 101 * MEGABYTE } };

describe('whether to train now', () => {
  it('trains with the promised share when nothing speaks against it', () => {
    expect(asked({ limits: { share: 0.5 } })).toEqual({ kind: 'train', share: 0.5, isGentleForYou: false });
  });

  it('the default is gentle: a quarter of the time', () => {
    expect(asked({})).toMatchObject({ share: 0.25 });
  });

  it.each([
    ['battery', { facts: { power: 'battery' } as const }, null],
    ['data-cap', { facts: USED_UP }, nextMidnightMs(NOW_MS)],
    [
      'schedule',
      { limits: { hours: { fromMinute: 20 * 60, toMinute: 7 * 60 } } },
      new Date(2026, 10, 28, 20).getTime(),
    ],
    ['hidden', { limits: { whileHidden: 'pause' } as const, facts: { isHidden: true } }, null],
    [
      'idle-rule',
      { limits: { whileUsed: 'pause' } as const, facts: { usedAtMs: NOW_MS - 1_000 } },
      NOW_MS - 1_000 + USED_FOR_MS,
    ],
  ] as const)('rests for %s, with its end, until it is overridden', (cause, question, untilMs) => {
    expect(asked(question)).toEqual({ kind: 'pause', reason: cause, cause, untilMs });
    expect(asked({ ...question, overrides: [cause] }).kind).toBe('train');
  });

  it('a browser that is to save data has reached its cap', () => {
    expect(asked({ facts: { savesData: true } })).toMatchObject({ reason: 'data-cap', cause: 'save-data' });
  });

  it('a browser that does not tell its power is not held back', () => {
    expect(asked({ facts: { power: 'unknown' } }).kind).toBe('train');
  });

  it('a limit that the person took away does not hold', () => {
    expect(asked({ limits: { battery: 'go-on' }, facts: { power: 'battery' } }).kind).toBe('train');
    expect(asked({ limits: { dataPerDayBytes: null }, facts: USED_UP }).kind).toBe('train');
  });

  it('is gentle while the person is here, if they chose so, and never louder than promised', () => {
    const here = { usedAtMs: NOW_MS - 1_000 };
    expect(asked({ limits: { share: 1, whileUsed: 'gentle' }, facts: here })).toEqual({
      kind: 'train',
      share: 0.25,
      isGentleForYou: true,
    });
    expect(asked({ limits: { share: 0.1, whileUsed: 'gentle' }, facts: here })).toMatchObject({ share: 0.1 });
    expect(
      asked({ limits: { share: 1, whileUsed: 'gentle' }, facts: here }, NOW_MS + USED_FOR_MS),
    ).toMatchObject({
      share: 1,
    });
  });

  it('the person’s own word comes first, and a pause for a while ends by itself', () => {
    const forever = asked({ asked: { kind: 'pause', untilMs: null }, facts: { power: 'battery' } });
    expect(forever).toEqual({ kind: 'pause', reason: 'user', cause: null, untilMs: null });
    const untilMs = NOW_MS + 1_800_000;
    const question = { asked: { kind: 'pause', untilMs } } as const;
    expect(asked(question)).toEqual({ kind: 'pause', reason: 'timer', cause: null, untilMs });
    expect(asked(question, untilMs).kind).toBe('train');
  });

  it('an override lasts until its cause has gone away once', () => {
    const overrides = new Set<Cause>(['battery']);
    const onBattery = { limits: limits(), facts: facts({ power: 'battery' }), overrides };
    expect(lasting(onBattery, NOW_MS)).toEqual(overrides);
    expect(lasting({ ...onBattery, facts: facts() }, NOW_MS)).toEqual(new Set());
  });
});
