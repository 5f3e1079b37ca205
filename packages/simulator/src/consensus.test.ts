import { describe, expect, it } from 'vitest';
import { consensus, roundsUntil } from './consensus.ts';

const SMALL = { seed: 1, seatCount: 1_000, groupSize: 8, width: 16, failed: 'replaced' } as const;

describe('consensus of groups', () => {
  it('without failures a round divides the variance by the size of a group, until the planes repeat', () => {
    const { variances, meanDrift } = consensus({ ...SMALL, planes: 3, failingShare: 0 });
    for (const [round, variance] of variances.slice(0, 4).entries())
      expect(variance * 8 ** round).toBeGreaterThan(0.8);
    for (const [round, variance] of variances.slice(0, 4).entries())
      expect(variance * 8 ** round).toBeLessThan(1.3);
    expect(meanDrift).toBeLessThan(1e-6);
  });

  it('four fixed planes agree in 6 rounds while 30 % of the seats die in every round, as fresh groups do', () => {
    for (const planes of [4, 'anew'] as const)
      expect(roundsUntil(consensus({ ...SMALL, planes, failingShare: 0.3 }), 1e-4)).toBeLessThanOrEqual(6);
  });

  it('a tab that comes back with its old value holds everybody up', () => {
    const late = consensus({ ...SMALL, planes: 4, failingShare: 0.3, failed: 'lagging' });
    expect(roundsUntil(late, 1e-4)).toBeGreaterThan(8);
  });

  it('one plane alone never agrees: groups that do not change do not mix', () => {
    const { variances } = consensus({ ...SMALL, planes: 1, failingShare: 0 });
    expect(variances.at(-1)).toBeGreaterThan(0.1);
  });
});
