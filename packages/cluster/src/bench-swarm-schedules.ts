/**
 * `npm run bench:swarm -- asynchronous`: a central run that waits for nobody against one by rounds, with the same steps for all
 * and adaptive, on a crowd with speeds 10:1 and a fifth of the tabs frozen: samples a second, and the loss after equal
 * samples (simulator, study-schedules.ts).
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
    const [fixed, adaptive, free] = SCHEDULES_STUDIED.map(run) as [
      ScheduleRow[],
      ScheduleRow[],
      ScheduleRow[],
    ];
    const isSound = [...fixed, ...adaptive, ...free].every(({ violations }) => violations === 0);
    const crowd = `20 tabs, speeds 10:1, a fifth frozen, rate ${learningRate}`;
    rows.push({
      what: `asynchronous, ${crowd}, ${samples} samples`,
      target: 'reported',
      measured: figures(free),
      isMet: isSound,
    });
    for (const [others, name] of [
      [fixed, 'rounds with the same steps for all (`adaptive: off`)'],
      [adaptive, 'rounds as they are (`adaptive: on`)'],
    ] as const) {
      const ratio = (of: (row: ScheduleRow) => number) => mean(free, of) / mean(others, of);
      const speed = ratio((row) => row.samplesPerSecond);
      const loss = ratio((row) => row.loss) - 1;
      rows.push(
        {
          what: `asynchronous against ${name}, ${crowd}: samples a second`,
          target: `at least ${TARGETS.speed} times`,
          measured: `${speed.toFixed(2)} times; by rounds ${figures(others)}`,
          isMet: isSound && speed >= TARGETS.speed,
        },
        {
          what: `asynchronous against ${name}, ${crowd}: loss after equal samples`,
          target: `within ${100 * TARGETS.loss} %`,
          measured: `${loss >= 0 ? '+' : ''}${(100 * loss).toFixed(1)} %`,
          isMet: isSound && loss <= TARGETS.loss,
        },
      );
    }
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
