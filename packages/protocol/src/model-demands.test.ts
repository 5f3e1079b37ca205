import { expect, it } from 'vitest';
import { largestActivation, modelDemands } from './model-demands.ts';
import { presetModel } from './model-presets.ts';

it('weights, gradients and moments are counted once each, activations by the sample', () => {
  const mlp = presetModel('mlp', [28, 28, 1], 10);
  const one = modelDemands(mlp, { batchSize: 1, optimiser: 'adam' });
  const ten = modelDemands(mlp, { batchSize: 10, optimiser: 'adam' });
  expect(one.parameterCount).toBe(101_770);
  expect(one.stateBytes).toBe(4 * 5 * 101_770);
  expect(modelDemands(mlp, { batchSize: 1, optimiser: 'rmsprop-floored' }).stateBytes).toBe(4 * 4 * 101_770);
  // 784 pixels, flat again, 128 and 10 units; a gradient for each.
  expect(one.activationBytesPerSample).toBe(8 * (784 + 784 + 128 + 10));
  expect(ten.stepBytes - one.stepBytes).toBe(9 * one.activationBytesPerSample);
  expect(one.largestBufferBytes).toBe(4 * 784 * 128);
});

it('a transformer is asked for its table of attention, which grows with the square of the text', () => {
  const short = modelDemands(presetModel('gpt', [64], 65), { batchSize: 8, optimiser: 'adam' });
  const long = modelDemands(presetModel('gpt', [512], 65), { batchSize: 8, optimiser: 'adam' });
  expect(largestActivation(presetModel('gpt', [512], 65))).toBe(4 * 512 * 512);
  expect(long.activationBytesPerSample / short.activationBytesPerSample).toBeGreaterThan(8);
  expect(long.largestBufferBytes).toBe(4 * 8 * 4 * 512 * 512);
});
