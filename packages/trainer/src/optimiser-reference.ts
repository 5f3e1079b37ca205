/**
 * One step of an optimiser of protocol/optimisers.ts in plain JavaScript: the cpu kernel, and the self-test's oracle. Adam
 * is Kingma and Ba, 2015, algorithm 1; rmsprop-floored is that without a first moment, and with a floor under the second;
 * sgd and momentum have no second.
 */
import type { OptimiserName } from '@murmuration/protocol';

/** What an optimiser remembers, and how. */
interface Memory {
  /** Of the first moment; 0: there is none. */
  readonly beta1: number;
  /** What the first moment takes of a gradient; the heavy ball takes all of it. */
  readonly gradientShare: number;
  readonly hasSecond: boolean;
  /** The second moment counts as at least this share of its tensor's mean; 0: there is no floor. */
  readonly floorShare: number;
}
const MEMORY: Readonly<Record<OptimiserName, Memory>> = {
  sgd: { beta1: 0, gradientShare: 1, hasSecond: false, floorShare: 0 },
  momentum: { beta1: 0.9, gradientShare: 1, hasSecond: false, floorShare: 0 },
  adam: { beta1: 0.9, gradientShare: 1 - 0.9, hasSecond: true, floorShare: 0 },
  'rmsprop-floored': { beta1: 0, gradientShare: 1, hasSecond: true, floorShare: 0.1 },
};
export const hasSecondMoment = (name: OptimiserName): boolean => MEMORY[name].hasSecond;

export const BETA2 = 0.999;
/** tfjs's epsilon on float32 backends. */
export const EPSILON = 1e-7;

export interface StepFactors extends Memory {
  readonly stepSize: number;
  /** 1 / (1 - beta^t): what undoes the moments' bias towards zero at step t; 1 where there is none. */
  readonly firstCorrection: number;
  readonly secondCorrection: number;
}

/** @param stepCount this step's number, from 1 */
export function stepFactors(name: OptimiserName, learningRate: number, stepCount: number): StepFactors {
  const memory = MEMORY[name];
  return {
    ...memory,
    stepSize: learningRate,
    firstCorrection: memory.hasSecond ? 1 / (1 - memory.beta1 ** stepCount) : 1,
    secondCorrection: 1 / (1 - BETA2 ** stepCount),
  };
}

/** One weight tensor and its moments; a moment that the optimiser lacks is empty. */
export interface OptimiserVectors {
  readonly weight: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export function optimiserReference(
  now: OptimiserVectors & { readonly gradient: Float32Array },
  factors: StepFactors,
): OptimiserVectors {
  const { beta1, gradientShare, hasSecond, floorShare } = factors;
  const count = now.weight.length;
  const next = {
    weight: new Float32Array(count),
    first: new Float32Array(beta1 > 0 ? count : 0),
    second: new Float32Array(hasSecond ? count : 0),
  };
  let sum = 0;
  for (let i = 0; i < next.second.length; i++) {
    const gradient = now.gradient[i]!;
    next.second[i] = BETA2 * now.second[i]! + (1 - BETA2) * gradient * gradient;
    sum += next.second[i]!;
  }
  const floor = (floorShare * sum) / count;
  for (let i = 0; i < count; i++) {
    let first = now.gradient[i]!;
    if (beta1 > 0) next.first[i] = first = beta1 * now.first[i]! + gradientShare * first;
    let direction = first * factors.firstCorrection;
    if (hasSecond)
      direction /= Math.sqrt(Math.max(next.second[i]!, floor) * factors.secondCorrection) + EPSILON;
    next.weight[i] = now.weight[i]! - factors.stepSize * direction;
  }
  return next;
}
