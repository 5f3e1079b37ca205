/** A small run for tests, here and in the browser: ten classes, each a bright square at its own place under noise. */
import { encodeState, initialParameters, mulberry, parametersToBytes, streamSeed } from '@murmuration/codec';
import {
  DEFAULT_TRAINING,
  isAutoencoder,
  parameterLayout,
  presetModel,
  sampleSize,
  type DatasetManifest,
  type ModelSpec,
  type RunManifest,
  type Training,
} from '@murmuration/protocol';
import type { BatchPlan } from '@murmuration/swarm';

export const EXAMPLE_SEED = 7;
const CLASS_COUNT = 10;
const AUTOENCODING = {
  objective: 'autoencoding',
  reconstruction: 'bernoulli',
  klWeight: 1,
  targetAccuracy: null,
} as const;

export function exampleManifest(
  model: 'mlp' | 'cnn' | ModelSpec,
  training: Partial<Training> = {},
): RunManifest {
  const spec = typeof model === 'string' ? presetModel(model, [28, 28, 1], CLASS_COUNT) : model;
  const sampleShape = [...spec.inputShape];
  return {
    id: 'run_00000000000000000000000000',
    name: 'example',
    seed: EXAMPLE_SEED,
    model: spec,
    parameterCount: parameterLayout(spec).parameterCount,
    training: { ...DEFAULT_TRAINING, ...(isAutoencoder(spec) ? AUTOENCODING : {}), ...training },
    dataset: {
      id: 'data_00000000000000000000000000',
      name: 'squares',
      kind: 'digits',
      licence: 'none needed',
      sampleShape,
      ...dataOf(spec),
      trainSampleCount: 4 * EXAMPLE_SHARD_SAMPLES,
      shardCount: 4,
      validation: {
        index: 0,
        sha256: '0'.repeat(64),
        sampleCount: EXAMPLE_SHARD_SAMPLES,
        byteLength: EXAMPLE_SHARD_SAMPLES * (sampleSize(sampleShape) + 1),
      },
    },
  };
}

/** A model that begins with an embedding reads ids and says what comes next; any other tells classes of images. */
function dataOf(model: ModelSpec): Pick<DatasetManifest, 'encoding' | 'target'> {
  const outputSize = parameterLayout(model).outputShapes.at(-1)!.at(-1)!;
  // An autoencoder gives its input, and reads no labels.
  const classCount = isAutoencoder(model) ? CLASS_COUNT : outputSize;
  return model.layers[0]!.kind === 'embedding'
    ? { encoding: 'token', target: { kind: 'next-token', vocabularySize: classCount } }
    : { encoding: 'uint8', target: { kind: 'class', classCount } };
}

export const EXAMPLE_SHARD_SAMPLES = 160;

/** Shard bytes (protocol dataset.ts). `side`: images are side x side, grey. */
export function exampleShard(index: number, side = 28, sampleCount = EXAMPLE_SHARD_SAMPLES): Uint8Array {
  const random = mulberry(streamSeed(EXAMPLE_SEED, 'squares', index));
  const size = side * side;
  const bytes = new Uint8Array(sampleCount * (size + 1));
  const square = Math.ceil(side / 4);
  for (let i = 0; i < sampleCount; i++) {
    const label = i % CLASS_COUNT;
    const top = Math.floor(label / 4) * square + Math.floor(random() * 2);
    const left = (label % 4) * square;
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const inside = y >= top && y < top + square && x >= left && x < left + square;
        bytes[i * size + y * side + x] = Math.floor(random() * 80) + (inside ? 150 : 0);
      }
    bytes[sampleCount * size + i] = label;
  }
  return bytes;
}

export const exampleParameters = (model: ModelSpec): Float32Array =>
  initialParameters(parameterLayout(model).tensors, EXAMPLE_SEED);

export const exampleCheckpoint = (model: ModelSpec): Uint8Array =>
  parametersToBytes(exampleParameters(model));

export const exampleState = (model: ModelSpec, stepCount: number): Uint8Array[] => {
  const anchor = exampleParameters(model);
  return encodeState({ anchor, secondMoment: anchor.map((value) => value * value), stepCount });
};

/** `count` consecutive batches of shard 0. */
export const exampleBatches = (round: number, count: number): BatchPlan[] =>
  Array.from({ length: count }, (_, i) => ({ shardIndex: 0, pass: round, batchIndex: i }));
