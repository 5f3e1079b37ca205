import { DecisionSchema, DECISIONS_TOLD_MAX } from '@murmuration/protocol';
import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { DecisionLog } from './decision-log.ts';

describe('[C4] the log of decisions', () => {
  it('notes what changed, from what to what and why, and nothing else', () => {
    const log = new DecisionLog();
    const because = { share: 0.4, asked: 5 };
    log.stands('local-steps', 3, 5, 5, { share: 1, asked: 5 });
    expect(log.take()).toEqual([]);
    log.stands('local-steps', 4, 5, 2, because);
    log.stands('local-steps', 9, 5, 2, because);
    const told = log.take();
    expect(told).toEqual([{ round: 4, what: 'local-steps', from: 5, to: 2, because }]);
    expect(Check(DecisionSchema, told[0])).toBe(true);
    expect(log.take()).toEqual([]);
  });

  it('says of one kind that wavers no more than every fifth round, and then how it stands', () => {
    const log = new DecisionLog();
    for (let round = 0; round < 20; round++) log.stands('kept-values', round, 64, 64 << (round % 2), {});
    expect(log.take().map(({ round, from, to }) => [round, from, to])).toEqual([
      [1, 64, 128],
      [6, 128, 64],
      [11, 64, 128],
      [16, 128, 64],
    ]);
  });

  it('notes a grace when it is half as long again, or less than two thirds', () => {
    const log = new DecisionLog();
    for (const [round, ms] of [1_000, 1_400, 1_450, 700, 660].entries())
      log.stands('grace', 10 * round, 1_000, ms, {});
    expect(log.take().map(({ from, to }) => [from, to])).toEqual([[1_000, 660]]);
  });

  it('keeps the latest for a report', () => {
    const log = new DecisionLog();
    for (let round = 0; round < 100; round += 10) log.stands('local-steps', round, 5, round, {});
    expect(log.take().map(({ round }) => round)).toEqual([60, 70, 80, 90]);
    expect(DECISIONS_TOLD_MAX).toBe(4);
  });
});
