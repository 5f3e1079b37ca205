import { LIMITS } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { Rehearsal, RUN_ID, runSetup } from '../testing/run.ts';
import { leaseEveryMs, reportEveryMs, REPORTS_PER_SECOND_MAX, totalsEveryMs } from './talk.ts';

describe('how often tabs and coordinator talk', () => {
  it('[C3] a report a second in a small run; a bounded number of reports a second up to 10,000 tabs', () => {
    expect(reportEveryMs(1)).toBe(1_000);
    expect(reportEveryMs(REPORTS_PER_SECOND_MAX)).toBe(1_000);
    for (let count = 1; count <= 10_000; count += 37)
      expect(count / (reportEveryMs(count) / 1_000)).toBeLessThanOrEqual(REPORTS_PER_SECOND_MAX);
    expect(leaseEveryMs(10_000)).toBe(reportEveryMs(10_000));
  });

  it('[C3] totals are written down every ten seconds, and in a large swarm with every third report', () => {
    expect([1, REPORTS_PER_SECOND_MAX, 10_000].map(totalsEveryMs)).toEqual([10_000, 10_000, 60_000]);
  });

  it('[C3] who reports as seldom as it may is not taken for silent, even when a report is lost', () => {
    expect(2 * reportEveryMs(1_000_000)).toBeLessThan(LIMITS.volunteerSilenceMaxMs);
  });

  it('[C3] a large swarm is told of the run in turns, with how often to report; who comes hears it at once', () => {
    const run = new Rehearsal(runSetup({}, 8));
    const count = 2 * REPORTS_PER_SECOND_MAX + 1;
    for (let n = 1; n <= count; n++) run.join(n);
    expect(run.toldTo(count, 'progress')).toMatchObject([{ reportEveryMs: reportEveryMs(count) }]);
    const told = new Set<string>();
    for (let second = 0; second < reportEveryMs(count) / 1_000; second++) {
      run.nowMs += 1_000;
      run.event({ kind: 'tick' });
      const now = run.heard.filter(({ message }) => message.type === 'progress');
      expect(now.length).toBeLessThanOrEqual(REPORTS_PER_SECOND_MAX);
      for (const { to } of now) told.add(to);
    }
    expect(told.size).toBe(count);
    run.say(1, { type: 'ready', runId: RUN_ID });
    expect(run.lease(1)).toMatchObject({ askEveryMs: leaseEveryMs(count) });
  });

  it('[C3] a small run is told once a second while it moves, and now and then while it does not', () => {
    const run = new Rehearsal(runSetup({}, 8));
    run.ready(1);
    run.report(1, 1);
    run.wait(1_000);
    expect(run.toldTo(1, 'progress')).toHaveLength(1);
    run.wait(10_000);
    expect(run.toldTo(1, 'progress')).toHaveLength(2);
  });
});
