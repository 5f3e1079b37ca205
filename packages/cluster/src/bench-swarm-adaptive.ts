/**
 * `npm run bench:swarm -- adaptive`: each tab keeps as many values as its own uplink carries, against every fixed k, on
 * lines between 1 and 50 Mbit/s (simulator, study-adaptive.ts). Compared with the k that was best in the same seed, which
 * nobody knows beforehand. And what else adapts, on against off (study-stragglers.ts, bench-swarm-length.ts).
 */
import { TOP_K_LADDER } from '@murmuration/codec';
import {
  ADAPTIVE_DEFAULTS,
  reachedMs,
  studyAdaptive,
  studyStragglers,
  type AdaptiveRow,
  type StragglersOptions,
  type StragglersRow,
} from '@murmuration/simulator';
import { measureLengths } from './bench-swarm-length.ts';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';

const QUICK = { trainingMs: 15_000, tabs: 4 } as const;

export function measureAdaptive({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const details: object[] = [];
  const pairs = Array.from({ length: seeds }, (_, i) => {
    const options = { seed: i + 1, ...(isQuick ? QUICK : {}) };
    const measure = (codec: (typeof TOP_K_LADDER)[number] | 'topk-auto') => {
      const row = studyAdaptive({ ...options, codec });
      details.push({ options: { ...options, codec }, row });
      const kept = codec === 'topk-auto' ? `, k of each tab ${row.keptOfTabs.join(' ')}` : '';
      say(
        `adaptive: seed ${i + 1}, ${codec}: loss ${row.finalLoss.toFixed(4)} after ${row.rounds} rounds${kept}`,
      );
      return { codec, row };
    };
    const fixed = TOP_K_LADDER.map(measure).sort((a, b) => a.row.finalLoss - b.row.finalLoss);
    return { best: fixed[0]!, adaptive: measure('topk-auto').row };
  });
  const loss =
    mean(pairs.map(({ adaptive }) => adaptive.finalLoss)) /
      mean(pairs.map(({ best }) => best.row.finalLoss)) -
    1;
  const times = pairs.map(({ adaptive, best }) => timeOf(adaptive, best.row.finalLoss));
  const [least, most] = ADAPTIVE_DEFAULTS.uplinkMbit;
  const row = {
    what: `adaptive: topk-auto on uplinks of ${least} to ${most} Mbit/s against the best fixed k, 1 M parameters, H = 10 steps of 100 ms, same time`,
    target: 'loss no worse than 1 %',
    measured: `loss ${percent(loss)} against ${pairs.map(({ best }) => `${best.codec} (${best.row.finalLoss.toFixed(4)})`).join(', ')}; as good as that after ${times.join(', ')}`,
    isMet: loss <= 0.01,
  };
  say(`${row.what}: ${row.measured}`);
  const fixed = againstFixed(seeds, isQuick, details);
  say(`${fixed.what}: ${fixed.measured}`);
  const lengths = measureLengths({ seeds, isQuick, say }, details);
  return Promise.resolve({ rows: [row, fixed, ...lengths], details });
}

/** Steps and graces that follow what is measured against fixed ones, on tabs of very different speeds. */
function againstFixed(seeds: number, isQuick: boolean, details: object[]): SwarmRow {
  const measure = (adaptive: StragglersOptions['adaptive']) =>
    Array.from({ length: seeds }, (_, i) => {
      const options = { seed: i + 1, adaptive, ...(isQuick ? { totalSteps: 2_000 } : {}) };
      const row = studyStragglers(options);
      details.push({ options, row });
      return row;
    });
  const [on, off] = [measure('on'), measure('off')];
  const ratio = (of: (row: StragglersRow) => number) => mean(on.map(of)) / mean(off.map(of));
  const [time, loss] = [ratio(({ timeMs }) => timeMs), ratio(({ loss }) => loss) - 1];
  return {
    what: 'adaptive: on against off, 8 tabs of speeds 10:1, H = 10, the same samples',
    target: 'less time, loss no worse than 1 %',
    measured: `${time.toFixed(2)} of the time, loss ${percent(loss)}`,
    isMet: time < 1 && loss <= 0.01,
  };
}

function timeOf(row: AdaptiveRow, loss: number): string {
  const ms = reachedMs(row, loss);
  return ms === null ? 'never' : `${percent(ms / row.points.at(-1)!.atMs - 1)} of its time`;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const percent = (share: number) => `${share < 0 ? '' : '+'}${(100 * share).toFixed(1)} %`;
