import { describe, expect, it } from 'vitest';
import { BENCH_START, swarmTable, withTable } from './swarm-table.ts';

const row = { what: 'a | b', target: '1', measured: '2', isMet: false };

describe('the table of the swarm', () => {
  it('has a line a row, says which were a quick look or one seed, and what is missed', () => {
    const table = swarmTable({
      join: { seeds: 3, rows: [{ ...row, isMet: true }] },
      wire: { seeds: 1, rows: [row] },
      old: {},
    });
    expect(table.split('\n').slice(2)).toEqual([
      '| a \\| b (`join`) | 2 | 1 | met |',
      '| a \\| b (`wire`, 1 seed) | 2 | 1 | **missed** |',
    ]);
  });

  it('goes between the markers, again and again, and nowhere else', () => {
    const [start, end] = [
      '<!-- rows: npm run bench:swarm -- --table docs/swarm.md -->',
      '<!-- end of rows -->',
    ];
    const once = withTable(`before\n${start}\nold\n${end}\nafter`, 'T');
    expect(once).toBe(`before\n${start}\n\nT\n\n${end}\nafter`);
    expect(withTable(once, 'T')).toBe(once);
    expect(() => withTable('nothing', 'T')).toThrow('needs the lines');
    expect(() => withTable(once, 'T', BENCH_START)).toThrow('npm run bench -->');
  });
});
