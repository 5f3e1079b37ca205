/** What is refused, and what is said about it. Predictions are compared in tests/imports. */
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { importModel, type ReportRow } from './import-model.ts';
import type { Config } from './keras-config.ts';

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const read = (value: unknown) => importModel(new Map([['model.json', encode(value)]]));

interface Given {
  readonly class_name: string;
  readonly config?: Config;
}
const sequential = (shape: readonly (number | null)[], ...layers: Given[]) => ({
  class_name: 'Sequential',
  config: {
    name: 'm',
    layers: [
      { class_name: 'InputLayer', config: { batch_shape: [null, ...shape], name: 'in' } },
      ...layers.map(({ class_name, config = {} }, i) => ({
        class_name,
        config: { name: `l${i}`, ...config },
      })),
    ],
  },
});
const dense: Given = { class_name: 'Dense', config: { units: 2, activation: 'linear' } };
const rowOf = async (shape: readonly number[], layer: Given): Promise<ReportRow> => {
  const { report, model } = await read(sequential(shape, layer));
  expect(model).toBeNull();
  return report[0]!;
};

describe('a layer that is not taken is named with the reason', () => {
  it.each([
    [[5, 4], 'LSTM', { units: 3 }, 'a GRU of the same size'],
    [[5, 4], 'Bidirectional', {}, 'from both sides'],
    [[8, 8, 1], 'DepthwiseConv2D', {}, 'use Conv2D'],
    [[8, 8, 1], 'Lambda', {}, 'Python code'],
    [[8], 'Sequential', { layers: [] }, 'a model inside of a model'],
    [[8], 'MyOwnLayer', {}, 'not on the list'],
    [[8], 'Dense', { units: 4, activation: 'selu' }, 'activation "selu" is not offered'],
    [[8], 'Dense', { units: 4, activation: { class_name: 'function' } }, 'a function of your own'],
    [[8], 'Dense', { units: -1 }, 'units must be a whole number'],
    [[8, 8, 1], 'Dense', { units: 4 }, 'put a flatten before it'],
    [[8, 8, 1], 'Conv2D', { filters: 2, kernel_size: [3, 5] }, 'kernel_size must be the same'],
    [[8, 8, 1], 'Conv2D', { filters: 2, kernel_size: [3, 3], dilation_rate: [2, 2] }, 'dilated'],
    [
      [8, 8, 1],
      'Conv2D',
      { filters: 2, kernel_size: [3, 3], data_format: 'channels_first' },
      'channels must come last',
    ],
    [[7, 7, 1], 'MaxPooling2D', { pool_size: [2, 2], padding: 'same' }, 'use "valid"'],
    [[8, 8, 1], 'MaxPooling2D', { pool_size: [3, 3], strides: [2, 2] }, 'overlap'],
    [[8, 8, 3], 'BatchNormalization', { axis: 1 }, 'another axis'],
    [[8], 'LayerNormalization', { center: false }, 'center=False'],
    [[8], 'Rescaling', { scale: 2 }, 'only 1/255'],
    [[5], 'Embedding', { input_dim: 9, output_dim: 2, mask_zero: true }, 'mask_zero'],
    [[5, 4], 'GRU', { units: 2, go_backwards: true }, 'go_backwards'],
    [
      [5, 4],
      'GRU',
      { units: 2, recurrent_activation: 'hard_sigmoid' },
      'recurrent_activation must be sigmoid',
    ],
    [[5, 4], 'EinsumDense', { equation: 'abc,cd->abd', bias_axes: 'bd' }, 'cannot be seen without weights'],
    [[5, 4], 'Cropping1D', { cropping: [1, 1] }, 'the last step'],
  ] as const)('%j %s %j', async (shape, class_name, config, reason) => {
    const row = await rowOf(shape, { class_name, config });
    expect(row).toMatchObject({ layer: 'l0', className: class_name, outcome: 'refused' });
    expect(row.note).toContain(reason);
  });

  it('what comes after a refused layer says that it is not its own fault', async () => {
    const { report } = await read(sequential([5, 4], { class_name: 'LSTM' }, dense));
    expect(report[1]).toMatchObject({ outcome: 'refused', note: 'a layer before it was refused' });
  });
});

describe('a file that is no such model', () => {
  it.each([
    [{}, 'is no Keras model'],
    [[], 'is no Keras model'],
    [{ class_name: 'MyModel', config: { layers: [] } }, 'only Sequential and Functional'],
    [sequential([null, 3], dense), 'the shape of the input is open'],
    [
      { class_name: 'Functional', config: { layers: [], input_layers: [], output_layers: [] } },
      '0 inputs and 0 outputs',
    ],
    [
      {
        class_name: 'Functional',
        config: {
          layers: [
            { class_name: 'InputLayer', config: { batch_shape: [null, 3], name: 'a' }, inbound_nodes: [] },
            { class_name: 'Dense', config: { units: 2, name: 'b' }, inbound_nodes: [[['c', 0, 0, {}]]] },
          ],
          input_layers: [['a', 0, 0]],
          output_layers: [['b', 0, 0]],
        },
      },
      'reads "c", which never comes',
    ],
    [
      {
        class_name: 'Functional',
        config: {
          layers: [
            { class_name: 'InputLayer', config: { batch_shape: [null, 3], name: 'a' }, inbound_nodes: [] },
            {
              class_name: 'Dense',
              config: { units: 3, name: 'b' },
              inbound_nodes: [[['a', 0, 0, {}]], [['b', 0, 0, {}]]],
            },
          ],
          input_layers: [['a', 0, 0]],
          output_layers: [['b', 0, 0]],
        },
      },
      'layer "b" is called 2 times',
    ],
  ])('%#', async (value, message) => {
    await expect(read(value)).rejects.toThrow(message);
  });

  it('bytes that are no JSON, no zip, or a zip of something else', async () => {
    const bytes = Uint8Array.from([1, 2, 3]);
    await expect(importModel(new Map([['m.json', bytes]]))).rejects.toThrow('m.json is no JSON');
    await expect(importModel(new Map([['m.keras', bytes]]))).rejects.toThrow('is no zip');
    await expect(importModel(new Map([['m.keras', zipSync({ a: bytes })]]))).rejects.toThrow(
      'has no config.json',
    );
    await expect(importModel(new Map([['m.h5', bytes]]))).rejects.toThrow('give a .keras file');
    const files = { 'config.json': encode(sequential([3], dense)), 'model.weights.h5': bytes };
    await expect(importModel(new Map([['m.keras', zipSync(files)]]))).rejects.toThrow('is no HDF5 file');
  });
});

describe('the weights of a tfjs pair', () => {
  const topology = sequential([3], dense);
  const entry = (name: string, shape: readonly number[]) => ({ name, shape, dtype: 'float32' });
  const manifest = (...weights: object[]) => ({
    modelTopology: topology,
    weightsManifest: [{ paths: ['w.bin'], weights }],
  });
  const readPair = (document: unknown, byteLength: number) =>
    importModel(
      new Map([
        ['model.json', encode(document)],
        ['w.bin', new Uint8Array(byteLength)],
      ]),
    );

  it('are found by their last two names, in any order', async () => {
    const pair = manifest(entry('sequential/l0/bias', [2]), entry('sequential/l0/kernel', [3, 2]));
    expect((await readPair(pair, 32)).parameters).toHaveLength(8);
  });

  it.each([
    [manifest(entry('l0/kernel', [3, 2])), 24, 'no weight "l0/bias"; it has kernel'],
    [
      manifest(entry('l0/kernel', [2, 3]), entry('l0/bias', [2])),
      32,
      '"l0/kernel" is [2,3], the layer needs [3,2]',
    ],
    [manifest(entry('l0/kernel', [3, 2]), entry('l0/bias', [2])), 28, 'end within "l0/bias"'],
    [manifest(entry('l0/kernel', [3, 2]), entry('l0/bias', [2])), 36, '4 bytes too many'],
    [manifest({ ...entry('l0/kernel', [3, 2]), dtype: 'uint8' }), 6, 'quantised or not float32'],
  ])('what does not fit is named (%#)', async (document, byteLength, message) => {
    await expect(readPair(document, byteLength)).rejects.toThrow(message);
  });

  it('a model.json without its weights file gives the model alone', async () => {
    const { model, parameters } = await read(manifest(entry('l0/kernel', [3, 2])));
    expect(model?.layers).toHaveLength(1);
    expect(parameters).toBeNull();
  });
});
