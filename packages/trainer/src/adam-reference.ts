/** One step of Adam (Kingma and Ba, 2015, algorithm 1) in plain JavaScript: the cpu kernel, and the self-test's oracle. */
export const ADAM_BETA1 = 0.9;
export const ADAM_BETA2 = 0.999;
/** tfjs's epsilon on float32 backends. */
export const ADAM_EPSILON = 1e-7;

export interface AdamFactors {
  readonly stepSize: number;
  /** 1 / (1 - beta^t): what undoes the moments' bias towards zero at step t. */
  readonly firstCorrection: number;
  readonly secondCorrection: number;
}

export interface AdamVectors {
  readonly weight: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** One step in plain JavaScript. */
export function adamReference(
  now: AdamVectors & { readonly gradient: Float32Array },
  factors: AdamFactors,
): AdamVectors {
  const count = now.weight.length;
  const next = {
    weight: new Float32Array(count),
    first: new Float32Array(count),
    second: new Float32Array(count),
  };
  for (let i = 0; i < count; i++) {
    const gradient = now.gradient[i]!;
    const first = ADAM_BETA1 * now.first[i]! + (1 - ADAM_BETA1) * gradient;
    const second = ADAM_BETA2 * now.second[i]! + (1 - ADAM_BETA2) * gradient * gradient;
    next.first[i] = first;
    next.second[i] = second;
    const direction =
      (first * factors.firstCorrection) / (Math.sqrt(second * factors.secondCorrection) + ADAM_EPSILON);
    next.weight[i] = now.weight[i]! - factors.stepSize * direction;
  }
  return next;
}
