/** From what a researcher asks for to what is fixed: a manifest whose model, data and training fit together. */
import { randomBytes } from 'node:crypto';
import {
  DEFAULT_TRAINING,
  misfit,
  ModelError,
  outputSizeOf,
  parameterLayout,
  presetModel,
} from '@murmuration/protocol';
import type {
  CloneRequest,
  ModelSpec,
  ParameterLayout,
  RunId,
  RunManifest,
  RunRequest,
} from '@murmuration/protocol';
import { ApiError } from './api-error.ts';
import type { StoredDataset } from './store.ts';

const NAME_MAX_CHARACTERS = 64;

/** @throws ApiError naming the field */
export function manifestOf(wish: RunRequest, dataset: StoredDataset, id: RunId): RunManifest {
  const { manifest: data, shards } = dataset;
  const refuse = (field: string, message: string): never => {
    throw new ApiError(400, 'bad-field', message, field);
  };
  const isPreset = typeof wish.model === 'string';
  const model =
    typeof wish.model === 'string'
      ? presetModel(wish.model, data.sampleShape, outputSizeOf(data.target))
      : wish.model;
  const layout = checkedLayout(model, isPreset ? 'model' : 'model.layers');
  const problem = misfit(model, data);
  if (problem !== null) refuse(isPreset ? 'model' : problem.field, problem.message);
  const training = { ...DEFAULT_TRAINING, ...wish.training };
  const smallest = Math.min(...shards.map((shard) => shard.sampleCount));
  if (training.batchSize > smallest)
    refuse('training.batchSize', `the smallest shard has ${smallest} samples; a batch must fit into it`);
  return {
    id,
    name: wish.name.normalize('NFC'),
    seed: wish.seed ?? randomBytes(4).readUInt32LE(),
    model,
    parameterCount: layout.parameterCount,
    training,
    dataset: data,
  };
}

/** The request that would make this run again, with what `change` names changed. */
export function requestLike(manifest: RunManifest, change: CloneRequest, word: 'copy' | 'fork'): RunRequest {
  const name = `${manifest.name.slice(0, NAME_MAX_CHARACTERS - word.length - 1).trimEnd()} ${word}`;
  return {
    name: change.name ?? name,
    datasetId: manifest.dataset.id,
    model: manifest.model,
    seed: change.seed ?? manifest.seed,
    training: { ...manifest.training, ...change.training },
  };
}

function checkedLayout(model: ModelSpec, field: string): ParameterLayout {
  try {
    return parameterLayout(model);
  } catch (error) {
    if (error instanceof ModelError) throw new ApiError(400, 'bad-field', error.message, field);
    throw error;
  }
}
