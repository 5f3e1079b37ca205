/**
 * How curves are looked at, as it stands in the address: `?metric=loss&smooth=0.6&axis=round&runs=run_...,run_...`. Pure.
 * What the address does not say is the default, and what it says wrongly counts as not said.
 */
import { COMPARED_RUNS_MAX } from '@murmuration/protocol';
import type { MetricPoint } from '@murmuration/protocol';

export const METRICS = ['loss', 'valLoss', 'valAccuracy', 'valError', 'valReconstruction', 'valKl'] as const;
export type Metric = (typeof METRICS)[number];
export const AXES = ['time', 'round'] as const;
export type Axis = (typeof AXES)[number];

/** Half of a value's influence is gone 4 points away. */
export const SMOOTHING_DEFAULT = 0.84;
/** Beyond it a curve of some hundred points is a line. A guess. */
export const SMOOTHING_MAX = 0.98;

export interface View {
  readonly axis: Axis;
  /** Weight of the neighbours, 0 (none) to `SMOOTHING_MAX`. */
  readonly smoothing: number;
}

export function viewOf(query: URLSearchParams): View {
  return {
    axis: AXES.find((axis) => axis === query.get('axis')) ?? 'time',
    smoothing: smoothingOf(query.get('smooth')),
  };
}

function smoothingOf(text: string | null): number {
  const value = text === null || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? Math.min(SMOOTHING_MAX, Math.max(0, value)) : SMOOTHING_DEFAULT;
}

/** null: the screen chooses. */
export const metricOf = (query: URLSearchParams): Metric | null =>
  METRICS.find((metric) => metric === query.get('metric')) ?? null;

/** Runs that are picked for comparison, each once, in the order of the address. */
export const pickedOf = (query: URLSearchParams): readonly string[] =>
  [...new Set((query.get('runs') ?? '').split(','))]
    .filter((id) => /^run_[0-9a-z]{26}$/.test(id))
    .slice(0, COMPARED_RUNS_MAX);

/** The same list with one run in or out; null: nothing is picked any more. */
export function withPick(picked: readonly string[], runId: string, isPicked: boolean): string | null {
  const others = picked.filter((id) => id !== runId);
  return (isPicked ? [...others, runId] : others).join() || null;
}

/** What a screen shows that was told no metric: accuracy or error where one was measured, else the loss. */
export function metricFor(points: readonly MetricPoint[]): 'valAccuracy' | 'valError' | 'loss' {
  if (points.some((point) => point.valAccuracy !== null)) return 'valAccuracy';
  return points.some((point) => point.valError != null) ? 'valError' : 'loss';
}
