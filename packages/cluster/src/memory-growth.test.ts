import { describe, expect, it } from 'vitest';
import { growthOf } from './memory-growth.ts';

const samples = (heldAt: (minute: number) => number) =>
  Array.from({ length: 30 }, (_, minute) => ({ atMs: minute * 60_000, held: { page: heldAt(minute) } }));
const growth = (heldAt: (minute: number) => number) => growthOf(samples(heldAt), 5 * 60_000).get('page')!;

describe('growth of memory', () => {
  it('is none where a collector only saws up and down', () => {
    expect(growth((minute) => 100 + 20 * (minute % 3))).toBeCloseTo(0);
  });

  it('is seen where something leaks, and what warms up is none', () => {
    expect(growth((minute) => 100 + minute)).toBeGreaterThan(0.1);
    expect(growth((minute) => (minute < 5 ? 10 * minute : 100))).toBeCloseTo(0);
  });

  it('is not said of too few samples', () => {
    expect(() => growthOf(samples(() => 1).slice(0, 8), 5 * 60_000)).toThrow('at least 6');
  });
});
