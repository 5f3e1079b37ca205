/**
 * Curves of several runs on one axis, for one chart. Pure.
 *
 * Runs were measured at moments and rounds of their own, so each curve has values at some places of the common axis and
 * gaps between; time is counted from a run's first point, because runs begin whenever somebody presses a button.
 */
import { CURVE_POINTS_MAX } from '@murmuration/protocol';
import type { Comparison, MetricPoint } from '@murmuration/protocol';
import { smooth } from './curves.ts';
import { settingText } from './format.ts';
import type { Axis, Metric, View } from './view.ts';

/** Points of all curves together: a chart of a thousand pixels shows no more, and 50 curves are drawn in a blink. */
const POINTS_MAX = 40_000;
const POINTS_MIN = 200;

/** What is asked of the coordinator for each of so many runs. */
export const pointsEach = (runCount: number): number =>
  Math.max(POINTS_MIN, Math.min(CURVE_POINTS_MAX, Math.floor(POINTS_MAX / Math.max(1, runCount))));

type Values = readonly (number | null)[];
export interface ComparedCurve {
  readonly runId: string;
  readonly raw: Values;
  readonly smooth: Values;
}
export interface ComparedCurves {
  readonly xs: readonly number[];
  readonly range: readonly [number, number];
  readonly curves: readonly ComparedCurve[];
}

export function comparedCurves(
  runs: Comparison['runs'],
  metric: Metric,
  { axis, smoothing }: View,
): ComparedCurves {
  const own = runs.map(({ id, points }) => {
    const measured = ordered(points, axis).filter((point) => point[metric] != null);
    const firstAtMs = Math.min(
      ...points.slice(0, 1).map(({ atMs }) => atMs),
      ...measured.map(({ atMs }) => atMs),
    );
    const raw = measured.map((point) => point[metric]!);
    return {
      id,
      xs: measured.map((point) => (axis === 'time' ? (point.atMs - firstAtMs) / 1000 : point.round)),
      raw,
      smooth: smooth(raw, smoothing),
    };
  });
  const xs = [...new Set(own.flatMap((curve) => curve.xs))].sort((a, b) => a - b);
  const placeOf = new Map(xs.map((x, index) => [x, index]));
  const spread = (places: readonly number[], values: Values): Values => {
    const column = new Array<number | null>(xs.length).fill(null);
    for (const [index, x] of places.entries()) column[placeOf.get(x)!] = values[index]!;
    return column;
  };
  const last = xs.at(-1) ?? 0;
  return {
    xs,
    range: [0, Math.max(last, 1)],
    curves: own.map((curve) => ({
      runId: curve.id,
      raw: spread(curve.xs, curve.raw),
      smooth: spread(curve.xs, curve.smooth),
    })),
  };
}

const ordered = (points: readonly MetricPoint[], axis: Axis): MetricPoint[] =>
  [...points].sort((a, b) => (axis === 'time' ? a.atMs - b.atMs || a.round - b.round : a.round - b.round));

/** The latest value at or before this place; null: the curve begins later. */
export function valueAt(values: Values, index: number): number | null {
  for (let at = Math.min(index, values.length - 1); at >= 0; at--) {
    const value = values[at];
    if (value != null) return value;
  }
  return null;
}

/** Eight colours of the theme, then the same dashed, then dotted: told apart by more than colour. */
const COLOUR_COUNT = 8;
const LOOKS = ['strong', 'dashed', 'dotted'] as const;
export const lookOf = (index: number) =>
  ({
    colour: `--run-${index % COLOUR_COUNT}`,
    look: LOOKS[Math.floor(index / COLOUR_COUNT) % LOOKS.length]!,
  }) as const;

/** A model's layers, a short text each: `dense, units 128, relu`; null: the value is no list of layers. */
export function layerTexts(value: unknown): readonly string[] | null {
  const isLayer = (each: unknown): each is object =>
    typeof each === 'object' && each !== null && 'kind' in each;
  if (!Array.isArray(value) || !value.every(isLayer)) return null;
  return value.map((layer: object) =>
    Object.entries(layer)
      .map(([key, setting]) =>
        key === 'kind' || key === 'activation' ? setting : `${key} ${settingText(setting)}`,
      )
      .join(', '),
  );
}
