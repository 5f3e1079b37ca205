import { describe, expect, it } from 'vitest';
import type { DatasetManifest } from './dataset.ts';
import type { LayerSpec } from './model-layers.ts';
import { presetModel } from './model-presets.ts';
import { errorUnitOf, isBetter, isReached, misfit, settledObjective, taskOf } from './task.ts';

type Data = Pick<DatasetManifest, 'sampleShape' | 'encoding' | 'target'>;
const images: Data = {
  sampleShape: [28, 28, 1],
  encoding: 'uint8',
  target: { kind: 'class', classCount: 10 },
};
const prices: Data = {
  sampleShape: [7],
  encoding: 'float32',
  target: { kind: 'value', size: 2, mean: [1, 2], stdDev: [3, 4] },
};
const text: Data = {
  sampleShape: [16],
  encoding: 'token',
  target: { kind: 'next-token', vocabularySize: 65 },
};

describe('whether a model can learn a dataset', () => {
  it('every preset fits the data of its kind', () => {
    for (const preset of ['mlp', 'cnn', 'resnet'] as const)
      expect(misfit(presetModel(preset, images.sampleShape, 10), images)).toBeNull();
    expect(misfit(presetModel('mlp', [7], 2), prices)).toBeNull();
    for (const preset of ['gru', 'gpt'] as const)
      expect(misfit(presetModel(preset, [16], 65), text)).toBeNull();
  });

  const dense = (units: number): LayerSpec => ({ kind: 'dense', units, activation: 'linear' });
  const embedding = (vocabularySize: number): LayerSpec => ({ kind: 'embedding', vocabularySize, units: 4 });
  it.each([
    [
      presetModel('mlp', [28, 28], 10),
      images,
      'model.inputShape',
      'samples are [28,28,1], the model takes [28,28]',
    ],
    [
      presetModel('mlp', [28, 28, 1], 9),
      images,
      'model.layers',
      'has 10 classes, so the last layer must give [10]; it gives [9]',
    ],
    [presetModel('mlp', [7], 1), prices, 'model.layers', 'has 2 values, so the last layer must give [2]'],
    [presetModel('mlp', [16], 65), text, 'model.layers', 'begin with an embedding'],
    [
      { name: 'm', inputShape: [16], layers: [embedding(64), dense(65)] },
      text,
      'model.layers',
      'has 65 tokens, the embedding knows 64',
    ],
    [
      { name: 'm', inputShape: [16], layers: [embedding(65), { kind: 'lastStep' }, dense(65)] },
      text,
      'model.layers',
      'must give [16,65]; it gives [65]',
    ],
    [
      { name: 'm', inputShape: [7], layers: [embedding(65), { kind: 'flatten' }, dense(2)] },
      prices,
      'model.layers',
      'an embedding reads ids',
    ],
  ] as const)('says which field does not fit, and how (%#)', (model, data, field, message) => {
    const found = misfit(model as Parameters<typeof misfit>[0], data);
    expect(found?.field).toBe(field);
    expect(found?.message).toContain(message);
  });
});

describe('the objective', () => {
  const vae = presetModel('vae', images.sampleShape, 10);
  const numbersVae = presetModel('vae', prices.sampleShape, 2);

  it('of a model with a sampling layer is autoencoding, with the reconstruction that the data has, and no accuracy', () => {
    const settled = { objective: 'autoencoding', klWeight: 1, targetAccuracy: null } as const;
    expect(settledObjective(vae, images, {})).toEqual({ ...settled, reconstruction: 'bernoulli' });
    expect(settledObjective(numbersVae, prices, {})).toEqual({ ...settled, reconstruction: 'gaussian' });
    const wish = { objective: 'autoencoding', reconstruction: 'gaussian', klWeight: 4 } as const;
    expect(settledObjective(vae, images, { ...wish, targetAccuracy: null })).toEqual({ ...settled, ...wish });
    expect(misfit(vae, images, settled)).toBeNull();
    expect(misfit(numbersVae, prices, settled)).toBeNull();
    const training = { ...settled, reconstruction: 'bernoulli' } as const;
    expect(taskOf({ training, dataset: images })).toEqual({
      ...{ kind: 'autoencoding', reconstruction: 'bernoulli', klWeight: 1, size: 784 },
    });
  });

  it('of any other model is what the dataset wants predicted, and nothing is filled in', () => {
    const mlp = presetModel('mlp', images.sampleShape, 10);
    expect(settledObjective(mlp, images, {})).toEqual({});
    expect(settledObjective(mlp, images, { objective: 'prediction', targetAccuracy: 0.9 })).toEqual({});
    expect(taskOf({ training: {}, dataset: images })).toBe(images.target);
  });

  const mlp = presetModel('mlp', images.sampleShape, 10);
  it.each([
    [vae, images, { targetAccuracy: 0.9 }, 'training.targetAccuracy', 'no accuracy to reach'],
    [vae, images, { objective: 'prediction' }, 'training.objective', 'gives its input again'],
    [mlp, images, { objective: 'autoencoding' }, 'training.objective', 'the preset vae'],
    [mlp, images, { klWeight: 2 }, 'training.klWeight', 'belongs to autoencoding'],
    [mlp, images, { reconstruction: 'gaussian' }, 'training.reconstruction', 'belongs to autoencoding'],
    [numbersVae, prices, { reconstruction: 'bernoulli' }, 'training.reconstruction', 'take gaussian'],
    [presetModel('vae', [16], 65), text, {}, 'model.layers', 'take the preset gpt or gru'],
    [
      presetModel('vae', [16], 65),
      text,
      { objective: 'autoencoding' },
      'training.objective',
      'ids of tokens',
    ],
  ] as const)('what makes no sense is refused by name (%#)', (model, data, wish, field, message) => {
    expect(settledObjective(model, data, wish)).toEqual({ field, message: expect.stringContaining(message) });
  });

  it('a model that gives something else than its input, or reads past the code, is refused', () => {
    const autoencoding = { objective: 'autoencoding' } as const;
    const without = (count: number) => ({ ...vae, layers: vae.layers.slice(0, -count) });
    expect(misfit(without(1), images, autoencoding)?.message).toContain('must give [784]; it gives [128]');
    expect(misfit(mlp, images, autoencoding)?.message).toContain('go together');
    expect(misfit(vae, images)?.message).toContain('go together');
    const past: LayerSpec[] = [
      ...vae.layers.slice(0, -1),
      { kind: 'concatenate', name: 'both', inputs: ['decoded', 'encoded'] },
      vae.layers.at(-1)!,
    ];
    expect(misfit({ ...vae, layers: past }, images, autoencoding)?.message).toContain('both goes past');
    const drawnTwice: LayerSpec[] = [
      ...vae.layers.slice(0, -1),
      { kind: 'sampling', name: 'again', inputs: ['decoded', 'z_mean'] },
    ];
    // [128] and [8] are no mean and log variance.
    expect(() => misfit({ ...vae, layers: drawnTwice }, images, autoencoding)).toThrow(
      'one shape for mean and log',
    );
  });
});

describe('measures', () => {
  it('an error decides where there is one, else accuracy does', () => {
    expect(isBetter({ accuracy: 0.9 }, { accuracy: 0.8 })).toBe(true);
    expect(isBetter({ accuracy: 0.8 }, { accuracy: 0.8 })).toBe(false);
    expect(isBetter({ accuracy: 0.1, error: 2 }, { accuracy: 0.9, error: 3 })).toBe(true);
    expect(isBetter({ accuracy: null, error: 3 }, { accuracy: null, error: 2 })).toBe(false);
    expect(isBetter({ accuracy: null, error: 3 }, { accuracy: null })).toBe(true);
  });

  it('either aim ends a run, and what was not measured reaches none', () => {
    const aim = { targetAccuracy: 0.9, targetError: 2 };
    expect(isReached({ accuracy: 0.9 }, aim)).toBe(true);
    expect(isReached({ accuracy: 0.89 }, aim)).toBe(false);
    expect(isReached({ accuracy: null, error: 2 }, aim)).toBe(true);
    expect(isReached({ accuracy: null, error: 2.1 }, aim)).toBe(false);
    expect(isReached({ accuracy: null, error: null }, aim)).toBe(false);
    expect(isReached({ accuracy: 1, error: 0 }, { targetAccuracy: null })).toBe(false);
  });

  it('names the unit of the error', () => {
    expect([images, prices, text].map(({ target }) => errorUnitOf(target))).toEqual([
      null,
      'data-units',
      'bits-per-token',
    ]);
    expect(errorUnitOf({ kind: 'autoencoding' })).toBe('nats-per-value');
  });
});
