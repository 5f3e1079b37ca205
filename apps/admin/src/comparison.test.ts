import { CURVE_POINTS_MAX } from '@murmuration/protocol';
import type { Comparison, MetricPoint } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { comparedCurves, layerTexts, lookOf, pointsEach, valueAt } from './comparison.ts';
import { metricFor, metricOf, pickedOf, SMOOTHING_DEFAULT, viewOf, withPick } from './view.ts';

const point = (
  round: number,
  atMs: number,
  loss: number | null,
  valAccuracy: number | null = null,
): MetricPoint => ({
  ...{ round, atMs, loss, lossMin: null, lossMax: null, valLoss: null, valAccuracy, volunteers: 1 },
});
const run = (letter: string, points: MetricPoint[]) =>
  ({ id: `run_${letter.repeat(26)}`, points }) as unknown as Comparison['runs'][number];

describe('curves of several runs', () => {
  const a = run('a', [point(1, 10_000, 4), point(2, 12_000, 2), point(4, 16_000, 1)]);
  const b = run('b', [point(2, 90_000, 3), point(3, 91_000, null, 0.5)]);

  it('stand on one axis of rounds, with gaps where a run measured nothing', () => {
    const { xs, curves, range } = comparedCurves([a, b], 'loss', { axis: 'round', smoothing: 0 });
    expect(xs).toEqual([1, 2, 4]);
    expect(curves.map(({ raw }) => raw)).toEqual([
      [4, 2, 1],
      [null, 3, null],
    ]);
    expect(range).toEqual([0, 4]);
  });

  it('count time from the first point of each run, whenever it began', () => {
    const { xs, curves } = comparedCurves([a, b], 'loss', { axis: 'time', smoothing: 0 });
    expect(xs).toEqual([0, 2, 6]);
    expect(curves[1]!.raw).toEqual([3, null, null]);
    const accuracy = comparedCurves([a, b], 'valAccuracy', { axis: 'time', smoothing: 0 });
    expect(accuracy.xs).toEqual([1]);
    expect(accuracy.curves[0]!.raw).toEqual([null]);
  });

  it('are read at the latest value before a place', () => {
    expect([0, 1, 2, 9].map((index) => valueAt([null, 3, null], index))).toEqual([null, 3, 3, 3]);
  });

  it('of 50 runs together are bounded, and a single one has what the API gives at most', () => {
    expect(pointsEach(1)).toBe(CURVE_POINTS_MAX);
    expect(50 * pointsEach(50)).toBeLessThanOrEqual(40_000);
  });

  it('are told apart by more than colour', () => {
    const looks = Array.from({ length: 24 }, (_, index) => lookOf(index));
    expect(new Set(looks.map(({ colour, look }) => `${colour} ${look}`)).size).toBe(24);
  });
});

describe('layers that differ', () => {
  it('are told one by one, and every other value is left to its own words', () => {
    const layers = [{ kind: 'flatten' }, { kind: 'dense', units: 128, activation: 'relu', padding: [1, 2] }];
    expect(layerTexts(layers)).toEqual(['flatten', 'dense, units 128, relu, padding [1,2]']);
    for (const other of ['cnn', 3, null, [1, 2], [null], {}]) expect(layerTexts(other)).toBeNull();
  });
});

describe('the view in the address', () => {
  const of = (text: string) => new URLSearchParams(text);
  const [a, b] = ['a', 'b'].map((letter) => `run_${letter.repeat(26)}`) as [string, string];

  it('is read back as it was written, and nonsense counts as not said', () => {
    expect(viewOf(of('axis=round&smooth=0.5'))).toEqual({ axis: 'round', smoothing: 0.5 });
    for (const text of ['', 'axis=space&smooth=much', 'smooth='])
      expect(viewOf(of(text))).toEqual({ axis: 'time', smoothing: SMOOTHING_DEFAULT });
    expect(viewOf(of('smooth=7')).smoothing).toBeLessThan(1);
    expect([metricOf(of('metric=valLoss')), metricOf(of('metric=toString'))]).toEqual(['valLoss', null]);
  });

  it('names each picked run once, and no other text', () => {
    expect(pickedOf(of(`runs=${a},${b},${a},run_../../x`))).toEqual([a, b]);
    expect(withPick([a], b, true)).toBe(`${a},${b}`);
    expect(withPick([a], a, false)).toBeNull();
  });

  it('without a metric shows what was measured on held-out samples, before that the loss', () => {
    expect(metricFor([point(1, 0, 1)])).toBe('loss');
    expect(metricFor([point(1, 0, 1), point(2, 0, null, 0.3)])).toBe('valAccuracy');
  });
});
