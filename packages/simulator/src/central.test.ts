/** Whole simulated runs through an averaging server: the production mind of the server, of tabs and of the ledger. */
import { describe, expect, it } from 'vitest';
import type { SimulateOptions } from './options.ts';
import { profileOptions, type ProfileName } from './profiles.ts';
import { simulate } from './simulate.ts';

const run = (profile: ProfileName, changes: Partial<SimulateOptions>) =>
  simulate(profileOptions(profile, { seed: 1, rounds: 40, ...changes, architecture: 'central' }));

describe('a central run', () => {
  // As many steps a round in both: what adapts is measured elsewhere.
  const small = { tabs: 8, adaptive: 'off' } as const;
  const central = run('clean', small);
  const peers = simulate(profileOptions('clean', { seed: 1, rounds: 40, ...small }));

  it('[S1] [S2] finishes without a fork, and learns as much as peers among themselves', () => {
    expect([central.passed, central.forks, central.spreadMax]).toEqual([true, 0, 0]);
    expect(central.valLoss! / peers.valLoss!).toBeLessThan(1.03);
    expect(central.valLoss! / peers.valLoss!).toBeGreaterThan(0.97);
  });

  it('[S2] a tab sends and receives one update a round instead of seven', () => {
    const bytesOf = (report: typeof peers) => report.bytesSentPeers / report.rounds;
    expect(bytesOf(peers) / bytesOf(central)).toBeGreaterThan(5);
    expect(peers.bytesReceivedPeers / central.bytesReceivedPeers).toBeGreaterThan(4);
    expect(central.serverBytes!.sentBytes).toBeGreaterThan(central.bytesReceivedPeers * 0.9);
    expect(peers.serverBytes).toBeNull();
  });

  it.each([4, 30])(
    '[K4] ends with the model of its last rounds, however quick its %i rounds are',
    (rounds) => {
      const report = run('clean', {
        ...{ rounds, tabs: 2, model: 'softmax', evaluateEveryRounds: 4 },
        ...{ localSteps: 1, stepMs: 2, delayMeanMs: 1, relayDelayMeanMs: 1 },
      });
      expect(report).toMatchObject({ passed: true, violations: [] });
      expect(report.rounds).toBeGreaterThanOrEqual(rounds);
    },
  );

  it.each([
    ['synchronous', 1],
    ['asynchronous', 2],
  ] as const)(
    '[K4] %s: tabs take what the server closed last, and nobody waits for it',
    (schedule, often) => {
      const few = { tabs: 2, rounds: 10, model: 'softmax', schedule, evaluateEveryRounds: often } as const;
      const report = run('clean', few);
      expect(report.passed).toBe(true);
      expect(report.virtualMs).toBeLessThan(60_000);
    },
  );

  it('is the same run again for the same seed', () => {
    expect(run('clean', small).traceHash).toBe(central.traceHash);
  });

  it('[R17] makes rounds longer where its exchange shows, on one branch', () => {
    const thin = { tabs: 4, localSteps: 1, relayDelayMeanMs: 150, rounds: 60 };
    const [long, fixed] = [run('clean', thin), run('clean', { ...thin, adaptive: 'off' })];
    expect([long.passed, long.forks, long.spreadMax]).toEqual([true, 0, 0]);
    expect(long.localSteps / long.virtualMs).toBeGreaterThan((2 * fixed.localSteps) / fixed.virtualMs);
  });

  it('goes on with a tab that is alone', () => {
    expect(run('clean', { tabs: 1, model: 'softmax' })).toMatchObject({ passed: true, forks: 0 });
  });

  it.each(['sign', 'topk-256', 'topk-auto'] as const)('[S2] learns with updates in %s', (codec) => {
    const report = run('clean', { codec, rounds: 60, tabs: 3 });
    expect(report.passed).toBe(true);
    expect(report.valLoss! / report.initialLoss).toBeLessThan(0.7);
  });
});

describe('an asynchronous run', () => {
  const small = { model: 'softmax', schedule: 'asynchronous' } as const;
  const versions = (profile: ProfileName, changes: Partial<SimulateOptions>) =>
    run(profile, { ...small, rounds: 150, ...changes });

  it('[A2] [A4] trains more samples in the same time than who waits for the slowest, on one branch', () => {
    const crowd = { tabs: 6, speeds: 'even', speedRatio: 10 } as const;
    const waiting = { ...crowd, model: 'softmax', rounds: 20, adaptive: 'off' } as const;
    const [fast, slow] = [versions('clean', crowd), run('clean', waiting)];
    const perMs = ({ localSteps, virtualMs }: typeof fast) => localSteps / virtualMs;
    expect(perMs(fast) / perMs(slow)).toBeGreaterThan(2);
    expect(fast).toMatchObject({ passed: true, forks: 0, spreadEnd: 0 });
    expect(fast.valLoss! / fast.initialLoss).toBeLessThan(0.7);
  });

  it('[A1] [A5] a fifth of the tabs is frozen at any time: updates beyond the bound are refused, nobody waits', () => {
    const report = versions('clean', { tabs: 10, frozenShare: 0.2, maxStaleness: 2, rounds: 300 });
    expect(report.sometimes.frozenBack).toBeGreaterThan(0);
    expect(report.counts['server: stale']).toBeGreaterThan(0);
    expect(report).toMatchObject({ passed: true, forks: 0 });
  });

  it('[A3] the server’s thread dies while tabs come and go', () => {
    const report = versions('central', { rounds: 300 });
    expect(report.sometimes.serverCrashed).toBeGreaterThan(0);
    expect(report).toMatchObject({ passed: true, violations: [] });
  });

  it('[A3] [R15] what a goodbye owed is counted first', () => {
    const report = versions('churn', { seed: 2 });
    expect(report.goodbyes).toBeGreaterThan(0);
    expect(report).toMatchObject({ passed: true, forks: 0, samplesLeftBehind: 0 });
  });

  it('everything at once, with hostile tabs, breaks no rule', () => {
    expect(versions('chaos', { hostileShare: 0.2 })).toMatchObject({ passed: true, violations: [] });
  });
});

describe('in a central run', () => {
  const small = { model: 'softmax' } as const;

  it('[S3] [S4] the server’s thread dies again and again: tabs give the state back, no term is founded', () => {
    const report = run('clean', { ...small, tabs: 4, serverCrashEveryMs: 4_000, rounds: 60 });
    expect(report.sometimes.serverCrashed).toBeGreaterThan(3);
    expect(report).toMatchObject({ passed: true, term: 1, spreadEnd: 0 });
  });

  it('[S3] the process is killed: it comes back, and the run goes on from what the tabs hold', () => {
    const report = run('clean', { ...small, tabs: 4, coordinatorKillEveryMs: 8_000, rounds: 120 });
    expect(report.coordinatorKills).toBeGreaterThan(1);
    expect(report).toMatchObject({ passed: true, term: 1 });
  });

  it('[J1] when the server and all tabs are gone, it founds a term from the latest checkpoint', () => {
    const report = run('central', { ...small, tabs: 1, churnPerMinute: 4, rounds: 150, seed: 2 });
    expect(report.passed).toBe(true);
    expect(report.term).toBeGreaterThan(1);
  });

  it.each([1, 2])('[R15] tabs come and go, seed %i: nothing that a goodbye owed is lost', (seed) => {
    const report = run('churn', { ...small, seed, rounds: 60 });
    expect(report.departures).toBeGreaterThan(2);
    expect(report).toMatchObject({ passed: true, forks: 0, samplesLeftBehind: 0 });
  });

  it('[S4] a tab that was frozen comes back, and the others did not wait', () => {
    const report = run('freeze', { ...small, rounds: 100 });
    expect(report.sometimes.frozenBack).toBeGreaterThan(0);
    expect(report).toMatchObject({ passed: true, forks: 0 });
  });

  it('[R10] [R12] [P6] hostile tabs break no rule', () => {
    const report = run('hostile', { rounds: 60 });
    expect(report.lies).toBeGreaterThan(0);
    expect(report).toMatchObject({ passed: true, forks: 0 });
  });

  it('everything at once breaks no rule', () => {
    expect(run('chaos', { ...small, rounds: 60 })).toMatchObject({ passed: true, violations: [] });
  });
});
