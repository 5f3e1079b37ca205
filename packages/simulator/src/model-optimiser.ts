/** The optimisers of protocol/optimisers.ts on plain arrays, for models that tabs train in the simulator. Pure. */
import type { OptimiserName, ParameterLayout } from '@murmuration/protocol';
import { power } from './exact-functions.ts';

/** One tab's optimiser: its moments. */
export interface Moments {
  /** Stays zero where the run's optimiser has none. */
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  stepCount: number;
}

export const newMoments = (parameterCount: number): Moments => ({
  firstMoment: new Float32Array(parameterCount),
  secondMoment: new Float32Array(parameterCount),
  stepCount: 0,
});

export interface OptimiserSettings {
  readonly optimiser: OptimiserName;
  readonly learningRate: number;
}

/** Moves the weights by one step. */
export function stepWeights(
  { optimiser, learningRate }: OptimiserSettings,
  moments: Moments,
  at: {
    readonly weights: Float64Array;
    readonly gradient: Float64Array;
    readonly layout: ParameterLayout;
  },
): void {
  const { weights, gradient, layout } = at;
  switch (optimiser) {
    case 'adam':
      return adam(moments, weights, gradient, learningRate);
    case 'rmsprop-floored':
      return rmspropFloored(moments, weights, gradient, learningRate, layout);
    case 'sgd':
      return linear(null, weights, gradient, learningRate);
    case 'momentum':
      return linear(moments.firstMoment, weights, gradient, learningRate);
    default:
      return optimiser satisfies never;
  }
}

/** @param ball the heavy ball's moment; null: there is none */
function linear(
  ball: Float32Array | null,
  weights: Float64Array,
  gradient: Float64Array,
  rate: number,
): void {
  for (let i = 0; i < gradient.length; i++) {
    if (ball !== null) ball[i] = 0.9 * ball[i]! + gradient[i]!;
    weights[i]! -= rate * (ball === null ? gradient[i]! : ball[i]!);
  }
}

function adam(moments: Moments, weights: Float64Array, gradient: Float64Array, learningRate: number): void {
  const { firstMoment, secondMoment } = moments;
  moments.stepCount += 1;
  const rate = learningRate / (1 - power(0.9, moments.stepCount));
  const correction = 1 / (1 - power(0.999, moments.stepCount));
  for (let i = 0; i < gradient.length; i++) {
    const g = gradient[i]!;
    const m = 0.9 * firstMoment[i]! + 0.1 * g;
    const v = 0.999 * secondMoment[i]! + 0.001 * g * g;
    firstMoment[i] = m;
    secondMoment[i] = v;
    weights[i]! -= (rate * m) / (Math.sqrt(v * correction) + 1e-8);
  }
}

function rmspropFloored(
  moments: Moments,
  weights: Float64Array,
  gradient: Float64Array,
  rate: number,
  layout: ParameterLayout,
): void {
  const { secondMoment } = moments;
  moments.stepCount += 1;
  const correction = 1 / (1 - power(0.999, moments.stepCount));
  for (const { offset, size } of layout.tensors) {
    let sum = 0;
    for (let i = offset; i < offset + size; i++)
      sum += secondMoment[i] = 0.999 * secondMoment[i]! + 0.001 * gradient[i]! * gradient[i]!;
    const floor = (0.1 * sum) / size;
    for (let i = offset; i < offset + size; i++) {
      const v = Math.max(secondMoment[i]!, floor);
      weights[i]! -= (rate * gradient[i]!) / (Math.sqrt(v * correction) + 1e-8);
    }
  }
}
