/**
 * What a run makes small, as knobs of its training, and the parts that a loss of several is reported in. What these mean
 * is in task.ts.
 */
import Type, { type Static } from 'typebox';

/** `prediction`: what the dataset wants predicted. `autoencoding`: the input itself, through a sampling layer. */
export const OBJECTIVES = ['prediction', 'autoencoding'] as const;
export type ObjectiveName = (typeof OBJECTIVES)[number];

/**
 * What the decoder's values are taken for, in nats a sample:
 *
 *   bernoulli  logits of values from 0 to 1: the cross entropy of each, summed
 *   gaussian   means at a deviation of 1: half the squared error of each, summed (the density's constant is left out)
 */
export const RECONSTRUCTIONS = ['bernoulli', 'gaussian'] as const;
export type Reconstruction = (typeof RECONSTRUCTIONS)[number];

export const KL_WEIGHT_DEFAULT = 1;

/** Part of the training schema; left out, they follow from model and data. */
export const objectiveProperties = {
  objective: Type.Optional(
    Type.Enum(OBJECTIVES, {
      title: 'Objective',
      description:
        'What is made small: the error of what the data wants predicted (prediction), or that of giving the input again (autoencoding). As the model says when left out.',
    }),
  ),
  reconstruction: Type.Optional(
    Type.Enum(RECONSTRUCTIONS, {
      title: 'Reconstruction loss',
      description:
        'Of autoencoding: bernoulli for values from 0 to 1, gaussian for any. As the data says when left out.',
    }),
  ),
  klWeight: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1_000,
      title: 'KL weight (beta)',
      description:
        'Of autoencoding: how much the distance of the code from a standard normal weighs beside the reconstruction; 1 when left out.',
    }),
  ),
};

/** The parts of an autoencoder's loss, nats a sample: loss = reconstruction + klWeight * kl. */
export const LossPartsSchema = Type.Object(
  { reconstruction: Type.Number(), kl: Type.Number() },
  { additionalProperties: false },
);
export type LossParts = Static<typeof LossPartsSchema>;
