/**
 * A run: what a researcher asks for (`RunRequest`), what the coordinator fixes (`RunManifest`), how it stands
 * (`RunState`). State words are the same in page, API, log and metric.
 */
import Type, { type Static } from 'typebox';
import { DatasetManifestSchema } from './dataset.ts';
import { exchangeProperties } from './exchange.ts';
import {
  DatasetIdSchema,
  ModelIdSchema,
  RunIdSchema,
  serverIdOf,
  Sha256Schema,
  type VolunteerId,
} from './ids.ts';
import { LIMITS } from './limits.ts';
import { ModelSpecSchema } from './model.ts';
import { PRESET_NAMES } from './model-presets.ts';
import { objectiveProperties } from './objective.ts';
import { OPTIMISERS } from './optimisers.ts';
import { ChosenStrategySchema, StrategySchema } from './strategy.ts';
import { TiersSchema } from './tiers.ts';

export const RUN_STATES = [
  'waiting',
  'training',
  'degraded',
  'paused',
  'finishing',
  'finished',
  'failed',
] as const;
export const RunStateSchema = Type.Enum(RUN_STATES);
export type RunState = (typeof RUN_STATES)[number];

/**
 * How an update is made small on the wire: dense in 32, 16, 8, 4 bits or one (the sign) a value, or the k largest of every 4,096 values with
 * 2 bits each (about 0.15 bits a parameter at k = 64, 0.46 at 256). `topk-auto`: each tab sends the largest k that its own
 * uplink carries within a share of the round (SPEC R14), and takes any of them from others.
 */
export const CODECS = [
  'fp32',
  'fp16',
  'int8',
  'int4',
  'sign',
  'topk-16',
  'topk-32',
  'topk-64',
  'topk-128',
  'topk-256',
  'topk-512',
  'topk-1024',
  'topk-auto',
] as const;
export type Codec = (typeof CODECS)[number];

/**
 * What an update takes on the wire, bytes a parameter; sparse ones vary by some percent with what was learned, and
 * `topk-auto` takes at most this.
 */
export const CODEC_BYTES_PER_PARAMETER: Readonly<Record<Codec, number>> = {
  fp32: 4,
  fp16: 2,
  int8: 1.008,
  int4: 0.508,
  sign: 0.133,
  'topk-16': 0.0057,
  'topk-32': 0.0102,
  'topk-64': 0.0183,
  'topk-128': 0.0326,
  'topk-256': 0.0573,
  'topk-512': 0.098,
  'topk-1024': 0.161,
  'topk-auto': 0.161,
};

/**
 * Who averages. `decentralised`: the tabs, among themselves; frames of pairs without a path pass through the coordinator
 * unread (SPEC T). `hybrid`: the same, and the coordinator copies what a tab sends to several through it, so that a tab
 * without any path sends its update once (SPEC T6). `central`: the coordinator's averaging server, which is every tab's
 * only peer (SPEC S).
 */
export const ARCHITECTURES = ['decentralised', 'central', 'hybrid'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/**
 * When a central run's server moves on. `synchronous`: when everybody's update is there, or half and a grace (SPEC R3).
 * `asynchronous`: as soon as a few are there, whoever they are; nobody is waited for (SPEC A).
 */
export const SCHEDULES = ['synchronous', 'asynchronous'] as const;
export type Schedule = (typeof SCHEDULES)[number];
/** An update may be so many versions behind, if the run does not say otherwise. A guess: half of what may be asked for. */
const STALENESS_MAX = 16;

/** At first all tabs learn the same coarse things, which a step brings forward most when it starts from everybody's last. */
export const WARM_UP_LOCAL_STEPS = 2;

/** A round is so many times as long as the run asks. Where it has to follow its exchange, coarse steps will do. */
export const STRETCHES = [1, 1.5, 2, 3, 4, 6, 8] as const;
export type Stretch = (typeof STRETCHES)[number];

/** H of a round: the same for every member, by the round, and by what the last commit said of its length (SPEC R17). */
export const localStepsOf = (
  { localSteps, warmUpRounds }: Pick<Training, 'localSteps' | 'warmUpRounds'>,
  round: number,
  stretch: Stretch = 1,
): number =>
  round < warmUpRounds
    ? Math.min(WARM_UP_LOCAL_STEPS, localSteps)
    : Math.min(LIMITS.localStepsMax, Math.round(localSteps * stretch));

const DEFAULTS = {
  localSteps: 5,
  warmUpRounds: 0,
  batchSize: 16,
  optimiser: 'adam',
  learningRate: 0.004,
  outerLearningRate: 1,
  codec: 'int8',
  peersMin: 1,
  evaluateEveryRounds: 10,
  roundsMax: 1_000,
  targetAccuracy: 0.95,
} as const;

/**
 * The knobs of training; every one has a default and a range. The descriptions are what the form, the published schema
 * and the API's documentation say.
 */
export const TrainingSchema = Type.Object(
  {
    localSteps: Type.Integer({
      minimum: 1,
      maximum: LIMITS.localStepsMax,
      default: DEFAULTS.localSteps,
      title: 'Local steps',
      description:
        'Optimiser steps of each tab between two exchanges (H). With tiers by hand they are insideEvery.',
    }),
    warmUpRounds: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      default: DEFAULTS.warmUpRounds,
      title: 'Warm-up rounds',
      description:
        'In so many first rounds, counted as roundsMax counts them, a tab makes at most two local steps.',
    }),
    batchSize: Type.Integer({
      minimum: 1,
      maximum: LIMITS.batchMax,
      default: DEFAULTS.batchSize,
      title: 'Batch size',
      description: 'Samples of one local step on one tab.',
    }),
    optimiser: Type.Enum(OPTIMISERS, {
      default: DEFAULTS.optimiser,
      title: 'Optimiser',
      description:
        'adam; rmsprop-floored, which learns better with sparse updates; sgd and momentum (0.9), which want a larger learning rate.',
    }),
    learningRate: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      default: DEFAULTS.learningRate,
      title: 'Learning rate',
      description: 'Step size of the optimiser on each tab.',
    }),
    outerLearningRate: Type.Number({
      exclusiveMinimum: 0,
      maximum: 4,
      default: DEFAULTS.outerLearningRate,
      title: 'Outer learning rate',
      description:
        'The averaged update of n tabs is applied times this, and, of pseudo-gradients, times the root of n, at most 2.',
    }),
    codec: Type.Enum(CODECS, {
      default: DEFAULTS.codec,
      title: 'Codec',
      description: 'How an update is made small on the wire.',
    }),
    peersMin: Type.Integer({
      minimum: 1,
      maximum: LIMITS.groupMaxMembers,
      default: DEFAULTS.peersMin,
      title: 'Minimum of tabs',
      description: 'No round is trained with fewer tabs; with 1 a run starts with the first volunteer.',
    }),
    evaluateEveryRounds: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: DEFAULTS.evaluateEveryRounds,
      title: 'Rounds between evaluations',
      description:
        'So often, counted as roundsMax counts rounds, the model is measured on the held-out samples, and a checkpoint is kept.',
    }),
    roundsMax: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: DEFAULTS.roundsMax,
      title: 'Rounds',
      description:
        'The run ends when so many rounds are done, whatever was reached. In tiers these are rounds between nodes; without rounds (asynchronous), versions of the model.',
    }),
    targetAccuracy: Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: 1 }), Type.Null()], {
      default: DEFAULTS.targetAccuracy,
      title: 'Target accuracy',
      description: 'The run ends when validation accuracy reaches this (0 to 1); null: only rounds end it.',
    }),
    architecture: Type.Optional(
      Type.Enum(ARCHITECTURES, {
        default: 'decentralised',
        title: 'Architecture',
        description:
          'Who averages: the tabs among themselves (decentralised); the same, and the coordinator copies the updates of tabs without a way to their peers (hybrid); or the coordinator, as the only peer of each tab (central).',
      }),
    ),
    schedule: Type.Optional(
      Type.Enum(SCHEDULES, {
        default: 'synchronous',
        title: 'Schedule',
        description:
          'When the model moves on in a central run: with everybody in step (synchronous), or as soon as a few updates are there, whoever they are of (asynchronous).',
      }),
    ),
    maxStaleness: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 32,
        default: STALENESS_MAX,
        title: 'Staleness at most',
        description: 'Asynchronous: an update that is more versions of the model behind is not counted.',
      }),
    ),
    tiers: Type.Optional(
      Type.Unsafe<Static<typeof TiersSchema>>({
        ...TiersSchema,
        default: 'off',
        title: 'Tiers',
        description:
          "Tabs of one machine or network (a node) average among themselves after every insideEvery local steps, and one of them speaks for all to other nodes after every betweenEvery such rounds. auto: the run's local steps, and ten such rounds, as measured (docs/strategies.md); off: everybody averages with everybody.",
      }),
    ),
    targetError: Type.Optional(
      Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
        title: 'Target error',
        description:
          'The run also ends when the validation error (mean absolute error, bits a token, or nats a value) is at most this.',
      }),
    ),
    ...exchangeProperties,
    ...objectiveProperties,
  },
  { additionalProperties: false },
);
export type Training = Static<typeof TrainingSchema>;
export const DEFAULT_TRAINING: Training = DEFAULTS;

/** What a researcher says of training: any of the knobs, or that some are to be chosen. */
export const TrainingWishSchema = Type.Partial(
  Type.Object({ strategy: StrategySchema, ...TrainingSchema.properties }),
  { additionalProperties: false },
);
export type TrainingWish = Static<typeof TrainingWishSchema>;

/** A model that POST /api/models took. It begins with the file's weights where the file had any, unless `weights` says otherwise. */
export const ImportedModelSchema = Type.Object(
  {
    imported: ModelIdSchema,
    weights: Type.Optional(
      Type.Enum(['file', 'drawn'], {
        description:
          "Begin with the file's weights, or with weights drawn from the seed. Default: the file's",
      }),
    ),
  },
  { additionalProperties: false },
);

export const MODEL_DESCRIPTION =
  'mlp for numbers and small images, cnn and resnet for images, gru and gpt for text, vae to draw like the data; an imported one, or layers in full.';

/** Body of POST /api/runs. `model` is a preset's name, a full description, or an imported model's id. */
export const RunRequestSchema = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: LIMITS.nameMaxCharacters,
      pattern: '^[\\p{L}\\p{N}][\\p{L}\\p{N} ._-]*$',
      title: 'Name',
      description: 'Letters, digits, spaces, dots, dashes.',
    }),
    datasetId: DatasetIdSchema,
    model: Type.Union([Type.Enum(PRESET_NAMES), ModelSpecSchema, ImportedModelSchema], {
      title: 'Model',
      description: MODEL_DESCRIPTION,
    }),
    seed: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 4_294_967_295,
        title: 'Seed',
        description: 'Of the initial weights; drawn when left out.',
      }),
    ),
    training: Type.Optional(TrainingWishSchema),
  },
  { additionalProperties: false },
);
export type RunRequest = Static<typeof RunRequestSchema>;

/** Everything that a tab needs to take part, fixed at creation. */
export const RunManifestSchema = Type.Object(
  {
    id: RunIdSchema,
    name: Type.String({ minLength: 1, maxLength: LIMITS.nameMaxCharacters }),
    seed: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
    model: ModelSpecSchema,
    parameterCount: Type.Integer({ minimum: 1, maximum: LIMITS.parametersMax }),
    training: TrainingSchema,
    /** With `strategy: auto`: what the plan chose, and why. */
    chosen: Type.Optional(ChosenStrategySchema),
    dataset: DatasetManifestSchema,
    /** It began with another run's checkpoint instead of weights drawn from the seed. */
    forkOf: Type.Optional(
      Type.Object(
        { runId: RunIdSchema, round: Type.Integer({ minimum: 0 }), sha256: Sha256Schema },
        { additionalProperties: false },
      ),
    ),
    /** Its model was imported. `sha256`: the file's weights, with which it began; null: drawn from the seed. */
    importOf: Type.Optional(
      Type.Object(
        { modelId: ModelIdSchema, sha256: Type.Union([Sha256Schema, Type.Null()]) },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
export type RunManifest = Static<typeof RunManifestSchema>;

/** The averaging server of a central run; null: the tabs average among themselves. */
export const serverOf = ({ id, training }: Pick<RunManifest, 'id' | 'training'>): VolunteerId | null =>
  training.architecture === 'central' ? serverIdOf(id) : null;

/** How many versions behind an update may be that is still counted; null: the run goes by rounds. */
export const stalenessMaxOf = ({ schedule, maxStaleness }: Training): number | null =>
  schedule === 'asynchronous' ? (maxStaleness ?? STALENESS_MAX) : null;
