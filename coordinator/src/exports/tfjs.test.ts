/** The export is loaded by tfjs itself and must predict what a plain forward pass, written here, predicts. */
import { initialParameters, mulberry } from '@murmuration/codec';
import {
  type Activation,
  type ModelSpec,
  type ParameterLayout,
  parameterLayout,
  presetModel,
} from '@murmuration/protocol';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { TFJS_WEIGHTS_FILE, toTfjs } from './tfjs.ts';
import { ExportError } from './weights.ts';

const SAMPLE_COUNT = 6;
/** tfjs warms up within the first test, on a machine that may be busy. */
const TIMEOUT_MS = 30_000;

/** Kernels as at the start of a run, and biases that are not 0, so that a lost bias shows. */
function seededParameters(layout: ParameterLayout): Float32Array {
  const parameters = initialParameters([...layout.tensors], 21);
  const random = mulberry(22);
  for (const { fanIn, offset, size } of layout.tensors)
    if (fanIn === 0) for (let i = 0; i < size; i++) parameters[offset + i] = random() - 0.5;
  return parameters;
}

async function tfjsPredictions(
  model: ModelSpec,
  parameters: Float32Array,
  input: Float32Array,
): Promise<number[]> {
  const { modelJson, weights } = toTfjs(model, parameterLayout(model), parameters);
  // Through text and back, as a download does.
  const { modelTopology, weightsManifest, format, generatedBy, convertedBy } = JSON.parse(
    JSON.stringify(modelJson),
  ) as tf.io.ModelJSON;
  const loaded = await loadLayersModel(
    tf.io.fromMemory({
      modelTopology,
      weightSpecs: weightsManifest.flatMap((group) => group.weights),
      weightData: weights.slice().buffer,
      format,
      generatedBy,
      convertedBy,
    }),
  );
  const batch = tf.tensor(input, [SAMPLE_COUNT, ...model.inputShape]);
  const output = loaded.predict(batch) as tf.Tensor;
  const predictions = [...(await output.data())];
  output.dispose();
  batch.dispose();
  loaded.dispose();
  return predictions;
}

/** Probabilities of one sample by the definitions of the layers, in double precision. */
function plainPredictions(model: ModelSpec, parameters: Float32Array, sample: Float32Array): number[] {
  const layout = parameterLayout(model);
  const weightsOf = (name: string) => {
    const tensor = layout.tensors.find((candidate) => candidate.name === name);
    return tensor ? parameters.subarray(tensor.offset, tensor.offset + tensor.size) : new Float32Array(0);
  };
  let shape: readonly number[] = model.inputShape;
  let values = [...sample];
  for (const [index, layer] of model.layers.entries()) {
    const name = layout.layerNames[index]!;
    const out = layout.outputShapes[index]!;
    const kernel = weightsOf(`${name}/kernel`);
    const bias = weightsOf(`${name}/bias`);
    switch (layer.kind) {
      case 'flatten':
        break;
      case 'dense':
        values = Array.from({ length: layer.units }, (_, o) => {
          let sum = bias[o]!;
          values.forEach((value, i) => (sum += value * kernel[i * layer.units + o]!));
          return activate(layer.activation, sum);
        });
        break;
      case 'conv2d': {
        const [height, width, channels] = shape as [number, number, number];
        const [outHeight, outWidth, filters] = out as [number, number, number];
        const { kernelSize: k, strides, padding } = layer;
        // Padding "same" splits what the last window lacks, the smaller half before.
        const before = (outSide: number, side: number) =>
          padding === 'same' ? Math.floor(Math.max(0, (outSide - 1) * strides + k - side) / 2) : 0;
        const top = before(outHeight, height);
        const left = before(outWidth, width);
        const next: number[] = [];
        for (let y = 0; y < outHeight; y++)
          for (let x = 0; x < outWidth; x++)
            for (let f = 0; f < filters; f++) {
              let sum = bias[f]!;
              for (let ky = 0; ky < k; ky++)
                for (let kx = 0; kx < k; kx++) {
                  const row = y * strides + ky - top;
                  const column = x * strides + kx - left;
                  if (row < 0 || row >= height || column < 0 || column >= width) continue;
                  for (let c = 0; c < channels; c++)
                    sum +=
                      values[(row * width + column) * channels + c]! *
                      kernel[((ky * k + kx) * channels + c) * filters + f]!;
                }
              next.push(activate(layer.activation, sum));
            }
        values = next;
        break;
      }
      case 'maxPool2d': {
        const [, width, channels] = shape as [number, number, number];
        const [outHeight, outWidth] = out as [number, number, number];
        const next: number[] = [];
        for (let y = 0; y < outHeight; y++)
          for (let x = 0; x < outWidth; x++)
            for (let c = 0; c < channels; c++) {
              let most = -Infinity;
              for (let py = 0; py < layer.poolSize; py++)
                for (let px = 0; px < layer.poolSize; px++) {
                  const at = (y * layer.poolSize + py) * width + x * layer.poolSize + px;
                  most = Math.max(most, values[at * channels + c]!);
                }
              next.push(most);
            }
        values = next;
        break;
      }
      default:
        throw new Error(`${layer.kind} is not among the plain predictions`);
    }
    shape = out;
  }
  const top = Math.max(...values);
  const shares = values.map((value) => Math.exp(value - top));
  const total = shares.reduce((a, b) => a + b);
  return shares.map((share) => share / total);
}

function activate(kind: Activation, z: number): number {
  switch (kind) {
    case 'linear':
      return z;
    case 'relu':
      return Math.max(0, z);
    case 'tanh':
      return Math.tanh(z);
    case 'gelu':
      return 0.5 * z * (1 + erf(z / Math.SQRT2));
    default:
      throw new Error(`${kind} is not among the plain predictions`);
  }
}

/** The Maclaurin series; exact enough for |x| below 5. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const ODD_SHAPES: ModelSpec = {
  name: 'odd shapes',
  inputShape: [13, 10, 3],
  layers: [
    { kind: 'conv2d', filters: 5, kernelSize: 4, strides: 3, padding: 'same', activation: 'gelu' },
    { kind: 'conv2d', filters: 4, kernelSize: 2, strides: 1, padding: 'valid', activation: 'tanh' },
    { kind: 'maxPool2d', poolSize: 2 },
    { kind: 'flatten' },
    { kind: 'dense', units: 6, activation: 'linear' },
    { kind: 'dense', units: 3, activation: 'linear' },
  ],
};
/** The last layer's activation is taken, or it is no dense layer: the softmax must come as a layer of its own. */
const RELU_LOGITS: ModelSpec = {
  name: 'relu logits',
  inputShape: [9],
  layers: [{ kind: 'dense', units: 4, activation: 'relu' }],
};
const FLATTENED_LOGITS: ModelSpec = {
  name: 'flattened logits',
  inputShape: [5, 5, 2],
  layers: [
    { kind: 'conv2d', filters: 3, kernelSize: 5, strides: 1, padding: 'valid', activation: 'linear' },
    { kind: 'flatten' },
  ],
};

describe('tfjs export', () => {
  it.each([
    presetModel('mlp', [28, 28, 1], 10),
    presetModel('cnn', [28, 28, 1], 10),
    ODD_SHAPES,
    RELU_LOGITS,
    FLATTENED_LOGITS,
  ])(
    'of $name loads in tf.loadLayersModel and predicts the same probabilities',
    async (model) => {
      const parameters = seededParameters(parameterLayout(model));
      const size = model.inputShape.reduce((a, b) => a * b, 1);
      const random = mulberry(23);
      const input = Float32Array.from({ length: SAMPLE_COUNT * size }, () => random());
      const predictions = await tfjsPredictions(model, parameters, input);
      const expected = Array.from({ length: SAMPLE_COUNT }, (_, i) =>
        plainPredictions(model, parameters, input.subarray(i * size, (i + 1) * size)),
      ).flat();
      expect(predictions).toHaveLength(expected.length);
      const worst = Math.max(...predictions.map((probability, i) => Math.abs(probability - expected[i]!)));
      expect(worst).toBeLessThanOrEqual(1e-5);
      // Samples differ in their predictions, so agreement is not that of constants.
      expect(new Set(predictions.map((probability) => probability.toFixed(6))).size).toBeGreaterThan(
        SAMPLE_COUNT,
      );
    },
    TIMEOUT_MS,
  );

  it('refers to one weights file beside it, with the names of the layout, in its order', () => {
    const model = presetModel('mlp', [28, 28, 1], 10);
    const layout = parameterLayout(model);
    const { modelJson, weights } = toTfjs(model, layout, seededParameters(layout));
    expect(modelJson.weightsManifest).toEqual([
      {
        paths: ['group1-shard1of1.bin'],
        weights: [
          { name: 'dense/kernel', shape: [784, 128], dtype: 'float32' },
          { name: 'dense/bias', shape: [128], dtype: 'float32' },
          { name: 'dense_1/kernel', shape: [128, 10], dtype: 'float32' },
          { name: 'dense_1/bias', shape: [10], dtype: 'float32' },
        ],
      },
    ]);
    expect(TFJS_WEIGHTS_FILE).toBe('group1-shard1of1.bin');
    expect(weights.length).toBe(4 * layout.parameterCount);
  });

  it('refuses parameters of another length, and values that are not finite, by name', () => {
    const model = presetModel('mlp', [4], 2);
    const layout = parameterLayout(model);
    expect(() => toTfjs(model, layout, new Float32Array(3))).toThrow(
      new ExportError(`parameters: 3 values; the model has ${layout.parameterCount}`),
    );
    const parameters = seededParameters(layout);
    parameters[layout.tensors[1]!.offset + 7] = NaN;
    expect(() => toTfjs(model, layout, parameters)).toThrow(
      new ExportError('parameters: dense/bias[7] is NaN; only finite values are exported'),
    );
  });
});
