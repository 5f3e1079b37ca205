import { describe, expect, it } from 'vitest';
import { Value } from 'typebox/value';
import { LIMITS } from './limits.ts';
import { ModelError, ModelSpecSchema, parameterLayout, presetModel, type LayerSpec } from './model.ts';

const withLayers = (layers: LayerSpec[], inputShape = [28, 28, 1]) => ({ name: 'm', inputShape, layers });

describe('models as data', () => {
  it('mlp: 784-128-10, 101,770 parameters, named as Keras names them', () => {
    const layout = parameterLayout(presetModel('mlp', [28, 28, 1], 10));
    expect(layout.parameterCount).toBe(784 * 128 + 128 + 128 * 10 + 10);
    expect(layout.tensors.map((tensor) => tensor.name)).toEqual([
      'dense/kernel',
      'dense/bias',
      'dense_1/kernel',
      'dense_1/bias',
    ]);
  });

  it('cnn: offsets are gapless and shapes follow convolution and pooling', () => {
    const layout = parameterLayout(presetModel('cnn', [28, 28, 1], 10));
    let end = 0;
    for (const tensor of layout.tensors) {
      expect(tensor.offset).toBe(end);
      end += tensor.size;
    }
    expect(end).toBe(layout.parameterCount);
    expect(layout.outputShapes[3]).toEqual([7, 7, 16]);
    expect(layout.layerNames).toContain('conv2d_1');
  });

  it('presets fit their own schema', () => {
    for (const preset of ['mlp', 'cnn'] as const)
      expect(Value.Check(ModelSpecSchema, presetModel(preset, [28, 28, 1], 10))).toBe(true);
  });

  it.each([
    [
      withLayers([{ kind: 'dense', units: 10, activation: 'linear' }]),
      'layers[0] (dense): dense needs a flat input',
    ],
    [withLayers([{ kind: 'flatten' }]), 'the model has no parameters'],
    [
      withLayers([{ kind: 'flatten' }, { kind: 'maxPool2d', poolSize: 2 }]),
      'maxPool2d needs [height, width, channels]',
    ],
    [
      withLayers([
        { kind: 'conv2d', filters: 4, kernelSize: 31, strides: 1, padding: 'valid', activation: 'relu' },
      ]),
      'a kernel of 31 does not fit',
    ],
    [
      withLayers([
        { kind: 'flatten' },
        { kind: 'dense', units: LIMITS.dimensionMax, activation: 'relu' },
        { kind: 'dense', units: LIMITS.dimensionMax, activation: 'relu' },
      ]),
      `more than ${LIMITS.parametersMax} parameters`,
    ],
  ])('a model that does not fit is refused with the layer and the fix (%#)', (model, message) => {
    expect(() => parameterLayout(model)).toThrow(ModelError);
    expect(() => parameterLayout(model)).toThrow(message);
  });
});
