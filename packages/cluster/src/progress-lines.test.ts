import {
  DEFAULT_TRAINING,
  NO_ROUTES,
  presetModel,
  type RunView,
  type VolunteerView,
} from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { bytesText, clockText, percentText, progressLines } from './progress-lines.ts';

const RUN: RunView = {
  manifest: {
    id: `run_${'a'.repeat(26)}`,
    name: 'digits',
    seed: 1,
    model: presetModel('mlp', [28, 28, 1], 10),
    parameterCount: 101_770,
    training: DEFAULT_TRAINING,
    dataset: {
      id: `data_${'a'.repeat(26)}`,
      name: 'digits',
      kind: 'digits',
      licence: '',
      sampleShape: [28, 28, 1],
      encoding: 'uint8',
      target: { kind: 'class', classCount: 10 },
      trainSampleCount: 100,
      shardCount: 1,
      validation: { index: 0, sha256: 'a'.repeat(64), sampleCount: 10, byteLength: 7850 },
    },
  },
  state: 'training',
  reason: '',
  createdAt: '2026-01-01T00:00:00.000Z',
  elapsedMs: 1,
  trainingMs: 1,
  term: 0,
  round: 12,
  volunteersConnected: 1,
  localSteps: 1,
  samples: 1,
  epoch: 0,
  shardsCounted: 0,
  lossLatest: null,
  best: null,
  latest: { round: 10, term: 0, sha256: 'b'.repeat(64), loss: 0.3, accuracy: 0.9496 },
  reached: false,
  divergences: 0,
  progress: 0.5,
  etaMs: [61_000, 125_000],
};
const tab = (over: Partial<VolunteerView>): VolunteerView => ({
  id: `vol_${'a'.repeat(26)}`,
  adapter: {
    backend: 'webgpu',
    vendor: 'google',
    architecture: 'swiftshader',
    description: '',
    isFallbackAdapter: true,
  },
  links: 'direct',
  node: null,
  state: 'training',
  connected: true,
  round: 12,
  loss: 0.25,
  stepsPerSecond: 17.25,
  duty: 0.25,
  rttMs: 12,
  staleRounds: 0,
  totals: {
    localSteps: 100,
    samples: 3200,
    rounds: 12,
    bytesSentPeers: 1_200_000,
    bytesReceivedPeers: 900_000,
    bytesSentState: 0,
    routes: NO_ROUTES,
    bytesSentCoordinator: 34_000,
    bytesReceivedCoordinator: 100_000,
    peersNow: 3,
    peersMax: 3,
    rejectedFrames: 0,
    trainMs: 1000,
  },
  confirmedSamples: 3000,
  joinedAtMs: 5,
  leftAtMs: null,
  exit: null,
  heartbeatAgeMs: 100,
  ...over,
});

describe('a run in the terminal', () => {
  it('shows a line a tab: state, adapter, steps/s, loss, peers, bytes up and down; and a bar with an ETA', () => {
    const lines = progressLines(
      { run: RUN, volunteers: [tab({ joinedAtMs: 9, loss: null, state: 'loading' }), tab({})] },
      200,
    );
    expect(lines).toEqual([
      'tab 1  training  google swiftshader (software)  17.3 steps/s  loss 0.2500  3 peers  up 1.2 MB  down 1.0 MB',
      'tab 2  loading   google swiftshader (software)  17.3 steps/s  loss -       3 peers  up 1.2 MB  down 1.0 MB',
      '[############------------] 50 %  training  round 12  accuracy 94.9 % of 95.0 %  ETA 1:01 to 2:05',
    ]);
  });
  it('says of an ETA that may be over at once how long it takes at most', () => {
    const run: RunView = { ...RUN, etaMs: [0, 125_000] };
    expect(progressLines({ run, volunteers: [] }, 200)[0]).toMatch(/ETA up to 2:05$/);
  });
  it('counts tabs that left instead of showing them', () => {
    const lines = progressLines({ run: RUN, volunteers: [tab({}), tab({ connected: false })] }, 200);
    expect(lines[1]).toBe('1 tab has left');
  });
  it('keeps the line of a tab that stayed to the end of the run', () => {
    const lines = progressLines(
      { run: RUN, volunteers: [tab({ connected: false, exit: 'run-finished' })] },
      200,
    );
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^tab 1 {2}training/);
  });
  it('no line is wider than the terminal', () => {
    for (const line of progressLines({ run: RUN, volunteers: [tab({})] }, 40))
      expect(line.length).toBeLessThanOrEqual(40);
  });
});

describe('a run without accuracies', () => {
  const training = { ...DEFAULT_TRAINING, objective: 'autoencoding', targetAccuracy: null } as const;
  const vae = { ...RUN, manifest: { ...RUN.manifest, training }, latest: null };
  it('shows its loss and the parts of it', () => {
    const lineOf = (run: RunView) => progressLines({ run, volunteers: [] }, 200).at(-1)!;
    expect(lineOf(vae)).toContain('loss not measured yet');
    const parts = { reconstruction: 92.11, kl: 11.13 };
    const latest = { ...RUN.latest!, loss: 103.24, accuracy: null, parts };
    expect(lineOf({ ...vae, latest })).toContain('validation loss 103.2 (reconstruction 92.11, KL 11.1)');
    expect(lineOf({ ...vae, latest })).not.toContain('accuracy');
  });
});

describe('numbers for people', () => {
  it('94.96 % never reads as 95.0 %, and 95 % does', () => {
    expect(percentText(0.9496)).toBe('94.9 %');
    expect(percentText(0.95)).toBe('95.0 %');
    expect(percentText(0.951)).toBe('95.1 %');
  });
  it('clocks and bytes', () => {
    expect([0, 59_400, 61_000, 3_661_000].map(clockText)).toEqual(['0:00', '0:59', '1:01', '1:01:01']);
    expect([0, 999, 1000, 9_960, 999_600, 1_500_000, 2e9].map(bytesText)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '10 kB',
      '1.0 MB',
      '1.5 MB',
      '2.0 GB',
    ]);
  });
});
