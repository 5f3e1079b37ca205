import { describe, expect, it } from 'vitest';
import { added, NOTHING_YET } from './snapshots.ts';

const part = (samples: number, confirmedSamples: number, peersNow: number) => ({
  ...NOTHING_YET,
  confirmedSamples,
  totals: { ...NOTHING_YET.totals, samples, peersNow, peersMax: peersNow + 1 },
});

describe('a stay of several parts', () => {
  it('counts all of them', () => {
    const both = added(part(100, 80, 4), part(30, 16, 1));
    expect(both.totals.samples).toBe(130);
    expect(both.confirmedSamples).toBe(96);
    expect(both.totals.peersNow).toBe(1);
    expect(both.totals.peersMax).toBe(5);
  });

  it('of one part is that part', () => {
    const only = part(1, 2, 3);
    expect(added(NOTHING_YET, only)).toBe(only);
  });
});
