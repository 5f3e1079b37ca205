/**
 * Waiting and not waiting, measured: a central run that is asynchronous against one by rounds, on one crowd: speeds 10:1, one
 * tab in five frozen at any time, for 10 to 60 s each. By rounds in two ways: as they are, and with `adaptive: off`, as the textbooks have it
 * (everybody the same steps, the slowest sets the pace; a frozen tab is waited for until the grace ends). Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';

export const SCHEDULES_STUDIED = ['fixed', 'adaptive', 'asynchronous'] as const;
export type StudiedSchedule = (typeof SCHEDULES_STUDIED)[number];

const CROWD = {
  architecture: 'central',
  tabs: 20,
  speeds: 'even',
  speedRatio: 10,
  frozenShare: 0.2,
  // Ended by its samples; nobody evaluates meanwhile.
  rounds: 1_000_000,
  evaluateEveryRounds: 10_000,
} as const satisfies Partial<SimulateOptions>;
const SETTINGS: Readonly<Record<StudiedSchedule, Partial<SimulateOptions>>> = {
  fixed: { adaptive: 'off' },
  adaptive: {},
  asynchronous: { schedule: 'asynchronous' },
};
/** Until this share of the samples is trained, tabs are still coming. */
const START_SHARE = 0.1;

export interface ScheduleRow {
  /** Of the server's running mean, when all samples were trained. */
  readonly loss: number;
  readonly samplesPerSecond: number;
  /** Frames' bytes of all tabs a trained sample. */
  readonly upBytes: number;
  readonly downBytes: number;
  readonly refusals: number;
  readonly violations: number;
  readonly traceHash: string;
}

export function studySchedule(
  schedule: StudiedSchedule,
  samples: number,
  changes: Partial<SimulateOptions>,
): ScheduleRow {
  let trained = 0;
  let [fromSamples, fromMs, toMs] = [0, 0, 0];
  const report = simulate(
    { ...DEFAULT_OPTIONS, ...CROWD, ...SETTINGS[schedule], ...changes },
    {
      onTrained: (count, nowMs) => {
        trained += count;
        toMs = nowMs;
        if (fromSamples > 0 || trained < START_SHARE * samples) return;
        [fromSamples, fromMs] = [trained, nowMs];
      },
      isTrained: () => trained >= samples,
    },
  );
  return {
    loss: report.meanLoss!,
    samplesPerSecond: (1_000 * (trained - fromSamples)) / (toMs - fromMs),
    upBytes: report.bytesSentPeers / trained,
    downBytes: report.bytesReceivedPeers / trained,
    refusals: report.counts['server: stale'] ?? 0,
    violations: report.violations.length,
    traceHash: report.traceHash,
  };
}
