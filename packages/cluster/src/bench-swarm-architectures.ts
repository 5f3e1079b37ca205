/**
 * `npm run bench:swarm -- architectures`: peers, hybrid and central on one task, each with the learning rate that is best for
 * it on a seed of its own; loss, bytes and imaginary time, with nobody leaving and with 10 % of the tabs replaced in every
 * round (simulator, study-architectures.ts).
 */
import {
  ARCHITECTURES_STUDIED,
  studyArchitecture,
  type ArchitectureRow,
  type StudiedArchitecture,
} from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';

const TABS = 16;
const ROUNDS = 150;
const QUICK_ROUNDS = 40;
const TUNING_SEED = 1_000;
const LEARNING_RATES = [0.002, 0.004, 0.008] as const;
const CHURN = 0.1;
/** Loss more than of peers among themselves, at most. A hybrid run is the same run, its updates only take other ways. */
const LOSS_TARGET = { decentralised: 0, hybrid: 0.01, central: 0.02 } as const satisfies Readonly<
  Record<StudiedArchitecture, number>
>;

export function measureArchitectures({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const rounds = isQuick ? QUICK_ROUNDS : ROUNDS;
  const base = { tabs: TABS, rounds };
  const details: Record<string, unknown> = {};
  const rows: SwarmRow[] = [];
  const calm = new Map<StudiedArchitecture, number>();
  for (const architecture of ARCHITECTURES_STUDIED) {
    const tuning = LEARNING_RATES.map((learningRate) => {
      const row = studyArchitecture(architecture, {
        ...base,
        peersMin: TABS,
        seed: TUNING_SEED,
        learningRate,
      });
      say(`architectures: ${architecture}: rate ${learningRate}: loss ${row.loss.toFixed(4)}`);
      return { learningRate, row };
    });
    const { learningRate } = tuning.reduce((a, b) => (b.row.loss < a.row.loss ? b : a));
    const run = (changes: object) =>
      Array.from({ length: seeds }, (_, i) =>
        studyArchitecture(architecture, { ...base, learningRate, seed: i + 1, ...changes }),
      );
    const still = run({ peersMin: TABS });
    const churned = run({ churnPerRound: CHURN });
    details[architecture] = { learningRate, tuning, still, churned };
    const loss = mean(still, (row) => row.loss);
    calm.set(architecture, loss);
    const against = loss / calm.get('decentralised')! - 1;
    const isSound = [...still, ...churned].every(({ passed }) => passed);
    rows.push({
      what: `${architecture}, ${TABS} tabs, ${rounds} rounds, rate ${learningRate}`,
      target:
        architecture === 'decentralised'
          ? 'what others are held against'
          : `loss at most ${percent(LOSS_TARGET[architecture])} more`,
      measured: `${figures(still)}; loss ${signed(against)}`,
      isMet: isSound && against <= LOSS_TARGET[architecture],
    });
    const added = mean(churned, (row) => row.loss) / loss - 1;
    const time = mean(churned, timeARound) / mean(still, timeARound) - 1;
    rows.push({
      what: `${architecture}, ${percent(CHURN)} of the tabs replaced in every round`,
      target: 'reported',
      measured: `${figures(churned)}; loss ${signed(added)} and time a round ${signed(time)} by churn`,
      isMet: isSound,
    });
    for (const row of rows.slice(-2)) say(`architectures: ${row.what}: ${row.measured}`);
  }
  return Promise.resolve({ rows, details });
}

const timeARound = ({ virtualMs, rounds }: ArchitectureRow) => virtualMs / Math.max(1, rounds);
const mean = (rows: readonly ArchitectureRow[], of: (row: ArchitectureRow) => number) =>
  rows.reduce((sum, row) => sum + of(row), 0) / rows.length;

function figures(rows: readonly ArchitectureRow[]): string {
  const kilobytes = (of: (row: ArchitectureRow) => number) => `${(mean(rows, of) / 1_000).toFixed(1)} kB`;
  return (
    `loss ${mean(rows, (row) => row.loss).toFixed(4)} after ${Math.round(mean(rows, (row) => row.samples))} samples ` +
    `in ${(mean(rows, (row) => row.virtualMs) / 1_000).toFixed(1)} s; a tab and round ${kilobytes((row) => row.upBytes)} up, ` +
    `${kilobytes((row) => row.downBytes)} down; the coordinator ${kilobytes((row) => row.coordinatorInBytes)} in, ` +
    `${kilobytes((row) => row.coordinatorOutBytes)} out a round`
  );
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
const signed = (share: number) => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)} %`;
