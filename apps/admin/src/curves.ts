/**
 * The curves of a run as columns for the charts: time in seconds on x, aligned series on y. Pure.
 *
 * Points come by round; a rollback may have rewritten some of them, so they are ordered by time here.
 */
import type { MetricPoint, RunEvent } from '@murmuration/protocol';

type Column = readonly (number | null)[];

export interface Curves {
  readonly points: readonly MetricPoint[];
  readonly seconds: readonly number[];
  readonly loss: Column;
  readonly lossSmooth: Column;
  readonly lossMin: Column;
  readonly lossMax: Column;
  readonly valLoss: Column;
  readonly valAccuracy: Column;
  /** Ends of the time axis, in seconds; the same for every lane. */
  readonly range: readonly [number, number];
}

/** Weight of the neighbours in a long smooth curve: half of a value's influence is gone 4 points away. */
const SMOOTHING_MAX = 0.84;
/** A curve of this many points is shown as it is. A guess. */
const POINTS_UNSMOOTHED = 6;
/** The axis begins this part of its length before the first point. */
const LEAD = 0.02;
const RANGE_MIN_SECONDS = 10;

export function curvesOf(unordered: readonly MetricPoint[], elapsedMs: number): Curves {
  const points = withTabs([...unordered].sort((a, b) => a.atMs - b.atMs || a.round - b.round));
  const column = (pick: (point: MetricPoint) => number | null) => points.map(pick);
  const loss = column((point) => point.loss);
  const first = (points[0]?.atMs ?? 0) / 1000;
  const last = Math.max(elapsedMs / 1000, (points.at(-1)?.atMs ?? 0) / 1000, first + RANGE_MIN_SECONDS);
  return {
    points,
    seconds: points.map((point) => point.atMs / 1000),
    loss,
    lossSmooth: smooth(loss),
    lossMin: column((point) => point.lossMin),
    lossMax: column((point) => point.lossMax),
    valLoss: column((point) => point.valLoss),
    valAccuracy: column((point) => point.valAccuracy),
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
 */
export function smooth(values: Column): Column {
  const weight = Math.min(SMOOTHING_MAX, Math.max(0, 1 - POINTS_UNSMOOTHED / values.length));
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

/** Index of the point that is nearest in time; -1 when there is none. */
export function nearest(seconds: readonly number[], at: number): number {
  let best = -1;
  for (const [index, value] of seconds.entries())
    if (best < 0 || Math.abs(value - at) < Math.abs(seconds[best]! - at)) best = index;
  return best;
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
  /** 0..1 along the time axis; what came before the axis stands at its start. */
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
  [from, to]: readonly [number, number],
): readonly ChurnMark[] {
  const marks: ChurnMark[] = [];
  for (const event of events) {
    const kind = CHURN[event.kind];
    if (kind === undefined) continue;
    const at = (event.atMs / 1000 - from) / (to - from);
    marks.push({ kind, at: Math.min(1, Math.max(0, at)), event });
  }
  return marks;
}
