/**
 * Curves of any length become curves of a bounded one: largest triangle, three buckets (S. Steinarsson, Downsampling Time
 * Series for Visual Representation, 2013, section 4.2), which keeps the first, the last, and in between of every bucket the
 * point that stands out most. Pure.
 */
import type { MetricPoint, RunSummary } from '@murmuration/protocol';

/**
 * At most `countMax` points of a run's curve, by round. Evaluations are few and are what people look for: they get up to
 * half of the room, training losses the rest.
 * @param points by round, ascending
 */
export function thinnedPoints(points: readonly MetricPoint[], countMax: number): MetricPoint[] {
  if (points.length <= countMax) return [...points];
  const isMeasured = (point: MetricPoint) => point.valLoss !== null || point.valAccuracy !== null;
  const measured = points.filter(isMeasured);
  const plain = points.filter((point) => !isMeasured(point));
  const measuredMax = Math.min(measured.length, Math.max(Math.floor(countMax / 2), countMax - plain.length));
  const kept = [
    ...thinned(measured, measuredMax, (point) => point.valLoss ?? 1 - (point.valAccuracy ?? 0)),
    ...thinned(plain, countMax - measuredMax, (point) => point.loss ?? 0),
  ];
  return kept.toSorted((a, b) => a.round - b.round);
}

/** A run's curve in a picture of a few dozen pixels: accuracies if there are any, else training losses. */
export function sparkline(points: readonly MetricPoint[], countMax: number): RunSummary['sparkline'] {
  const metric = points.some(({ valAccuracy }) => valAccuracy !== null) ? 'accuracy' : 'loss';
  const valueOf = ({ valAccuracy, loss }: MetricPoint) => (metric === 'accuracy' ? valAccuracy : loss);
  const known = points.filter((point) => valueOf(point) !== null);
  return {
    metric,
    values: thinned(known, countMax, (point) => valueOf(point)!).map((point) => valueOf(point)!),
  };
}

function thinned<T extends { readonly round: number }>(
  points: readonly T[],
  countMax: number,
  valueOf: (point: T) => number,
): T[] {
  if (points.length <= countMax) return [...points];
  if (countMax <= 0) return [];
  if (countMax < 3) return [points[0]!, points.at(-1)!].slice(0, countMax);
  const kept = [points[0]!];
  const bucketSize = (points.length - 2) / (countMax - 2);
  for (let bucket = 0; bucket < countMax - 2; bucket++) {
    const from = 1 + Math.floor(bucket * bucketSize);
    const to = 1 + Math.floor((bucket + 1) * bucketSize);
    const nextTo = Math.min(points.length, 1 + Math.floor((bucket + 2) * bucketSize));
    let roundSum = 0;
    let valueSum = 0;
    for (let i = to; i < nextTo; i++) {
      roundSum += points[i]!.round;
      valueSum += valueOf(points[i]!);
    }
    const nextRound = roundSum / Math.max(1, nextTo - to);
    const nextValue = valueSum / Math.max(1, nextTo - to);
    const { round: lastRound } = kept.at(-1)!;
    const lastValue = valueOf(kept.at(-1)!);
    let chosen = points[from]!;
    let areaMax = -1;
    for (let i = from; i < to; i++) {
      const point = points[i]!;
      const area = Math.abs(
        (lastRound - nextRound) * (valueOf(point) - lastValue) -
          (lastRound - point.round) * (nextValue - lastValue),
      );
      if (area <= areaMax) continue;
      areaMax = area;
      chosen = point;
    }
    kept.push(chosen);
  }
  return [...kept, points.at(-1)!];
}
