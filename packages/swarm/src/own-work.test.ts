import { describe, expect, it } from 'vitest';
import type { HeldUpdate } from './held-updates.ts';
import { OwnWork } from './own-work.ts';

const update = (anchor: string) => ({ anchor }) as unknown as HeldUpdate;

describe('[R2] a resync into a round that we sent an update for makes no second one', () => {
  it('finds the update of that anchor again after one of another branch', () => {
    const own = new OwnWork(false);
    const [ours, theirs] = [update('ours'), update('theirs')];
    own.published({ term: 1, round: 7 }, ours);
    own.published({ term: 1, round: 7 }, theirs);
    expect(own.replaced(1, 7, 'ours')).toBe(ours);
    expect(own.replaced(1, 7, 'theirs')).toBe(theirs);
    expect(own.replaced(1, 7, 'a third one')).toBeNull();
    expect(own.replaced(1, 7, null)).toBe(theirs);
    expect(own.replaced(2, 7, 'ours')).toBeNull();
  });

  it('remembers the last four', () => {
    const own = new OwnWork(false);
    for (let round = 0; round < 5; round++) own.published({ term: 1, round }, update(`${round}`));
    expect(own.replaced(1, 0, '0')).toBeNull();
    expect(own.replaced(1, 1, '1')).not.toBeNull();
  });
});
