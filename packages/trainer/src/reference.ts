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
  /** Mean cross entropy, nats, mean squared error, or an autoencoder's two losses together. */
  readonly loss: number;
  /** Softmax of the logits, or the values themselves, or their sigmoid; flat. */
  readonly outputs: Float64Array;
  /** As network.ts says. */
  readonly measure: Float64Array;
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
  const { output, statistics, latent } = runModel(ops, model, layout, { weights, input, mode });
  const columns = output.shape.at(-1)!;
  const roots: [PlainValue, Float64Array][] = [];
  let loss: number;
  let outputs: Float64Array;
  let measure: Float64Array;
  let upstream: Float64Array;
  if (objective === 'cross-entropy') {
    ({ loss, probabilities: outputs } = crossEntropy(output.values, targets, columns));
    measure = Float64Array.from(targets, (label, row) => outputs[row * columns + label]!);
    upstream = outputs.map(
      (p, j) => (p - (targets[Math.floor(j / columns)] === j % columns ? 1 : 0)) / targets.length,
    );
  } else if (objective === 'squared-error') {
    outputs = output.values;
    measure = outputs.map((value, j) => value - targets[j]!);
    loss = measure.reduce((sum, d) => sum + d * d, 0) / measure.length;
    upstream = measure.map((d) => (2 * d) / measure.length);
  } else {
    const { mean, logVariance } = latent!;
    const { klWeight, reconstruction } = objective;
    const isBernoulli = reconstruction === 'bernoulli';
    outputs = isBernoulli ? output.values.map((logit) => 1 / (1 + Math.exp(-logit))) : output.values;
    measure = new Float64Array(2 * batchSize);
    for (const [j, value] of outputs.entries())
      measure[Math.floor(j / columns)]! += isBernoulli
        ? -targets[j]! * Math.log(value) - (1 - targets[j]!) * Math.log(1 - value)
        : (value - targets[j]!) ** 2 / 2;
    const codeSize = mean.values.length / batchSize;
    for (const [j, m] of mean.values.entries()) {
      const variance = Math.exp(logVariance.values[j]!);
      measure[batchSize + Math.floor(j / codeSize)]! += (m * m + variance - 1 - Math.log(variance)) / 2;
    }
    loss = measure.reduce((sum, part, j) => sum + part * (j < batchSize ? 1 : klWeight), 0) / batchSize;
    upstream = outputs.map((value, j) => (value - targets[j]!) / batchSize);
    const share = klWeight / batchSize;
    roots.push([mean, mean.values.map((m) => share * m)]);
    roots.push([logVariance, logVariance.values.map((s) => (share * (Math.exp(s) - 1)) / 2)]);
  }
  ops.backward([...roots, [output, upstream]]);
  const gradient = new Float64Array(layout.parameterCount);
  for (const [i, { offset, size }] of layout.tensors.entries())
    gradient.set(weights[i]!.gradient ?? new Float64Array(size), offset);
  for (const { tensorIndex, value } of statistics)
    gradient.set(value.values, layout.tensors[tensorIndex]!.offset);
  return { loss, outputs, measure, gradient };
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
