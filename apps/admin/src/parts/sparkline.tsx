/** A run's curve in the size of a word; the values are in its label. */
import type { RunSummary } from '@murmuration/protocol';
import { percentText } from '../format.ts';
import { sampled } from '../curves.ts';
import { strings } from '../strings.ts';

const SIZE = { width: 120, height: 28 } as const;
/** Values read out; more would not be listened to. */
const SPOKEN_MAX = 5;

export function Sparkline({ curve: { metric, values } }: { readonly curve: RunSummary['sparkline'] }) {
  if (values.length === 0) return <small class="note">{strings.runs.sparklineNone}</small>;
  const low = Math.min(...values);
  const high = Math.max(...values);
  const x = (index: number) =>
    values.length === 1 ? SIZE.width : (index / (values.length - 1)) * SIZE.width;
  const y = (value: number) => SIZE.height - 4 - ((value - low) / (high - low || 1)) * (SIZE.height - 8);
  const path = values.map(
    (value, index) => `${index === 0 ? 'M' : 'L'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`,
  );
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={strings.runs.sparkline(
        metric,
        sampled(values, SPOKEN_MAX)
          .map((value) => (metric === 'accuracy' ? percentText(value) : value.toPrecision(3)))
          .join(', '),
      )}
      viewBox={`-3 0 ${SIZE.width + 6} ${SIZE.height}`}
      width={SIZE.width + 6}
      height={SIZE.height}
    >
      <path d={path.join('')} />
      <circle cx={x(values.length - 1)} cy={y(values.at(-1)!)} r="3" />
    </svg>
  );
}
