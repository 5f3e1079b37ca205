/**
 * The downloaded model, loaded by somebody who knows nothing of Murmuration: `model.json` by TensorFlow.js's own
 * loader, the safetensors file by its published layout and a matrix product written out by hand.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';

/** A blob of samples (protocol dataset.ts): pixels of all, then a label for each. */
export interface LabelledBytes {
  readonly bytes: Uint8Array;
  readonly sampleCount: number;
  readonly sampleShape: readonly number[];
}

const pixelsOf = ({ bytes, sampleCount, sampleShape }: LabelledBytes): Float32Array => {
  const size = sampleShape.reduce((a, b) => a * b, 1);
  return Float32Array.from(bytes.subarray(0, sampleCount * size), (pixel) => pixel / 255);
};

function accuracyOf(scores: Float32Array, { bytes, sampleCount }: LabelledBytes): number {
  const classCount = scores.length / sampleCount;
  const labels = bytes.subarray(bytes.length - sampleCount);
  let right = 0;
  for (let sample = 0; sample < sampleCount; sample++) {
    const row = scores.subarray(sample * classCount, (sample + 1) * classCount);
    if (row.indexOf(Math.max(...row)) === labels[sample]) right++;
  }
  return right / sampleCount;
}

export async function tfjsAccuracy(modelJsonPath: string, samples: LabelledBytes): Promise<number> {
  const { modelTopology, weightsManifest } = JSON.parse(await readFile(modelJsonPath, 'utf8')) as {
    modelTopology: object;
    weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
  };
  const pieces = await Promise.all(
    weightsManifest.flatMap(({ paths }) => paths).map((name) => readFile(join(dirname(modelJsonPath), name))),
  );
  const weights = Buffer.concat(pieces);
  const model = await loadLayersModel(
    tf.io.fromMemory({
      modelTopology,
      weightSpecs: weightsManifest.flatMap((group) => group.weights),
      weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength),
    }),
  );
  const input = tf.tensor(pixelsOf(samples), [samples.sampleCount, ...samples.sampleShape]);
  const output = model.predict(input, { batchSize: 100 }) as tf.Tensor;
  return accuracyOf((await output.data()) as Float32Array, samples);
}

/** For the mlp preset: flatten, dense (relu), dense_1. */
export async function safetensorsAccuracy(path: string, samples: LabelledBytes): Promise<number> {
  const file = await readFile(path);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerLength).toString('utf8')) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensor = (name: string): { values: Float32Array; shape: number[] } => {
    const entry = header[name];
    if (entry === undefined || entry.dtype !== 'F32') throw new Error(`${path} holds no F32 tensor ${name}`);
    const [from, to] = entry.data_offsets.map((offset) => 8 + headerLength + offset) as [number, number];
    return { values: new Float32Array(new Uint8Array(file.subarray(from, to)).buffer), shape: entry.shape };
  };
  const dense = (input: Float32Array, layer: string): Float32Array => {
    const [kernel, bias] = [tensor(`${layer}/kernel`), tensor(`${layer}/bias`)];
    const [rows, columns] = kernel.shape as [number, number];
    const output = new Float32Array((input.length / rows) * columns);
    for (let sample = 0; sample * rows < input.length; sample++)
      for (let column = 0; column < columns; column++) {
        let sum = bias.values[column]!;
        for (let row = 0; row < rows; row++)
          sum += input[sample * rows + row]! * kernel.values[row * columns + column]!;
        output[sample * columns + column] = sum;
      }
    return output;
  };
  const hidden = dense(pixelsOf(samples), 'dense').map((value) => Math.max(0, value));
  return accuracyOf(dense(hidden, 'dense_1'), samples);
}
