/**
 * `npm run bench:swarm -- spread`: how far apart honest replicas are through a storm and ten rounds after it, in one
 * group of 16 and in 40 tabs that are crews (simulator, study-spread.ts).
 */
import { studySpread, type SpreadRow } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';

const TARGETS = { storm: 0.01, after: 0.001 } as const;
const CASES = [
  { tabs: 16, rounds: 300 },
  { tabs: 40, rounds: 300 },
];
const QUICK_ROUNDS = 100;

export function measureSpread({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const details: { readonly seed: number; readonly tabs: number; readonly row: SpreadRow }[] = [];
  const rows = CASES.flatMap(({ tabs, rounds }) => {
    const found = Array.from({ length: seeds }, (_, i) => {
      const row = studySpread({ seed: i + 1, tabs, rounds: isQuick ? QUICK_ROUNDS : rounds });
      details.push({ seed: i + 1, tabs, row });
      say(
        `spread: ${tabs} tabs, seed ${i + 1}: ${percent(row.spreadStorm)}, then ${percent(row.spreadAfter)}`,
      );
      return row;
    });
    const sum = (of: (row: SpreadRow) => number) => found.reduce((total, row) => total + of(row), 0);
    const storm = Math.max(...found.map((row) => row.spreadStorm));
    const after = Math.max(...found.map((row) => row.spreadAfter));
    const looksAfter = sum((row) => row.looksAfter);
    const looks = `apart in ${sum((row) => row.looksApart)} of ${sum((row) => row.looks)} looks`;
    const what = `spread: ${tabs} tabs (${tabs > 32 ? 'crews' : 'one group'})`;
    return [
      {
        what: `${what}, through a storm of ${sum((row) => row.departures)} departures and ${sum((row) => row.coordinatorKills)} kills of the coordinator`,
        target: `under ${percent(TARGETS.storm)}`,
        measured: `${percent(storm)} at most, ${looks}`,
        isMet: storm < TARGETS.storm,
      },
      {
        what: `${what}, from ten rounds after it`,
        target: `under ${percent(TARGETS.after)}`,
        measured: `${percent(after)} at most in ${looksAfter} looks`,
        isMet: looksAfter > 0 && after < TARGETS.after,
      },
    ];
  });
  return Promise.resolve({ rows, details });
}

const percent = (share: number) => `${(100 * share).toFixed(3)} %`;
