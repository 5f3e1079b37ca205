import { expect, it } from 'vitest';
import { pointAfter, studyNodes, timeTo } from './study-nodes.ts';

const CURVE = [
  { atMs: 0, samples: 0, loss: 2, accuracy: 0 },
  { atMs: 1_000, samples: 100, loss: 1, accuracy: 0.5 },
  { atMs: 3_000, samples: 300, loss: 0.5, accuracy: 1 },
];

it('ways whose rounds are far apart are held against each other after equal samples', () => {
  expect(pointAfter(CURVE, 200)).toEqual({ samples: 200, loss: 0.75, accuracy: 0.75, atMs: 2_000 });
  expect(pointAfter(CURVE, 50)).toEqual({ samples: 50, loss: 1.5, accuracy: 0.25, atMs: 500 });
  expect(pointAfter(CURVE, 0)).toEqual(CURVE[0]);
  expect(pointAfter(CURVE, 301)).toBeNull();
});

it('a loss is reached with the round that brings it, not on the way there', () => {
  expect(timeTo(CURVE, 0.9)).toBe(3_000);
  expect(timeTo(CURVE, 1)).toBe(1_000);
  expect(timeTo(CURVE, 0.4)).toBeNull();
});

it('a study is the curve of what all share, from the first parameters to beyond the samples', () => {
  const { points, samples, violations } = studyNodes(
    { model: 'softmax', tabs: 4, nodes: 2, betweenEvery: 2, rounds: 100 },
    { samplesMax: 4_000 },
  );
  expect(violations).toBe(0);
  expect(points[0]).toMatchObject({ samples: 0 });
  expect(points.at(-1)!.samples).toBe(samples);
  expect(points.at(-2)!.samples).toBeLessThan(samples);
  expect(points.at(-1)!.loss).toBeLessThan(points[0]!.loss);
  expect(pointAfter(points, 4_000)!.loss).toBeLessThan(points[0]!.loss);
});
