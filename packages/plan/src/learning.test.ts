import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningOf, roundsTo, type Footing, type Learning } from './learning.ts';

const FOOTING: Footing = {
  tabs: 8,
  groupTabs: 8,
  batchSize: 16,
  localSteps: 5,
  outerLearningRate: 1,
  codecLagRounds: 0,
  answerLagRounds: 0,
  mixingRounds: 0,
  versionsARound: 1,
};
const LAW: Learning = { stepsMin: 1_000, noiseSamples: 16, lagRounds: 3 };
const assumed = { noiseSamples: 100, lagRounds: 3 };

describe('the law of learning', () => {
  it('at the critical batch twice as many steps are needed as with endless samples (McCandlish et al. 2018)', () => {
    const law = { ...LAW, lagRounds: 0 };
    const one = { ...FOOTING, tabs: 1, groupTabs: 1 };
    expect(roundsTo(law, one)).toBeCloseTo((2 * 1_000) / 5);
    // Eight tabs follow their mean twice as far.
    const endless = { ...FOOTING, batchSize: 1e9 };
    expect(roundsTo(law, endless)).toBeCloseTo(1_000 / 2 / 5);
  });

  it('two tabs never come to the loss with fewer samples than one alone, whatever the gain', () => {
    const noisy = { ...LAW, noiseSamples: 10_000, lagRounds: 0 };
    const samples = (tabs: number) => tabs * roundsTo(noisy, { ...FOOTING, tabs, groupTabs: tabs });
    for (const tabs of [2, 4, 8, 32]) expect(samples(tabs)).toBeGreaterThanOrEqual(samples(1) - 1e-6);
    expect(samples(2)).toBeCloseTo(samples(1));
  });

  it('more tabs never need more rounds, coarser codecs and longer rounds never fewer rounds and steps', () => {
    const tabs = fc.integer({ min: 1, max: 32 });
    const lag = fc.double({ min: 0, max: 20, noNaN: true });
    const steps = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(tabs, lag, steps, lag, (count, codecLagRounds, localSteps, answerLagRounds) => {
        const at = (changes: Partial<Footing>) =>
          roundsTo(LAW, {
            ...FOOTING,
            tabs: count,
            groupTabs: count,
            codecLagRounds,
            localSteps,
            answerLagRounds,
            ...changes,
          });
        expect(at({ tabs: 2 * count, groupTabs: 2 * count })).toBeLessThanOrEqual(at({}));
        expect(at({ codecLagRounds: codecLagRounds + 1 })).toBeGreaterThan(at({}));
        expect(at({ answerLagRounds: answerLagRounds + 1 })).toBeGreaterThan(at({}));
        expect(at({ localSteps: localSteps + 1 }) * (localSteps + 1)).toBeGreaterThan(at({}) * localSteps);
      }),
      { seed: 1 },
    );
  });

  const footings: readonly Footing[] = [
    { ...FOOTING, tabs: 1, groupTabs: 1 },
    { ...FOOTING, tabs: 2, groupTabs: 2, localSteps: 20 },
    FOOTING,
    { ...FOOTING, localSteps: 40, codecLagRounds: 4 },
  ];
  const runs = footings.map((footing) => ({ footing, rounds: roundsTo(LAW, footing) }));

  it('is found again from runs that follow it: all three numbers from four, two from two, one from one', () => {
    const all = learningOf(runs, assumed);
    expect([all.stepsMin, all.noiseSamples, all.lagRounds].map(Math.round)).toEqual([1_000, 16, 3]);
    const two = learningOf([runs[0]!, runs[2]!], assumed);
    expect([two.stepsMin, two.noiseSamples].map(Math.round)).toEqual([1_000, 16]);
    const one = learningOf([runs[2]!], { ...assumed, noiseSamples: 16 });
    expect([Math.round(one.stepsMin), one.noiseSamples]).toEqual([1_000, 16]);
  });

  it('runs that contradict it give no negative numbers', () => {
    // More tabs took longer.
    const odd = [
      { footing: footings[0]!, rounds: 100 },
      { footing: FOOTING, rounds: 300 },
    ];
    const law = learningOf(odd, assumed);
    expect(law.stepsMin).toBeGreaterThan(0);
    expect(law.noiseSamples).toBeGreaterThanOrEqual(0);
    expect(learningOf([{ footing: FOOTING, rounds: 2 }], assumed).stepsMin).toBeGreaterThan(0);
  });
});
