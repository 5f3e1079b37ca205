import { describe, expect, it } from 'vitest';
import { studyAdaptive } from './study-adaptive.ts';
import { studyJoin } from './study-join.ts';
import { studySpread } from './study-spread.ts';
import { studyStall } from './study-stall.ts';
import { studyStragglers } from './study-stragglers.ts';
import { studyUtilisation } from './study-utilisation.ts';

describe('stall', () => {
  const SMALL = { tabs: 4, deaths: 3, stepMs: 40 };

  it('a killed tab costs its group less than one that nobody saw going, and the same every time', () => {
    const killed = studyStall(SMALL);
    expect(killed.groupMs).toHaveLength(3);
    expect(killed.groupMs.every(Number.isFinite)).toBe(true);
    expect(studyStall(SMALL)).toEqual(killed);
    const vanished = studyStall({ ...SMALL, death: 'vanished' });
    expect(Math.max(...vanished.groupMs)).toBeGreaterThan(Math.max(...killed.groupMs));
    // In one group everybody is linked with everybody.
    expect(killed.othersMs).toEqual([null, null, null]);
  });
});

describe('a newcomer', () => {
  const SMALL = { hidden: 2_700, donors: 5 };

  it('[J5] whose chunks are of a round whose commit it never heard pulls that: seed 3 (was: 3 of 4 chunks fetched twice)', () => {
    const row = studyJoin({ ...SMALL, seed: 3 });
    expect(row.updateMs).not.toBeNull();
    expect(row.stateBytes).toBe(row.stateBytesMin);
  });

  it('[J3] loses the one chunk that a dying donor was sending: seed 2 (was: two)', () => {
    const row = studyJoin({ ...SMALL, seed: 2, deadlyChunks: [1] });
    expect(row.deaths).toBe(1);
    expect(row.chunksLost).toBe(1);
    expect(row.stateBytes).toBe(row.stateBytesMin);
  });
});

describe('utilisation', () => {
  const SMALL = { parameterCount: 100_000, scaledParameterMax: 10_000, tabs: 4, localSteps: 4, rounds: 6 };

  it('a tenth of the parameters over a tenth of the line: the bytes are those of the whole model', () => {
    const row = studyUtilisation(SMALL);
    expect(row.scale).toBe(10);
    expect(row.trainedParameters / 10_000).toBeCloseTo(1, 1);
    // Three peers, about 0.033 bytes a parameter; frames and words weigh ten times as much.
    expect(row.uplinkBytes / (3 * 100_000 * 0.0326)).toBeGreaterThan(0.9);
    expect(row.uplinkBytes / (3 * 100_000 * 0.0326)).toBeLessThan(2);
    expect(row.share).toBeLessThan(1);
  });

  it('a thin line, or a dense codec, leaves less time for training', () => {
    const { share } = studyUtilisation(SMALL);
    expect(studyUtilisation({ ...SMALL, uplinkMbit: 0.1 }).share).toBeLessThan(share);
    expect(studyUtilisation({ ...SMALL, codec: 'int8' }).share).toBeLessThan(share);
  });
});

describe('stragglers', () => {
  it('all train: the fastest most, the slowest too, and all alike when they are alike', () => {
    const options = { tabs: 4, localSteps: 20, totalSteps: 1_200 };
    const { stepsOfTabs } = studyStragglers(options);
    expect(stepsOfTabs[0]! / stepsOfTabs[3]!).toBeGreaterThan(5);
    expect(stepsOfTabs[3]!).toBeGreaterThan(20);
    const even = studyStragglers({ ...options, speedRatio: 1 });
    expect(Math.max(...even.stepsOfTabs) - Math.min(...even.stepsOfTabs)).toBeLessThanOrEqual(20);
  });
});

describe('spread', () => {
  it('of one group is looked at through the storm and after it', () => {
    const row = studySpread({ seed: 1, tabs: 4, rounds: 80 });
    expect(row.finished).toBe(true);
    expect(row.looks).toBeGreaterThan(row.looksAfter);
    expect(row.spreadStorm).toBeGreaterThanOrEqual(row.looksApart === 0 ? 0 : Number.MIN_VALUE);
  });
});

describe('adaptive', () => {
  it('[R14] who has the faster line keeps more, and a mean takes them all', () => {
    const options = { tabs: 4, trainingMs: 20_000, scaledParameterCount: 10_000 };
    const { keptOfTabs, rounds, points } = studyAdaptive(options);
    const [fastest, , , thinnest] = keptOfTabs as [number, number, number, number];
    expect(fastest).toBeGreaterThan(4 * thinnest);
    expect(rounds).toBeGreaterThan(5);
    expect(points.at(-1)!.loss).toBeLessThan(points[0]!.loss);
  });
});
