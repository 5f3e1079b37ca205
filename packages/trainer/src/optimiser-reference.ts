/**
 * One step of an optimiser of protocol/run.ts in plain JavaScript: the cpu kernel, and the self-test's oracle. Adam is
 * Kingma and Ba, 2015, algorithm 1; rmsprop-floored is that without a first moment, and with a floor under the second.
 */
import type { OptimiserName } from '@murmuration/protocol';

const BETA1: Readonly<Record<OptimiserName, number>> = { adam: 0.9, 'rmsprop-floored': 0 };
export const BETA2 = 0.999;
/** tfjs's epsilon on float32 backends. */
export const EPSILON = 1e-7;
/** The second moment counts as at least this share of its tensor's mean. */
const FLOOR_SHARE: Readonly<Record<OptimiserName, number>> = { adam: 0, 'rmsprop-floored': 0.1 };

export interface StepFactors {
  readonly stepSize: number;
  /** 0: there is no first moment. */
  readonly beta1: number;
  /** 0: there is no floor. */
  readonly floorShare: number;
  /** 1 / (1 - beta^t): what undoes the moments' bias towards zero at step t. */
  readonly firstCorrection: number;
  readonly secondCorrection: number;
}

/** @param stepCount this step's number, from 1 */
export const stepFactors = (name: OptimiserName, learningRate: number, stepCount: number): StepFactors => ({
  stepSize: learningRate,
  beta1: BETA1[name],
  floorShare: FLOOR_SHARE[name],
  firstCorrection: 1 / (1 - BETA1[name] ** stepCount),
  secondCorrection: 1 / (1 - BETA2 ** stepCount),
});

/** One weight tensor and its moments. */
export interface OptimiserVectors {
  readonly weight: Float32Array;
  /** Empty without a first moment. */
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export function optimiserReference(
  now: OptimiserVectors & { readonly gradient: Float32Array },
  factors: StepFactors,
): OptimiserVectors {
  const { beta1, floorShare } = factors;
  const count = now.weight.length;
  const next = {
    weight: new Float32Array(count),
    first: new Float32Array(beta1 > 0 ? count : 0),
    second: new Float32Array(count),
  };
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const gradient = now.gradient[i]!;
    next.second[i] = BETA2 * now.second[i]! + (1 - BETA2) * gradient * gradient;
    sum += next.second[i]!;
  }
  const floor = (floorShare * sum) / count;
  for (let i = 0; i < count; i++) {
    let first = now.gradient[i]!;
    if (beta1 > 0) next.first[i] = first = beta1 * now.first[i]! + (1 - beta1) * first;
    const second = Math.max(next.second[i]!, floor);
    const direction =
      (first * factors.firstCorrection) / (Math.sqrt(second * factors.secondCorrection) + EPSILON);
    next.weight[i] = now.weight[i]! - factors.stepSize * direction;
  }
  return next;
}
