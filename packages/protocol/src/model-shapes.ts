/**
 * What a layer of the allow-list makes of the shapes that come in, and which tensors it learns. Pure; a shape that does
 * not fit is refused with the fix.
 */
import type { LayerSpec } from './model-layers.ts';

export type Shape = readonly number[];

/** A tensor that a layer learns, before it has a place in the vector. */
export interface TensorShape {
  /** Inside the layer, e.g. `kernel` or `query/kernel`. */
  readonly name: string;
  readonly shape: Shape;
  /** Fan-in and fan-out of a kernel (Glorot); 0 for what starts at `fill`. */
  readonly fanIn: number;
  readonly fanOut: number;
  readonly fill: number;
  /** Moves towards the batch's statistic instead of down a gradient (batchNorm). */
  readonly isStatistic: boolean;
}
export interface LayerShapes {
  readonly output: Shape;
  readonly tensors: readonly TensorShape[];
}

/** A shape that does not fit, in words; the caller says which layer it was. */
export class ShapeError extends Error {}

export const product = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

const kernel = (name: string, shape: Shape, fanIn: number, fanOut: number): TensorShape => ({
  name,
  shape,
  fanIn,
  fanOut,
  fill: 0,
  isStatistic: false,
});
const filled = (name: string, shape: Shape, fill: number, isStatistic = false): TensorShape => ({
  name,
  shape,
  fanIn: 0,
  fanOut: 0,
  fill,
  isStatistic,
});
const bias = (units: number, useBias: boolean | undefined) =>
  useBias === false ? [] : [filled('bias', [units], 0)];

const TAKES_SEVERAL: readonly LayerSpec['kind'][] = ['add', 'concatenate', 'sampling'];

/**
 * @param isModelInput whether the layer reads the model's input itself
 * @throws ShapeError
 */
export function layerShapes(layer: LayerSpec, inputs: readonly Shape[], isModelInput: boolean): LayerShapes {
  const only = inputs[0]!;
  if (inputs.length > 1 && !TAKES_SEVERAL.includes(layer.kind))
    throw new ShapeError(`${layer.kind} takes one input, has ${inputs.length}`);
  const same: LayerShapes = { output: only, tensors: [] };
  switch (layer.kind) {
    case 'flatten':
      return { output: [product(only)], tensors: [] };
    case 'reshape':
      if (product(layer.shape) !== product(only))
        throw new ShapeError(
          `[${only}] has ${product(only)} values, shape [${layer.shape}] ${product(layer.shape)}`,
        );
      return { output: layer.shape, tensors: [] };
    case 'dense': {
      if (only.length > 2)
        throw new ShapeError(
          `dense needs a flat input or a sequence, has [${only}]; put a flatten before it`,
        );
      const width = only.at(-1)!;
      return {
        output: [...only.slice(0, -1), layer.units],
        tensors: [
          kernel('kernel', [width, layer.units], width, layer.units),
          ...bias(layer.units, layer.useBias),
        ],
      };
    }
    case 'conv2d': {
      const [height, width, channels] = image(layer.kind, only);
      const { kernelSize: k, strides, filters } = layer;
      const size = (n: number) =>
        layer.padding === 'same' ? Math.ceil(n / strides) : Math.floor((n - k) / strides) + 1;
      if (size(height) < 1 || size(width) < 1)
        throw new ShapeError(`a kernel of ${k} does not fit into [${only}]; use padding "same"`);
      return {
        output: [size(height), size(width), filters],
        tensors: [
          kernel('kernel', [k, k, channels, filters], k * k * channels, k * k * filters),
          ...bias(filters, layer.useBias),
        ],
      };
    }
    case 'maxPool2d':
    case 'averagePool2d': {
      const [height, width, channels] = image(layer.kind, only);
      const { poolSize } = layer;
      if (height < poolSize || width < poolSize)
        throw new ShapeError(`a pool of ${poolSize} does not fit into [${only}]`);
      return { output: [Math.floor(height / poolSize), Math.floor(width / poolSize), channels], tensors: [] };
    }
    case 'globalAveragePool2d':
      return { output: [image(layer.kind, only)[2]], tensors: [] };
    case 'globalAveragePool1d':
    case 'lastStep':
      return { output: [sequence(layer.kind, only)[1]], tensors: [] };
    case 'batchNorm': {
      const units = [only.at(-1)!];
      return {
        output: only,
        tensors: [
          filled('gamma', units, 1),
          filled('beta', units, 0),
          filled('moving_mean', units, 0, true),
          filled('moving_variance', units, 1, true),
        ],
      };
    }
    case 'layerNorm': {
      const units = [only.at(-1)!];
      if (units[0]! < 2)
        throw new ShapeError(`layerNorm needs at least two values to normalise, has [${only}]`);
      return { output: only, tensors: [filled('gamma', units, 1), filled('beta', units, 0)] };
    }
    case 'dropout':
    case 'activation':
    case 'softmax':
      return same;
    case 'embedding':
      if (!isModelInput) throw new ShapeError("embedding reads ids, so its input must be the model's input");
      if (only.length !== 1) throw new ShapeError(`embedding needs [steps] ids, has [${only}]`);
      return {
        output: [only[0]!, layer.units],
        tensors: [
          kernel('embeddings', [layer.vocabularySize, layer.units], layer.vocabularySize, layer.units),
        ],
      };
    case 'positionEmbedding': {
      const [steps, units] = sequence(layer.kind, only);
      return { output: only, tensors: [kernel('embeddings', [steps, units], steps, units)] };
    }
    case 'selfAttention': {
      const [, units] = sequence(layer.kind, only);
      const { heads, headUnits } = layer;
      const inner = heads * headUnits;
      const into = (name: string) => [
        kernel(`${name}/kernel`, [units, heads, headUnits], units, inner),
        filled(`${name}/bias`, [heads, headUnits], 0),
      ];
      return {
        output: only,
        tensors: [
          ...into('query'),
          ...into('key'),
          ...into('value'),
          kernel('attention_output/kernel', [heads, headUnits, units], inner, units),
          filled('attention_output/bias', [units], 0),
        ],
      };
    }
    case 'gru': {
      const [steps, width] = sequence(layer.kind, only);
      const { units, resetAfter = false, returnSequences = true } = layer;
      return {
        output: returnSequences ? [steps, units] : [units],
        tensors: [
          // Each of the three gates is a kernel of its own.
          kernel('kernel', [width, 3 * units], width, units),
          kernel('recurrent_kernel', [units, 3 * units], units, units),
          filled('bias', resetAfter ? [2, 3 * units] : [3 * units], 0),
        ],
      };
    }
    case 'add':
      if (inputs.length < 2) throw new ShapeError('add needs two inputs or more; name them in "inputs"');
      for (const shape of inputs)
        if (shape.join() !== only.join())
          throw new ShapeError(`add needs one shape, has [${only}] and [${shape}]`);
      return same;
    case 'concatenate': {
      if (inputs.length < 2)
        throw new ShapeError('concatenate needs two inputs or more; name them in "inputs"');
      const leading = only.slice(0, -1);
      for (const shape of inputs)
        if (shape.slice(0, -1).join() !== leading.join() || shape.length !== only.length)
          throw new ShapeError(
            `concatenate joins the last dimension, the others differ: [${only}] and [${shape}]`,
          );
      return { output: [...leading, inputs.reduce((sum, shape) => sum + shape.at(-1)!, 0)], tensors: [] };
    }
    case 'sampling':
      if (inputs.length !== 2)
        throw new ShapeError('sampling needs two inputs, mean and log variance; name them in "inputs"');
      if (inputs[1]!.join() !== only.join())
        throw new ShapeError(
          `sampling needs one shape for mean and log variance, has [${only}] and [${inputs[1]}]`,
        );
      return same;
    default:
      return layer satisfies never;
  }
}

function image(kind: string, shape: Shape): readonly [number, number, number] {
  if (shape.length !== 3) throw new ShapeError(`${kind} needs [height, width, channels], has [${shape}]`);
  return shape as readonly [number, number, number];
}

function sequence(kind: string, shape: Shape): readonly [number, number] {
  if (shape.length !== 2) throw new ShapeError(`${kind} needs [steps, units], has [${shape}]`);
  return shape as readonly [number, number];
}
