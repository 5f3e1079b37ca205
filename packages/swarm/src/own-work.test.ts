import {
  decodeFrame,
  DEFAULT_TRAINING,
  encodeFrame,
  frameLimits,
  idFromRandomBytes,
  LIMITS,
} from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { CycleSum } from './cycle-sum.ts';
import { updateFrame } from './frames.ts';
import type { HeldUpdate } from './held-updates.ts';
import { OwnWork, type Progress } from './own-work.ts';
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

describe('what an update says of the training that it stands for', () => {
  const said = (progress: Progress) => {
    const head = { term: 1, round: 7, fingerprint: '00000000000000aa' };
    const encoded = { encoded: new Uint8Array(4), slice: new Uint8Array(0) };
    const author = idFromRandomBytes('vol', new Uint8Array(26));
    return decodeFrame(encodeFrame(updateFrame(1, head, author, progress, encoded)), frameLimits(8, 64));
  };

  it('[A4] is the speed of four rounds of 1,000 steps as of one, and what a peer takes (was: a quarter of it, and refused)', () => {
    const rounds = { stepCount: 4_000, sampleCount: 4_000 * LIMITS.batchMax, trainMs: 80_000, loss: 1 };
    const whole = { stepCount: LIMITS.localStepsMax, trainMs: 20_000 };
    expect(said(rounds)).toMatchObject({
      frame: { ...whole, sampleCount: LIMITS.localStepsMax * LIMITS.batchMax },
    });
  });
  it('[N3] is that of a long cycle of a node, too', () => {
    const cycle = new CycleSum();
    for (let round = 1; round <= 3; round++)
      cycle.add([{ stepCount: 900, sampleCount: 9_000, trainMs: 4_500, loss: 1 }], round);
    expect(said(cycle.progress)).toMatchObject({
      frame: { stepCount: 1_000, trainMs: 5_000, sampleCount: 27_000 },
    });
  });
  it('is as it is within the limits', () => {
    const few = { stepCount: 5, sampleCount: 80, trainMs: 250.4, loss: 0.5 };
    expect(said(few)).toMatchObject({ frame: { ...few, trainMs: 250 } });
  });
});
