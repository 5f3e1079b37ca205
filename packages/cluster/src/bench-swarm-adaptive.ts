/**
 * `npm run bench:swarm -- adaptive`: each tab keeps as many values as its own uplink carries, against every fixed k, on
 * lines between 1 and 50 Mbit/s (simulator, study-adaptive.ts). Compared with the k that was best in the same seed, which
 * nobody knows beforehand.
 */
import { TOP_K_LADDER } from '@murmuration/codec';
import { ADAPTIVE_DEFAULTS, reachedMs, studyAdaptive, type AdaptiveRow } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';

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
  return Promise.resolve({ rows: [row], details });
}

function timeOf(row: AdaptiveRow, loss: number): string {
  const ms = reachedMs(row, loss);
  return ms === null ? 'never' : `${percent(ms / row.points.at(-1)!.atMs - 1)} of its time`;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const percent = (share: number) => `${share < 0 ? '' : '+'}${(100 * share).toFixed(1)} %`;
