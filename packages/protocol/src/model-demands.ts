/**
 * What the activations of a model ask of a device, before anybody's device is asked: numbers for a preflight. Pure;
 * estimates are said to be such. Copies of the model itself: model-copies.ts.
 */
import { parameterLayout, type ModelSpec } from './model.ts';
import { product } from './model-shapes.ts';

const FLOAT_BYTES = 4;
/**
 * What a layer leaves for its gradient beside its output, in outputs; counted by hand in the trainer's layers: attention
 * keeps queries, keys, values and their orders by head, a GRU its gates.
 */
const KEPT: Readonly<Partial<Record<ModelSpec['layers'][number]['kind'], number>>> = {
  selfAttention: 9,
  gru: 12,
  batchNorm: 4,
  layerNorm: 3,
  dropout: 1,
  sampling: 3,
};

export interface ModelDemands {
  readonly parameterCount: number;
  /** What one sample of a batch keeps on the device in a step: an estimate, within a factor of two of what was counted. */
  readonly activationBytesPerSample: number;
  /** The largest single buffer: what an adapter's `maxStorageBufferBindingSize` must allow. */
  readonly largestBufferBytes: number;
}

/** Values of the largest activation of one sample, the input included. */
export function largestActivation(model: ModelSpec): number {
  const { outputShapes, inputIndices } = parameterLayout(model);
  let largest = product(model.inputShape);
  for (const [i, layer] of model.layers.entries()) {
    largest = Math.max(largest, product(outputShapes[i]!));
    const from = inputIndices[i]![0]!;
    const [steps] = from < 0 ? model.inputShape : outputShapes[from]!;
    if (layer.kind === 'selfAttention') largest = Math.max(largest, layer.heads * steps! * steps!);
    if (layer.kind === 'embedding') largest = Math.max(largest, steps! * layer.vocabularySize);
    if (layer.kind === 'gru') largest = Math.max(largest, 3 * steps! * layer.units);
  }
  return largest;
}

/** @throws ModelError when the model does not fit itself */
export function modelDemands(model: ModelSpec, { batchSize }: { readonly batchSize: number }): ModelDemands {
  const { parameterCount, outputShapes, inputIndices, tensors } = parameterLayout(model);
  let activations = product(model.inputShape);
  for (const [i, layer] of model.layers.entries()) {
    const output = product(outputShapes[i]!);
    activations += output * (1 + (KEPT[layer.kind] ?? 0));
    if ('activation' in layer && layer.activation !== 'linear' && layer.activation !== 'relu')
      activations += output;
    const from = inputIndices[i]![0]!;
    const [steps] = from < 0 ? model.inputShape : outputShapes[from]!;
    if (layer.kind === 'selfAttention') activations += 3 * layer.heads * steps! * steps!;
    if (layer.kind === 'embedding') activations += steps! * layer.vocabularySize;
  }
  // Backwards there is a gradient for each of them.
  const activationBytesPerSample = 2 * FLOAT_BYTES * activations;
  return {
    parameterCount,
    activationBytesPerSample,
    largestBufferBytes:
      FLOAT_BYTES * Math.max(batchSize * largestActivation(model), ...tensors.map(({ size }) => size)),
  };
}
