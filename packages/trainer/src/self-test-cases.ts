/**
 * Small models for the self-test: each different layer of a model behind another one, so that the gradient of its input is
 * needed too, and before a head of three classes. Pure.
 */
import {
  MODEL_INPUT,
  parameterLayout,
  type LayerKind,
  type LayerSpec,
  type ModelSpec,
} from '@murmuration/protocol';
import type { Objective } from './network.ts';

export interface Case {
  readonly name: string;
  readonly spec: ModelSpec;
  readonly batchSize: number;
  readonly objective: Objective;
}

/** Different layers tested on their own; a model with more is still covered by its own case. */
const LAYER_CASES_MAX = 12;
/** Odd, and more than a tile of eight rows. */
const LAYER_CASE_BATCH_SIZE = 9;
const STEPS = 5;
const VOCABULARY_SIZE = 11;
/** The same values in another shape: nothing is computed. */
const FREE: readonly LayerKind[] = ['flatten', 'reshape'];

/** Each different kind of layer in the model, in a small model of its own. */
export function layerCases(model: ModelSpec): Case[] {
  const { outputShapes, inputIndices } = parameterLayout(model);
  const cases = new Map<string, Case>();
  for (const [i, layer] of model.layers.entries()) {
    if (FREE.includes(layer.kind) || cases.size === LAYER_CASES_MAX) continue;
    const from = inputIndices[i]![0]!;
    const inputShape = from < 0 ? model.inputShape : outputShapes[from]!;
    const inputs = smallLike(inputShape.at(-1)!);
    const outputs = smallLike(outputShapes[i]!.at(-1)!);
    const name = describe(layer, inputs, outputs);
    if (cases.has(name)) continue;
    const spec = { name: 'case', ...caseFor(layer, { inputs, outputs, rank: inputShape.length }) };
    cases.set(name, { name, spec, batchSize: LAYER_CASE_BATCH_SIZE, objective: 'cross-entropy' });
  }
  return [...cases.values()];
}

/** Size of the vocabulary when a model's input is ids of tokens, else null. */
export function readsIds(model: ModelSpec): number | null {
  const layer = model.layers.find(({ kind }) => kind === 'embedding');
  return layer?.kind === 'embedding' ? layer.vocabularySize : null;
}

/** A small number of channels or units that shaders treat as they treat `count`. */
const smallLike = (count: number): number => (count === 1 ? 1 : count % 4 === 0 ? 8 : 5);

function caseFor(
  given: LayerSpec,
  { inputs, outputs, rank }: { readonly inputs: number; readonly outputs: number; readonly rank: number },
): Omit<ModelSpec, 'name'> {
  const { name: _name, inputs: _inputs, ...bare } = given;
  const layer = bare as LayerSpec;
  const classes: LayerSpec = { kind: 'dense', units: 3, activation: 'linear' };
  const head: LayerSpec[] = [{ kind: 'flatten' }, classes];
  const dense = (units: number): LayerSpec => ({ kind: 'dense', units, activation: 'linear' });
  const pixels = (filters: number): LayerSpec => ({
    kind: 'conv2d',
    kernelSize: 1,
    strides: 1,
    padding: 'same',
    filters,
    activation: 'relu',
  });
  const flat = (...layers: LayerSpec[]) => ({ inputShape: [8], layers: [dense(inputs), ...layers, classes] });
  const image = (side: number, ...layers: LayerSpec[]) => ({
    inputShape: [side, side + 1, 1],
    layers: [pixels(inputs), ...layers, ...head],
  });
  const sequence = (...layers: LayerSpec[]) => ({
    inputShape: [STEPS, 8],
    layers: [dense(inputs), ...layers, ...head],
  });
  switch (layer.kind) {
    case 'flatten':
    case 'reshape':
      return flat();
    case 'dense': {
      const own = { ...layer, units: outputs };
      return rank === 2 ? sequence(own) : flat(own);
    }
    case 'conv2d':
      return image(layer.kernelSize * 2 + layer.strides + 1, { ...layer, filters: outputs });
    case 'maxPool2d':
    case 'averagePool2d':
      // One more than whole windows: the border belongs to none.
      return image(layer.poolSize * 2, layer);
    case 'globalAveragePool2d':
      return image(3, layer);
    case 'batchNorm':
    case 'layerNorm':
    case 'dropout':
    case 'activation':
    case 'softmax':
      return rank === 3 ? image(3, layer) : rank === 2 ? sequence(layer) : flat(layer);
    case 'embedding':
      return {
        inputShape: [STEPS],
        layers: [{ ...layer, vocabularySize: VOCABULARY_SIZE, units: outputs }, ...head],
      };
    case 'selfAttention':
      return sequence({ ...layer, heads: Math.min(layer.heads, 2), headUnits: smallLike(layer.headUnits) });
    case 'gru':
      return sequence({ ...layer, units: outputs });
    case 'globalAveragePool1d':
    case 'positionEmbedding':
    case 'lastStep':
      return sequence(layer);
    case 'add':
    case 'concatenate':
    case 'sampling': {
      const branch = (name: string): LayerSpec => ({ ...dense(inputs), name, inputs: [MODEL_INPUT] });
      const joined: LayerSpec = { ...layer, inputs: ['left', 'right'] };
      // One branch is read twice: its gradient has two parts.
      const twice: LayerSpec = { kind: 'add', name: 'twice', inputs: ['left', 'right'] };
      return {
        inputShape: rank === 3 ? [3, 3, 8] : rank === 2 ? [STEPS, 8] : [8],
        layers:
          rank === 3
            ? [
                { ...pixels(inputs), name: 'left', inputs: [MODEL_INPUT] },
                { ...pixels(inputs), name: 'right', inputs: [MODEL_INPUT] },
                joined,
                ...head,
              ]
            : [branch('left'), branch('right'), twice, { ...joined, inputs: ['twice', 'left'] }, ...head],
      };
    }
    default:
      return layer satisfies never;
  }
}

function describe(layer: LayerSpec, inputs: number, outputs: number): string {
  switch (layer.kind) {
    case 'dense':
      return `dense ${layer.activation}, ${inputs} to ${outputs}`;
    case 'conv2d':
      return `conv2d ${layer.kernelSize}x${layer.kernelSize} stride ${layer.strides} ${layer.padding} ${layer.activation}, ${inputs} to ${outputs}`;
    case 'maxPool2d':
    case 'averagePool2d':
      return `${layer.kind} ${layer.poolSize}, ${inputs} to ${outputs}`;
    case 'activation':
      return `activation ${layer.activation}`;
    case 'gru':
      return `gru${layer.resetAfter === true ? ' reset after' : ''}, ${inputs} to ${outputs}`;
    case 'selfAttention':
      return `selfAttention${layer.causal === false ? ' both ways' : ''}, ${smallLike(layer.headUnits)} a head`;
    default:
      return `${layer.kind}, ${inputs} to ${outputs}`;
  }
}
