import { NO_ROUTES, type RunView, type VolunteerView } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { emptiness, figuresOf, wayOfLearning, type Evidence } from './evidence.ts';
import { verdictOf } from './verdict.ts';

const run = {
  manifest: { parameterCount: 1_000, training: { localSteps: 5, batchSize: 8 } },
  round: 10,
  localSteps: 100,
  samples: 800,
  elapsedMs: 60_000,
  trainingMs: 40_000,
  best: { accuracy: 0.93, loss: 0.2 },
  latest: null,
  reached: false,
  divergences: 0,
} as unknown as RunView;

const adapter = { backend: 'webgpu', vendor: 'google', architecture: 'swiftshader', description: '' };
const totals = {
  localSteps: 50,
  samples: 400,
  rounds: 10,
  bytesSentPeers: 50_000,
  bytesReceivedPeers: 50_000,
  routes: { ...NO_ROUTES, direct: { links: 1, bytesSent: 50_000, bytesReceived: 50_000 } },
  bytesSentCoordinator: 100,
  peersMax: 1,
};
const tab = (id: string, changes: object = {}, ofTotals: object = {}) =>
  ({
    id: `vol_${id}`,
    adapter,
    links: 'direct',
    state: 'training',
    connected: true,
    exit: null,
    joinedAtMs: 1_000,
    confirmedSamples: 360,
    totals: { ...totals, ...ofTotals },
    ...changes,
  }) as unknown as VolunteerView;
const evidence = (...volunteers: VolunteerView[]): Evidence => ({
  run,
  volunteers,
  faultCount: 0,
  backendsAllowed: [],
});

describe('a run is never green on nothing', () => {
  it('two tabs that trained on WebGPU and exchanged are evidence', () => {
    expect(emptiness(evidence(tab('a'), tab('b')), 2)).toEqual([]);
  });

  it('[N2] a tab with tiers that refused what its mates said proves nothing', () => {
    const training = { ...run.manifest.training, tiers: { insideEvery: 5, betweenEvery: 4 } };
    const tiered = { ...run, manifest: { ...run.manifest, training } } as RunView;
    const of = (rejectedFrames: number) => {
      const tabs = [tab('a', { node: 'vol_a' }), tab('b', { node: 'vol_a' }, { rejectedFrames })];
      return emptiness({ ...evidence(...tabs), run: tiered }, 2);
    };
    expect(of(2)).toEqual([]);
    expect(of(40)).toEqual(['tab vol_b refused 40 frames of its peers']);
    expect(
      figuresOf({ ...evidence(tab('a', { node: 'vol_a' }), tab('b', { node: 'vol_b' })), run: tiered }).nodes,
    ).toBe(2);
    expect(figuresOf(evidence(tab('a'), tab('b'))).nodes).toBeNull();
  });

  it('a tab without peers is evidence beside others, but tabs that all go through the coordinator are none', () => {
    const apart = (id: string) => tab(id, { links: 'no-peers' }, { routes: NO_ROUTES });
    expect(emptiness(evidence(tab('a'), apart('b')), 2)).toEqual([]);
    expect(emptiness(evidence(apart('a'), apart('b')), 2)).toEqual(['nothing crossed a data channel']);
  });

  it.each([
    [
      'a tab on another backend',
      tab('b', { adapter: { ...adapter, backend: 'cpu' } }),
      'trained on cpu, not webgpu',
    ],
    [
      'an adapter without a name',
      tab('b', { adapter: { ...adapter, vendor: '', architecture: '' } }),
      'names no adapter',
    ],
    ['no exchange', tab('b', {}, { rounds: 0 }), 'took part in no exchange'],
    [
      'no bytes over a data channel',
      tab('b', {}, { routes: NO_ROUTES }),
      'received nothing over a data channel',
    ],
    [
      'no bytes through the coordinator, of one that wants no peers',
      tab('b', { links: 'no-peers' }, { bytesReceivedPeers: 0, routes: NO_ROUTES }),
      'received nothing of its peers',
    ],
    ['nothing trained', tab('b', {}, { localSteps: 0 }), 'trained nothing'],
  ])('%s is none', (_, wrong, why) => {
    expect(emptiness(evidence(tab('a'), wrong), 2).join('\n')).toContain(why);
  });

  it('[S1] in a central run bytes of the server are evidence, and data channels are none', () => {
    const id = `run_${'a'.repeat(26)}`;
    const training = { localSteps: 5, batchSize: 8, architecture: 'central' };
    const central = { ...run, manifest: { id, parameterCount: 1_000, training } } as unknown as RunView;
    const served = (name: string) =>
      tab(name, {}, { routes: { ...NO_ROUTES, coordinator: totals.routes.direct } });
    const of = (...volunteers: VolunteerView[]) => emptiness({ ...evidence(...volunteers), run: central }, 2);
    expect(of(served('a'), served('b'))).toEqual([]);
    expect(of(served('a'), tab('b'))).toEqual(['tab vol_b received nothing of the averaging server']);
    const figures = figuresOf({ ...evidence(served('a'), served('b')), run: central });
    expect(verdictOf('over', [], [], wayOfLearning(central, figures)).outcome).toMatch(
      /from the averaging server alone/,
    );
    expect(wayOfLearning(run, figures)).toBe('');
    expect(verdictOf('over', [], [], '').outcome).toBe('the run was real');
  });

  it('[T6] a hybrid run shows both: a tab that took part through the coordinator, and bytes over a data channel', () => {
    const training = { localSteps: 5, batchSize: 8, architecture: 'hybrid' };
    const hybrid = { ...run, manifest: { parameterCount: 1_000, training } } as unknown as RunView;
    const of = (...volunteers: VolunteerView[]) => emptiness({ ...evidence(...volunteers), run: hybrid }, 2);
    const relayed = { ...NO_ROUTES, coordinator: totals.routes.direct };
    const apart = (changes: object = {}) =>
      tab('c', { links: 'no-peers' }, { routes: relayed, bytesReceivedPeers: 50_000, ...changes });
    // It wished for peers, and found no way to any.
    const pathless = tab('d', {}, { routes: relayed });
    expect(of(tab('a'), tab('b'), apart())).toEqual([]);
    expect(of(tab('a'), tab('b'), pathless)).toEqual([]);
    expect(of(tab('a'), tab('b'))).toEqual([
      'nobody took part through the coordinator (--without-peers 1 opens a tab that does)',
    ]);
    const silent = { ...relayed, coordinator: { ...relayed.coordinator, bytesSent: 0 } };
    expect(of(tab('a'), tab('b'), apart({ routes: silent })).join()).toMatch(/nobody took part through/);
    expect(of(apart(), pathless)).toEqual(['nothing crossed a data channel']);
    const figures = figuresOf({ ...evidence(tab('a'), tab('b'), apart()), run: hybrid });
    expect(figures.coordinator_share).toBeCloseTo(1 / 3);
    expect(wayOfLearning(hybrid, figures)).toBe(
      '33.3 % of the peer bytes that arrived came through the coordinator',
    );
  });

  it('too few tabs, no training, no round', () => {
    expect(emptiness(evidence(tab('a')), 2)).toEqual(['1 of 2 tabs count (1 joined)']);
    const nothing = { ...evidence(), run: { ...run, localSteps: 0, round: 0 } };
    expect(emptiness(nothing, 1)).toEqual([
      'nothing was trained',
      'no round was closed',
      '0 of 1 tabs count (0 joined)',
    ]);
  });

  it('a tab that was killed in its first round, and one that came in the last quarter, need not have exchanged', () => {
    const killed = tab(
      'b',
      { connected: false, exit: 'socket-closed' },
      { rounds: 0, bytesReceivedPeers: 0 },
    );
    const late = tab('c', { joinedAtMs: 55_000 }, { localSteps: 0, rounds: 0, bytesReceivedPeers: 0 });
    expect(emptiness(evidence(tab('a'), tab('d'), killed, late), 2)).toEqual([]);
  });

  it('a backend that was allowed by name is allowed', () => {
    const onCpu = tab('b', { adapter: { ...adapter, backend: 'cpu' } });
    expect(emptiness({ ...evidence(tab('a'), onCpu), backendsAllowed: ['cpu'] }, 2)).toEqual([]);
  });
});

describe('figures', () => {
  it('are what the report says they are', () => {
    const gone = tab('c', { connected: false, exit: 'silent', confirmedSamples: 320 });
    expect(figuresOf({ ...evidence(tab('a'), tab('b'), gone), faultCount: 3 })).toMatchObject({
      val_acc: 0.93,
      tabs: 3,
      tabs_webgpu: 3,
      tabs_exchanging: 3,
      bytes_per_param_step: 1,
      spread: 0,
      // 80 samples that no lease confirms, of 5 steps of 8.
      lost_updates: 2,
      departures: 1,
      faults: 3,
    });
  });

  it('a spread that nobody knows is not measured', () => {
    expect(figuresOf({ ...evidence(tab('a')), run: { ...run, divergences: 2 } }).spread).toBeNull();
  });
});

describe('the verdict', () => {
  const fails = [{ text: 'val_acc>0.99', value: 0.93, holds: false }];
  it.each([
    ['over', [], [], 0],
    ['over', [], fails, 1],
    ['over', ['nothing was trained'], [], 1],
    ['budget', ['nothing was trained'], [], 1],
    ['budget', [], [], 4],
    ['interrupted', [], [], 130],
  ] as const)('%s, not real %j, asserts %j: exit code %i', (ending, empty, asserts, exitCode) => {
    expect(verdictOf(ending, empty, asserts).exitCode).toBe(exitCode);
  });
});
