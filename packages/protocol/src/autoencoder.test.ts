import { expect, it } from 'vitest';
import { autoencoderFault, meanModelOf, partOf } from './autoencoder.ts';
import { parameterLayout, type ModelSpec } from './model.ts';
import { presetModel } from './model-presets.ts';

const vae = presetModel('vae', [4, 4, 1], 10);
const layout = parameterLayout(vae);
const parameters = Float32Array.from({ length: layout.parameterCount }, (_, i) => i);
const names = (model: ModelSpec) => parameterLayout(model).layerNames;

it('encoder and decoder are models of their own, and every weight is in exactly one of them', () => {
  const [encoder, decoder] = (['encoder', 'decoder'] as const).map((part) => partOf(vae, parameters, part));
  expect(names(encoder!.model)).toEqual(['flatten', 'encoded', 'z_mean', 'z_log_var', 'z']);
  expect(parameterLayout(encoder!.model).outputShapes.at(-1)).toEqual([16]);
  expect(names(decoder!.model)).toEqual(['decoded', 'reconstruction']);
  expect(decoder!.model.inputShape).toEqual([8]);
  expect([...encoder!.parameters, ...decoder!.parameters].toSorted((a, b) => a - b)).toEqual([...parameters]);
  const kernel = (of: ModelSpec) =>
    parameterLayout(of).tensors.find(({ name }) => name === 'reconstruction/kernel')!.offset;
  expect(decoder!.parameters[kernel(decoder!.model)]).toBe(parameters[kernel(vae)]);
});

it('at the mean nothing is drawn, and what only the variance needs is gone', () => {
  const { model, parameters: own } = meanModelOf(vae, parameters);
  expect(names(model)).toEqual(['flatten', 'encoded', 'z_mean', 'decoded', 'reconstruction']);
  expect(own).toHaveLength(layout.parameterCount - (128 * 8 + 8));
});

it('an autoencoder has one code', () => {
  expect(autoencoderFault(vae)).toBeNull();
  expect(autoencoderFault(presetModel('mlp', [4, 4, 1], 10))).toContain('has 0');
});
