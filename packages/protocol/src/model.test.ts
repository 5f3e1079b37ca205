import { describe, expect, it } from 'vitest';
import { Value } from 'typebox/value';
import { LIMITS } from './limits.ts';
import { ModelError, ModelSpecSchema, parameterLayout } from './model.ts';
import type { LayerSpec } from './model-layers.ts';
import { PRESET_NAMES, presetModel } from './model-presets.ts';

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
    for (const preset of PRESET_NAMES) {
      const model = presetModel(preset, preset === 'gru' || preset === 'gpt' ? [64] : [28, 28, 1], 65);
      expect(Value.Check(ModelSpecSchema, model)).toBe(true);
      expect(parameterLayout(model).outputShapes.at(-1)!.at(-1)).toBe(preset === 'vae' ? 28 * 28 : 65);
    }
  });

  it('a graph: layers are named by themselves or by Keras, and may read any earlier layer', () => {
    const dense = (name?: string, inputs?: string[]): LayerSpec => ({
      kind: 'dense',
      units: 4,
      activation: 'relu',
      ...(name === undefined ? {} : { name }),
      ...(inputs === undefined ? {} : { inputs }),
    });
    const layout = parameterLayout(
      withLayers(
        [
          dense('dense_1'),
          dense(undefined, ['input']),
          dense(),
          { kind: 'concatenate', inputs: ['dense_2', 'dense_1', 'dense'] },
        ],
        [7],
      ),
    );
    // Keras's next name is skipped when somebody has it already.
    expect(layout.layerNames).toEqual(['dense_1', 'dense', 'dense_2', 'concatenate']);
    expect(layout.inputIndices).toEqual([[-1], [-1], [1], [2, 0, 1]]);
    expect(layout.outputShapes.at(-1)).toEqual([12]);
    expect(layout.firstTensors).toEqual([0, 2, 4, 6]);
  });

  it('gains and running variances start at one, and statistics are marked', () => {
    const { tensors } = parameterLayout(
      withLayers([{ kind: 'dense', units: 4, activation: 'linear' }, { kind: 'batchNorm' }], [3]),
    );
    expect(tensors.map(({ name, fill, isStatistic }) => [name, fill, isStatistic])).toEqual([
      ['dense/kernel', 0, false],
      ['dense/bias', 0, false],
      ['batch_normalization/gamma', 1, false],
      ['batch_normalization/beta', 0, false],
      ['batch_normalization/moving_mean', 0, true],
      ['batch_normalization/moving_variance', 1, true],
    ]);
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
    [
      withLayers([{ kind: 'dense', units: 4, activation: 'relu', inputs: ['nobody'] }], [3]),
      'layers[0] (dense).inputs: there is no layer "nobody"',
    ],
    [
      withLayers(
        [
          { kind: 'dense', units: 4, activation: 'relu', inputs: ['later'] },
          { kind: 'softmax', name: 'later' },
        ],
        [3],
      ),
      '"later" comes later',
    ],
    [
      withLayers(
        [
          { kind: 'softmax', name: 'a' },
          { kind: 'softmax', name: 'a' },
        ],
        [3],
      ),
      'layers[1].name: "a" is taken',
    ],
    [
      withLayers(
        [
          { kind: 'softmax', inputs: ['input'] },
          { kind: 'dense', units: 2, activation: 'relu', inputs: ['input'] },
        ],
        [3],
      ),
      'layers[0] (softmax): its output goes nowhere',
    ],
    [
      withLayers(
        [
          { kind: 'dense', units: 4, activation: 'relu' },
          { kind: 'add', inputs: ['input', 'dense'] },
        ],
        [3],
      ),
      'layers[1] (add): add needs one shape, has [3] and [4]',
    ],
    [withLayers([{ kind: 'add' }], [3]), 'add needs two inputs'],
    [
      withLayers(
        [
          { kind: 'dense', units: 4, activation: 'relu' },
          { kind: 'embedding', vocabularySize: 9, units: 2 },
        ],
        [3],
      ),
      'embedding reads ids',
    ],
    [withLayers([{ kind: 'gru', units: 4 }], [3]), 'gru needs [steps, units], has [3]'],
    [withLayers([{ kind: 'reshape', shape: [2, 2] }], [3]), '[3] has 3 values, shape [2,2] 4'],
    [
      withLayers([{ kind: 'maxPool2d', poolSize: 2 }]),
      'the last layer must give [values] or [steps, values]',
    ],
  ])('a model that does not fit is refused with the layer and the fix (%#)', (model, message) => {
    expect(() => parameterLayout(model)).toThrow(ModelError);
    expect(() => parameterLayout(model)).toThrow(message);
  });
});
