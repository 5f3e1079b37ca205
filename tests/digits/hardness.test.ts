/**
 * The built-in digits are worth training on: hard enough that a linear model fails, easy enough that a small network
 * succeeds within minutes. 12,000 train, 2,000 validate, as in the example run.
 *
 * Measured with seed 7: linear 88.7 % at best, and 88.5 % in 60 epochs with a falling rate; MLP of 128 97.1 % after 2
 * epochs and 98.5 % after 5. Seeds 1 and 42 lie within 1.5 points.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { DIGIT_CLASS_COUNT, DIGIT_SIDE_PIXELS, drawDigits } from '../../coordinator/src/datasets/digits.ts';
import { type LabelledSamples, PlainNetwork } from './plain-network.ts';

const TRAIN_SAMPLE_COUNT = 12_000;
const VALIDATION_SAMPLE_COUNT = 2_000;
const PIXELS = DIGIT_SIDE_PIXELS * DIGIT_SIDE_PIXELS;
const TIMEOUT_MS = 180_000;

let train: LabelledSamples;
let held: LabelledSamples;
beforeAll(() => {
  const { samples, labels } = drawDigits({ seed: 7, count: TRAIN_SAMPLE_COUNT + VALIDATION_SAMPLE_COUNT });
  const rows = (from: number, to: number) => ({
    samples: samples.subarray(from * PIXELS, to * PIXELS),
    labels: labels.subarray(from, to),
  });
  train = rows(0, TRAIN_SAMPLE_COUNT);
  held = rows(TRAIN_SAMPLE_COUNT, TRAIN_SAMPLE_COUNT + VALIDATION_SAMPLE_COUNT);
}, TIMEOUT_MS);

describe('hardness of the drawn digits', () => {
  it(
    'a linear softmax stays under 92 %, at its best learning rate and its best epoch',
    () => {
      // Chosen by looking at the validation set, which flatters the linear model: the bound holds all the more.
      const accuracies = [0.006, 0.02, 0.06].map((learningRate) => {
        const network = new PlainNetwork({ widths: [PIXELS, DIGIT_CLASS_COUNT], batch: 64, seed: 1 });
        const decay = [1, 1, 1, 0.5, 0.2, 0.05];
        return Math.max(
          ...decay.map((factor) => {
            network.trainEpoch(train, learningRate * factor);
            return network.accuracy(held);
          }),
        );
      });
      console.log(`linear softmax, best epoch at three rates: ${accuracies.map(percent).join(', ')}`);
      const best = Math.max(...accuracies);
      expect(best).toBeLessThan(0.92);
      // Far above chance: it did learn, so the bound says something.
      expect(best).toBeGreaterThan(0.8);
    },
    TIMEOUT_MS,
  );

  it(
    'an MLP of 128 reaches 97 % within 10 epochs, and 95 % within 4, with the inner optimiser of a tab',
    () => {
      const network = new PlainNetwork({ widths: [PIXELS, 128, DIGIT_CLASS_COUNT], batch: 32, seed: 1 });
      const accuracies: number[] = [];
      while (accuracies.length < 10 && (accuracies.at(-1) ?? 0) < 0.97) {
        network.trainEpoch(train, 0.002);
        accuracies.push(network.accuracy(held));
      }
      console.log(`MLP of 128, after each epoch: ${accuracies.map(percent).join(', ')}`);
      expect(accuracies.at(-1)).toBeGreaterThanOrEqual(0.97);
      expect(accuracies.findIndex((accuracy) => accuracy >= 0.95)).toBeLessThan(4);
    },
    TIMEOUT_MS,
  );
});

const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
