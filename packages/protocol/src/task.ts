/**
 * What a run learns, by what its dataset wants predicted: whether a model fits it, and in which figures its held-out
 * samples are measured.
 *
 *     target      loss                       accuracy                error
 *     class       cross entropy, nats        share of right classes  -
 *     value       mean squared error, of     -                       mean absolute error, in the data's own units
 *                 standardised values
 *     next-token  cross entropy, nats        share of right tokens   bits a token (a character, when tokens are those)
 */
import type { DatasetManifest, Target } from './dataset.ts';
import { outputSizeOf } from './dataset.ts';
import { parameterLayout, type ModelSpec } from './model.ts';

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

/** In what the error is counted; null: the target has none. */
export const errorUnitOf = (target: Target): 'data-units' | 'bits-per-token' | null =>
  target.kind === 'value' ? 'data-units' : target.kind === 'next-token' ? 'bits-per-token' : null;

/** A field of the run's request, and what does not fit. */
export interface Misfit {
  readonly field: 'model.inputShape' | 'model.layers';
  readonly message: string;
}

/**
 * Whether a model can learn a dataset. Null: it can.
 * @throws ModelError when the model does not even fit itself
 */
export function misfit(
  model: ModelSpec,
  { sampleShape, encoding, target }: Pick<DatasetManifest, 'sampleShape' | 'encoding' | 'target'>,
): Misfit | null {
  const output = parameterLayout(model).outputShapes.at(-1)!;
  if (model.inputShape.join() !== sampleShape.join())
    return {
      field: 'model.inputShape',
      message: `the dataset's samples are [${sampleShape}], the model takes [${model.inputShape}]`,
    };
  const layers = (message: string): Misfit => ({ field: 'model.layers', message });
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
