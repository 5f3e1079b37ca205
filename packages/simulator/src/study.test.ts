import { mulberry } from '@murmuration/codec';
import { ADAPTIVE_OPTIMISERS } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { CharacterModel, characterLayout, CONTEXT, firstWeights } from './character-model.ts';
import { textOf, writeText } from './study-text.ts';
import { LowRankExchange, trainLowRank } from './study-low-rank.ts';
import { trainAlone, trainSwarm, trainSynchronous, type SwarmOptions } from './study-training.ts';

const text = textOf('made-up', writeText(1, 20_000));
const SMALL: SwarmOptions = {
  text,
  seed: 1,
  peers: 3,
  batchSize: 4,
  steps: 12,
  optimiser: 'adam',
  learningRate: 0.004,
  evaluateEverySteps: 4,
  validationSamples: 300,
  localSteps: 4,
  warmUpRounds: 0,
  scheme: 'topk-256',
  outerLearningRate: 1,
  divisor: 'all',
  churnShare: 0,
};

describe('study text', () => {
  it('is the same for a seed, differs between seeds, and uses most letters', () => {
    expect(writeText(1, 5_000)).toBe(writeText(1, 20_000).slice(0, 5_000));
    expect(writeText(2, 5_000)).not.toBe(writeText(1, 5_000));
    expect(text.alphabetSize).toBeGreaterThan(40);
    expect(text.trainingCount).toBe(18_000);
  });

  it('of many symbols keeps the 63 commonest apart and makes one of the rest', () => {
    const symbols = Array.from({ length: 200 }, (_, i) => String.fromCharCode(0x100 + i).repeat(200 - i));
    const { alphabetSize, characters } = textOf('symbols', symbols.join(''));
    expect(alphabetSize).toBe(64);
    expect(Math.max(...characters)).toBe(63);
  });
});

describe('character model', () => {
  it("the gradient is the loss's slope, in every tensor", () => {
    const model = new CharacterModel(text, 9);
    const weights = firstWeights(model.layout, 1);
    const random = mulberry(3);
    const positions = Uint32Array.from(
      { length: 9 },
      () => CONTEXT + Math.floor(random() * (text.trainingCount - CONTEXT)),
    );
    model.learn(weights, positions);
    const gradient = model.gradient.slice();
    const { bias1, kernel2, bias2, kernel3, bias3, parameterCount } = model.layout;
    const ends = [bias1, kernel2, bias2, kernel3, bias3, parameterCount];
    for (const [i, end] of ends.entries()) {
      // The steepest of each tensor: the slope of a flat one drowns in rounding.
      let steepest = ends[i - 1] ?? 0;
      for (let at = steepest; at < end; at++)
        if (Math.abs(gradient[at]!) > Math.abs(gradient[steepest]!)) steepest = at;
      const kept = weights[steepest]!;
      weights[steepest] = kept + 1e-3;
      const above = model.evaluate(weights, positions);
      weights[steepest] = kept - 1e-3;
      const below = model.evaluate(weights, positions);
      weights[steepest] = kept;
      expect((above - below) / 2e-3 / gradient[steepest]!).toBeCloseTo(1, 2);
    }
  });

  it('the gradient of a batch does not remember the batch before', () => {
    const model = new CharacterModel(text, 2);
    const weights = firstWeights(model.layout, 1);
    model.learn(weights, Uint32Array.of(100, 200));
    const first = model.gradient.slice();
    model.learn(weights, Uint32Array.of(5_000, 6_000));
    model.learn(weights, Uint32Array.of(100, 200));
    expect(model.gradient.every((value, i) => value === first[i])).toBe(true);
  });
});

describe('training in lockstep', () => {
  it.each(ADAPTIVE_OPTIMISERS)('learns with %s, and is the same for a seed', (optimiser) => {
    const curve = trainSwarm({ ...SMALL, optimiser, steps: 40 });
    expect(curve.points.at(-1)!.loss).toBeLessThan(Math.log(text.alphabetSize) - 0.5);
    expect(trainSwarm({ ...SMALL, optimiser, steps: 40 })).toEqual(curve);
  });

  it.each(ADAPTIVE_OPTIMISERS)(
    'one peer that exchanges after every step, uncompressed, is the lone tab: %s',
    (optimiser) => {
      const one = { ...SMALL, optimiser, peers: 1, localSteps: 1, scheme: 'fp32' as const };
      expect(trainSwarm(one).finalLoss).toBeCloseTo(trainAlone(one).finalLoss, 4);
      expect(trainSynchronous(one)).toEqual({ ...trainAlone(one), payloadBits: 32 });
    },
  );

  it('payload is what the codec wrote: 32 bits over H for fp32, less than half a bit over H for topk-256', () => {
    expect(trainSwarm({ ...SMALL, scheme: 'fp32' }).payloadBits).toBeCloseTo(32 / 4, 2);
    expect(trainSwarm(SMALL).payloadBits).toBeLessThan(0.5 / 4);
  });

  it('goes on while half of the peers are replaced in every round', () => {
    const curve = trainSwarm({ ...SMALL, steps: 40, churnShare: 0.5 });
    expect(curve.finalLoss).toBeLessThan(Math.log(text.alphabetSize) - 0.3);
    expect(curve).not.toEqual(trainSwarm({ ...SMALL, steps: 40 }));
  });
});

describe('low rank', () => {
  const layout = characterLayout(text.alphabetSize);

  it('matrices of that rank arrive whole; of others the rest stays with the peer, and nothing is lost', () => {
    const random = mulberry(7);
    const thin = new Float32Array(layout.parameterCount);
    const [rows, columns] = [layout.bias1 / 160, 160];
    const left = Float32Array.from({ length: rows }, () => random() - 0.5);
    const right = Float32Array.from({ length: columns }, () => random() - 0.5);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) thin[r * columns + c] = left[r]! * right[c]!;
    const full = thin.map((value) => value + 0.1 * (random() - 0.5));
    for (const [vector, isWhole] of [
      [thin, true],
      [full, false],
    ] as const) {
      const rest = vector.slice();
      const { mean } = new LowRankExchange(layout, 1, 3).mean([rest]);
      const size = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
      expect(size(mean.map((v, i) => v + rest[i]! - vector[i]!)) / size(vector)).toBeLessThan(1e-3);
      if (isWhole) expect(size(rest) / size(vector)).toBeLessThan(0.01);
      else expect(size(rest) / size(vector)).toBeGreaterThan(0.05);
    }
  });

  it('trains, and a step of rank 4 takes more bytes than one of rank 1', () => {
    const train = (rank: number) => trainLowRank({ ...SMALL, steps: 8, evaluateEverySteps: 4, rank });
    const [one, four] = [train(1), train(4)];
    expect(four.finalLoss).toBeLessThan(Math.log(text.alphabetSize));
    expect(four.payloadBits).toBeGreaterThan(2 * one.payloadBits);
    expect(one.payloadBits).toBeLessThan(0.1);
  });
});
