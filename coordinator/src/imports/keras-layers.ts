/**
 * What each Keras layer is in our allow-list, or why it is not taken. Pure; a setting that we do not have is a refusal, never
 * something else that is nearly the same.
 */
import { ACTIVATIONS, type Activation, type LayerSpec } from '@murmuration/protocol';
import { isConfig, type Config, type KerasLayer } from './keras-config.ts';

/** Without name and inputs, which the caller gives. */
type Bare<L> = L extends unknown ? Omit<L, 'name' | 'inputs'> : never;
export type BareLayer = Bare<LayerSpec>;

export type Meaning =
  /** `layers` one after the other; the last one stands for the Keras layer. `note`: what is said or done otherwise. */
  | { readonly layers: readonly BareLayer[]; readonly note?: string }
  /** What comes in goes out. */
  | { readonly leftOut: string }
  | { readonly refused: string };

/** Where the layer stands. */
export interface Standing {
  /** Without the batch. */
  readonly inputShape: readonly number[];
  readonly readsModelInput: boolean;
  /** Whether the added table of an EinsumDense is all that it does; null: there are no weights to look at. */
  readonly hasIdentityKernel: boolean | null;
}

/** A setting that is not what we have. */
class Refusal extends Error {}

const NEVER: Readonly<Record<string, string>> = {
  LSTM: 'not offered; a GRU of the same size learns about as well',
  SimpleRNN: 'not offered; use a GRU',
  Bidirectional: 'not offered; what comes next cannot be read from both sides',
  DepthwiseConv2D: 'not offered; use Conv2D',
  SeparableConv2D: 'not offered; use Conv2D',
  Conv1D: 'not offered; use Conv2D on [steps, 1, channels], or a GRU or attention',
  Conv2DTranspose: 'not offered: no task of ours gives an image',
  UpSampling2D: 'not offered: no task of ours gives an image',
  ZeroPadding2D: 'not offered; use padding "same" in the convolution behind it',
  Lambda: 'is Python code, which a browser cannot run',
  TimeDistributed: 'not offered; Dense already works step by step',
  Masking: 'not offered: all samples have one length',
  Functional: 'is a model inside of a model; build one model of all its layers',
  Sequential: 'is a model inside of a model; build one model of all its layers',
  Model: 'is a model inside of a model; build one model of all its layers',
};

export function meaningOf(layer: KerasLayer, standing: Standing): Meaning {
  try {
    return translate(layer, standing);
  } catch (error) {
    if (error instanceof Refusal) return { refused: error.message };
    throw error;
  }
}

function translate({ className, config, inputs, callArguments }: KerasLayer, standing: Standing): Meaning {
  const only = (...layers: BareLayer[]): Meaning => ({ layers });
  const { inputShape } = standing;
  switch (className) {
    case 'Flatten':
      channelsLast(config);
      return only({ kind: 'flatten' });
    case 'Reshape':
      return only({ kind: 'reshape', shape: fullShape(config['target_shape'], inputShape) });
    case 'Dense': {
      const units = count(config, 'units');
      const useBias = boolean(config, 'use_bias', true);
      return withActivation(config, (activation) => ({
        kind: 'dense',
        units,
        activation,
        ...biasOf(useBias),
      }));
    }
    case 'Conv2D': {
      channelsLast(config);
      if (pair(config, 'dilation_rate', 1) !== 1) throw new Refusal('dilated convolutions are not offered');
      if ((config['groups'] ?? 1) !== 1) throw new Refusal('grouped convolutions are not offered');
      const conv = {
        kind: 'conv2d',
        filters: count(config, 'filters'),
        kernelSize: pair(config, 'kernel_size'),
        strides: pair(config, 'strides', 1),
        padding: padding(config),
        ...biasOf(boolean(config, 'use_bias', true)),
      } as const;
      return withActivation(config, (activation) => ({ ...conv, activation }));
    }
    case 'MaxPooling2D':
    case 'AveragePooling2D': {
      channelsLast(config);
      const poolSize = pair(config, 'pool_size', 2);
      if (config['strides'] != null && pair(config, 'strides') !== poolSize)
        throw new Refusal('windows that overlap or leave gaps are not offered; leave out strides');
      const isWhole = inputShape.slice(0, 2).every((side) => side % poolSize === 0);
      if (padding(config) === 'same' && !isWhole)
        throw new Refusal(`padding "same" at sides [${inputShape.slice(0, 2)}] is not offered; use "valid"`);
      return only({ kind: className === 'MaxPooling2D' ? 'maxPool2d' : 'averagePool2d', poolSize });
    }
    case 'GlobalAveragePooling2D':
    case 'GlobalAveragePooling1D':
      channelsLast(config);
      if (boolean(config, 'keepdims', false)) throw new Refusal('keepdims is not offered');
      return only({ kind: className.endsWith('2D') ? 'globalAveragePool2d' : 'globalAveragePool1d' });
    case 'BatchNormalization':
      normalised(config, inputShape);
      return only({
        kind: 'batchNorm',
        epsilon: number(config, 'epsilon', 1e-3),
        momentum: number(config, 'momentum', 0.99),
      });
    case 'LayerNormalization':
      normalised(config, inputShape);
      if (boolean(config, 'rms_scaling', false)) throw new Refusal('rms_scaling is not offered');
      return only({ kind: 'layerNorm', epsilon: number(config, 'epsilon', 1e-3) });
    case 'Dropout':
      if (config['noise_shape'] != null) throw new Refusal('noise_shape is not offered');
      return only({ kind: 'dropout', rate: number(config, 'rate', 0) });
    case 'Activation':
      return only(activationLayer(activationName(config['activation'])));
    case 'ReLU':
      if (
        config['max_value'] != null ||
        number(config, 'negative_slope', 0) !== 0 ||
        number(config, 'threshold', 0) !== 0
      )
        throw new Refusal('only the plain relu is offered');
      return only({ kind: 'activation', activation: 'relu' });
    case 'ELU':
      if (number(config, 'alpha', 1) !== 1) throw new Refusal('elu is offered with alpha 1 only');
      return only({ kind: 'activation', activation: 'elu' });
    case 'Softmax':
      if (!isLastAxis(config['axis'] ?? -1, inputShape))
        throw new Refusal('a softmax over another axis than the last');
      return only({ kind: 'softmax' });
    case 'Rescaling': {
      const [scale, offset] = [number(config, 'scale', 1), number(config, 'offset', 0)];
      if (standing.readsModelInput && Math.abs(scale * 255 - 1) < 1e-6 && offset === 0)
        return { leftOut: 'bytes of images arrive divided by 255 already' };
      throw new Refusal(
        `only 1/255 on the model's input is taken (bytes arrive so), not ${scale} x + ${offset}`,
      );
    }
    case 'Embedding':
      if (boolean(config, 'mask_zero', false))
        throw new Refusal('mask_zero is not offered: all texts have one length');
      return only({
        kind: 'embedding',
        vocabularySize: count(config, 'input_dim'),
        units: count(config, 'output_dim'),
      });
    case 'MultiHeadAttention': {
      const headUnits = count(config, 'key_dim');
      if (new Set(inputs).size !== 1)
        throw new Refusal('attention to another sequence is not offered, only to itself');
      if ((config['value_dim'] ?? headUnits) !== headUnits) throw new Refusal('value_dim must be key_dim');
      if (number(config, 'dropout', 0) !== 0)
        throw new Refusal('dropout inside of attention is not offered; set it to 0');
      if (!boolean(config, 'use_bias', true)) throw new Refusal('use_bias=False is not offered here');
      if (config['output_shape'] != null)
        throw new Refusal('output_shape is not offered: it gives what came in');
      const causal = callArguments['use_causal_mask'] === true;
      return only({ kind: 'selfAttention', heads: count(config, 'num_heads'), headUnits, causal });
    }
    case 'EinsumDense': {
      const isTable = config['equation'] === 'abc,cd->abd' && config['bias_axes'] === 'bd';
      if (!isTable || activationName(config['activation']) !== 'linear')
        throw new Refusal(
          'only as a table that is added to each sample (equation abc,cd->abd, bias_axes bd)',
        );
      if (standing.hasIdentityKernel !== true)
        throw new Refusal(
          standing.hasIdentityKernel === null
            ? 'whether its product changes nothing cannot be seen without weights; give the .keras file'
            : 'its product changes values; only the added table is offered',
        );
      return {
        layers: [{ kind: 'positionEmbedding' }],
        note: 'its product changes nothing: a table of positions',
      };
    }
    case 'GRU': {
      if ((config['activation'] ?? 'tanh') !== 'tanh') throw new Refusal('activation must be tanh');
      if ((config['recurrent_activation'] ?? 'sigmoid') !== 'sigmoid')
        throw new Refusal('recurrent_activation must be sigmoid');
      for (const name of ['go_backwards', 'stateful', 'return_state'])
        if (boolean(config, name, false)) throw new Refusal(`${name} is not offered`);
      for (const name of ['dropout', 'recurrent_dropout'])
        if (number(config, name, 0) !== 0)
          throw new Refusal(`${name} is not offered; set it to 0, or put a Dropout before`);
      if (!boolean(config, 'use_bias', true)) throw new Refusal('use_bias=False is not offered here');
      return only({
        kind: 'gru',
        units: count(config, 'units'),
        returnSequences: boolean(config, 'return_sequences', false),
        // tfjs-layers has no such setting, and does not; Keras's default is true, and it always writes it.
        resetAfter: boolean(config, 'reset_after', false),
      });
    }
    case 'Cropping1D': {
      const [before, after] = Array.isArray(config['cropping']) ? (config['cropping'] as number[]) : [];
      if (before !== inputShape[0]! - 1 || after !== 0)
        throw new Refusal('only as a cut that leaves the last step');
      return { layers: [{ kind: 'lastStep' }], note: 'the last step' };
    }
    case 'Add':
      return only({ kind: 'add' });
    case 'Concatenate':
      if (!isLastAxis(config['axis'] ?? -1, inputShape))
        throw new Refusal('along another axis than the last');
      return only({ kind: 'concatenate' });
    default:
      throw new Refusal(NEVER[className] ?? 'this layer is not on the list of what volunteers run');
  }
}

/** An activation that is a layer of ours only stands behind. */
function withActivation(config: Config, make: (activation: Activation) => BareLayer): Meaning {
  const name = activationName(config['activation']);
  return name === 'softmax' ? { layers: [make('linear'), { kind: 'softmax' }] } : { layers: [make(name)] };
}

const activationLayer = (name: Activation | 'softmax'): BareLayer =>
  name === 'softmax' ? { kind: 'softmax' } : { kind: 'activation', activation: name };

function activationName(value: unknown): Activation | 'softmax' {
  // Keras 3 writes a function that it knows as its name, tfjs sometimes in another spelling.
  const name = value == null ? 'linear' : value;
  if (name === 'softmax') return name;
  const known = name === 'swish' ? 'silu' : ACTIVATIONS.find((one) => one === name);
  if (known !== undefined) return known;
  const spoken = typeof name === 'string' ? `"${name}"` : isConfig(name) ? 'a function of your own' : 'this';
  throw new Refusal(`activation ${spoken} is not offered; there are ${ACTIVATIONS.join(', ')} and softmax`);
}

function normalised(config: Config, inputShape: readonly number[]): void {
  if (!isLastAxis(config['axis'] ?? -1, inputShape)) throw new Refusal('over another axis than the last');
  for (const name of ['center', 'scale'])
    if (!boolean(config, name, true)) throw new Refusal(`${name}=False is not offered`);
}

const isLastAxis = (axis: unknown, inputShape: readonly number[]): boolean => {
  const only = Array.isArray(axis) && axis.length === 1 ? (axis as unknown[])[0] : axis;
  // With the batch in front, the last axis is the number of the others.
  return only === -1 || only === inputShape.length;
};

function channelsLast(config: Config): void {
  if ((config['data_format'] ?? 'channels_last') !== 'channels_last')
    throw new Refusal('channels must come last');
}

const biasOf = (useBias: boolean): { readonly useBias?: boolean } => (useBias ? {} : { useBias });

function padding(config: Config): 'same' | 'valid' {
  const value = config['padding'] ?? 'valid';
  if (value === 'same' || value === 'valid') return value;
  throw new Refusal('padding must be "same" or "valid"');
}

function count(config: Config, name: string): number {
  const value = config[name];
  if (Number.isInteger(value) && (value as number) > 0) return value as number;
  throw new Refusal(`${name} must be a whole number above 0`);
}

function number(config: Config, name: string, otherwise: number): number {
  const value = config[name] ?? otherwise;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new Refusal(`${name} must be a number`);
}

function boolean(config: Config, name: string, otherwise: boolean): boolean {
  const value = config[name] ?? otherwise;
  if (typeof value === 'boolean') return value;
  throw new Refusal(`${name} must be true or false`);
}

/** One number, or a pair of the same. */
function pair(config: Config, name: string, otherwise?: number): number {
  const value = config[name] ?? otherwise;
  const list = Array.isArray(value) ? (value as unknown[]) : [value, value];
  if (list.length === 2 && list[0] === list[1] && Number.isInteger(list[0]) && (list[0] as number) > 0)
    return list[0] as number;
  throw new Refusal(`${name} must be the same in both directions`);
}

/** Fills in the one dimension that may be -1. */
function fullShape(value: unknown, inputShape: readonly number[]): number[] {
  const shape = Array.isArray(value) ? (value as number[]) : [];
  if (shape.length === 0 || !shape.every((n) => Number.isInteger(n) && (n > 0 || n === -1)))
    throw new Refusal('target_shape must be whole numbers');
  const size = inputShape.reduce((a, b) => a * b, 1);
  const known = shape.filter((n) => n > 0).reduce((a, b) => a * b, 1);
  return shape.map((n) => (n === -1 ? Math.max(1, Math.floor(size / known)) : n));
}
