/**
 * `npm run bench:swarm -- hybrid`: a quarter of the tabs without a way to their peers, against the same run with all links
 * direct (simulator, study-hybrid.ts): loss, time, what the coordinator has to carry, and what such a tab has to send, with
 * an envelope for each receiver (decentralised) and with one for all (hybrid).
 */
import { studyHybrid, type HybridRow } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';

const TABS = 16;
const NO_PEERS_SHARE = 0.25;
const ROUNDS = 300;
const QUICK_ROUNDS = 60;
const LOSS_TARGET = 0.01;
/** Losses of single seeds differ by a percent for reasons of timing alone: three seeds do not tell half a percent from none. */
const SEEDS_MIN = 12;
const STANDARD_ERRORS = 2;

export function measureHybrid({ seeds: wished, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const seeds = isQuick ? wished : Math.max(SEEDS_MIN, wished);
  const trios = Array.from({ length: seeds }, (_, i) => {
    const options = { seed: i + 1, tabs: TABS, peersMin: TABS, rounds: isQuick ? QUICK_ROUNDS : ROUNDS };
    const direct = studyHybrid(options);
    const pairwise = studyHybrid({ ...options, noPeersShare: NO_PEERS_SHARE });
    const hybrid = studyHybrid({ ...options, noPeersShare: NO_PEERS_SHARE, architecture: 'hybrid' });
    const lossChange = hybrid.loss / direct.loss - 1;
    say(
      `hybrid: seed ${i + 1}: loss ${direct.loss.toFixed(4)}, ${pairwise.loss.toFixed(4)} and ${hybrid.loss.toFixed(4)} (${percent(lossChange)}), ` +
        `${[direct, pairwise, hybrid].map(seconds).join(', ')}, ${percent(hybrid.coordinatorShare)} through the coordinator`,
    );
    return { seed: i + 1, direct, pairwise, hybrid, lossChange };
  });
  type Trio = (typeof trios)[number];
  const mean = (of: (trio: Trio) => number) => trios.reduce((sum, trio) => sum + of(trio), 0) / seeds;
  const meanOf = (which: 'direct' | 'pairwise' | 'hybrid', figure: keyof HybridRow) =>
    mean((trio) => Number(trio[which][figure]));
  const lossChange = mean((trio) => trio.lossChange);
  const variance = mean((trio) => (trio.lossChange - lossChange) ** 2);
  /** Of the mean; of one seed alone nothing is known. */
  const standardError = seeds < 2 ? Infinity : Math.sqrt(variance / (seeds - 1));
  const timeOf = (which: 'pairwise' | 'hybrid') =>
    percent(meanOf(which, 'virtualMs') / meanOf('direct', 'virtualMs') - 1);
  const worst = Math.max(...trios.map((trio) => trio.lossChange));
  const isSound = trios.every(({ direct, pairwise, hybrid }) =>
    [direct, pairwise, hybrid].every(({ passed, forks }) => passed && forks === 0),
  );
  const what = `hybrid: ${TABS} tabs, ${percent(NO_PEERS_SHARE)} of them without a peer route`;
  const up = { before: meanOf('pairwise', 'apartUpBytes'), after: meanOf('hybrid', 'apartUpBytes') };
  return Promise.resolve({
    rows: [
      {
        what: `${what}: loss against all links direct`,
        target: `within ${percent(LOSS_TARGET)}`,
        measured:
          `${percent(lossChange)} in the mean of ${seeds} seeds (standard error ${percent(standardError)}), ` +
          `${percent(worst)} at worst, no fork, time ${timeOf('hybrid')}`,
        isMet: isSound && Math.abs(lossChange) + STANDARD_ERRORS * standardError <= LOSS_TARGET,
      },
      {
        what: `${what}: the coordinator's share of peer bytes`,
        target: 'reported',
        measured: `${percent(meanOf('hybrid', 'coordinatorShare'))}; ${rate(meanOf('hybrid', 'coordinatorInBytesPerSecond'))} in, ${rate(meanOf('hybrid', 'coordinatorOutBytesPerSecond'))} out`,
        isMet: meanOf('hybrid', 'coordinatorShare') > 0,
      },
      {
        what: `${what}: what such a tab sends in a round, before fan-outs (decentralised) and with them`,
        target: 'reported',
        measured:
          `${kilobytes(up.before)} and ${kilobytes(up.after)}; the coordinator's part ` +
          `${rate(meanOf('pairwise', 'coordinatorInBytesPerSecond'))} in before; time ${timeOf('pairwise')} before`,
        isMet: up.after < up.before,
      },
    ],
    details: trios,
  });
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const kilobytes = (bytes: number) => `${(bytes / 1_000).toFixed(1)} kB`;
const rate = (bytesPerSecond: number) => `${kilobytes(bytesPerSecond)} a second`;
const seconds = ({ virtualMs }: HybridRow) => `${(virtualMs / 1_000).toFixed(1)} s`;
