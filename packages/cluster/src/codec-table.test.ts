import { describe, expect, it } from 'vitest';
import { lossBounds, withCodecTable } from './codec-table.ts';
import type { LossRow } from './bench-codec-loss.ts';

const row = (name: string, payloadBits: number, cost: number, bound: LossRow['bound']): LossRow => ({
  name,
  optimiser: 'adam',
  learningRate: 0.016,
  outerLearningRate: 1,
  payloadBits,
  losses: [1.9, 2.1],
  cost,
  bound,
  grid: [],
});
const DOCUMENT =
  'before\n<!-- rows: npm run bench:codec -- --table docs/codec.md -->\nold\n<!-- end of rows -->\nafter\n';

describe('the table of docs/codec.md', () => {
  it('a loss row is kept when both its bits and its loss are', () => {
    const bound = { bits: 0.05, loss: 0.01 };
    const kept = lossBounds([
      row('fits', 0.04, 0.009, bound),
      row('too many bits', 0.06, 0.009, bound),
      row('too much loss', 0.04, 0.02, bound),
      row('only reported', 9, 9, null),
    ]).map(({ isKept }) => isKept);
    expect(kept).toEqual([true, false, false]);
  });

  it('replaces what is between the markers and nothing else; what was not measured is left out', () => {
    const text = withCodecTable(DOCUMENT, {
      loss: { seeds: 2, rows: [row('low rank 1', 0.02, 0.28, null)] },
    });
    expect(text).toMatch(/^before\n/);
    expect(text).toMatch(/after\n$/);
    expect(text).not.toContain('old');
    expect(text).toContain('| low rank 1 | 0.0200 | 1.900, 2.100 | +28.0 % | adam | 0.016 | 1 |');
    expect(text).not.toContain('| scheme |');
  });

  it('says which lines a document without markers lacks', () => {
    expect(() => withCodecTable('no markers', {})).toThrow(/--table: the file needs the lines/);
  });
});
