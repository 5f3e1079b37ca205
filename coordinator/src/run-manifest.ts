/** From what a researcher asks for to what is fixed: a manifest whose model, data and training fit together. */
import { randomBytes } from 'node:crypto';
import { chosenBy, planRun } from '@murmuration/plan';
import {
  boundedReasons,
  contradictionIn,
  DEFAULT_TRAINING,
  LIMITS,
  misfit,
  ModelError,
  outputSizeOf,
  parameterLayout,
  presetModel,
  settledObjective,
  settledWish,
  tiersOf,
  wishFault,
} from '@murmuration/protocol';
import type {
  ChosenStrategy,
  CloneRequest,
  DatasetManifest,
  Misfit,
  ModelSpec,
  ParameterLayout,
  RunId,
  RunManifest,
  RunRequest,
  Training,
} from '@murmuration/protocol';
import { ApiError } from './api-error.ts';
import type { ModelShelf } from './model-shelf.ts';
import type { Planner, RunBeforehand } from './planner.ts';

const NAME_MAX_CHARACTERS = 64;

/** What a request names by id. */
interface Named {
  readonly dataset: {
    readonly manifest: DatasetManifest;
    readonly shards: readonly { readonly sampleCount: number }[];
  };
  readonly models: Pick<ModelShelf, 'chosen'>;
  readonly planner: Pick<Planner, 'factsOf'>;
}

/** @throws ApiError naming the field */
export function manifestOf(wish: RunRequest, { dataset, models, planner }: Named, id: RunId): RunManifest {
  const { manifest: data, shards } = dataset;
  const refuse = (field: string, message: string): never => {
    throw new ApiError(400, 'bad-field', message, field);
  };
  const { model, importOf, isDescribed } = modelOf(wish.model, data, models);
  const layout = checkedLayout(model, isDescribed ? 'model.layers' : 'model');
  const refuseMisfit = ({ field, message }: Misfit) =>
    refuse(isDescribed || field.startsWith('training.') ? field : 'model', message);
  const asked = settledWish(wish.training ?? {});
  const { strategy, ...knobs } = asked;
  const objective = settledObjective(model, data, knobs);
  if ('message' in objective) return refuseMisfit(objective);
  const said = { ...DEFAULT_TRAINING, ...knobs, ...objective };
  const { training, chosen } =
    strategy === undefined
      ? { training: said }
      : planned({ model, training: said, wish: asked, dataset: data }, planner);
  const problem = misfit(model, data, training);
  if (problem !== null) refuseMisfit(problem);
  const contradiction = contradictionIn(training);
  if (contradiction !== null) refuse(contradiction.field, contradiction.message);
  if (tiersOf(training) !== null && layout.parameterCount > LIMITS.tiersParametersMax)
    refuse(
      'training.tiers',
      `the model has ${layout.parameterCount} parameters, and with tiers at most ${LIMITS.tiersParametersMax} are possible; leave tiers off`,
    );
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
    ...(chosen === undefined ? {} : { chosen }),
    dataset: data,
    ...(importOf === undefined ? {} : { importOf }),
  };
}

/** `strategy: auto`: what the researcher left open is chosen for the tabs that are here. @throws ApiError */
function planned(
  run: RunBeforehand,
  planner: Named['planner'],
): { readonly training: Training; readonly chosen: ChosenStrategy } {
  const refuse = (field: string, message: string): never => {
    throw new ApiError(400, 'bad-field', message, field);
  };
  const fault = wishFault(run.wish);
  if (fault !== null) refuse(fault.field, fault.message);
  const plan = planRun(planner.factsOf(run));
  if ('refused' in plan)
    return refuse(
      'training.strategy',
      `no strategy fits; left out were ${plan.refused.slice(0, 3).join('; ')}`,
    );
  const { knobs, why } = chosenBy(plan);
  return {
    training: { ...run.training, ...knobs },
    chosen: { knobs: [...plan.chosen], why: boundedReasons(why) },
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
  const { model, importOf, chosen } = manifest;
  const name = `${manifest.name.slice(0, NAME_MAX_CHARACTERS - word.length - 1).trimEnd()} ${word}`;
  // A fork has its weights from the checkpoint.
  const weights = word === 'fork' || importOf?.sha256 == null ? 'drawn' : 'file';
  return {
    name: change.name ?? name,
    datasetId: manifest.dataset.id,
    model: importOf === undefined ? model : { imported: importOf.modelId, weights },
    seed: change.seed ?? manifest.seed,
    training: { ...heldKnobs(manifest.training, chosen, change.training), ...change.training },
  };
}

/** What was chosen stays as it is, unless it is to be chosen again. Where tiers say the local steps, these follow them. */
function heldKnobs(
  training: Training,
  chosen: ChosenStrategy | undefined,
  change: CloneRequest['training'],
): Partial<Training> {
  const { tiers = training.tiers, strategy } = change ?? {};
  const open: readonly string[] = [
    ...(strategy === 'auto' ? (chosen?.knobs ?? []) : []),
    ...(typeof tiers === 'object' ? ['localSteps'] : []),
  ];
  return Object.fromEntries(Object.entries(training).filter(([knob]) => !open.includes(knob)));
}

function checkedLayout(model: ModelSpec, field: string): ParameterLayout {
  try {
    return parameterLayout(model);
  } catch (error) {
    if (error instanceof ModelError) throw new ApiError(400, 'bad-field', error.message, field);
    throw error;
  }
}
