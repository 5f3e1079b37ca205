import { describe, expect, it } from 'vitest';
import {
  continuation,
  newBook,
  rowOf,
  soakLines,
  soakMarkdown,
  withSeed,
  type SeedRow,
} from './soak-table.ts';

const row = (steps: number, code = 0): SeedRow => ({
  ...{ code, steps, outcome: code === 0 ? 'every assertion holds' : 'reached==1 | does not hold' },
  ...{ rounds: 10, accuracy: 0.93, faults: '3/4', seconds: 60, at: '2026-11-29T00:00:00.000Z' },
});

describe('the table of a soak', () => {
  const book = { ...newBook('f'.repeat(64), 4), clean: row(100) };

  it('a seed that is soaked again replaces its row, and those of others stay', () => {
    const once = withSeed(withSeed(book, 'storm', 10, row(150, 1)), 'storm', 2, row(120));
    const twice = withSeed(withSeed(once, 'storm', 10, row(250)), 'light', 1, row(100));
    const seeds = soakMarkdown(twice)
      .split('\n')
      .filter((line) => /^\| (light|storm) /.test(line))
      .map((line) => line.split(' | ').slice(0, 5).join(' '));
    expect(seeds).toEqual([
      '| light 1 passed 100 1.00x',
      '| storm 2 passed 120 1.20x',
      '| storm 10 passed 250 2.50x',
    ]);
    expect(soakLines(twice).slice(-2)).toEqual([
      "--chaos light: 1 of 1 seeds passed; 1.00x the clean run's steps at most",
      "--chaos storm: 2 of 2 seeds passed; 2.50x the clean run's steps at most",
    ]);
  });

  it('an interrupted soak says how to go on: the seeds that are missing, and all else as it was asked for', () => {
    const seeds = [3, 4, 5];
    const rest = (argv: readonly string[], doneCount: number) =>
      continuation(argv, { chaos: 'storm', seeds, doneCount });
    expect(rest(['--chaos', 'storm', '--seeds', '3..5', '--tabs', '6'], 2)).toBe(
      'npm run soak -- --chaos storm --seeds 5..5 --tabs 6',
    );
    expect(rest(['--seeds=3..5', '--run', 'my runs/a.yaml', '--budget=8m'], 0)).toBe(
      'npm run soak -- --chaos storm --seeds 3..5 --run "my runs/a.yaml" --budget=8m',
    );
    // What was found just now stays in the book.
    expect(rest(['--afresh', '--seeds', '3..5'], 1)).toBe('npm run soak -- --chaos storm --seeds 4..5');
    expect(rest(['--seeds', '3..5'], 3)).toBeNull();
  });

  it('a failure says its code and why, in one cell', () => {
    const failed = withSeed(book, 'light', 3, row(90, 1));
    expect(soakMarkdown(failed)).toContain('| light | 3 | exit 1: reached==1 \\| does not hold | 90 |');
    expect(soakMarkdown(failed)).toContain('0 of 1 seeds passed');
    const silent = withSeed(book, 'light', 4, rowOf(4, null, ''));
    expect(soakMarkdown(silent)).toContain('| light | 4 | exit 4: no report was written | - | - |');
  });
});
