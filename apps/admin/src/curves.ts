/**
 * The curves of a run as columns for the charts: seconds or rounds on x, aligned series on y. Pure.
 *
 * Points come by round; a rollback may have rewritten some of them, so on the time axis they are ordered by time.
 */
import type { MetricPoint, RunEvent } from '@murmuration/protocol';
import { SMOOTHING_DEFAULT, type Axis, type View } from './view.ts';

type Column = readonly (number | null)[];

export interface Curves {
  readonly points: readonly MetricPoint[];
  readonly axis: Axis;
  /** Seconds since the run was created, or rounds; ascending. */
  readonly xs: readonly number[];
  readonly loss: Column;
  readonly lossSmooth: Column;
  readonly lossMin: Column;
  readonly lossMax: Column;
  readonly valLoss: Column;
  readonly valAccuracy: Column;
  readonly valAccuracySmooth: Column;
  readonly valError: Column;
  readonly valErrorSmooth: Column;
  /** The parts of valLoss, where it has some. */
  readonly valReconstruction: Column;
  readonly valKl: Column;
  /** Ends of the axis; the same for every lane. */
  readonly range: readonly [number, number];
}

/** A curve of this many points is shown as it is. A guess. */
const POINTS_UNSMOOTHED = 6;
/** The axis begins this part of its length before the first point. */
const LEAD = 0.02;
const RANGE_MIN: Readonly<Record<Axis, number>> = { time: 10, round: 2 };

export function curvesOf(
  unordered: readonly MetricPoint[],
  elapsedMs: number,
  { axis, smoothing }: View = { axis: 'time', smoothing: SMOOTHING_DEFAULT },
): Curves {
  const points = withTabs(
    [...unordered].sort((a, b) =>
      axis === 'time' ? a.atMs - b.atMs || a.round - b.round : a.round - b.round,
    ),
  );
  const column = (pick: (point: MetricPoint) => number | null) => points.map(pick);
  const loss = column((point) => point.loss);
  const valAccuracy = column((point) => point.valAccuracy);
  const valError = column((point) => point.valError ?? null);
  const xs = points.map((point) => (axis === 'time' ? point.atMs / 1000 : point.round));
  const first = xs[0] ?? 0;
  const last = Math.max(axis === 'time' ? elapsedMs / 1000 : 0, xs.at(-1) ?? 0, first + RANGE_MIN[axis]);
  return {
    points,
    axis,
    xs,
    loss,
    lossSmooth: smooth(loss, smoothing),
    lossMin: column((point) => point.lossMin),
    lossMax: column((point) => point.lossMax),
    valLoss: column((point) => point.valLoss),
    valAccuracy,
    valAccuracySmooth: smooth(valAccuracy, smoothing),
    valError,
    valErrorSmooth: smooth(valError, smoothing),
    valReconstruction: column((point) => point.valReconstruction ?? null),
    valKl: column((point) => point.valKl ?? null),
    range: [Math.max(0, first - (last - first) * LEAD), last],
  };
}

/** A point of an evaluation alone was counted by nobody: it has the tabs of the point before it. */
function withTabs(points: readonly MetricPoint[]): readonly MetricPoint[] {
  let volunteers = 0;
  return points.map((point) => {
    if (point.loss !== null) volunteers = point.volunteers;
    return point.loss === null ? { ...point, volunteers } : point;
  });
}

/**
 * The mean of an exponential moving average from the left and one from the right, so that the curve does not lag behind
 * what it smooths; both are corrected for their start (Adam, Kingma & Ba 2015, section 3). Gaps stay gaps. A short curve
 * is hardly smoothed: there is no noise to see through yet, and its ends would bend.
 * @param most weight of the neighbours in a long curve, 0..1
 */
export function smooth(values: Column, most = SMOOTHING_DEFAULT): Column {
  const count = values.reduce<number>((sum, value) => sum + (value === null ? 0 : 1), 0);
  const weight = count === 0 ? 0 : Math.min(most, Math.max(0, 1 - POINTS_UNSMOOTHED / count));
  const forward = averaged(values, weight);
  const backward = averaged(values.toReversed(), weight).toReversed();
  return forward.map((value, index) => (value === null ? null : (value + backward[index]!) / 2));
}

function averaged(values: Column, past: number): Column {
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = past * sum + (1 - past) * value;
    weight = past * weight + (1 - past);
    return sum / weight;
  });
}

/** Index of the nearest of these; -1 when there is none. @param xs ascending */
export function nearest(xs: readonly number[], at: number): number {
  if (xs.length === 0) return -1;
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle]! <= at) low = middle;
    else high = middle;
  }
  return at - xs[low]! <= xs[high]! - at ? low : high;
}

/** Where a moment stands on the axis of these curves: between two rounds in proportion to the time between them. */
export function xOfMoment(
  { axis, points, xs }: Pick<Curves, 'axis' | 'points' | 'xs'>,
  atMs: number,
): number {
  if (axis === 'time') return atMs / 1000;
  const after = points.findIndex((point) => point.atMs >= atMs);
  if (after === -1) return xs.at(-1) ?? 0;
  const [before, next] = [points[after - 1], points[after]!];
  if (before === undefined || next.atMs <= before.atMs) return xs[after]!;
  const share = (atMs - before.atMs) / (next.atMs - before.atMs);
  return xs[after - 1]! + share * (xs[after]! - xs[after - 1]!);
}

/** At most `most` of them, evenly, with the last one: for tables that stand beside a chart. */
export function sampled<T>(values: readonly T[], most: number): readonly T[] {
  if (values.length <= most) return values;
  const step = (values.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => values[Math.round(index * step)]!);
}

export type ChurnKind = 'join' | 'leave' | 'restart' | 'refound';

export interface ChurnMark {
  readonly kind: ChurnKind;
  /** 0..1 along the axis; what came before the axis stands at its start. */
  readonly at: number;
  readonly event: RunEvent;
}

const CHURN: Readonly<Record<string, ChurnKind>> = {
  joined: 'join',
  left: 'leave',
  restarted: 'restart',
  founded: 'refound',
};

export function churnMarks(
  events: readonly RunEvent[],
  curves: Pick<Curves, 'axis' | 'points' | 'xs' | 'range'>,
): readonly ChurnMark[] {
  const [from, to] = curves.range;
  const marks: ChurnMark[] = [];
  for (const event of events) {
    const kind = CHURN[event.kind];
    if (kind === undefined) continue;
    const at = (xOfMoment(curves, event.atMs) - from) / (to - from);
    marks.push({ kind, at: Math.min(1, Math.max(0, at)), event });
  }
  return marks;
}
