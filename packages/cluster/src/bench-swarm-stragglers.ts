/**
 * `npm run bench:swarm -- stragglers`: tabs whose speeds lie between 10 and 1 against as many of one speed with the same
 * total, after the same number of samples (simulator, study-stragglers.ts).
 */
import { studyStragglers, type StragglersRow } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';

const TARGETS = { loss: 0.01, time: 0.1 } as const;
/** A tab that is ten times as slow needs ten steps to take part with one: the first is the row's own. */
const LOCAL_STEPS = [20, 10, 5];
const QUICK_STEPS = 4_000;

export function measureStragglers({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const details: object[] = [];
  const rows = LOCAL_STEPS.map((localSteps) => {
    const pairs = Array.from({ length: seeds }, (_, i) => {
      const options = { seed: i + 1, localSteps, ...(isQuick ? { totalSteps: QUICK_STEPS } : {}) };
      const [even, uneven] = [1, 10].map((speedRatio) => studyStragglers({ ...options, speedRatio }));
      details.push({ options, even, uneven });
      say(`stragglers: H = ${localSteps}, seed ${i + 1}: loss ${even!.loss} and ${uneven!.loss}`);
      return { even: even!, uneven: uneven! };
    });
    const ratio = (of: (row: StragglersRow) => number) =>
      mean(pairs.map(({ uneven }) => of(uneven))) / mean(pairs.map(({ even }) => of(even))) - 1;
    const [loss, time] = [ratio((row) => row.loss), ratio((row) => row.timeMs)];
    return {
      what: `stragglers: 8 tabs with speeds 10:1 against 8 of the same total speed, same samples, H = ${localSteps}`,
      target: `loss within ${percent(TARGETS.loss)}, time within ${percent(TARGETS.time)}`,
      measured: `loss ${percent(loss)} (${mean(pairs.map(({ uneven }) => uneven.loss)).toFixed(4)} against ${mean(pairs.map(({ even }) => even.loss)).toFixed(4)}), time ${percent(time)}`,
      isMet: loss <= TARGETS.loss && time <= TARGETS.time,
    };
  });
  return Promise.resolve({ rows, details });
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const percent = (share: number) => `${share < 0 ? '' : '+'}${(100 * share).toFixed(1)} %`;
