/**
 * A model with a sampling layer as a variational autoencoder (Kingma and Welling 2014), and the models that it is made
 * of: the encoder (sample to the code's mean and log variance), the decoder (code to sample), and both joined at the mean,
 * which draws nothing. Each is an ordinary model, whose tensors are tensors of the whole. Pure.
 */
import type { LayerSpec } from './model-layers.ts';
import { MODEL_INPUT, parameterLayout, type ModelSpec, type ParameterLayout } from './model.ts';

export const AUTOENCODER_PARTS = ['encoder', 'decoder'] as const;
export type AutoencoderPart = (typeof AUTOENCODER_PARTS)[number];

export const isAutoencoder = (model: ModelSpec): boolean =>
  model.layers.some(({ kind }) => kind === 'sampling');

/**
 * What keeps a model with a sampling layer from being an encoder, a code and a decoder; null: nothing.
 * @throws ModelError when the model does not even fit itself
 */
export function autoencoderFault(model: ModelSpec): string | null {
  const layout = parameterLayout(model);
  const places = model.layers.flatMap(({ kind }, i) => (kind === 'sampling' ? [i] : []));
  if (places.length !== 1) return `an autoencoder has one sampling layer, this model has ${places.length}`;
  const sampling = places[0]!;
  const encoder = new Set([...needs(layout, sampling), sampling]);
  for (const [i, inputs] of layout.inputIndices.entries())
    if (!encoder.has(i) && inputs.some((from) => from < 0 || (from !== sampling && encoder.has(from))))
      return `${layout.layerNames[i]} goes past the sampling layer; a decoder reads nothing but the code`;
  return null;
}

/** A part of a model, and where its tensors come from. */
export interface ModelPart {
  readonly model: ModelSpec;
  /** The part's own vector, out of the whole's. */
  readonly parameters: Float32Array;
}

/** Of a sound autoencoder. The encoder gives means and log variances behind one another, on the last dimension. */
export function partOf(model: ModelSpec, parameters: Float32Array, part: AutoencoderPart): ModelPart {
  const layout = parameterLayout(model);
  const sampling = model.layers.findIndex(({ kind }) => kind === 'sampling');
  const before = needs(layout, sampling);
  const { inputIndices, layerNames, outputShapes } = layout;
  const own = (isOwn: (index: number) => boolean, inputName: (from: number) => string) =>
    model.layers.flatMap((layer, i) =>
      isOwn(i)
        ? [{ ...layer, name: layerNames[i]!, inputs: inputIndices[i]!.map(inputName) } satisfies LayerSpec]
        : [],
    );
  const nameOf = (from: number) => (from < 0 ? MODEL_INPUT : layerNames[from]!);
  if (part === 'decoder')
    return withParameters(layout, parameters, {
      name: `${model.name}-decoder`,
      inputShape: [...outputShapes[sampling]!],
      layers: own(
        (i) => i !== sampling && !before.has(i),
        (from) => (from === sampling ? MODEL_INPUT : nameOf(from)),
      ),
    });
  return withParameters(layout, parameters, {
    name: `${model.name}-encoder`,
    inputShape: [...model.inputShape],
    layers: [
      ...own((i) => i !== sampling && before.has(i), nameOf),
      {
        kind: 'concatenate',
        name: layerNames[sampling]!,
        inputs: inputIndices[sampling]!.map(nameOf),
      },
    ],
  });
}

/** The whole with the mean in the place of what is drawn; what only the log variance needs is left out. */
export function meanModelOf(model: ModelSpec, parameters: Float32Array): ModelPart {
  const layout = parameterLayout(model);
  const { inputIndices, layerNames } = layout;
  const sampling = model.layers.findIndex(({ kind }) => kind === 'sampling');
  const mean = inputIndices[sampling]![0]!;
  const before = needs(layout, sampling);
  const kept = new Set([...needs(layout, mean), mean]);
  const layers = model.layers.flatMap((layer, i): LayerSpec[] => {
    if (i === sampling || (before.has(i) && !kept.has(i))) return [];
    const inputs = inputIndices[i]!.map((from) => {
      const read = from === sampling ? mean : from;
      return read < 0 ? MODEL_INPUT : layerNames[read]!;
    });
    return [{ ...layer, name: layerNames[i]!, inputs }];
  });
  return withParameters(layout, parameters, { ...model, layers });
}

/** Indices of the layers that a layer's output is made of. */
function needs({ inputIndices }: ParameterLayout, index: number): Set<number> {
  const found = new Set<number>();
  const visit = (at: number) => {
    for (const from of at < 0 ? [] : inputIndices[at]!)
      if (from >= 0 && !found.has(from)) {
        found.add(from);
        visit(from);
      }
  };
  visit(index);
  return found;
}

/** Tensors are found by their names, which are the same in the whole and in the part. */
function withParameters(whole: ParameterLayout, parameters: Float32Array, model: ModelSpec): ModelPart {
  const { tensors, parameterCount } = parameterLayout(model);
  const own = new Float32Array(parameterCount);
  for (const { name, offset, size } of tensors) {
    const from = whole.tensors.find((tensor) => tensor.name === name)!.offset;
    own.set(parameters.subarray(from, from + size), offset);
  }
  return { model, parameters: own };
}
