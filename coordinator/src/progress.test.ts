import { DEFAULT_TRAINING, type MetricPoint } from '@murmuration/protocol';
import { expect, it } from 'vitest';
import { forecast } from './progress.ts';

const point = (round: number): MetricPoint => ({
  round,
  atMs: round * 1_000,
  loss: 1,
  lossMin: 1,
  lossMax: 1,
  volunteers: 2,
  valLoss: null,
  valAccuracy: null,
});

it.each([null, 0.95])(
  'tabs that went past the last round leave no time, not less than none (target %s)',
  (target) => {
    const training = { ...DEFAULT_TRAINING, roundsMax: 60, targetAccuracy: target };
    const points = [58, 59, 60, 61, 63].map(point);
    expect(forecast(points, 63, training)).toEqual({ progress: 1, etaMs: [0, 0] });
    expect(forecast(points.slice(0, 3), 40, training).etaMs).not.toEqual([0, 0]);
  },
);
