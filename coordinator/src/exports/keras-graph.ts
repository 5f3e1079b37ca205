/**
 * A finished model as a graph of Keras layers with their weights, which both formats that Keras's family reads are written
 * from: tfjs.ts (the dialect of tfjs-layers, Keras 2) and keras.ts (Keras 3). Where a dialect lacks a layer of ours, it is
 * made of layers that the dialect has, so that the file loads without any code of ours.
 *
 * In training the last layer gives logits; the exported model gives probabilities, the shares (0 to 1) of a Bernoulli
 * decoder, or the values of a regression as they were trained (standardised). Input is what trained: p / 255 for bytes, values as they are, ids of tokens.
 */
import { LAYER_EPSILON, BATCH_NORM_MOMENTUM, MODEL_INPUT } from '@murmuration/protocol';
import type { Activation, LayerOf, LayerSpec, ModelSpec, ParameterLayout } from '@murmuration/protocol';
import { addedTable, attentionOfPlainLayers } from './plain-parts.ts';
import { ExportError } from './weights.ts';

export type Dialect = 'tfjs' | 'keras3';
/** What the exported model gives: a softmax at the end, a sigmoid of each value, or neither. */
export type ExportOutput = 'probabilities' | 'shares' | 'values';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Config = { readonly [key: string]: Json };

export interface KerasWeight {
  /** Inside the layer, e.g. `kernel` or `query/kernel`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
export interface KerasNode {
  readonly className: string;
  readonly name: string;
  readonly config: Config;
  /** Names of nodes, or MODEL_INPUT. */
  readonly inputs: readonly string[];
  /** Arguments of the call by name. */
  readonly callArguments?: Config;
  readonly weights: readonly KerasWeight[];
  /** Without the batch; the dialect of Keras 3 needs it. */
  readonly outputShape?: readonly number[];
}

/**
 * @param layout of `model`, as parameterLayout gives it
 * @throws ExportError naming a layer that the dialect cannot say
 */
export function kerasGraph(
  model: ModelSpec,
  layout: ParameterLayout,
  parameters: Float32Array,
  { dialect, output }: { readonly dialect: Dialect; readonly output: ExportOutput },
): KerasNode[] {
  const nodes: KerasNode[] = [];
  /** The node that stands for each layer of ours. */
  const ends: string[] = [];
  for (const [i, layer] of model.layers.entries()) {
    const name = layout.layerNames[i]!;
    const inputs = layout.inputIndices[i]!.map((from) => (from < 0 ? MODEL_INPUT : ends[from]!));
    const from = layout.inputIndices[i]![0]!;
    const weights = layout.tensors
      .slice(layout.firstTensors[i], layout.firstTensors[i + 1])
      .map(({ name: path, shape, offset, size }) => ({
        name: path.slice(name.length + 1),
        shape,
        values: parameters.subarray(offset, offset + size),
      }));
    const place = {
      name,
      inputs,
      weights,
      inputShape: from < 0 ? model.inputShape : layout.outputShapes[from]!,
      outputShape: layout.outputShapes[i]!,
    };
    const parts = dialect === 'tfjs' ? tfjsNodes(layer, place) : kerasNodes(layer, place);
    nodes.push(...parts);
    ends.push(parts.at(-1)!.name);
  }
  return output === 'values'
    ? nodes
    : withActivation(nodes, output === 'probabilities' ? 'softmax' : 'sigmoid');
}

/** What a layer is turned into nodes with. */
export interface Place {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly weights: readonly KerasWeight[];
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
}

function tfjsNodes(layer: LayerSpec, place: Place): KerasNode[] {
  const { name, inputs, weights, inputShape } = place;
  const node = (className: string, config: Config, own = weights): KerasNode[] => [
    { className, name, config, inputs, weights: own },
  ];
  switch (layer.kind) {
    case 'positionEmbedding':
      return addedTable(name, inputs[0]!, weights[0]!.shape, weights[0]!.values);
    case 'selfAttention':
      return attentionOfPlainLayers(layer, place);
    case 'gru':
      if (layer.resetAfter === true)
        throw new ExportError(
          `model: ${name} resets after its product, which tfjs-layers cannot; export it as .keras or safetensors`,
        );
      return node('GRU', gruConfig(layer));
    case 'lastStep': {
      const [steps, units] = inputShape as [number, number];
      const part = (
        suffix: string,
        className: string,
        config: Config,
        from: readonly string[],
      ): KerasNode => ({
        className,
        name: `${name}${suffix}`,
        config,
        inputs: from,
        weights: [],
      });
      return [
        part('_image', 'Reshape', { target_shape: [steps, 1, units] }, inputs),
        part(
          '_cut',
          'Cropping2D',
          {
            cropping: [
              [steps - 1, 0],
              [0, 0],
            ],
            data_format: 'channels_last',
          },
          [`${name}_image`],
        ),
        part('', 'Flatten', { data_format: 'channels_last' }, [`${name}_cut`]),
      ];
    }
    default:
      return node(...commonLayer(layer, 'tfjs'));
  }
}

function kerasNodes(
  layer: LayerSpec,
  { name, inputs, weights, inputShape, outputShape }: Place,
): KerasNode[] {
  const node = (className: string, config: Config, own = weights): KerasNode[] => [
    { className, name, config, inputs, weights: own, outputShape },
  ];
  switch (layer.kind) {
    case 'positionEmbedding': {
      // Keras 3 has no layer that adds one vector a step but this one's bias; its product is with the identity.
      const [steps, units] = inputShape as [number, number];
      const identity = Float32Array.from({ length: units * units }, (_, i) =>
        i % (units + 1) === 0 ? 1 : 0,
      );
      return node(
        'EinsumDense',
        { equation: 'abc,cd->abd', output_shape: [steps, units], bias_axes: 'bd', activation: 'linear' },
        [
          { name: 'kernel', shape: [units, units], values: identity },
          { name: 'bias', shape: [steps, units], values: weights[0]!.values },
        ],
      );
    }
    case 'selfAttention': {
      const { heads, headUnits, causal = true } = layer;
      return [
        {
          className: 'MultiHeadAttention',
          name,
          config: { num_heads: heads, key_dim: headUnits, value_dim: headUnits, dropout: 0, use_bias: true },
          inputs: [inputs[0]!, inputs[0]!],
          callArguments: { use_causal_mask: causal },
          weights,
          outputShape,
        },
      ];
    }
    case 'gru':
      return node('GRU', gruConfig(layer));
    case 'lastStep': {
      const [steps, units] = inputShape as [number, number];
      return [
        {
          className: 'Cropping1D',
          name: `${name}_cut`,
          config: { cropping: [steps - 1, 0] },
          inputs,
          weights: [],
          outputShape: [1, units],
        },
        {
          className: 'Flatten',
          name,
          config: { data_format: 'channels_last' },
          inputs: [`${name}_cut`],
          weights: [],
          outputShape,
        },
      ];
    }
    default:
      return node(...commonLayer(layer, 'keras3'));
  }
}

const gruConfig = ({ units, returnSequences = true, resetAfter = false }: LayerOf<'gru'>): Config => ({
  units,
  activation: 'tanh',
  recurrent_activation: 'sigmoid',
  use_bias: true,
  return_sequences: returnSequences,
  reset_after: resetAfter,
});

type CommonLayer = Exclude<LayerSpec, { kind: 'positionEmbedding' | 'selfAttention' | 'gru' | 'lastStep' }>;

/** Layers that both dialects have. */
function commonLayer(layer: CommonLayer, dialect: Dialect): [className: string, config: Config] {
  const data_format = 'channels_last';
  const activationOf = (activation: Activation) =>
    activation === 'silu' && dialect === 'tfjs' ? 'swish' : activation;
  switch (layer.kind) {
    case 'flatten':
      return ['Flatten', { data_format }];
    case 'reshape':
      return ['Reshape', { target_shape: layer.shape }];
    case 'dense':
      return [
        'Dense',
        {
          units: layer.units,
          activation: activationOf(layer.activation),
          use_bias: layer.useBias ?? true,
        },
      ];
    case 'conv2d': {
      const { filters, kernelSize, strides, padding, activation } = layer;
      return [
        'Conv2D',
        {
          filters,
          kernel_size: [kernelSize, kernelSize],
          strides: [strides, strides],
          dilation_rate: [1, 1],
          padding,
          data_format,
          activation: activationOf(activation),
          use_bias: layer.useBias ?? true,
        },
      ];
    }
    case 'maxPool2d':
    case 'averagePool2d': {
      const size = [layer.poolSize, layer.poolSize];
      return [
        layer.kind === 'maxPool2d' ? 'MaxPooling2D' : 'AveragePooling2D',
        { pool_size: size, strides: size, padding: 'valid', data_format },
      ];
    }
    case 'globalAveragePool2d':
      return ['GlobalAveragePooling2D', { data_format }];
    case 'globalAveragePool1d':
      return ['GlobalAveragePooling1D', dialect === 'tfjs' ? {} : { data_format }];
    case 'batchNorm':
      return [
        'BatchNormalization',
        {
          axis: -1,
          momentum: layer.momentum ?? BATCH_NORM_MOMENTUM,
          epsilon: layer.epsilon ?? LAYER_EPSILON,
          center: true,
          scale: true,
        },
      ];
    case 'layerNorm':
      return [
        'LayerNormalization',
        // tfjs-layers takes an axis, Keras 3 a list of them too.
        { axis: -1, epsilon: layer.epsilon ?? LAYER_EPSILON, center: true, scale: true },
      ];
    case 'dropout':
      return ['Dropout', { rate: layer.rate }];
    case 'activation':
      return ['Activation', { activation: activationOf(layer.activation) }];
    case 'softmax':
      return ['Softmax', { axis: -1 }];
    case 'embedding':
      return ['Embedding', { input_dim: layer.vocabularySize, output_dim: layer.units, mask_zero: false }];
    case 'add':
      return ['Add', {}];
    case 'concatenate':
      return ['Concatenate', { axis: -1 }];
    case 'sampling':
      // Keras's family has no layer that draws around a variance; routes-exports.ts gives the parts instead.
      throw new ExportError(
        'model: it draws its code by chance; export it at the mean, or encoder and decoder',
      );
    default:
      return layer satisfies never;
  }
}

/** Only a plain dense layer has its activation free; behind anything else it is a layer of its own. */
function withActivation(nodes: readonly KerasNode[], activation: 'softmax' | 'sigmoid'): KerasNode[] {
  const last = nodes.at(-1)!;
  if (last.className === 'Dense' && last.config['activation'] === 'linear')
    return [...nodes.slice(0, -1), { ...last, config: { ...last.config, activation } }];
  const taken = new Set(nodes.map(({ name }) => name));
  let name: string = activation;
  while (taken.has(name)) name += '_';
  return [
    ...nodes,
    { ...last, className: 'Activation', name, config: { activation }, inputs: [last.name], weights: [] },
  ];
}
