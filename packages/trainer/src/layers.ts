/**
 * What each layer of the allow-list computes, in the operations of operations.ts, and how a model's graph is walked. Both
 * engines run this; gradients are theirs.
 */
import {
  BATCH_NORM_MOMENTUM,
  LAYER_EPSILON,
  type Activation,
  type LayerOf,
  type LayerSpec,
  type ModelSpec,
  type ParameterLayout,
} from '@murmuration/protocol';
import type { Operations, Value } from './operations.ts';

export interface PassMode {
  /** Dropout loses values and batchNorm looks at the batch. */
  readonly training: boolean;
  /** Of this step, for dropout and sampling. */
  readonly seed: number;
}

/** What the batch says about a statistic: the running one moves from there to here. */
export interface Statistic<V> {
  readonly tensorIndex: number;
  readonly value: V;
}

export interface ModelRun<V> {
  readonly output: V;
  readonly statistics: readonly Statistic<V>[];
  /** What a sampling layer drew from; null: the model has none. */
  readonly latent: { readonly mean: V; readonly logVariance: V } | null;
}

/** @param weights one a tensor of the layout, in its order */
export function runModel<V extends Value>(
  ops: Operations<V>,
  model: ModelSpec,
  layout: ParameterLayout,
  { weights, input, mode }: { readonly weights: readonly V[]; readonly input: V; readonly mode: PassMode },
): ModelRun<V> {
  const values: V[] = [];
  const statistics: Statistic<V>[] = [];
  let latent: ModelRun<V>['latent'] = null;
  for (const [i, layer] of model.layers.entries()) {
    const inputs = layout.inputIndices[i]!.map((from) => (from < 0 ? input : values[from]!));
    if (layer.kind === 'sampling') latent = { mean: inputs[0]!, logVariance: inputs[1]! };
    const first = layout.firstTensors[i]!;
    const own = weights.slice(first, layout.firstTensors[i + 1] ?? weights.length);
    const outputShape = [input.shape[0]!, ...layout.outputShapes[i]!];
    const state = {
      own,
      outputShape,
      mode: { ...mode, seed: (mode.seed + Math.imul(i + 1, 0x9e3779b1)) >>> 0 },
    };
    values.push(
      layer.kind === 'batchNorm'
        ? batchNorm(ops, layer, inputs[0]!, state, (index, value) =>
            statistics.push({ tensorIndex: first + index, value }),
          )
        : runLayer(ops, layer, inputs, state),
    );
  }
  return { output: values.at(-1)!, statistics, latent };
}

interface LayerState<V> {
  readonly own: readonly V[];
  readonly outputShape: readonly number[];
  readonly mode: PassMode;
}

function runLayer<V extends Value>(
  ops: Operations<V>,
  layer: Exclude<LayerSpec, { kind: 'batchNorm' }>,
  inputs: readonly V[],
  { own, outputShape, mode }: LayerState<V>,
): V {
  const x = inputs[0]!;
  switch (layer.kind) {
    case 'flatten':
    case 'reshape':
      return ops.reshape(x, outputShape);
    case 'dense': {
      const linear = ops.product(x, own[0]!, own[1] ?? null, layer.activation === 'relu');
      return activateUnlessFused(ops, layer.activation, linear);
    }
    case 'conv2d': {
      const linear = ops.convolution(x, own[0]!, own[1] ?? null, layer, layer.activation === 'relu');
      return activateUnlessFused(ops, layer.activation, linear);
    }
    case 'maxPool2d':
      return ops.pool('max', x, layer.poolSize);
    case 'averagePool2d':
      return ops.pool('average', x, layer.poolSize);
    case 'globalAveragePool2d': {
      const [batch, height, width, channels] = x.shape as [number, number, number, number];
      return ops.meanOfRows(ops.reshape(x, [batch, height * width, channels]));
    }
    case 'globalAveragePool1d':
      return ops.meanOfRows(x);
    case 'layerNorm':
      return ops.addTail(
        ops.multiplyTail(ops.normalise(x, layer.epsilon ?? LAYER_EPSILON), own[0]!),
        own[1]!,
      );
    case 'dropout':
      return mode.training && layer.rate > 0 ? ops.dropout(x, layer.rate, mode.seed) : x;
    case 'activation':
      return layer.activation === 'linear' ? x : ops.activate(layer.activation, x);
    case 'softmax':
      return ops.softmax(x, false);
    case 'embedding':
      return ops.product(ops.oneHot(x, layer.vocabularySize), own[0]!, null, false);
    case 'positionEmbedding':
      return ops.addTail(x, own[0]!);
    case 'selfAttention':
      return selfAttention(ops, layer, x, own);
    case 'gru':
      return gru(ops, layer, x, own);
    case 'lastStep':
      return ops.reshape(ops.split(x, 1, x.shape[1]!).at(-1)!, outputShape);
    case 'add':
      return inputs.slice(1).reduce((sum, value) => ops.add(sum, value), x);
    case 'concatenate':
      return ops.concatenate(inputs, x.shape.length - 1);
    case 'sampling':
      return ops.sample(x, inputs[1]!, mode.seed);
    default:
      return layer satisfies never;
  }
}

/** relu is fused into the product. */
const activateUnlessFused = <V extends Value>(ops: Operations<V>, activation: Activation, linear: V): V =>
  activation === 'linear' || activation === 'relu' ? linear : ops.activate(activation, linear);

function batchNorm<V extends Value>(
  ops: Operations<V>,
  layer: LayerOf<'batchNorm'>,
  x: V,
  { own, mode }: LayerState<V>,
  tell: (index: number, value: V) => void,
): V {
  const epsilon = layer.epsilon ?? LAYER_EPSILON;
  const [gamma, beta, runningMean, runningVariance] = own as [V, V, V, V];
  let normal: V;
  if (mode.training) {
    const { value, mean, variance } = ops.normaliseBatch(x, epsilon);
    tell(2, mean);
    tell(3, variance);
    normal = value;
  } else normal = ops.standardise(x, runningMean, runningVariance, epsilon);
  return ops.addTail(ops.multiplyTail(normal, gamma), beta);
}

/** How much of a running statistic stays at each step, by tensor of the layout; of the others 0. */
export const statisticMomentum = (model: ModelSpec, layout: ParameterLayout): number[] => {
  const momentum = layout.tensors.map(() => 0);
  for (const [i, layer] of model.layers.entries())
    if (layer.kind === 'batchNorm')
      for (const at of [2, 3]) momentum[layout.firstTensors[i]! + at] = layer.momentum ?? BATCH_NORM_MOMENTUM;
  return momentum;
};

function selfAttention<V extends Value>(
  ops: Operations<V>,
  { heads, headUnits, causal = true }: LayerOf<'selfAttention'>,
  x: V,
  own: readonly V[],
): V {
  const [batch, steps, units] = x.shape as [number, number, number];
  const inner = heads * headUnits;
  const apart = (kernel: V, bias: V) => {
    const all = ops.product(x, ops.reshape(kernel, [units, inner]), ops.reshape(bias, [inner]), false);
    const byHead = ops.transpose(ops.reshape(all, [batch, steps, heads, headUnits]), [0, 2, 1, 3]);
    return ops.reshape(byHead, [batch * heads, steps, headUnits]);
  };
  const query = ops.scale(apart(own[0]!, own[1]!), 1 / Math.sqrt(headUnits));
  const key = apart(own[2]!, own[3]!);
  const value = apart(own[4]!, own[5]!);
  const shares = ops.softmax(ops.batchProduct(query, key, true), causal);
  const seen = ops.reshape(ops.batchProduct(shares, value, false), [batch, heads, steps, headUnits]);
  const together = ops.reshape(ops.transpose(seen, [0, 2, 1, 3]), [batch, steps, inner]);
  return ops.product(together, ops.reshape(own[6]!, [inner, units]), own[7]!, false);
}

/** Gates in Keras's order: update, reset, candidate. */
function gru<V extends Value>(
  ops: Operations<V>,
  { units, resetAfter = false, returnSequences = true }: LayerOf<'gru'>,
  x: V,
  [kernel, recurrent, bias]: readonly V[],
): V {
  const [batch, steps] = x.shape as [number, number, number];
  const last = (value: V) => value.shape.length - 1;
  const [inputBias, stateBias] = resetAfter
    ? ops.split(bias!, 0, 2).map((row) => ops.reshape(row, [3 * units]))
    : [bias!, null];
  const projected = ops.split(ops.product(x, kernel!, inputBias!, false), 1, steps);
  const [forUpdate, forReset, forCandidate] = ops.split(recurrent!, 1, 3) as [V, V, V];
  const forGates = resetAfter ? recurrent! : ops.concatenate([forUpdate, forReset], 1);
  const states: V[] = [];
  let state: V | null = null;
  for (const one of projected) {
    const [zIn, rIn, hIn] = ops.split(ops.reshape(one, [batch, 3 * units]), 1, 3) as [V, V, V];
    let z: V;
    let candidate: V;
    if (state === null) {
      // The first state is zero: of it only the bias of the products is left.
      const biases =
        stateBias === null || stateBias === undefined ? null : (ops.split(stateBias, 0, 3) as [V, V, V]);
      const biased = (value: V, which: 0 | 1) =>
        biases === null ? value : ops.addTail(value, biases[which]);
      z = ops.activate('sigmoid', biased(zIn, 0));
      const r = ops.activate('sigmoid', biased(rIn, 1));
      candidate = ops.activate('tanh', biases === null ? hIn : ops.add(hIn, ops.multiplyTail(r, biases[2])));
      // (1 - z) h
      state = ops.add(candidate, ops.scale(ops.multiply(z, candidate), -1));
      states.push(state);
      continue;
    }
    const products = ops.product(state, forGates, stateBias ?? null, false);
    const parts = ops.split(products, last(products), resetAfter ? 3 : 2) as V[];
    z = ops.activate('sigmoid', ops.add(zIn, parts[0]!));
    const r = ops.activate('sigmoid', ops.add(rIn, parts[1]!));
    const remembered: V = resetAfter
      ? ops.multiply(r, parts[2]!)
      : ops.product(ops.multiply(r, state), forCandidate, null, false);
    candidate = ops.activate('tanh', ops.add(hIn, remembered));
    // z s + (1 - z) h
    state = ops.add(candidate, ops.multiply(z, ops.add(state, ops.scale(candidate, -1))));
    states.push(state);
  }
  if (!returnSequences) return state!;
  return ops.concatenate(
    states.map((one) => ops.reshape(one, [batch, 1, units])),
    1,
  );
}
