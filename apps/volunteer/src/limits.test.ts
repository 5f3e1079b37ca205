import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, limitsFrom, presetOf, type Limits } from './limits.ts';

describe('the terms that a browser remembers', () => {
  it('come back as they were', () => {
    const terms: Limits = {
      share: 0.4,
      dataPerDayBytes: null,
      battery: 'go-on',
      links: 'relay-only',
      whileUsed: 'gentle',
      whileHidden: 'pause',
      hours: { fromMinute: 1_200, toMinute: 420 },
    };
    expect(limitsFrom(JSON.parse(JSON.stringify(terms)))).toEqual(terms);
  });

  it('are the defaults, field by field, where they make no sense', () => {
    for (const nonsense of [null, 1, 'x', [], { share: 2, battery: 'maybe', hours: { fromMinute: -1 } }])
      expect(limitsFrom(nonsense)).toEqual(DEFAULT_LIMITS);
    expect(limitsFrom({ share: 7, links: 'no-peers' })).toEqual({ ...DEFAULT_LIMITS, links: 'no-peers' });
    expect(limitsFrom({ share: Number.NaN, dataPerDayBytes: -5 })).toEqual(DEFAULT_LIMITS);
  });

  it('a share has the name of its preset', () => {
    expect([0.25, 0.5, 1, 0.4].map(presetOf)).toEqual(['gentle', 'balanced', 'full', 'custom']);
  });
});
