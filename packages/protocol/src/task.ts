/**
 * What a run learns: what its dataset wants predicted, or its samples themselves. Whether a model fits that, and in which
 * figures the held-out samples are measured.
 *
 *     task          loss                       accuracy                error
 *     class         cross entropy, nats        share of right classes  -
 *     value         mean squared error, of     -                       mean absolute error, in the data's own units
 *                   standardised values
 *     next-token    cross entropy, nats        share of right tokens   bits a token (a character, when tokens are those)
 *     autoencoding  reconstruction + klWeight  -                       nats a value: the loss by the values of a sample
 *                   * KL, nats a sample
 *
 * The loss of autoencoding at a weight of 1 is the negative evidence lower bound (Kingma and Welling 2014), estimated with
 * one draw a sample. Labels are not read.
 */
import { autoencoderFault, isAutoencoder } from './autoencoder.ts';
import type { DatasetManifest, Target } from './dataset.ts';
import { outputSizeOf, sampleSize } from './dataset.ts';
import { parameterLayout, type ModelSpec } from './model.ts';
import { KL_WEIGHT_DEFAULT, type ObjectiveName, type Reconstruction } from './objective.ts';
import type { RunManifest, Training } from './run.ts';

export interface Autoencoding {
  readonly kind: 'autoencoding';
  readonly reconstruction: Reconstruction;
  readonly klWeight: number;
  /** Values of a sample. */
  readonly size: number;
}
export type Task = Target | Autoencoding;
export const TASK_KINDS = [
  'class',
  'value',
  'next-token',
  'autoencoding',
] as const satisfies readonly Task['kind'][];
export type TaskKind = (typeof TASK_KINDS)[number];

type ObjectiveKnobs = Pick<Training, 'objective' | 'reconstruction' | 'klWeight'>;

/** Of a manifest, in which what was left out is filled in (`objectiveKnobs`). */
export function taskOf({
  training: { objective, reconstruction = 'bernoulli', klWeight = KL_WEIGHT_DEFAULT },
  dataset: { target, sampleShape },
}: {
  readonly training: ObjectiveKnobs;
  readonly dataset: Pick<RunManifest['dataset'], 'target' | 'sampleShape'>;
}): Task {
  return objective === 'autoencoding'
    ? { kind: 'autoencoding', reconstruction, klWeight, size: sampleSize(sampleShape) }
    : target;
}

/** What an evaluation says; a figure that the target does not have is null. */
export interface Measures {
  /** 0..1, more is better. */
  readonly accuracy: number | null;
  /** Less is better. Where there is one, it decides which checkpoint is best. */
  readonly error?: number | null | undefined;
}

/** Whether `a` is strictly better than `b`. */
export function isBetter(a: Measures, b: Measures): boolean {
  if (a.error != null || b.error != null) return (a.error ?? Infinity) < (b.error ?? Infinity);
  return (a.accuracy ?? 0) > (b.accuracy ?? 0);
}

/** Whether the run's aim is reached: either of the two that it has. */
export const isReached = (
  { accuracy, error }: Measures,
  aim: { readonly targetAccuracy: number | null; readonly targetError?: number | null | undefined },
): boolean =>
  (aim.targetAccuracy !== null && accuracy !== null && accuracy >= aim.targetAccuracy) ||
  (aim.targetError != null && error != null && error <= aim.targetError);

/** In what the error is counted; null: the task has none. */
export const errorUnitOf = ({ kind }: Pick<Task, 'kind'>) =>
  (
    ({
      class: null,
      value: 'data-units',
      'next-token': 'bits-per-token',
      autoencoding: 'nats-per-value',
    }) as const
  )[kind];

/** A field of the run's request, and what does not fit. */
export interface Misfit {
  readonly field: 'model.inputShape' | 'model.layers' | `training.${keyof Training}`;
  readonly message: string;
}

/** What is to be filled in of a training that was wished for; empty: it predicts, and nothing is. */
export type SettledObjective = Partial<Pick<Training, keyof ObjectiveKnobs | 'targetAccuracy'>>;

/**
 * What follows from model and data about the objective that was wished for, or what of the wish makes no sense. A model
 * with a sampling layer is an autoencoder, and no other is.
 */
export function settledObjective(
  model: ModelSpec,
  { encoding }: Pick<DatasetManifest, 'encoding'>,
  wish: Partial<Training>,
): SettledObjective | Misfit {
  const isDrawing = isAutoencoder(model);
  const objective: ObjectiveName = wish.objective ?? (isDrawing ? 'autoencoding' : 'prediction');
  const refuse = (knob: keyof Training, message: string): Misfit => ({ field: `training.${knob}`, message });
  if (objective === 'prediction') {
    if (isDrawing)
      return refuse(
        'objective',
        'a model with a sampling layer gives its input again; say autoencoding, or leave it out',
      );
    for (const knob of ['reconstruction', 'klWeight'] as const)
      if (wish[knob] !== undefined)
        return refuse(
          knob,
          'belongs to autoencoding, and this run predicts; take it out, or take the preset vae',
        );
    return {};
  }
  if (!isDrawing)
    return refuse('objective', 'autoencoding needs a model with a sampling layer, such as the preset vae');
  if (encoding === 'token')
    return {
      field: wish.objective === undefined ? 'model.layers' : 'training.objective',
      message:
        'an autoencoder gives numbers again, and a text is ids of tokens; take the preset gpt or gru, which predict',
    };
  if (wish.targetAccuracy != null)
    return refuse(
      'targetAccuracy',
      'autoencoding has no accuracy to reach; set it to null, and targetError perhaps',
    );
  if (wish.reconstruction === 'bernoulli' && encoding === 'float32')
    return refuse(
      'reconstruction',
      'bernoulli is for values from 0 to 1, and this data has any numbers; take gaussian',
    );
  return {
    objective,
    reconstruction: wish.reconstruction ?? (encoding === 'float32' ? 'gaussian' : 'bernoulli'),
    klWeight: wish.klWeight ?? KL_WEIGHT_DEFAULT,
    targetAccuracy: null,
  };
}

/**
 * Whether a model can learn a dataset. Null: it can.
 * @throws ModelError when the model does not even fit itself
 */
export function misfit(
  model: ModelSpec,
  { sampleShape, encoding, target }: Pick<DatasetManifest, 'sampleShape' | 'encoding' | 'target'>,
  { objective = 'prediction' }: Pick<Training, 'objective'> = {},
): Misfit | null {
  const output = parameterLayout(model).outputShapes.at(-1)!;
  if (model.inputShape.join() !== sampleShape.join())
    return {
      field: 'model.inputShape',
      message: `the dataset's samples are [${sampleShape}], the model takes [${model.inputShape}]`,
    };
  const layers = (message: string): Misfit => ({ field: 'model.layers', message });
  if ((objective === 'autoencoding') !== isAutoencoder(model))
    return layers('a sampling layer and the objective autoencoding go together');
  if (objective === 'autoencoding') {
    const fault = autoencoderFault(model);
    if (fault !== null) return layers(fault);
    const values = sampleSize(sampleShape);
    return output.join() === String(values)
      ? null
      : layers(
          `a sample has ${values} values, so the last layer must give [${values}]; it gives [${output}]`,
        );
  }
  const embedding = model.layers.find(({ kind }) => kind === 'embedding');
  if (embedding?.kind === 'embedding') {
    if (target.kind !== 'next-token' || encoding !== 'token')
      return layers('an embedding reads ids of tokens, the dataset has numbers; take it out');
    if (embedding.vocabularySize < target.vocabularySize)
      return layers(
        `the dataset has ${target.vocabularySize} tokens, the embedding knows ${embedding.vocabularySize}`,
      );
  } else if (encoding === 'token') return layers('the dataset is ids of tokens; begin with an embedding');
  const size = outputSizeOf(target);
  const wanted = target.kind === 'next-token' ? [...sampleShape, size] : [size];
  if (output.join() === wanted.join()) return null;
  const what = { class: `${size} classes`, value: `${size} values`, 'next-token': `${size} tokens` }[
    target.kind
  ];
  return layers(`the dataset has ${what}, so the last layer must give [${wanted}]; it gives [${output}]`);
}
