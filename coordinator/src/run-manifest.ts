/** From what a researcher asks for to what is fixed: a manifest whose model, data and training fit together. */
import { randomBytes } from 'node:crypto';
import {
  contradictionIn,
  DEFAULT_TRAINING,
  misfit,
  ModelError,
  outputSizeOf,
  parameterLayout,
  presetModel,
  settledObjective,
} from '@murmuration/protocol';
import type {
  CloneRequest,
  DatasetManifest,
  Misfit,
  ModelSpec,
  ParameterLayout,
  RunId,
  RunManifest,
  RunRequest,
} from '@murmuration/protocol';
import { ApiError } from './api-error.ts';
import type { ModelShelf } from './model-shelf.ts';

const NAME_MAX_CHARACTERS = 64;

/** What a request names by id. */
interface Named {
  readonly dataset: {
    readonly manifest: DatasetManifest;
    readonly shards: readonly { readonly sampleCount: number }[];
  };
  readonly models: Pick<ModelShelf, 'chosen'>;
}

/** @throws ApiError naming the field */
export function manifestOf(wish: RunRequest, { dataset, models }: Named, id: RunId): RunManifest {
  const { manifest: data, shards } = dataset;
  const refuse = (field: string, message: string): never => {
    throw new ApiError(400, 'bad-field', message, field);
  };
  const { model, importOf, isDescribed } = modelOf(wish.model, data, models);
  const layout = checkedLayout(model, isDescribed ? 'model.layers' : 'model');
  const refuseMisfit = ({ field, message }: Misfit) =>
    refuse(isDescribed || field.startsWith('training.') ? field : 'model', message);
  const objective = settledObjective(model, data, wish.training ?? {});
  if ('message' in objective) return refuseMisfit(objective);
  const training = { ...DEFAULT_TRAINING, ...wish.training, ...objective };
  const problem = misfit(model, data, training);
  if (problem !== null) refuseMisfit(problem);
  const contradiction = contradictionIn(training);
  if (contradiction !== null) refuse(contradiction.field, contradiction.message);
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
    ...(importOf === undefined ? {} : { importOf }),
  };
}

/** `isDescribed`: the request itself says the layers, so that a fault lies in one of its fields. */
function modelOf(
  wish: RunRequest['model'],
  { sampleShape, target }: DatasetManifest,
  models: Named['models'],
): Pick<RunManifest, 'model' | 'importOf'> & { readonly isDescribed: boolean } {
  if (typeof wish === 'string')
    return { model: presetModel(wish, sampleShape, outputSizeOf(target)), isDescribed: false };
  if (!('imported' in wish)) return { model: wish, isDescribed: true };
  const { model, sha256 } = models.chosen(wish);
  return { model, importOf: { modelId: wish.imported, sha256 }, isDescribed: false };
}

/** The request that would make this run again, with what `change` names changed. */
export function requestLike(manifest: RunManifest, change: CloneRequest, word: 'copy' | 'fork'): RunRequest {
  const { model, importOf } = manifest;
  const name = `${manifest.name.slice(0, NAME_MAX_CHARACTERS - word.length - 1).trimEnd()} ${word}`;
  // A fork has its weights from the checkpoint.
  const weights = word === 'fork' || importOf?.sha256 == null ? 'drawn' : 'file';
  return {
    name: change.name ?? name,
    datasetId: manifest.dataset.id,
    model: importOf === undefined ? model : { imported: importOf.modelId, weights },
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
