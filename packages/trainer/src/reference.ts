/**
 * The operations in plain JavaScript, double precision, loops only, and a model's pass made of them: the oracle of the
 * self-test. No line of arithmetic is shared with tfjs or tape.ts, so both a broken shader and a wrong derivative show.
 * Slow (0.1 to 0.3 G multiply-adds a second): the self-test bounds what it asks for.
 */
import { parameterLayout, type ModelSpec } from '@murmuration/protocol';
import { runModel, type PassMode } from './layers.ts';
import type { Objective } from './network.ts';
import { PlainOperations, PlainValue } from './reference-operations.ts';

export interface ReferencePass {
  /** Mean cross entropy, nats, or mean squared error. */
  readonly loss: number;
  /** Softmax of the logits, or the values themselves; flat. */
  readonly outputs: Float64Array;
  /** Flat, in the layout's order; at statistics what the batch says of them. */
  readonly gradient: Float64Array;
}

/** Multiply-adds of one forward pass over one sample; a backward pass costs about twice that again. */
export function forwardMultiplyAdds(model: ModelSpec): number {
  const { tensors, outputShapes, inputIndices, firstTensors } = parameterLayout(model);
  let sum = 0;
  for (const [i, layer] of model.layers.entries()) {
    const own = tensors.slice(firstTensors[i], firstTensors[i + 1]);
    const output = outputShapes[i]!;
    const kernels = own.filter(({ fanIn }) => fanIn > 0).reduce((all, { size }) => all + size, 0);
    const from = inputIndices[i]![0]!;
    const input = from < 0 ? model.inputShape : outputShapes[from]!;
    const positions =
      layer.kind === 'conv2d'
        ? output[0]! * output[1]!
        : input.length === 2 || layer.kind === 'embedding'
          ? input[0]!
          : 1;
    if (layer.kind === 'positionEmbedding') continue;
    sum += kernels * positions;
    if (layer.kind === 'selfAttention') sum += 2 * input[0]! ** 2 * layer.heads * layer.headUnits;
  }
  return sum;
}

/** `inputs`: batch times the input, row-major; `targets`: a class a row of the output, or the values. */
export function referencePass(
  model: ModelSpec,
  parameters: Float32Array,
  inputs: ArrayLike<number>,
  targets: ArrayLike<number>,
  objective: Objective = 'cross-entropy',
  mode: PassMode = { training: true, seed: 0 },
): ReferencePass {
  const layout = parameterLayout(model);
  const ops = new PlainOperations();
  const inputSize = model.inputShape.reduce((a, b) => a * b, 1);
  const batchSize = inputs.length / inputSize;
  const input = new PlainValue([batchSize, ...model.inputShape], Float64Array.from(inputs));
  const weights = layout.tensors.map(
    ({ shape, offset, size }) =>
      new PlainValue([...shape], Float64Array.from(parameters.subarray(offset, offset + size))),
  );
  const { output, statistics } = runModel(ops, model, layout, { weights, input, mode });
  const columns = output.shape.at(-1)!;
  let loss: number;
  let outputs: Float64Array;
  let upstream: Float64Array;
  if (objective === 'cross-entropy') {
    ({ loss, probabilities: outputs } = crossEntropy(output.values, targets, columns));
    upstream = outputs.map(
      (p, j) => (p - (targets[Math.floor(j / columns)] === j % columns ? 1 : 0)) / targets.length,
    );
  } else {
    outputs = output.values;
    const differences = outputs.map((value, j) => value - targets[j]!);
    loss = differences.reduce((sum, d) => sum + d * d, 0) / differences.length;
    upstream = differences.map((d) => (2 * d) / differences.length);
  }
  ops.backward(output, upstream);
  const gradient = new Float64Array(layout.parameterCount);
  for (const [i, { offset, size }] of layout.tensors.entries())
    gradient.set(weights[i]!.gradient ?? new Float64Array(size), offset);
  for (const { tensorIndex, value } of statistics)
    gradient.set(value.values, layout.tensors[tensorIndex]!.offset);
  return { loss, outputs, gradient };
}

/** Softmax and mean cross entropy of logits, computed in double precision. `labels`: one a row. */
export function crossEntropy(
  logits: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  classCount: number,
): { loss: number; probabilities: Float64Array } {
  const probabilities = new Float64Array(logits.length);
  let loss = 0;
  for (let b = 0; b < labels.length; b++) {
    const row = b * classCount;
    let peak = -Infinity;
    for (let c = 0; c < classCount; c++) peak = Math.max(peak, logits[row + c]!);
    let sum = 0;
    for (let c = 0; c < classCount; c++) sum += Math.exp(logits[row + c]! - peak);
    for (let c = 0; c < classCount; c++) probabilities[row + c] = Math.exp(logits[row + c]! - peak) / sum;
    loss += Math.log(sum) + peak - logits[row + labels[b]!]!;
  }
  return { loss: loss / labels.length, probabilities };
}
