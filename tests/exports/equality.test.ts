/**
 * What a tab predicts, what its exports predict, and what a reload of them predicts, are one. The tab is the trainer's own
 * network; tf.loadLayersModel reads the export as a stranger would, without any code of ours.
 */
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, test } from 'vitest';
import { parameterLayout, type ModelSpec } from '@murmuration/protocol';
import { toTfjs } from '../../coordinator/src/exports/tfjs.ts';
import { openDevice } from '../../packages/trainer/src/device.ts';
import { Network } from '../../packages/trainer/src/network.ts';
import { drawn, EXPORTED_MODELS, SAMPLE_COUNT } from './models.ts';

/** The bound of the researcher's workbench: predictions of the tab against those of the file. */
const DIFFERENCE_MAX = 1e-5;
/** tfjs warms up within the first test, on a machine that may be busy. */
const TIMEOUT_MS = 60_000;

beforeAll(() => openDevice('cpu'));

/** Probabilities, one row after the other. */
async function tabPredictions(model: ModelSpec): Promise<Float32Array> {
  const { parameters, inputs } = drawn(model);
  const network = new Network(model);
  const weights = network.weightsFrom(parameters);
  const shares = tf.tidy(() =>
    tf.softmax(network.logits(weights, tf.tensor(inputs, [SAMPLE_COUNT, ...model.inputShape]))),
  );
  return (await shares.data()) as Float32Array;
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce((x, y) => Math.max(x, y), 0);

describe.each(EXPORTED_MODELS)('$name', (model) => {
  test(
    'tf.loadLayersModel predicts what the tab predicts',
    async () => {
      const { parameters, inputs } = drawn(model);
      const { modelJson, weights } = toTfjs(model, parameterLayout(model), parameters);
      // Through text and back, as a download does.
      const { modelTopology, weightsManifest } = JSON.parse(JSON.stringify(modelJson)) as tf.io.ModelJSON;
      const loaded = await loadLayersModel(
        tf.io.fromMemory({
          modelTopology,
          weightSpecs: weightsManifest.flatMap((group) => group.weights),
          weightData: weights.slice().buffer,
        }),
      );
      const output = loaded.predict(tf.tensor(inputs, [SAMPLE_COUNT, ...model.inputShape])) as tf.Tensor;
      const expected = await tabPredictions(model);
      const actual = await output.data();
      expect(actual).toHaveLength(expected.length);
      expect(largestDifference(actual, expected)).toBeLessThanOrEqual(DIFFERENCE_MAX);
      // Samples differ in their predictions, so agreement is not that of constants.
      expect(new Set(Array.from(expected, (share) => share.toFixed(6))).size).toBeGreaterThan(SAMPLE_COUNT);
    },
    TIMEOUT_MS,
  );
});
