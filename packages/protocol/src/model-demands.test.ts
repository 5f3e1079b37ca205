import { expect, it } from 'vitest';
import { largestActivation, modelDemands } from './model-demands.ts';
import { presetModel } from './model-presets.ts';

it('activations are counted by the sample, forwards and backwards', () => {
  const mlp = presetModel('mlp', [28, 28, 1], 10);
  const demands = modelDemands(mlp, { batchSize: 1 });
  expect(demands.parameterCount).toBe(101_770);
  // 784 pixels, flat again, 128 and 10 units; a gradient for each.
  expect(demands.activationBytesPerSample).toBe(8 * (784 + 784 + 128 + 10));
  expect(demands.largestBufferBytes).toBe(4 * 784 * 128);
});

it('a transformer is asked for its table of attention, which grows with the square of the text', () => {
  const short = modelDemands(presetModel('gpt', [64], 65), { batchSize: 8 });
  const long = modelDemands(presetModel('gpt', [512], 65), { batchSize: 8 });
  expect(largestActivation(presetModel('gpt', [512], 65))).toBe(4 * 512 * 512);
  expect(long.activationBytesPerSample / short.activationBytesPerSample).toBeGreaterThan(8);
  expect(long.largestBufferBytes).toBe(4 * 8 * 4 * 512 * 512);
});
