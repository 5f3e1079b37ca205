/**
 * Who averages, measured: the whole simulated grid on one task with peers among themselves, with a quarter of the tabs that
 * exchange through the coordinator, which copies their updates (hybrid), and with an averaging server (central). Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';

export const ARCHITECTURES_STUDIED = ['decentralised', 'hybrid', 'central'] as const;
export type StudiedArchitecture = (typeof ARCHITECTURES_STUDIED)[number];

const SETTINGS: Readonly<Record<StudiedArchitecture, Partial<SimulateOptions>>> = {
  decentralised: {},
  hybrid: { architecture: 'hybrid', noPeersShare: 0.25 },
  central: { architecture: 'central' },
};

export interface ArchitectureRow {
  readonly loss: number;
  readonly accuracy: number;
  /** Samples trained, all tabs together. */
  readonly samples: number;
  readonly virtualMs: number;
  readonly rounds: number;
  /** Frames' bytes of one tab in one round, states for newcomers included. */
  readonly upBytes: number;
  readonly downBytes: number;
  /** What comes to the coordinator and leaves it, in one round of all tabs. */
  readonly coordinatorInBytes: number;
  readonly coordinatorOutBytes: number;
  readonly departures: number;
  readonly forks: number;
  readonly passed: boolean;
  readonly traceHash: string;
}

export function studyArchitecture(
  architecture: StudiedArchitecture,
  options: Partial<SimulateOptions>,
): ArchitectureRow {
  const all = { ...DEFAULT_OPTIONS, ...SETTINGS[architecture], ...options };
  const report = simulate(all);
  const { valLoss, valAccuracy, virtualMs, rounds, forks, passed, traceHash, departures } = report;
  const tabRounds = Math.max(1, rounds * all.tabs);
  const { sentBytes, receivedBytes } = report.serverBytes ?? {
    sentBytes: report.bytesThroughCoordinator,
    receivedBytes: report.bytesToRelay,
  };
  return {
    loss: valLoss ?? Infinity,
    accuracy: valAccuracy ?? 0,
    samples: report.localSteps * all.batchSize,
    virtualMs,
    rounds,
    upBytes: report.bytesSentPeers / tabRounds,
    downBytes: report.bytesReceivedPeers / tabRounds,
    coordinatorInBytes: receivedBytes / Math.max(1, rounds),
    coordinatorOutBytes: sentBytes / Math.max(1, rounds),
    departures,
    forks,
    passed,
    traceHash,
  };
}
