/**
 * `npm run bench:swarm -- asynchronous`: a central run that waits for nobody against one by rounds, and against a barrier, on a
 * crowd with speeds 10:1 and a fifth of the tabs frozen: samples a second, and the loss after equal samples (simulator,
 * study-schedules.ts).
 */
import {
  SCHEDULES_STUDIED,
  studySchedule,
  type ScheduleRow,
  type StudiedSchedule,
} from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';

const SAMPLES = 100_000;
const QUICK_SAMPLES = 20_000;
const TARGETS = { speed: 1.5, loss: 0.02 } as const;
const CROWD = 'speeds 10:1, a fifth frozen';

export function measureSchedules({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const samples = isQuick ? QUICK_SAMPLES : SAMPLES;
  const measured = Object.fromEntries(
    SCHEDULES_STUDIED.map((schedule) => {
      const rows = Array.from({ length: seeds }, (_, i) => {
        const row = studySchedule(schedule, samples, { seed: i + 1 });
        say(`asynchronous: ${schedule}, seed ${i + 1}: ${figures([row])}`);
        return row;
      });
      return [schedule, rows];
    }),
  ) as Record<StudiedSchedule, ScheduleRow[]>;
  const isSound = Object.values(measured)
    .flat()
    .every(({ violations }) => violations === 0);
  const ratio = (of: (row: ScheduleRow) => number, other: StudiedSchedule) =>
    mean(measured.asynchronous, of) / mean(measured[other], of);
  const speed = (row: ScheduleRow) => row.samplesPerSecond;
  const loss = ratio((row) => row.loss, 'synchronous') - 1;
  const rows: SwarmRow[] = [
    {
      what: `central by rounds, 20 tabs, ${CROWD}, ${samples} samples`,
      target: 'what others are held against',
      measured: figures(measured.synchronous),
      isMet: isSound,
    },
    {
      what: `asynchronous, the same crowd: samples a second against rounds, which cut a slow tab's steps and wait for no absent one`,
      target: `at least ${TARGETS.speed} times`,
      measured: `${ratio(speed, 'synchronous').toFixed(2)} times; ${figures(measured.asynchronous)}`,
      isMet: isSound && ratio(speed, 'synchronous') >= TARGETS.speed,
    },
    {
      what: 'asynchronous, the same crowd: samples a second against a barrier with the same steps for all',
      target: `at least ${TARGETS.speed} times`,
      measured: `${ratio(speed, 'barrier').toFixed(2)} times; the barrier ${figures(measured.barrier)}`,
      isMet: isSound && ratio(speed, 'barrier') >= TARGETS.speed,
    },
    {
      what: 'asynchronous, the same crowd: loss after equal samples, against rounds',
      target: `within ${100 * TARGETS.loss} %`,
      measured: `${loss >= 0 ? '+' : ''}${(100 * loss).toFixed(1)} %`,
      isMet: isSound && loss <= TARGETS.loss,
    },
  ];
  return Promise.resolve({ rows, details: { samples, ...measured } });
}

const mean = (rows: readonly ScheduleRow[], of: (row: ScheduleRow) => number) =>
  rows.reduce((sum, row) => sum + of(row), 0) / rows.length;

function figures(rows: readonly ScheduleRow[]): string {
  return (
    `${mean(rows, (row) => row.samplesPerSecond).toFixed(0)} samples/s, loss ${mean(rows, (row) => row.loss).toFixed(4)}, ` +
    `${mean(rows, (row) => row.upBytes).toFixed(0)} bytes up and ${mean(rows, (row) => row.downBytes).toFixed(0)} down a sample, ` +
    `${mean(rows, (row) => row.refusals).toFixed(0)} updates refused as stale`
  );
}
