/**
 * `npm run bench:swarm -- stall`: what a tab's sudden death costs the others in time (simulator, study-stall.ts): in one
 * group of 8, and in 40 tabs that are crews, where some have no link to the dead one.
 */
import { studyStall, type StallOptions, type StallRow } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';

const TARGET_MS = 250;
const DEATHS = { group: 40, crews: 10 } as const;
const QUICK_DEATHS = 5;
/** Others are not delayed by more than what an alarm's rounding to a millisecond moves. */
const NOTHING_MS = 2;
const CREWS_TABS = 40;

export function measureStall({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const details: { readonly options: Partial<StallOptions>; readonly row: StallRow }[] = [];
  const measure = (changes: Partial<StallOptions>, deaths: number): StallRow[] =>
    Array.from({ length: seeds }, (_, i) => {
      const options = { seed: i + 1, deaths: isQuick ? QUICK_DEATHS : deaths, ...changes };
      const row = studyStall(options);
      details.push({ options, row });
      say(`stall: ${JSON.stringify(options)}: group ${shape(row.groupMs)}; others ${shape(present(row))}`);
      return row;
    });
  const killed = measure({ death: 'killed' }, DEATHS.group);
  const vanished = measure({ death: 'vanished' }, DEATHS.group);
  const crews = measure({ death: 'killed', tabs: CREWS_TABS }, DEATHS.crews);
  const roundMs = killed.reduce((sum, row) => sum + row.usualRoundMs / killed.length, 0);
  const groupRow = (what: string, rows: readonly StallRow[]): SwarmRow => {
    const delays = rows.flatMap((row) => row.groupMs);
    return {
      what: `stall: ${what}, delay of its group of 8 (a round takes ${Math.round(roundMs)} ms), p95 of ${delays.length} deaths`,
      target: `at most ${TARGET_MS} ms`,
      measured: shape(delays),
      isMet: percentile(delays, 0.95) <= TARGET_MS,
    };
  };
  const others = crews.flatMap(present);
  const soon = killed.flatMap((row) => row.soonMs);
  return Promise.resolve({
    rows: [
      {
        what: `stall: a tab is killed, delay of its group of 8 in that round and the next, p95 of ${soon.length} deaths`,
        target: `at most ${TARGET_MS} ms`,
        measured: shape(soon),
        isMet: percentile(soon, 0.95) <= TARGET_MS,
      },
      groupRow('a tab is killed: the most in any of eight rounds', killed),
      groupRow('a tab vanishes and nobody is told: the most in any of eight rounds', vanished),
      {
        what: `stall: a tab of ${CREWS_TABS} is killed, delay of those in no crew with it, p95 of ${others.length} deaths`,
        target: '0',
        measured: shape(others),
        isMet: others.length > 0 && percentile(others, 0.95) <= NOTHING_MS,
      },
    ],
    details,
  });
}

const present = ({ othersMs }: StallRow): number[] => othersMs.filter((value) => value !== null);

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
}

const shape = (values: readonly number[]) =>
  values.length === 0
    ? 'nobody'
    : `${Math.round(percentile(values, 0.95))} ms (median ${Math.round(percentile(values, 0.5))}, worst ${Math.round(percentile(values, 1))})`;
