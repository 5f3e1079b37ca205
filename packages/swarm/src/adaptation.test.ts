import { DEFAULT_TRAINING, type RunManifest, type Training, type UpdateBody } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { Adaptation } from './adaptation.ts';
import { RoundLength } from './round-length.ts';

const adaptationOf = (training: Partial<Training> = {}) =>
  new Adaptation(
    { parameterCount: 1_000, training: { ...DEFAULT_TRAINING, localSteps: 10, ...training } } as RunManifest,
    () => ({ leftBytes: 0, waitingBytes: 0 }),
    new RoundLength({ ...DEFAULT_TRAINING, localSteps: 10, ...training }),
  );
const update = (author: string, trainMs: number) => ({ author, stepCount: 10, trainMs }) as UpdateBody;
/** A tab half as fast as its mate, and the grace that the two would have measured. */
const rounds = (
  adaptation: Adaptation,
  count: number,
  grace?: { ms: number; usualMs: number; deviationMs: number },
) => {
  const told = [];
  for (let round = 0; round < count; round++) {
    const updates = [update('we', 200), update('mate', 100)];
    adaptation.committed({ round, updates, grace }, 'we', 1_000 * round);
    told.push(...adaptation.takeDecisions());
  }
  return told;
};

describe('[C4] a tab tells what it adapts, and why', () => {
  it('its steps of a round, with its share of the fastest speed', () => {
    const told = rounds(adaptationOf(), 40);
    expect(told[0]).toEqual({
      round: 0,
      what: 'local-steps',
      from: 10,
      to: 9,
      because: { share: 0.85, asked: 10 },
    });
    expect(told.at(-1)).toMatchObject({ to: 5, because: { asked: 10 } });
    expect(told.length).toBeLessThan(8);
  });

  it('the grace that it measured, and none that another did', () => {
    const graces = (grace?: { ms: number; usualMs: number; deviationMs: number }) =>
      rounds(adaptationOf(), 3, grace).filter(({ what }) => what === 'grace');
    expect(graces({ ms: 400, usualMs: 1_600, deviationMs: 80 })).toEqual([
      { round: 0, what: 'grace', from: 5_000, to: 400, because: { usualMs: 1_600, deviationMs: 80 } },
    ]);
    expect(graces()).toEqual([]);
  });

  it('and nothing with `adaptive: off`, where every step of a round is done', () => {
    const fixed = adaptationOf({ adaptive: 'off' });
    expect(rounds(fixed, 40)).toEqual([]);
    expect(fixed.stepsOf(40)).toBe(10);
  });
});
