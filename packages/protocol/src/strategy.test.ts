import { describe, expect, it } from 'vitest';
import { door } from './doors.ts';
import { RunRequestSchema } from './run.ts';
import { boundedReasons, PLAN_REASON_MAX_CHARACTERS, PLAN_REASONS_MAX, strategyFault } from './strategy.ts';

const request = door(RunRequestSchema);
const wish = (training: object) =>
  request({ name: 'x', datasetId: `data_${'0'.repeat(26)}`, model: 'mlp', training });

describe('strategy: auto', () => {
  it('is the only word for it, and no knob of a run that is made', () => {
    expect(wish({ strategy: 'auto', localSteps: 3 }).ok).toBe(true);
    expect(wish({ strategy: 'best' })).toMatchObject({ ok: false, fault: { field: 'training.strategy' } });
  });
  it('with nothing left to choose is refused, with the way out', () => {
    const set = { architecture: 'central', schedule: 'synchronous', localSteps: 5, codec: 'int8' };
    expect(strategyFault({ strategy: 'auto', ...set })).toMatchObject({
      field: 'training.strategy',
      message: expect.stringContaining('leave out what it should choose'),
    });
    expect(strategyFault(set)).toBeNull();
    const peers = { ...set, architecture: 'decentralised', strategy: 'auto' } as const;
    expect(strategyFault(peers)).toBeNull();
    expect(strategyFault({ ...peers, group: 'auto' })).not.toBeNull();
    expect(strategyFault({ strategy: 'auto', localSteps: 5, codec: 'int8' })).toBeNull();
  });
  it('gives reasons that fit into a manifest', () => {
    const bounded = boundedReasons(Array.from({ length: 40 }, () => 'x'.repeat(1_000)));
    expect(bounded).toHaveLength(PLAN_REASONS_MAX);
    expect(Math.max(...bounded.map(({ length }) => length))).toBeLessThanOrEqual(PLAN_REASON_MAX_CHARACTERS);
    expect(boundedReasons(['short'])).toEqual(['short']);
  });
});
