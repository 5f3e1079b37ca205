import { DEFAULT_TRAINING } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import type { HeldUpdate } from './held-updates.ts';
import { OwnWork } from './own-work.ts';
import type { Round } from './rounds.ts';

const update = (anchor: string, bytes = 8) =>
  ({ anchor, encoded: new Uint8Array(bytes) }) as unknown as HeldUpdate;

describe('[R2] a resync into a round that we sent an update for makes no second one', () => {
  it('finds the update of that anchor again after one of another branch', () => {
    const own = new OwnWork(DEFAULT_TRAINING);
    const [ours, theirs] = [update('ours'), update('theirs')];
    own.published({ term: 1, round: 7 }, ours);
    own.published({ term: 1, round: 7 }, theirs);
    expect(own.replaced(1, 7, 'ours')).toBe(ours);
    expect(own.replaced(1, 7, 'theirs')).toBe(theirs);
    expect(own.replaced(1, 7, 'a third one')).toBeNull();
    expect(own.replaced(1, 7, null)).toBe(theirs);
    expect(own.replaced(2, 7, 'ours')).toBeNull();
  });

  it.each([
    ['sixteen', 16, 8],
    ['four of a large model', 4, 8 * 1024 * 1024],
  ])(
    'remembers the last %s (was: four, and a half that came back after twelve sent another one)',
    (_, kept, bytes) => {
      const own = new OwnWork(DEFAULT_TRAINING);
      for (let round = 0; round <= kept; round++)
        own.published({ term: 1, round }, update(`${round}`, bytes));
      expect(own.replaced(1, 0, '0')).toBeNull();
      expect(own.replaced(1, 1, '1')).not.toBeNull();
    },
  );
});

describe('[R9] training goes on while our update is on its way', () => {
  const waiting = { head: { round: 3 }, ownUpdate: undefined } as unknown as Round;
  const sent = { head: { round: 3 }, ownUpdate: update('ours') } as unknown as Round;

  it("by a round's steps, but where gradients are exchanged", () => {
    const own = new OwnWork(DEFAULT_TRAINING);
    expect([own.stepsDue(waiting, true, 5), own.stepsDue(sent, true, 5)]).toEqual([5, 5]);
    const gradients = new OwnWork({ ...DEFAULT_TRAINING, exchange: 'gradients', localSteps: 1 });
    expect([gradients.stepsDue(waiting, true, 1), gradients.stepsDue(sent, true, 1)]).toEqual([1, 0]);
  });
});
