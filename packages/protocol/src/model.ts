/**
 * A model described as data: an ordered list of layers from an allow-list, with sizes that are checked before anybody
 * builds it. The order and names of the parameters are a pure function of the description, so that a flat vector of
 * weights means the same thing on every machine (`parameterLayout`).
 *
 * Logits leave the last layer; the softmax belongs to the loss. Exports add it as the last activation.
 */
import Type, { type Static } from 'typebox';
import { LIMITS } from './limits.ts';

const Dimension = Type.Integer({ minimum: 1, maximum: LIMITS.dimensionMax });
export const ActivationSchema = Type.Union([
  Type.Literal('linear'),
  Type.Literal('relu'),
  Type.Literal('tanh'),
  Type.Literal('gelu'),
]);

export const LayerSchema = Type.Union([
  Type.Object({ kind: Type.Literal('flatten') }, { additionalProperties: false }),
  Type.Object(
    { kind: Type.Literal('dense'), units: Dimension, activation: ActivationSchema },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      kind: Type.Literal('conv2d'),
      filters: Dimension,
      kernelSize: Type.Integer({ minimum: 1, maximum: 31 }),
      strides: Type.Integer({ minimum: 1, maximum: 8 }),
      padding: Type.Union([Type.Literal('same'), Type.Literal('valid')]),
      activation: ActivationSchema,
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { kind: Type.Literal('maxPool2d'), poolSize: Type.Integer({ minimum: 2, maximum: 8 }) },
    { additionalProperties: false },
  ),
]);
export type LayerSpec = Static<typeof LayerSchema>;

export const ModelSpecSchema = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: LIMITS.nameMaxCharacters,
      pattern: '^[A-Za-z0-9][A-Za-z0-9 ._-]*$',
    }),
    /** Shape of one sample without the batch, e.g. [28, 28, 1] (height, width, channels). */
    inputShape: Type.Array(Dimension, { minItems: 1, maxItems: LIMITS.rankMax }),
    layers: Type.Array(LayerSchema, { minItems: 1, maxItems: LIMITS.layersMax }),
  },
  { additionalProperties: false },
);
export type ModelSpec = Static<typeof ModelSpecSchema>;

/** One named tensor inside the flat parameter vector. `offset` and `size` count float32 values. */
export interface ParameterTensor {
  /** Last two parts of the weight's path, e.g. `dense_1/kernel`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
  /** Fan-in and fan-out of a kernel (Glorot); 0 for a bias. */
  readonly fanIn: number;
  readonly fanOut: number;
}
export interface ParameterLayout {
  readonly tensors: readonly ParameterTensor[];
  readonly parameterCount: number;
  /** Name of each layer, in order: `flatten`, `dense`, `dense_1`, `conv2d`, `max_pooling2d` ... (Keras's rule). */
  readonly layerNames: readonly string[];
  /** Shape after each layer without the batch. The last one is [classes]. */
  readonly outputShapes: readonly (readonly number[])[];
}

export class ModelError extends Error {}

const KERAS_NAMES = {
  flatten: 'flatten',
  dense: 'dense',
  conv2d: 'conv2d',
  maxPool2d: 'max_pooling2d',
} as const;

/**
 * Names, shapes and offsets of all parameters, and every intermediate shape.
 * @throws ModelError naming the layer and the fix when shapes do not fit or a limit is passed.
 */
export function parameterLayout(model: ModelSpec): ParameterLayout {
  const tensors: ParameterTensor[] = [];
  const layerNames: string[] = [];
  const outputShapes: number[][] = [];
  const seen = new Map<string, number>();
  let shape: number[] = [...model.inputShape];
  let offset = 0;
  const add = (name: string, tensorShape: number[], fanIn: number, fanOut: number) => {
    const size = product(tensorShape);
    tensors.push({ name, shape: tensorShape, offset, size, fanIn, fanOut });
    offset += size;
    if (offset > LIMITS.parametersMax)
      throw new ModelError(
        `layers: the model has more than ${LIMITS.parametersMax} parameters; make ${name} smaller`,
      );
  };
  for (const [index, layer] of model.layers.entries()) {
    const base = KERAS_NAMES[layer.kind];
    const count = seen.get(base) ?? 0;
    seen.set(base, count + 1);
    const name = count === 0 ? base : `${base}_${count}`;
    layerNames.push(name);
    const where = `layers[${index}] (${name})`;
    switch (layer.kind) {
      case 'flatten':
        shape = [product(shape)];
        break;
      case 'dense':
        if (shape.length !== 1)
          throw new ModelError(`${where}: dense needs a flat input, has [${shape}]; put a flatten before it`);
        add(`${name}/kernel`, [shape[0]!, layer.units], shape[0]!, layer.units);
        add(`${name}/bias`, [layer.units], 0, 0);
        shape = [layer.units];
        break;
      case 'conv2d': {
        if (shape.length !== 3)
          throw new ModelError(`${where}: conv2d needs [height, width, channels], has [${shape}]`);
        const [height, width, channels] = shape as [number, number, number];
        const k = layer.kernelSize;
        const size = (n: number) =>
          layer.padding === 'same' ? Math.ceil(n / layer.strides) : Math.floor((n - k) / layer.strides) + 1;
        if (size(height) < 1 || size(width) < 1)
          throw new ModelError(`${where}: a kernel of ${k} does not fit into [${shape}]; use padding "same"`);
        add(`${name}/kernel`, [k, k, channels, layer.filters], k * k * channels, k * k * layer.filters);
        add(`${name}/bias`, [layer.filters], 0, 0);
        shape = [size(height), size(width), layer.filters];
        break;
      }
      case 'maxPool2d': {
        if (shape.length !== 3)
          throw new ModelError(`${where}: maxPool2d needs [height, width, channels], has [${shape}]`);
        const [height, width, channels] = shape as [number, number, number];
        if (height < layer.poolSize || width < layer.poolSize)
          throw new ModelError(`${where}: a pool of ${layer.poolSize} does not fit into [${shape}]`);
        shape = [Math.floor(height / layer.poolSize), Math.floor(width / layer.poolSize), channels];
        break;
      }
      default:
        layer satisfies never;
    }
    if (product(shape) > 16_777_216)
      throw new ModelError(`${where}: one sample's activation [${shape}] is too large`);
    outputShapes.push(shape);
  }
  if (shape.length !== 1)
    throw new ModelError(
      `layers: the last layer must give [classes], it gives [${shape}]; end with a dense layer`,
    );
  if (tensors.length === 0) throw new ModelError('layers: the model has no parameters; add a dense layer');
  return { tensors, parameterCount: offset, layerNames, outputShapes };
}

export type PresetName = 'mlp' | 'cnn';
export const PRESET_NAMES = ['mlp', 'cnn'] as const;

/** The built-in models. Shapes are those of 28x28 grey images unless the dataset says otherwise. */
export function presetModel(
  preset: PresetName,
  inputShape: readonly number[],
  classCount: number,
): ModelSpec {
  switch (preset) {
    case 'mlp':
      return {
        name: 'mlp',
        inputShape: [...inputShape],
        layers: [
          { kind: 'flatten' },
          { kind: 'dense', units: 128, activation: 'relu' },
          { kind: 'dense', units: classCount, activation: 'linear' },
        ],
      };
    case 'cnn':
      return {
        name: 'cnn',
        inputShape: [...inputShape],
        layers: [
          { kind: 'conv2d', filters: 8, kernelSize: 3, strides: 1, padding: 'same', activation: 'relu' },
          { kind: 'maxPool2d', poolSize: 2 },
          { kind: 'conv2d', filters: 16, kernelSize: 3, strides: 1, padding: 'same', activation: 'relu' },
          { kind: 'maxPool2d', poolSize: 2 },
          { kind: 'flatten' },
          { kind: 'dense', units: 64, activation: 'relu' },
          { kind: 'dense', units: classCount, activation: 'linear' },
        ],
      };
    default:
      return preset satisfies never;
  }
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
