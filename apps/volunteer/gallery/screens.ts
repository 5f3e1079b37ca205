/** The states of the gallery: every screen of the page's list, as a contributor whose signals stand still. */
import { signal } from '@preact/signals';
import type { RunState, TaskKind } from '@murmuration/protocol';
import type { VolunteerSnapshot, VolunteerState } from '@murmuration/swarm';
import type { Contributor, Ended, Screen, Standing } from '../src/contributor.ts';
import type { Learned } from '../src/curve.ts';
import type { ConnectivityFacts, Loop } from '../src/doctor/verdict.ts';
import { DEFAULT_LIMITS, MEGABYTE, type Limits } from '../src/limits.ts';
import type { Verdict } from '../src/pauses.ts';
import { NOTHING_YET } from '../src/worker/snapshots.ts';
import type { GpuCheck, GpuVerdict, Load } from '../src/worker-protocol.ts';
import { drawnDigits } from './digits.ts';

export interface Shown {
  readonly contributor: Contributor;
  /** What is pressed after drawing, one after the other. */
  readonly press?: string | readonly string[];
}

const ADAPTER = {
  backend: 'webgpu',
  vendor: 'intel',
  architecture: 'gen-12lp',
  description: 'Intel Iris Xe Graphics',
  isFallbackAdapter: false,
} as const;
const READY: GpuCheck = { verdict: { outcome: 'ready', adapter: ADAPTER }, diagnostics: [] };

const RUN = {
  id: 'run_0123456789abcdefghijklmnop',
  name: 'digits',
  state: 'training' as RunState,
  reason: '',
  parameterCount: 109_386,
  datasetName: 'Digits',
  task: 'class' as TaskKind,
  volunteers: 5,
  round: 184,
  roundsMax: 1_000,
  loss: 0.312,
  accuracy: 0.904,
  targetAccuracy: 0.95,
};

const PEERS = [183, 184, 184, null].map((round, index) => ({
  id: `peer-${index}`,
  open: true,
  hasReplica: round !== null,
  round,
}));

const AT_WORK: VolunteerSnapshot = {
  ...NOTHING_YET,
  state: 'training',
  volunteerId: 'vol_0',
  adapter: ADAPTER,
  totals: {
    ...NOTHING_YET.totals,
    localSteps: 902,
    samples: 14_432,
    rounds: 181,
    trainMs: 71_000,
    bytesSentPeers: 78_400_000,
    bytesReceivedPeers: 80_100_000,
    bytesSentCoordinator: 210_000,
    bytesReceivedCoordinator: 1_900_000,
    peersNow: 4,
    peersMax: 4,
  },
  confirmedSamples: 13_600,
  stepsPerSecond: 12.7,
  loss: 0.298,
  round: 184,
  coordinatorConnected: true,
  peers: PEERS,
  run: RUN,
};

const USE = { day: '2026-11-28', sentBytes: 78_610_000, receivedBytes: 82_000_000 };
const GOING: Verdict = { kind: 'train', share: 0.25, isGentleForYou: false };
const LOAD: Load = {
  verdict: GOING,
  measuredShare: 0.247,
  use: USE,
  bytesPerHour: 320_000_000,
  going: null,
  download: null,
};

const course = (count: number, valueAt: (part: number) => number) =>
  Array.from({ length: count }, (_, index) => ({
    round: 12 + Math.round((172 * index) / (count - 1)),
    value: valueAt(index / (count - 1)),
  }));
const LEARNED: Learned = {
  runId: RUN.id,
  loss: course(60, (part) => 0.28 + 1.9 * Math.exp(-4 * part) + 0.05 * Math.sin(40 * part)),
  accuracy: course(14, (part) => 0.31 + 0.594 * (1 - Math.exp(-4.5 * part))),
};

const UNREACHED: Loop = {
  channel: { ok: false, detail: 'no path was found' },
  candidates: { host: 2, srflx: 0, relayUdp: 0, relayTcp: 0 },
  isGathered: true,
  errors: [{ url: 'stun:stun.example.org:3478', code: 701, text: 'STUN allocate request timed out.' }],
};
const CONNECTIVITY: ConnectivityFacts = {
  http: { ok: true },
  socket: { ok: true },
  hasWebRtc: true,
  servers: { stun: ['stun:stun.example.org:3478'], turn: ['turn:relay.example.org:3478'] },
  all: UNREACHED,
  relayOnly: UNREACHED,
};

interface Changes {
  readonly limits?: Limits;
  readonly check?: GpuCheck | null;
  readonly learned?: Learned;
  readonly press?: string | readonly string[];
}

function shown(screen: Screen, { limits, check, learned, press }: Changes = {}): Shown {
  const limitsHere = signal(limits ?? DEFAULT_LIMITS);
  const contributor: Contributor = {
    screen: signal(screen),
    gpuCheck: signal(check === undefined ? READY : check),
    limits: limitsHere,
    learned: signal(learned ?? LEARNED),
    examples: signal(drawnDigits()),
    iceHosts: signal(['stun.example.org:3478']),
    begin: () => {},
    takeOver: () => {},
    wish: () => {},
    setLimits: (changed) => (limitsHere.value = changed),
    forget: () => {},
    checkConnection: () => Promise.resolve(CONNECTIVITY),
  };
  return press === undefined ? { contributor } : { contributor, press };
}

interface At {
  readonly detail?: string;
  readonly inMs?: number;
  readonly snapshot?: Partial<VolunteerSnapshot>;
  readonly load?: Partial<Load>;
}

function at(state: VolunteerState, { detail = '', inMs, snapshot, load }: At = {}, changes?: Changes): Shown {
  const standing: Standing = {
    snapshot: { ...AT_WORK, ...snapshot, state, detail },
    load: { ...LOAD, ...load },
    state,
    nextAtMs: inMs === undefined ? null : performance.now() + inMs,
  };
  return shown({ at: 'contributing', ...standing }, changes);
}

const BEFORE_WORK = { totals: NOTHING_YET.totals, confirmedSamples: 0, stepsPerSecond: 0, loss: null };

const paused = (verdict: Omit<Extract<Verdict, { kind: 'pause' }>, 'kind'>, inMs?: number): Shown =>
  at('paused', {
    detail: verdict.reason,
    ...(inMs === undefined ? {} : { inMs }),
    load: { verdict: { kind: 'pause', ...verdict }, measuredShare: 0 },
  });

const problem = (verdict: GpuVerdict): Shown =>
  shown({ at: 'starting' }, { check: { verdict, diagnostics: ['navigator.gpu: true'] } });

const ended = (reason: Ended['reason'], detail = '', last: VolunteerSnapshot | null = AT_WORK): Shown =>
  shown({ at: 'ended', ended: { reason, detail, receipt: reason === 'finished' ? '{}' : null }, last });

export const SCREENS: Readonly<Record<string, Shown>> = {
  consent: shown({ at: 'consent' }),
  'consent-own-terms': shown(
    { at: 'consent' },
    {
      limits: {
        ...DEFAULT_LIMITS,
        share: 0.4,
        dataPerDayBytes: null,
        links: 'relay-only',
        hours: { fromMinute: 1_200, toMinute: 420 },
      },
      press: '.terms details > summary',
    },
  ),
  elsewhere: shown({ at: 'elsewhere', isWaiting: false }),
  starting: shown({ at: 'starting' }, { check: null }),
  loading: at('loading', {
    detail: 'model',
    snapshot: { ...BEFORE_WORK, fetched: { here: 5, all: 9 }, peers: PEERS.slice(0, 2) },
  }),
  'warming-up': at('warming-up', { snapshot: BEFORE_WORK }),
  connecting: at('connecting', { detail: 'peers', inMs: 8_000, snapshot: BEFORE_WORK }),
  training: at('training'),
  'training-software': at(
    'training',
    { load: { verdict: { kind: 'train', share: 0.25, isGentleForYou: true }, measuredShare: null } },
    {
      check: {
        verdict: {
          outcome: 'software',
          adapter: { ...ADAPTER, description: 'SwiftShader', isFallbackAdapter: true },
        },
        diagnostics: [],
      },
      learned: { runId: null, loss: [], accuracy: [] },
    },
  ),
  'training-finishing': at('training', { load: { going: 'after-round' } }),
  syncing: at('syncing'),
  settings: at('training', {}, { press: '[aria-controls="settings"]' }),
  'waiting-need-peers': at('waiting', { detail: 'need-peers 1/3', snapshot: { peers: [] } }),
  'waiting-no-work': at('waiting', { detail: 'no-work', snapshot: { ...BEFORE_WORK, run: null, peers: [] } }),
  'paused-user': paused({ reason: 'user', cause: null, untilMs: null }),
  'paused-timer': paused({ reason: 'timer', cause: null, untilMs: 1 }, 1_795_000),
  'paused-battery': paused({ reason: 'battery', cause: 'battery', untilMs: null }),
  'paused-data-cap': at('paused', {
    detail: 'data-cap',
    inMs: 30_000_000,
    snapshot: { peers: [] },
    load: {
      verdict: { kind: 'pause', reason: 'data-cap', cause: 'data-cap', untilMs: 1 },
      measuredShare: 0,
      use: { ...USE, sentBytes: 480 * MEGABYTE, receivedBytes: 520 * MEGABYTE },
    },
  }),
  'paused-schedule': paused({ reason: 'schedule', cause: 'schedule', untilMs: 1 }, 19_000_000),
  'recovering-device-lost': at('recovering', { detail: 'device-lost' }),
  'recovering-device-away': at('recovering', { detail: 'device-away', inMs: 7_000 }),
  'recovering-offline': at('training', { snapshot: { coordinatorConnected: false } }),
  'gpu-no-webgpu': problem({ outcome: 'no-webgpu' }),
  'gpu-no-adapter': problem({ outcome: 'no-adapter' }),
  'gpu-too-small': problem({
    outcome: 'too-small',
    adapter: ADAPTER,
    limit: 'maxStorageBufferBindingSize',
    needs: 402_653_184,
    has: 134_217_728,
  }),
  'gpu-insecure': problem({ outcome: 'insecure-context' }),
  blocked: ended('blocked', 'self-test'),
  finished: ended('finished'),
  left: ended('left', '', { ...AT_WORK, totals: NOTHING_YET.totals }),
  moved: ended('moved'),
  failed: ended('failed', 'RangeError: Array buffer allocation failed'),
  connectivity: shown({ at: 'consent' }, { press: ['.connectivity > summary', '.connectivity > button'] }),
  trust: shown({ at: 'consent' }, { press: '.trust:not(.connectivity) > summary' }),
};
