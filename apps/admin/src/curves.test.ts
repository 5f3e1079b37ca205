import type { MetricPoint, RunEvent } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { churnMarks, curvesOf, nearest, sampled, smooth, xOfMoment } from './curves.ts';

const point = (round: number, atMs: number, loss: number | null = null): MetricPoint => ({
  round,
  atMs,
  loss,
  lossMin: null,
  lossMax: null,
  valLoss: null,
  valAccuracy: null,
  volunteers: 1,
});

describe('curves', () => {
  it('are ordered by time, also after a rollback rewrote earlier rounds', () => {
    const { xs, points } = curvesOf([point(1, 1000), point(2, 5000), point(3, 3000)], 6000);
    expect(xs).toEqual([1, 3, 5]);
    expect(points.map(({ round }) => round)).toEqual([1, 3, 2]);
  });

  it('share a time axis that holds every point and what has passed since', () => {
    const { range } = curvesOf([point(1, 100_000), point(2, 150_000)], 200_000);
    expect(range[0]).toBeCloseTo(98);
    expect(range[1]).toBe(200);
    expect(curvesOf([], 0).range).toEqual([0, 10]);
  });

  it('a point of an evaluation alone has the tabs of the point before it', () => {
    const evaluated = { ...point(2, 2000), volunteers: 0, valAccuracy: 0.9 };
    expect(curvesOf([{ ...point(1, 1000, 2), volunteers: 3 }, evaluated], 0).points[1]?.volunteers).toBe(3);
  });

  it('a curve of few points is shown as it is', () => {
    expect(smooth([3, 1, 0.5, 0.1])).toEqual([3, 1, 0.5, 0.1]);
  });

  it('a constant stays itself when smoothed, and gaps stay gaps', () => {
    const smoothed = smooth([2, 2, null, 2]);
    expect(smoothed[2]).toBeNull();
    for (const index of [0, 1, 3]) expect(smoothed[index]).toBeCloseTo(2, 12);
  });

  it('the smooth curve does not lag: a straight line stays where it is, and a step is met halfway', () => {
    const line = Array.from({ length: 101 }, (_, index) => index);
    expect(smooth(line)[50]).toBeCloseTo(50, 2);
    const step = smooth([...Array<number>(100).fill(0), ...Array<number>(100).fill(1)]);
    expect((step[99]! + step[100]!) / 2).toBeCloseTo(0.5, 6);
  });
});

describe('reading them', () => {
  it('the nearest point in time is found; none when there is none', () => {
    expect(nearest([1, 4, 9], 6)).toBe(1);
    expect(nearest([1, 4, 9], 100)).toBe(2);
    expect(nearest([], 3)).toBe(-1);
  });

  it('a table takes evenly spread rows with the first and the last', () => {
    const rows = Array.from({ length: 1000 }, (_, index) => index);
    expect(sampled(rows, 5)).toEqual([0, 250, 500, 749, 999]);
    expect(sampled([1, 2], 5)).toEqual([1, 2]);
  });
});

describe('the churn lane', () => {
  const event = (kind: string, atMs: number): RunEvent => ({
    sequence: atMs,
    atMs,
    kind,
    volunteerId: null,
    text: kind,
  });

  it('shows joins, leaves, restarts and new terms at their time, and nothing else', () => {
    const events = [
      event('joined', 0),
      event('state', 5000),
      event('left', 20_000),
      event('restarted', 30_000),
    ];
    const curves = { axis: 'time', points: [], xs: [], range: [10, 30] } as const;
    expect(churnMarks(events, curves).map(({ kind, at }) => [kind, at])).toEqual([
      ['join', 0],
      ['leave', 0.5],
      ['restart', 1],
    ]);
  });

  it('stands aligned with rounds too: between two of them in proportion to the time', () => {
    const curves = curvesOf([point(10, 1_000), point(20, 3_000)], 0, { axis: 'round', smoothing: 0 });
    expect(curves.xs).toEqual([10, 20]);
    expect([0, 1_000, 2_500, 9_000].map((atMs) => xOfMoment(curves, atMs))).toEqual([10, 10, 17.5, 20]);
  });
});
