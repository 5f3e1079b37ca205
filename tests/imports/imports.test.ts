/**
 * Models from elsewhere predict in the tab what they predict where they come from.
 *
 * The two Keras 3 files beside this test are written by hand after Keras's format (no Keras could be had here to write
 * them), with the settings that Keras writes and we do not need. Their weights lie where Keras 3 puts them, spelled out
 * here. What they predict is computed by tfjs-layers, or by formulas of this file, never by our own layers. What our own
 * `.keras` exports hold is imported again and must be the same model.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { zipSync } from 'fflate';
import h5wasm, { type Group } from 'h5wasm';
import { beforeAll, describe, expect, test } from 'vitest';
import { mulberry, streamSeed } from '@murmuration/codec';
import { parameterLayout, type ModelSpec } from '@murmuration/protocol';
import { toKeras } from '../../coordinator/src/exports/keras.ts';
import { TFJS_WEIGHTS_FILE, toTfjs } from '../../coordinator/src/exports/tfjs.ts';
import { importModel } from '../../coordinator/src/imports/import-model.ts';
import { openDevice } from '../../packages/trainer/src/device.ts';
import { Network } from '../../packages/trainer/src/network.ts';
import { lossOf } from '../../packages/trainer/src/objective.ts';
import { Optimiser } from '../../packages/trainer/src/optimiser.ts';
import { drawn, EXPORTED_MODELS } from '../exports/models.ts';

/** The bound of the researcher's workbench: predictions of the tab against those of the file. */
const DIFFERENCE_MAX = 1e-5;
const BATCH_SIZE = 3;

beforeAll(() => openDevice('cpu'));

const fixture = async (name: string): Promise<Uint8Array> =>
  Uint8Array.from(await readFile(join(import.meta.dirname, name)));
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const values = (name: string, shape: readonly number[]): Float32Array => {
  const random = mulberry(streamSeed(5, name));
  const isVariance = name.endsWith('batch_normalization/vars/3');
  return Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    () => random() - (isVariance ? -0.5 : 0.5),
  );
};

/** A `.keras` file of a configuration and weights at the given paths of model.weights.h5. */
async function kerasFile(
  config: Uint8Array,
  weights: Readonly<Record<string, readonly number[]>>,
): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  const file = new h5wasm.File('fixture.h5', 'w');
  for (const [path, shape] of Object.entries(weights)) {
    const parts = path.split('/');
    let group: Group = file;
    for (const part of parts.slice(0, -1))
      group = (group.get(part) as Group | null) ?? group.create_group(part);
    group.create_dataset({ name: parts.at(-1)!, data: values(path, shape), shape: [...shape], dtype: '<f4' });
  }
  file.close();
  const bytes = FS.readFile('fixture.h5');
  FS.unlink('fixture.h5');
  return zipSync({
    'metadata.json': json({ keras_version: '3.8.0' }),
    'config.json': config,
    'model.weights.h5': bytes,
  });
}

async function tabProbabilities(model: ModelSpec, parameters: Float32Array, inputs: Float32Array) {
  const network = new Network(model);
  const weights = network.weightsFrom(parameters);
  const shares = tf.tidy(() =>
    tf.softmax(
      network.logits(
        weights,
        tf.tensor(inputs, [inputs.length / sizeOf(model.inputShape), ...model.inputShape]),
      ),
    ),
  );
  return (await shares.data()) as Float32Array;
}
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a).toHaveLength(b.length);
  return Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce((x, y) => Math.max(x, y), 0);
};

describe('Keras 3', () => {
  test('a functional residual net from a .keras file', async () => {
    // Where Keras looks: by class, in the order of the graph, which is not the file's: of the two branches into the sum
    // the one that the sum names first is met first, and what lies deeper comes before.
    const paths = {
      'layers/conv2d/vars/0': [3, 3, 2, 4],
      'layers/conv2d/vars/1': [4],
      'layers/batch_normalization/vars/0': [4],
      'layers/batch_normalization/vars/1': [4],
      'layers/batch_normalization/vars/2': [4],
      'layers/batch_normalization/vars/3': [4],
      'layers/conv2d_1/vars/0': [3, 3, 4, 4],
      'layers/conv2d_2/vars/0': [1, 1, 2, 4],
      'layers/conv2d_2/vars/1': [4],
      'layers/dense/vars/0': [4, 3],
      'layers/dense/vars/1': [3],
    } as const;
    const file = await kerasFile(await fixture('keras3-residual.json'), paths);
    const { model, parameters, report, givesProbabilities } = await importModel(
      new Map([['net.keras', file]]),
    );
    expect(report.map(({ layer, outcome }) => `${layer}: ${outcome}`)).toEqual([
      'rescaling: left out',
      'conv2d_5: taken',
      'bn/a: taken',
      'conv2d_7: taken',
      'conv2d_6: taken',
      'add_1: taken',
      'average_pooling2d: taken',
      'global_average_pooling2d: taken',
      'predictions: changed',
    ]);
    expect(givesProbabilities).toBe(true);

    // The same net in tfjs-layers, on bytes that are divided by 255 already.
    const conv = (
      filters: number,
      kernelSize: number,
      activation: 'relu' | 'tanh' | 'linear',
      useBias = true,
    ) =>
      layers.layers.conv2d({
        filters,
        kernelSize,
        activation,
        useBias,
        padding: kernelSize === 1 ? 'valid' : 'same',
      });
    const input = layers.input({ shape: [6, 6, 2] });
    const left = conv(4, 3, 'relu');
    const norm = layers.layers.batchNormalization({ epsilon: 1e-3 });
    const second = conv(4, 3, 'linear', false);
    const past = conv(4, 1, 'tanh');
    const predictions = layers.layers.dense({ units: 3, activation: 'softmax' });
    const sum = layers.layers
      .add()
      .apply([second.apply(norm.apply(left.apply(input))), past.apply(input)] as layers.SymbolicTensor[]);
    const pooled = layers.layers.averagePooling2d({ poolSize: 2, padding: 'same' }).apply(sum);
    const mean = layers.layers.globalAveragePooling2d({}).apply(pooled);
    const twin = layers.model({ inputs: input, outputs: predictions.apply(mean) as layers.SymbolicTensor });
    const give = (layer: { setWeights(weights: tf.Tensor[]): void }, prefix: string) =>
      layer.setWeights(
        Object.entries(paths)
          .filter(([path]) => path.startsWith(`${prefix}/`))
          .map(([path, shape]) => tf.tensor(values(path, shape), [...shape])),
      );
    give(left, 'layers/conv2d');
    give(norm, 'layers/batch_normalization');
    give(second, 'layers/conv2d_1');
    give(past, 'layers/conv2d_2');
    give(predictions, 'layers/dense');
    const inputs = values('inputs', [BATCH_SIZE, 6, 6, 2]);
    const expected = await (twin.predict(tf.tensor(inputs, [BATCH_SIZE, 6, 6, 2])) as tf.Tensor).data();
    const actual = await tabProbabilities(model!, parameters!, inputs);
    expect(largestDifference(actual, expected)).toBeLessThanOrEqual(DIFFERENCE_MAX);
  });

  test('a sequential text model with a GRU that resets after its product', async () => {
    const paths = {
      'layers/embedding/vars/0': [7, 3],
      'layers/gru/cell/vars/0': [3, 12],
      'layers/gru/cell/vars/1': [4, 12],
      'layers/gru/cell/vars/2': [2, 12],
      'layers/dense/vars/0': [4, 7],
      'layers/dense/vars/1': [7],
    } as const;
    const file = await kerasFile(await fixture('keras3-text.json'), paths);
    const { model, parameters } = await importModel(new Map([['text.keras', file]]));
    const ids = Float32Array.from([1, 2, 3, 4, 5, 6, 0, 6, 1, 1]);
    const actual = await tabProbabilities(model!, parameters!, ids);

    const table = (path: keyof typeof paths) => values(path, paths[path]);
    const [words, kernel, recurrent, bias, out, outBias] = (Object.keys(paths) as (keyof typeof paths)[]).map(
      table,
    ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
    const times = (row: readonly number[], matrix: Float32Array, columns: number, from: Float32Array) =>
      Array.from({ length: columns }, (_, c) =>
        row.reduce((sum, value, r) => sum + value * matrix[r * columns + c]!, from[c]!),
      );
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const expected: number[] = [];
    for (let sample = 0; sample < 2; sample++) {
      let state = [0, 0, 0, 0];
      for (const id of ids.subarray(sample * 5, sample * 5 + 5)) {
        const a = times([...words.subarray(id * 3, id * 3 + 3)], kernel, 12, bias.subarray(0, 12));
        const b = times(state, recurrent, 12, bias.subarray(12));
        state = state.map((old, u) => {
          const z = sigmoid(a[u]! + b[u]!);
          const r = sigmoid(a[4 + u]! + b[4 + u]!);
          return z * old + (1 - z) * Math.tanh(a[8 + u]! + r * b[8 + u]!);
        });
        const powers = times(state, out, 7, outBias).map(Math.exp);
        const total = powers.reduce((x, y) => x + y);
        expected.push(...powers.map((power) => power / total));
      }
    }
    expect(largestDifference(actual, expected)).toBeLessThanOrEqual(DIFFERENCE_MAX);
  });

  test('model.to_json() alone gives the model without weights', async () => {
    const { model, parameters } = await importModel(
      new Map([['m.json', await fixture('keras3-residual.json')]]),
    );
    expect(parameters).toBeNull();
    expect(parameterLayout(model!).outputShapes.at(-1)).toEqual([3]);
    expect(model!.layers.map(({ name }) => name)).toContain('bn_a');
  });
});

test('an imported model trains on from the weights of its file', async () => {
  const given = EXPORTED_MODELS.find(({ name }) => name === 'mlp')!;
  const { parameters } = drawn(given);
  const file = await toKeras(given, parameterLayout(given), parameters, {
    output: 'probabilities',
    savedAt: '2026-01-01T00:00:00Z',
  });
  const { model, parameters: begun } = await importModel(new Map([['mlp.keras', file]]));
  const network = new Network(model!);
  const optimiser = new Optimiser(network, 'adam', 0.01);
  const random = mulberry(31);
  const [inputs, labels] = [
    tf.tensor(
      Float32Array.from({ length: 10 * sizeOf(given.inputShape) }, () => random()),
      [10, ...given.inputShape],
    ),
    tf.tensor1d(Float32Array.from({ length: 10 }, (_, i) => i)),
  ];
  let weights = network.weightsFrom(begun!);
  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    const pass = tf.tidy(() => {
      const { measure, gradients } = network.pass(weights, inputs, labels, {
        objective: 'cross-entropy',
        seed: step,
      });
      return { measure, next: optimiser.step(weights, gradients) };
    });
    losses.push(lossOf('cross-entropy', await pass.measure.data()));
    weights = pass.next;
  }
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 4);
});

test.each(EXPORTED_MODELS)('our own .keras export of $name comes back the same', async (given) => {
  const { parameters, inputs } = drawn(given);
  const layout = parameterLayout(given);
  const file = await toKeras(given, layout, parameters, {
    output: 'probabilities',
    savedAt: '2026-01-01T00:00:00Z',
  });
  const back = await importModel(new Map([['ours.keras', file]]));
  expect(back.report.filter(({ outcome }) => outcome === 'refused')).toEqual([]);
  const expected = await tabProbabilities(given, parameters, inputs);
  const actual = await tabProbabilities(back.model!, back.parameters!, inputs);
  expect(largestDifference(actual, expected)).toBeLessThanOrEqual(1e-6);
  expect(Buffer.compare(Buffer.from(back.parameters!.buffer), Buffer.from(parameters.buffer))).toBe(0);
});

test.each(EXPORTED_MODELS.filter(({ name }) => ['mlp', 'cnn', 'resnet', 'gru', 'last state'].includes(name)))(
  'the tfjs pair of $name comes back the same, its weights found by their names',
  async (given) => {
    const { parameters } = drawn(given);
    const { modelJson, weights } = toTfjs(given, parameterLayout(given), parameters);
    const files = new Map([
      ['model.json', json(modelJson)],
      [`some/folder/${TFJS_WEIGHTS_FILE}`, weights],
    ]);
    const back = await importModel(files);
    expect(back.report.filter(({ outcome }) => outcome === 'refused')).toEqual([]);
    expect(Buffer.compare(Buffer.from(back.parameters!.buffer), Buffer.from(parameters.buffer))).toBe(0);
  },
);
