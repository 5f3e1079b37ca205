import { describe, expect, it } from 'vitest';
import { ByteBudget } from './byte-budget.ts';

describe('a budget of bytes', () => {
  it('lets a burst pass, then asks for as long as the debt takes to pay', () => {
    const budget = new ByteBudget({ perSecond: 1_000, burst: 2_000 }, 0);
    expect(budget.spend(2_000, 0)).toBe(0);
    expect(budget.spend(500, 0)).toBe(500);
    expect(budget.spend(500, 0)).toBe(1_000);
    expect(budget.spend(100, 1_000)).toBe(1_100);
  });

  it('saves no more than a burst, and a clock that goes back gives nothing', () => {
    const budget = new ByteBudget({ perSecond: 1_000, burst: 2_000 }, 0);
    expect(budget.spend(2_001, 3_600_000)).toBe(3_600_001);
    expect(budget.spend(999, 0)).toBe(1_000);
  });
});
