/**
 * Models for the equality of predictions: every preset, and one for every layer that no preset has. Their parameters are
 * drawn, so that no bias is zero and no gain one: what is lost on the way shows.
 */
import { initialParameters, mulberry } from '@murmuration/codec';
import {
  meanModelOf,
  parameterLayout,
  partOf,
  PRESET_NAMES,
  presetModel,
  type LayerSpec,
  type ModelSpec,
  type PresetName,
} from '@murmuration/protocol';

export const SAMPLE_COUNT = 4;

const head: LayerSpec[] = [{ kind: 'flatten' }, { kind: 'dense', units: 3, activation: 'linear' }];

/** Input and output of each preset here: none can be forgotten. What draws by chance is exported in parts. */
const PRESET_SIZES: Readonly<
  Record<Exclude<PresetName, 'vae'>, readonly [inputShape: readonly number[], outputSize: number]>
> = {
  mlp: [[28, 28, 1], 10],
  cnn: [[28, 28, 1], 10],
  resnet: [[28, 28, 1], 10],
  gru: [[12], 20],
  gpt: [[12], 20],
};

export const EXPORTED_MODELS: readonly ModelSpec[] = [
  ...PRESET_NAMES.flatMap((name) =>
    name === 'vae' ? autoencoderParts() : [presetModel(name, ...PRESET_SIZES[name])],
  ),
  {
    name: 'other image layers',
    inputShape: [9, 8, 2],
    layers: [
      {
        kind: 'conv2d',
        filters: 4,
        kernelSize: 3,
        strides: 1,
        padding: 'valid',
        activation: 'silu',
        useBias: false,
      },
      { kind: 'batchNorm', epsilon: 1e-4 },
      { kind: 'activation', activation: 'elu' },
      { kind: 'averagePool2d', poolSize: 2 },
      { kind: 'dropout', rate: 0.5 },
      { kind: 'reshape', shape: [3, 12] },
      { kind: 'dense', units: 5, activation: 'sigmoid' },
      { kind: 'softmax' },
      { kind: 'globalAveragePool1d' },
      { kind: 'dense', units: 3, activation: 'relu' },
    ],
  },
  {
    name: 'other sequence layers',
    inputShape: [6, 4],
    layers: [
      { kind: 'gru', units: 5, name: 'left' },
      { kind: 'selfAttention', heads: 1, headUnits: 3, causal: false, inputs: ['input'], name: 'right' },
      { kind: 'concatenate', inputs: ['left', 'right'] },
      { kind: 'lastStep' },
      { kind: 'dense', units: 3, activation: 'linear' },
    ],
  },
  {
    name: 'last state',
    inputShape: [6, 4],
    layers: [{ kind: 'gru', units: 5, returnSequences: false }, head[1]!],
  },
];

/** The vae at the mean of its code, its encoder and its decoder. */
function autoencoderParts(): ModelSpec[] {
  const model = presetModel('vae', [8, 8, 1], 10);
  const weights = new Float32Array(parameterLayout(model).parameterCount);
  return [
    meanModelOf(model, weights),
    partOf(model, weights, 'encoder'),
    partOf(model, weights, 'decoder'),
  ].map((part) => part.model);
}

export function drawn(model: ModelSpec): {
  readonly parameters: Float32Array;
  readonly inputs: Float32Array;
} {
  const { tensors } = parameterLayout(model);
  const parameters = initialParameters(tensors, 21);
  const random = mulberry(22);
  for (const { fanIn, offset, size } of tensors)
    if (fanIn === 0) for (let i = 0; i < size; i++) parameters[offset + i]! += 0.6 * random() - 0.3;
  const size = model.inputShape.reduce((a, b) => a * b, 1);
  const embedding = model.layers.find(({ kind }) => kind === 'embedding');
  const inputs = Float32Array.from({ length: SAMPLE_COUNT * size }, () =>
    embedding?.kind === 'embedding' ? Math.floor(random() * embedding.vocabularySize) : random(),
  );
  return { parameters, inputs };
}
