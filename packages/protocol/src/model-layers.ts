/**
 * The allow-list of layers: what each is called, which knobs it has and within which bounds. Shapes and parameters are
 * in model-shapes.ts, arithmetic is in the trainer. A word that is not here cannot be said.
 *
 * Every layer may have a `name` (default: Keras's rule) and `inputs`, names of earlier layers or `input` (default: the
 * layer before it). Only `add`, `concatenate` and `sampling` take more than one.
 */
import Type, { type Static } from 'typebox';
import { LIMITS } from './limits.ts';

const Dimension = Type.Integer({ minimum: 1, maximum: LIMITS.dimensionMax });
const LayerNameSchema = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$' });

/** Element by element; gelu is the exact one (erf), silu is x sigmoid(x). */
export const ACTIVATIONS = ['linear', 'relu', 'tanh', 'gelu', 'sigmoid', 'silu', 'elu'] as const;
export type Activation = (typeof ACTIVATIONS)[number];
export const ActivationSchema = Type.Enum(ACTIVATIONS);

const layer = <K extends string, P extends Record<string, Type.TSchema>>(kind: K, properties: P) =>
  Type.Object(
    {
      kind: Type.Literal(kind),
      name: Type.Optional(LayerNameSchema),
      inputs: Type.Optional(
        Type.Array(LayerNameSchema, { minItems: 1, maxItems: LIMITS.layerInputsMax, uniqueItems: true }),
      ),
      ...properties,
    },
    { additionalProperties: false },
  );
const Pool = { poolSize: Type.Integer({ minimum: 2, maximum: 8 }) };
/** Default true. */
const UseBias = Type.Optional(Type.Boolean());
/** Added to the variance; default 1e-3, as in Keras. */
const Epsilon = Type.Optional(Type.Number({ minimum: 1e-8, maximum: 0.1 }));

export const LayerSchema = Type.Union([
  layer('flatten', {}),
  /** The same values in another shape of the same size (without the batch). */
  layer('reshape', { shape: Type.Array(Dimension, { minItems: 1, maxItems: LIMITS.rankMax }) }),
  /** Over the last dimension; all others stay. */
  layer('dense', { units: Dimension, activation: ActivationSchema, useBias: UseBias }),
  layer('conv2d', {
    filters: Dimension,
    kernelSize: Type.Integer({ minimum: 1, maximum: 31 }),
    strides: Type.Integer({ minimum: 1, maximum: 8 }),
    padding: Type.Union([Type.Literal('same'), Type.Literal('valid')]),
    activation: ActivationSchema,
    useBias: UseBias,
  }),
  layer('maxPool2d', Pool),
  layer('averagePool2d', Pool),
  layer('globalAveragePool2d', {}),
  layer('globalAveragePool1d', {}),
  /**
   * Over everything but the last dimension. In training by the batch's own mean and variance; the running ones are
   * parameters that move towards the batch's with every step instead of down a gradient, and are averaged over the tabs
   * with all others. Evaluation uses them.
   */
  layer('batchNorm', {
    epsilon: Epsilon,
    momentum: Type.Optional(Type.Number({ minimum: 0, maximum: 0.9999 })),
  }),
  /** Over the last dimension of each position: nothing to keep, nothing that replicas could disagree on. */
  layer('layerNorm', { epsilon: Epsilon }),
  layer('dropout', { rate: Type.Number({ minimum: 0, exclusiveMaximum: 1 }) }),
  layer('activation', { activation: ActivationSchema }),
  /** Over the last dimension. The one at the end belongs to the loss and is not written. */
  layer('softmax', {}),
  /** Of the ids that are the model's input. */
  layer('embedding', {
    vocabularySize: Type.Integer({ minimum: 2, maximum: LIMITS.dimensionMax }),
    units: Dimension,
  }),
  /** Adds one learned vector a step. */
  layer('positionEmbedding', {}),
  /** Multi-head attention of a sequence to itself; with `causal` (default) a step sees only itself and earlier ones. */
  layer('selfAttention', {
    heads: Type.Integer({ minimum: 1, maximum: 64 }),
    headUnits: Type.Integer({ minimum: 1, maximum: 1_024 }),
    causal: Type.Optional(Type.Boolean()),
  }),
  /**
   * Gated recurrent unit. `resetAfter` (default false): the reset gate acts on the product with the last state, not on
   * the state (Keras's default, cuDNN's form). `returnSequences` (default true): all states, or only the last.
   */
  layer('gru', {
    units: Dimension,
    returnSequences: Type.Optional(Type.Boolean()),
    resetAfter: Type.Optional(Type.Boolean()),
  }),
  /** Of a sequence [steps, units] the last step. */
  layer('lastStep', {}),
  /** All inputs have one shape. */
  layer('add', {}),
  /** Along the last dimension. */
  layer('concatenate', {}),
  /**
   * Of a mean and the logarithm of a variance, one shape each: mean + deviation * noise, the noise standard normal and
   * drawn by place, round and step. Also in evaluation, where every round draws the same.
   */
  layer('sampling', {}),
]);
export type LayerSpec = Static<typeof LayerSchema>;
export type LayerKind = LayerSpec['kind'];
export type LayerOf<K extends LayerKind> = Extract<LayerSpec, { kind: K }>;

export const LAYER_EPSILON = 1e-3;
/** Keras's default is 0.99, made for runs of many epochs; ours must be right after a few hundred steps. */
export const BATCH_NORM_MOMENTUM = 0.9;

/** What Keras calls a layer of this kind when nobody names it. */
export const KERAS_NAMES: Readonly<Record<LayerKind, string>> = {
  flatten: 'flatten',
  reshape: 'reshape',
  dense: 'dense',
  conv2d: 'conv2d',
  maxPool2d: 'max_pooling2d',
  averagePool2d: 'average_pooling2d',
  globalAveragePool2d: 'global_average_pooling2d',
  globalAveragePool1d: 'global_average_pooling1d',
  batchNorm: 'batch_normalization',
  layerNorm: 'layer_normalization',
  dropout: 'dropout',
  activation: 'activation',
  softmax: 'softmax',
  embedding: 'embedding',
  positionEmbedding: 'position_embedding',
  selfAttention: 'multi_head_attention',
  gru: 'gru',
  lastStep: 'last_step',
  add: 'add',
  concatenate: 'concatenate',
  sampling: 'sampling',
};
