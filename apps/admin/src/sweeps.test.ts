import { SweepRequestSchema, type SweepTable, type Trial } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { faultOf, isTooMany, searchOf, trialCount, valuesOf, type ParameterRow } from './sweep-form.ts';
import { sweepPicture } from './sweep-picture.ts';

const row = (over: Partial<ParameterRow>): ParameterRow => ({
  ...{ id: 0, key: 'training.learningRate', kind: 'list', values: '0.1, 0.01' },
  ...{ min: '', max: '', scale: 'log', integer: false },
  ...over,
});

describe('the form of a sweep', () => {
  it('reads each value as what it looks like', () => {
    expect(valuesOf(' 0.1, 1e-3,adam , true,null,, ')).toEqual([0.1, 0.001, 'adam', true, null]);
  });

  it('makes a request that the coordinator’s schema takes', () => {
    const rows = [
      row({}),
      row({ key: 'training.batchSize', kind: 'range', min: '8', max: '64', integer: true }),
    ];
    const request = (search: unknown) => ({
      name: 'rates',
      base: { name: 'rates', datasetId: `data_${'0'.repeat(26)}`, model: 'mlp' },
      search,
      metric: 'accuracy',
    });
    const random = searchOf('random', rows, { trials: 12, seed: 3 });
    expect(random.parameters[1]).toEqual({
      ...{ key: 'training.batchSize', min: 8, max: 64, scale: 'log', integer: true },
    });
    expect(Value.Check(SweepRequestSchema, request(random))).toBe(true);
    const grid = searchOf('grid', [row({})], { trials: 12, seed: 3 });
    expect(Value.Check(SweepRequestSchema, request(grid))).toBe(true);
  });

  it('names the first row that cannot be meant', () => {
    const fault = (...rows: ParameterRow[]) => faultOf('random', rows);
    expect(fault(row({}))).toBeNull();
    expect(fault(row({}), row({ key: ' ' }))).toEqual({ row: 1, fault: 'key' });
    expect(fault(row({}), row({}))).toEqual({ row: 1, fault: 'twice' });
    expect(fault(row({ values: ' , ' }))).toEqual({ row: 0, fault: 'values' });
    expect(fault(row({ kind: 'range', min: '2', max: '1' }))).toEqual({ row: 0, fault: 'range' });
    expect(fault(row({ kind: 'range', min: '', max: '1' }))).toEqual({ row: 0, fault: 'range' });
    expect(fault(row({ kind: 'range', min: '0', max: '1' }))).toEqual({ row: 0, fault: 'log' });
  });

  it('counts the runs before they are made', () => {
    const rows = [row({}), row({ key: 'seed', values: '1,2,3' })];
    expect(trialCount('grid', rows, 99)).toBe(6);
    expect(trialCount('random', rows, 99)).toBe(99);
    expect([500, 501].map(isTooMany)).toEqual([false, true]);
  });
});

describe('the picture of a sweep', () => {
  const trial = (index: number, assignment: Record<string, unknown>, accuracy: number | null): Trial =>
    ({
      ...{
        index,
        assignment,
        runId: null,
        state: 'finished',
        reason: '',
        rounds: 1,
        samples: 1,
        trainingMs: 1,
      },
      best: accuracy === null ? null : { round: 1, term: 1, sha256: '0'.repeat(64), loss: 1, accuracy },
    }) as Trial;
  const table = (trials: Trial[]) =>
    ({ sweep: { request: { metric: 'accuracy' } }, trials }) as unknown as SweepTable;

  it('has an axis for each key and one for the result; a span of decades stands by its logarithm', () => {
    const trials = [
      trial(0, { rate: 0.001, optimiser: 'adam' }, 0.9),
      trial(1, { rate: 0.1, optimiser: 'rmsprop' }, 0.5),
      trial(2, { rate: 0.01, optimiser: 'adam' }, 0.7),
    ];
    const { axes } = sweepPicture(table(trials), String);
    expect(axes.map(({ key }) => key)).toEqual(['rate', 'optimiser', 'accuracy']);
    const [low, high, middle] = trials.map((each) => axes[0]!.at(each)!);
    expect(middle).toBeCloseTo((low! + high!) / 2, 9);
    expect(axes[1]!.ticks.map(({ text }) => text)).toEqual(['adam', 'rmsprop']);
  });

  it('leaves out what was not measured and draws the best last', () => {
    const trials = [trial(0, { rate: 1 }, 0.9), trial(1, { rate: 2 }, null), trial(2, { rate: 3 }, 0.2)];
    expect(sweepPicture(table(trials), String).trials.map(({ index }) => index)).toEqual([2, 0]);
  });

  it('a single value stands in the middle', () => {
    const { axes } = sweepPicture(table([trial(0, { rate: 1 }, 0.9)]), String);
    expect(axes[0]!.at(trial(0, { rate: 1 }, 0.9))).toBeCloseTo(0.5);
  });
});
