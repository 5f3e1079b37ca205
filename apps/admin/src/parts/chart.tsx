/**
 * uPlot inside an accessible figure: a one-sentence summary for those who do not see it, colours from the page's theme,
 * the width of its place. It draws columns and nothing else; reading values off it is the scrubber's work (curves-panel).
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import UPlot from 'uplot';
import { axisText } from '../format.ts';
import type { Axis } from '../view.ts';

/** Free space beside the plot in CSS pixels; the churn lane stands under it with the same gutters. */
export const GUTTER = { start: 52, end: 12 } as const;

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Name of a CSS custom property. */
  readonly colour: string;
  readonly look: 'strong' | 'faint' | 'dashed' | 'dotted' | 'dots' | 'marks' | 'edge';
}

interface Props {
  readonly heading: string;
  readonly summary: string;
  /** Seconds or rounds, ascending. */
  readonly xs: readonly number[];
  readonly axis: Axis;
  readonly range: readonly [number, number];
  readonly lines: readonly Line[];
  /** Indices into `lines` of the upper and the lower edge of a band. */
  readonly band: readonly [number, number] | null;
  readonly valueText: (value: number) => string;
  readonly heightPx: number;
  /** The point that is being read; -1: none. */
  readonly cursor: number;
  readonly onCursor: (index: number) => void;
}

export function Chart(props: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const theme = useTheme();
  const { heading, summary, xs, axis, range, lines, cursor, heightPx } = props;
  const looks = lines.map((line) => `${line.colour}/${line.look}`).join();

  useEffect(() => {
    const parent = place.current;
    if (parent === null) return;
    const made = new UPlot(optionsOf(latest, parent), dataOf(latest.current), parent);
    plot.current = made;
    const size = new ResizeObserver(() => made.setSize({ width: parent.clientWidth, height: heightPx }));
    size.observe(parent);
    return () => {
      size.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [theme, looks, heightPx, axis]);

  useEffect(() => plot.current?.setData(dataOf(latest.current)), [xs, range[0], range[1], lines]);

  useEffect(() => {
    const made = plot.current;
    const at = xs[cursor];
    if (made === null || at === undefined || made.cursor.idx === cursor) return;
    made.setCursor({ left: made.valToPos(at, 'x'), top: 0 }, false);
  }, [cursor, xs]);

  return (
    <figure role="figure" aria-label={`${heading}. ${summary}`} class="chart">
      <figcaption>
        <strong>{heading}</strong>
        <Legend lines={lines} />
      </figcaption>
      <div ref={place} aria-hidden="true" style={{ minHeight: `${heightPx}px` }} />
    </figure>
  );
}

const Legend = ({ lines }: { readonly lines: readonly Line[] }) => (
  <ul class="legend" aria-hidden="true">
    {lines
      .filter(({ label }) => label !== '')
      .map(({ label, colour, look }) => (
        <li key={label}>
          <span class={`swatch ${look}`} style={{ '--swatch': `var(${colour})` }} />
          {label}
        </li>
      ))}
  </ul>
);

const dataOf = ({ xs, lines }: Props): UPlot.AlignedData =>
  [xs, ...lines.map(({ values }) => values)] as unknown as UPlot.AlignedData;

function optionsOf(latest: { readonly current: Props }, parent: HTMLElement): UPlot.Options {
  const { lines, axis: xAxis, band, heightPx, valueText } = latest.current;
  const style = getComputedStyle(parent);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--soft-ink'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: parent.clientWidth,
    height: heightPx,
    padding: [10, GUTTER.end, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: false, range: () => [...latest.current.range] as [number, number] },
      y: { range: (_plot, low, high) => rangeOf(low, high) },
    },
    axes: [
      { ...axis, size: 26, values: (_plot, splits) => splits.map((at) => axisText(xAxis, at)) },
      { ...axis, size: GUTTER.start, values: (_plot, splits) => splits.map(valueText) },
    ],
    series: [{}, ...lines.map((line) => seriesOf(line, colour(line.colour)))],
    bands: band === null ? [] : [{ series: [band[0] + 1, band[1] + 1], fill: colour('--band') }],
    hooks: {
      setCursor: [
        ({ cursor: { idx, left } }) => {
          const isOver = idx !== null && idx !== undefined && left !== undefined && left >= 0;
          if (isOver) latest.current.onCursor(idx);
        },
      ],
    },
  };
}

function seriesOf({ label, look }: Line, stroke: string): UPlot.Series {
  const base: UPlot.Series = { label, stroke, spanGaps: true, points: { show: false } };
  switch (look) {
    case 'strong':
      return { ...base, width: 2 };
    case 'faint':
      return { ...base, width: 1, alpha: 0.45 };
    case 'dashed':
      return { ...base, width: 1.5, dash: [6, 5] };
    case 'dotted':
      return { ...base, width: 2, dash: [2, 4] };
    case 'marks':
      return { ...base, width: 0, alpha: 0.6, points: { show: true, size: 5, width: 0, fill: stroke } };
    case 'dots':
      return { ...base, width: 1.5, points: { show: true, size: 6, fill: stroke } };
    case 'edge':
      return { ...base, width: 0 };
    default:
      return look satisfies never;
  }
}

function rangeOf(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 0.1;
  return [low - room, high + room];
}

/** Changes when the colours do, so that charts are made anew. */
function useTheme(): 'dark' | 'light' {
  const [isDark, setIsDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const changed = () => setIsDark(dark.matches);
    dark.addEventListener('change', changed);
    return () => dark.removeEventListener('change', changed);
  }, []);
  return isDark ? 'dark' : 'light';
}
