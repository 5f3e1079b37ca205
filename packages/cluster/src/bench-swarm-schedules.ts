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
/** The default, and the best of three for a central run (`architectures`). */
const LEARNING_RATES = [0.004, 0.008] as const;

export function measureSchedules({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const samples = isQuick ? QUICK_SAMPLES : SAMPLES;
  const rows: SwarmRow[] = [];
  const details: Record<string, unknown> = { samples };
  for (const learningRate of LEARNING_RATES) {
    const run = (schedule: StudiedSchedule) => {
      const measured = Array.from({ length: seeds }, (_, i) =>
        studySchedule(schedule, samples, { seed: i + 1, learningRate }),
      );
      say(`asynchronous: ${schedule}, rate ${learningRate}: ${figures(measured)}`);
      details[`${schedule} ${learningRate}`] = measured;
      return measured;
    };
    const [barrier, rounds, free] = SCHEDULES_STUDIED.map(run) as [
      ScheduleRow[],
      ScheduleRow[],
      ScheduleRow[],
    ];
    const isSound = [...barrier, ...rounds, ...free].every(({ violations }) => violations === 0);
    const ratio = (of: (row: ScheduleRow) => number, other: readonly ScheduleRow[]) =>
      mean(free, of) / mean(other, of);
    const speed = (row: ScheduleRow) => row.samplesPerSecond;
    const loss = ratio((row) => row.loss, rounds) - 1;
    const crowd = `20 tabs, speeds 10:1, a fifth frozen, rate ${learningRate}`;
    rows.push(
      {
        what: `central by rounds, ${crowd}, ${samples} samples`,
        target: 'what others are held against',
        measured: figures(rounds),
        isMet: isSound,
      },
      {
        what: `asynchronous, ${crowd}: samples a second against rounds`,
        target: `at least ${TARGETS.speed} times`,
        measured: `${ratio(speed, rounds).toFixed(2)} times; ${figures(free)}`,
        isMet: isSound && ratio(speed, rounds) >= TARGETS.speed,
      },
      {
        what: `asynchronous, ${crowd}: samples a second against a barrier with the same steps for all`,
        target: `at least ${TARGETS.speed} times`,
        measured: `${ratio(speed, barrier).toFixed(2)} times; the barrier ${figures(barrier)}`,
        isMet: isSound && ratio(speed, barrier) >= TARGETS.speed,
      },
      {
        what: `asynchronous, ${crowd}: loss after equal samples against rounds`,
        target: `within ${100 * TARGETS.loss} %`,
        measured: `${loss >= 0 ? '+' : ''}${(100 * loss).toFixed(1)} %`,
        isMet: isSound && loss <= TARGETS.loss,
      },
    );
  }
  return Promise.resolve({ rows, details });
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
