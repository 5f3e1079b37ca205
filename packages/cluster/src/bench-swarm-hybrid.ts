/**
 * `npm run bench:swarm -- hybrid`: a quarter of the tabs without a way to their peers, against the same run with all links
 * direct (simulator, study-hybrid.ts): loss, time, and what the coordinator has to carry.
 */
import { studyHybrid, type HybridRow } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';

const TABS = 16;
const NO_PEERS_SHARE = 0.25;
const ROUNDS = 300;
const QUICK_ROUNDS = 60;
const LOSS_TARGET = 0.01;

export function measureHybrid({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const pairs = Array.from({ length: seeds }, (_, i) => {
    const options = { seed: i + 1, tabs: TABS, peersMin: TABS, rounds: isQuick ? QUICK_ROUNDS : ROUNDS };
    const direct = studyHybrid(options);
    const hybrid = studyHybrid({ ...options, noPeersShare: NO_PEERS_SHARE });
    const lossChange = hybrid.loss / direct.loss - 1;
    say(
      `hybrid: seed ${i + 1}: loss ${direct.loss.toFixed(4)} and ${hybrid.loss.toFixed(4)} (${percent(lossChange)}), ` +
        `${seconds(direct)} and ${seconds(hybrid)}, ${percent(hybrid.coordinatorShare)} through the coordinator`,
    );
    return { seed: i + 1, direct, hybrid, lossChange };
  });
  const mean = (of: (pair: (typeof pairs)[number]) => number) =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const lossChange = mean(({ hybrid }) => hybrid.loss) / mean(({ direct }) => direct.loss) - 1;
  const time = mean(({ hybrid }) => hybrid.virtualMs) / mean(({ direct }) => direct.virtualMs) - 1;
  const share = mean(({ hybrid }) => hybrid.coordinatorShare);
  const rate = mean(({ hybrid }) => hybrid.coordinatorBytesPerSecond);
  const worst = Math.max(...pairs.map((pair) => pair.lossChange));
  const isSound = pairs.every(({ direct, hybrid }) => direct.passed && hybrid.passed && hybrid.forks === 0);
  const what = `hybrid: ${TABS} tabs, ${percent(NO_PEERS_SHARE)} of them without a peer route`;
  return Promise.resolve({
    rows: [
      {
        what: `${what}: loss against all links direct`,
        target: `within ${percent(LOSS_TARGET)}`,
        measured: `${percent(lossChange)} in the mean, ${percent(worst)} at worst, no fork, time ${percent(time)}`,
        isMet: isSound && Math.abs(lossChange) <= LOSS_TARGET,
      },
      {
        what: `${what}: the coordinator's share of peer bytes`,
        target: 'reported',
        measured: `${percent(share)}, ${(rate / 1_000).toFixed(1)} kB a second`,
        isMet: share > 0,
      },
    ],
    details: pairs,
  });
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const seconds = ({ virtualMs }: HybridRow) => `${(virtualMs / 1_000).toFixed(1)} s`;
