/**
 * What a tab predicts, what its exports predict, and what a reload of them predicts, are one. The tab is the trainer's own
 * network. Strangers read the exports: tf.loadLayersModel the tfjs pair, numpy (forward.py) the safetensors and the
 * configuration of the .keras file, without any code of ours but the documented loader. Keras itself, where python3 has it,
 * reads the .keras file; where it has not, the test says so.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parameterLayout, type ModelSpec } from '@murmuration/protocol';
import { unzipSync } from 'fflate';
import { toKeras } from '../../coordinator/src/exports/keras.ts';
import { toSafetensors } from '../../coordinator/src/exports/safetensors.ts';
import { toTfjs } from '../../coordinator/src/exports/tfjs.ts';
import { openDevice } from '../../packages/trainer/src/device.ts';
import { Network } from '../../packages/trainer/src/network.ts';
import { drawn, EXPORTED_MODELS, SAMPLE_COUNT } from './models.ts';

/** The bound of the researcher's workbench: predictions of the tab against those of the file. */
const DIFFERENCE_MAX = 1e-5;
/** tfjs warms up within the first test, on a machine that may be busy. */
const TIMEOUT_MS = 60_000;

const run = promisify(execFile);
const has = (module: string) =>
  run('python3', ['-c', `import ${module}`]).then(
    () => true,
    () => false,
  );
const hasNumpy = await has('numpy');
const hasKeras = await has('keras');
if (!hasNumpy) console.warn('exports: python3 has no numpy here, so nothing outside of JavaScript read them');
if (!hasKeras)
  console.warn('exports: python3 has no keras here, so Keras itself did not read the .keras files');

let folder = '';
beforeAll(async () => {
  await openDevice('cpu');
  folder = await mkdtemp(join(tmpdir(), 'murmuration-exports-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Every file that a stranger needs, and the inputs. */
async function writeExports(model: ModelSpec): Promise<void> {
  const { parameters, inputs } = drawn(model);
  const layout = parameterLayout(model);
  const keras = await toKeras(model, layout, parameters, {
    output: 'probabilities',
    savedAt: '2026-01-01T00:00:00.000Z',
  });
  await writeFile(join(folder, 'model.keras'), keras);
  await writeFile(join(folder, 'config.json'), unzipSync(keras)['config.json']!);
  await writeFile(join(folder, 'model.safetensors'), toSafetensors(layout, parameters, {}));
  await writeFile(join(folder, 'inputs.f32'), new Uint8Array(inputs.buffer));
  await writeFile(join(folder, 'case.json'), JSON.stringify({ shape: [SAMPLE_COUNT, ...model.inputShape] }));
}

const readPredictions = async (): Promise<Float32Array> => {
  const bytes = await readFile(join(folder, 'predictions.f32'));
  return new Float32Array(Uint8Array.from(bytes).buffer);
};

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

  test.runIf(hasNumpy)(
    'numpy predicts from the safetensors and the .keras configuration what the tab predicts',
    async () => {
      await writeExports(model);
      await run('python3', [join(import.meta.dirname, 'forward.py'), folder]);
      const expected = await tabPredictions(model);
      const actual = await readPredictions();
      expect(actual).toHaveLength(expected.length);
      expect(largestDifference(actual, expected)).toBeLessThanOrEqual(DIFFERENCE_MAX);
    },
    TIMEOUT_MS,
  );

  test.runIf(hasKeras)(
    'Keras loads the .keras file and predicts what the tab predicts',
    async () => {
      await writeExports(model);
      const program = [
        'import sys, json, numpy, keras',
        'folder = sys.argv[1]',
        'shape = json.load(open(folder + "/case.json"))["shape"]',
        'inputs = numpy.fromfile(folder + "/inputs.f32", "<f4").reshape(shape)',
        'model = keras.saving.load_model(folder + "/model.keras", compile=False)',
        'numpy.asarray(model(inputs), "<f4").tofile(folder + "/predictions.f32")',
      ].join('\n');
      await run('python3', ['-c', program, folder]);
      expect(largestDifference(await readPredictions(), await tabPredictions(model))).toBeLessThanOrEqual(
        DIFFERENCE_MAX,
      );
    },
    TIMEOUT_MS,
  );
});
