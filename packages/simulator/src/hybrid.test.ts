/** Tabs without a way to their peers, in whole simulated runs. */
import { describe, expect, it } from 'vitest';
import { studyHybrid } from './study-hybrid.ts';

const small = { seed: 3, tabs: 8, rounds: 40, peersMin: 8, adaptive: 'off' } as const;

describe('a run in which some tabs go through the coordinator', () => {
  it('[T1] [T2] is one run: same rounds, one anchor, and what goes through is what their pairs exchange', () => {
    const all = studyHybrid(small);
    const some = studyHybrid({ ...small, noPeersShare: 0.25 });
    expect([all.passed, all.forks, all.coordinatorShare]).toEqual([true, 0, 0]);
    expect([some.passed, some.forks]).toEqual([true, 0]);
    // Somebody may have gone on while the last one was counted.
    expect(Math.abs(some.rounds - all.rounds)).toBeLessThanOrEqual(1);
    // 13 of the 28 pairs of eight tabs have one of the two in them.
    expect(some.coordinatorShare).toBeGreaterThan(0.4);
    expect(some.coordinatorShare).toBeLessThan(0.53);
  });

  it('[T6] through fan-outs: the same rounds on one anchor, and a tab without peers sends each update once', () => {
    const pairwise = studyHybrid({ ...small, noPeersShare: 0.25 });
    const fanned = studyHybrid({ ...small, noPeersShare: 0.25, architecture: 'hybrid' });
    expect([fanned.passed, fanned.forks, fanned.rounds]).toEqual([true, 0, pairwise.rounds]);
    // Seven mates; commits, states and heartbeats go to each as before.
    expect(fanned.apartUpBytes).toBeLessThan(pairwise.apartUpBytes / 4);
    expect(fanned.coordinatorInBytesPerSecond).toBeLessThan(0.7 * fanned.coordinatorOutBytesPerSecond);
    expect(pairwise.coordinatorInBytesPerSecond).toBe(pairwise.coordinatorOutBytesPerSecond);
  });

  it('[T6] a hybrid run without such tabs is a decentralised one, event for event', () => {
    const { traceHash } = studyHybrid({ ...small, architecture: 'hybrid' });
    expect(traceHash).toBe(studyHybrid(small).traceHash);
  });

  it('[T2] pairs without a path find each other through the coordinator, and the run ends', () => {
    const row = studyHybrid({ ...small, peersMin: 1, pathlessShare: 0.3, rounds: 120 });
    expect(row.passed).toBe(true);
    expect(row.coordinatorShare).toBeGreaterThan(0);
  });

  it('[T4] a relay of little capacity makes the run slower, not wrong', () => {
    const wide = studyHybrid({ ...small, noPeersShare: 0.5 });
    const narrow = studyHybrid({ ...small, noPeersShare: 0.5, relayTotalMbit: 0.5 });
    expect([narrow.passed, narrow.forks]).toEqual([true, 0]);
    expect(narrow.virtualMs).toBeGreaterThan(wide.virtualMs);
  });

  it('survives kills of the coordinator, which take every channel through it', () => {
    const row = studyHybrid({
      ...small,
      peersMin: 1,
      noPeersShare: 0.25,
      rounds: 100,
      coordinatorKillEveryMs: 10_000,
      architecture: 'hybrid',
    });
    expect(row.passed).toBe(true);
  });
});
