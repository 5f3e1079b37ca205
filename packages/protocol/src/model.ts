/**
 * A model described as data: a graph of layers from an allow-list (model-layers.ts), in an order in which each comes
 * after its inputs, with sizes that are checked before anybody builds it. The order and names of the parameters are a
 * pure function of the description, so that a flat vector of weights means the same thing on every machine
 * (`parameterLayout`).
 *
 * The last layer is the output. It gives logits or values; the softmax belongs to the loss, and exports add it.
 */
import Type, { type Static } from 'typebox';
import { LIMITS } from './limits.ts';
import { KERAS_NAMES, LayerSchema, type LayerSpec } from './model-layers.ts';
import { layerShapes, product, ShapeError, type LayerShapes } from './model-shapes.ts';

const Dimension = Type.Integer({ minimum: 1, maximum: LIMITS.dimensionMax });

export const ModelSpecSchema = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: LIMITS.nameMaxCharacters,
      pattern: '^[A-Za-z0-9][A-Za-z0-9 ._-]*$',
    }),
    /** Shape of one sample without the batch, e.g. [28, 28, 1] (height, width, channels) or [64] (ids of a text). */
    inputShape: Type.Array(Dimension, { minItems: 1, maxItems: LIMITS.rankMax }),
    layers: Type.Array(LayerSchema, { minItems: 1, maxItems: LIMITS.layersMax }),
  },
  { additionalProperties: false },
);
export type ModelSpec = Static<typeof ModelSpecSchema>;

/** One named tensor inside the flat parameter vector. `offset` and `size` count float32 values. */
export interface ParameterTensor {
  /** Layer and weight, e.g. `dense_1/kernel` or `multi_head_attention/query/kernel`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
  /** Fan-in and fan-out of a kernel (Glorot); 0 for what starts at `fill`. */
  readonly fanIn: number;
  readonly fanOut: number;
  readonly fill: number;
  /** Moves towards the batch's statistic instead of down a gradient (batchNorm). */
  readonly isStatistic: boolean;
}
export interface ParameterLayout {
  readonly tensors: readonly ParameterTensor[];
  readonly parameterCount: number;
  /** Name of each layer, in order: its own, or `flatten`, `dense`, `dense_1` ... (Keras's rule). */
  readonly layerNames: readonly string[];
  /** Shape after each layer without the batch. */
  readonly outputShapes: readonly (readonly number[])[];
  /** Of each layer the indices of the layers it reads; -1 is the model's input. */
  readonly inputIndices: readonly (readonly number[])[];
  /** Of each layer the index of its first tensor. */
  readonly firstTensors: readonly number[];
}

export class ModelError extends Error {}

/** What the model's own input is called in `inputs`. */
export const MODEL_INPUT = 'input';
/** Values of one sample after one layer. */
const ACTIVATION_MAX = 16_777_216;

/**
 * Names, shapes and offsets of all parameters, and every intermediate shape.
 * @throws ModelError naming the layer and the fix when the graph or its shapes do not fit or a limit is passed.
 */
export function parameterLayout(model: ModelSpec): ParameterLayout {
  const tensors: ParameterTensor[] = [];
  const outputShapes: (readonly number[])[] = [];
  const inputIndices: number[][] = [];
  const firstTensors: number[] = [];
  const layerNames = namesOf(model.layers);
  let offset = 0;
  for (const [index, layer] of model.layers.entries()) {
    const name = layerNames[index]!;
    const where = `layers[${index}] (${name})`;
    const indices = inputsOf(layer, index, layerNames, where);
    inputIndices.push(indices);
    firstTensors.push(tensors.length);
    const shapes = indices.map((i) => (i < 0 ? model.inputShape : outputShapes[i]!));
    let own: LayerShapes;
    try {
      own = layerShapes(layer, shapes, indices[0] === -1);
    } catch (error) {
      if (error instanceof ShapeError) throw new ModelError(`${where}: ${error.message}`);
      throw error;
    }
    for (const tensor of own.tensors) {
      const size = product(tensor.shape);
      tensors.push({ ...tensor, name: `${name}/${tensor.name}`, offset, size });
      offset += size;
      if (offset > LIMITS.parametersMax)
        throw new ModelError(
          `layers: the model has more than ${LIMITS.parametersMax} parameters; make ${name}/${tensor.name} smaller`,
        );
    }
    if (product(own.output) > ACTIVATION_MAX)
      throw new ModelError(`${where}: one sample's activation [${own.output}] is too large`);
    outputShapes.push(own.output);
  }
  const read = new Set(inputIndices.flat());
  for (const index of model.layers.keys())
    if (index < model.layers.length - 1 && !read.has(index))
      throw new ModelError(
        `layers[${index}] (${layerNames[index]}): its output goes nowhere; name it in the inputs of a later layer, or take it out`,
      );
  const output = outputShapes.at(-1)!;
  if (output.length > 2)
    throw new ModelError(
      `layers: the last layer must give [values] or [steps, values], it gives [${output}]; end with a dense layer`,
    );
  if (tensors.length === 0) throw new ModelError('layers: the model has no parameters; add a dense layer');
  return { tensors, parameterCount: offset, layerNames, outputShapes, inputIndices, firstTensors };
}

/** Given names, and Keras's for the others: the kind, and a number from the second one on. */
function namesOf(layers: readonly LayerSpec[]): string[] {
  const taken = new Set<string>([MODEL_INPUT]);
  for (const [index, { name }] of layers.entries()) {
    if (name === undefined) continue;
    if (taken.has(name))
      throw new ModelError(`layers[${index}].name: "${name}" is taken; every layer needs a name of its own`);
    taken.add(name);
  }
  const counts = new Map<string, number>();
  return layers.map((layer) => {
    if (layer.name !== undefined) return layer.name;
    const base = KERAS_NAMES[layer.kind];
    for (;;) {
      const count = counts.get(base) ?? 0;
      counts.set(base, count + 1);
      const name = count === 0 ? base : `${base}_${count}`;
      if (taken.has(name)) continue;
      taken.add(name);
      return name;
    }
  });
}

function inputsOf(layer: LayerSpec, index: number, names: readonly string[], where: string): number[] {
  if (layer.inputs === undefined) return [index - 1];
  return layer.inputs.map((name) => {
    if (name === MODEL_INPUT) return -1;
    const at = names.indexOf(name);
    if (at >= 0 && at < index) return at;
    throw new ModelError(
      `${where}.inputs: ${at < 0 ? `there is no layer "${name}"` : `"${name}" comes later`}; name an earlier layer or "${MODEL_INPUT}"`,
    );
  });
}
