import { readRunYaml } from '@murmuration/client/run-yaml';
import { describe, expect, it } from 'vitest';
import { parseAssertion } from './asserts.ts';
import { parseChaos } from './chaos-file.ts';
import {
  CELLS,
  flagsOf,
  killChaos,
  nameOf,
  NETWORKS,
  rowOf,
  runFileOf,
  WAYS,
  waysMarkdown,
  withRows,
} from './ways-table.ts';

describe('ways of training in real tabs', () => {
  it('every kind of network is trained in two ways at least, the dense one in all', () => {
    for (const network of NETWORKS)
      expect(CELLS.filter((cell) => cell.network === network).length).toBeGreaterThanOrEqual(2);
    expect(CELLS.filter(({ network }) => network === 'mlp').map(({ way }) => way)).toEqual(WAYS);
  });

  it.each(CELLS.map((cell) => [nameOf(cell), cell] as const))(
    '%s is a run file, and its flags are read',
    (_, cell) => {
      const read = readRunYaml(JSON.stringify(runFileOf(cell, '/text.md')));
      expect(read.ok ? [] : read.faults).toEqual([]);
      const asserts = flagsOf(cell).filter((_word, at, words) => words[at - 1] === '--assert');
      expect(asserts.map(parseAssertion).filter((parsed) => typeof parsed === 'string')).toEqual([]);
      expect(asserts).toContain('faults==1');
    },
  );

  it('the kill is a fault at a fixed time, and nothing else is drawn', () => {
    for (const cell of CELLS) {
      const { script, profile } = parseChaos(killChaos(cell), 'kill.yaml', 3);
      expect(script.map(({ kind, seat }) => [kind, seat])).toEqual([['kill', 2]]);
      expect(Object.values(profile).every((perMinute) => perMinute === 0)).toBe(true);
    }
  });

  it('a row that is made again replaces the older one, in the order of the cells', () => {
    const row = (at: number, code: number) => rowOf(CELLS[at]!, code, null, '2026-11-29T00:00:00.000Z');
    const rows = withRows([row(3, 1), row(0, 0)], [row(3, 0)]);
    expect(rows.map((each) => [nameOf(each), each.code])).toEqual([
      [nameOf(CELLS[0]!), 0],
      [nameOf(CELLS[3]!), 0],
    ]);
    expect(waysMarkdown([row(0, 4)])).toContain('| exit 4: no report was written');
    expect(waysMarkdown(rows)).toContain(
      `2 of 2 passed, each with a killed tab; ${CELLS.length - 2} not run.`,
    );
  });
});
