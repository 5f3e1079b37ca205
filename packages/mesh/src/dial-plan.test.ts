import { LIMITS, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, test } from 'vitest';
import { backoffMs, DialPlan } from './dial-plan.ts';

const id = (letter: string): VolunteerId => `vol_${letter.repeat(26)}`;
const [A, B, C] = [id('a'), id('b'), id('c')];
const plan = () => new DialPlan(B, () => 1);

describe('dialling', () => {
  test('of two peers the smaller id dials, nobody dials itself', () => {
    const mind = plan();
    mind.hold([A, B, C], 0);
    expect(mind.due(0)).toEqual([C]);
    expect(mind.judge(A, 0)).toBe('take');
    expect(mind.judge(C, 0)).toBe('refuse');
    expect(mind.judge(B, 0)).toBe('refuse');
  });

  test('a linked peer is not dialled; a lost one is, after a backoff that doubles up to 15 s', () => {
    const mind = plan();
    mind.hold([C], 0);
    mind.linked(C, 0);
    expect(mind.due(0)).toEqual([]);
    const delays = [];
    let nowMs = 0;
    for (let i = 0; i < 9; i++) {
      mind.lost(C, 'failed', nowMs);
      const lostMs = nowMs;
      while (mind.due(nowMs).length === 0) nowMs += 50;
      delays.push(nowMs - lostMs);
      mind.linked(C, nowMs);
    }
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    mind.lost(C, 'closed', nowMs + 10_000);
    expect(mind.due(nowMs + 10_250)).toEqual([C]);
  });

  test('who is not held any more is not dialled, and comes back without a past', () => {
    const mind = plan();
    mind.hold([C], 0);
    mind.lost(C, 'strikes', 0);
    mind.hold([], 1);
    expect(mind.due(100_000)).toEqual([]);
    mind.lost(C, 'failed', 2);
    mind.hold([C], 3);
    expect(mind.due(3)).toEqual([C]);
  });

  test('who was closed for nonsense is left alone for a minute, both ways', () => {
    const mind = plan();
    mind.hold([A, C], 0);
    mind.lost(A, 'strikes', 0);
    mind.lost(C, 'strikes', 0);
    expect([mind.due(59_999), mind.judge(A, 59_999)]).toEqual([[], 'refuse']);
    expect([mind.due(60_000), mind.judge(A, 60_000)]).toEqual([[C], 'take']);
  });

  test('no more peers are held than a tab has links', () => {
    const mind = new DialPlan(A, () => 1);
    const many = Array.from({ length: 80 }, (_, i) => `vol_b${String(i).padStart(25, '0')}`);
    mind.hold(many, 0);
    expect(mind.due(0)).toHaveLength(LIMITS.linksMax);
  });
});

describe('calls', () => {
  test('a caller that nobody introduced yet is asked to wait', () =>
    expect(plan().judge(A, 0)).toBe('later'));

  test('[PF26] calls of one peer are limited: eight at once, then one in four seconds', () => {
    const mind = plan();
    mind.hold([A], 0);
    const verdicts = Array.from({ length: 100 }, (_, i) => mind.judge(A, i * 600));
    // One minute, 100 calls: the burst and fifteen more.
    expect(verdicts.filter((verdict) => verdict === 'take').length).toBeLessThanOrEqual(8 + 15);
    expect(verdicts.slice(0, 8)).toEqual(Array(8).fill('take'));
  });
});

test('backoff lies between half and all of its bound', () => {
  const bounds = { firstMs: 100, maxMs: 1_000 };
  expect(backoffMs(0, bounds, () => 0)).toBe(50);
  expect(backoffMs(2, bounds, () => 0.999)).toBeCloseTo(400, 0);
  expect(backoffMs(500, bounds, () => 0)).toBe(500);
});
