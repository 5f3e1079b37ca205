import { expect, it } from 'vitest';
import { CycleSum } from './cycle-sum.ts';

const update = (sampleCount: number, stepCount: number, loss: number) => ({
  sampleCount,
  stepCount,
  trainMs: 10 * stepCount,
  loss,
});

it('[N3] a cycle is the sum of its rounds: all samples, the steps of the mean tab, the time of the slowest, the mean loss', () => {
  const sum = new CycleSum();
  expect(sum.isEmpty).toBe(true);
  sum.add([update(80, 5, 2), update(40, 3, 1)], 1);
  sum.add([update(60, 4, 1)], 2);
  expect(sum.isEmpty).toBe(false);
  expect(sum.progress).toEqual({ sampleCount: 180, stepCount: 8, trainMs: 90, loss: (160 + 40 + 60) / 180 });
});

it('[N3] who came in the middle of a cycle takes what it saw for what was usual, time and all', () => {
  const late = new CycleSum();
  late.add([update(80, 5, 2)], 4);
  expect(late.progress).toEqual({ sampleCount: 320, stepCount: 20, trainMs: 200, loss: 2 });
});
