/**
 * How a tab steps. g is the batch's gradient; every value alike:
 *
 *   sgd              w -= rate g
 *   momentum         the heavy ball (Polyak 1964): m <- 0.9 m + g, and w -= rate m
 *   adam             Kingma and Ba 2015, algorithm 1: m <- 0.9 m + 0.1 g, and w -= rate m / (1 - 0.9^t) / (sqrt(c v) + e)
 *   rmsprop-floored  w -= rate g / (sqrt(c max(v, f)) + e), f a tenth of the mean v of the value's weight tensor,
 *
 * where v <- 0.999 v + 0.001 g^2 and c = 1 / (1 - 0.999^t). The last is Adam without the first moment (beta1 = 0), which is
 * RMSProp with Adam's correction of the start, and with a floor under v: a value whose gradient is nearly always tiny is
 * not blown up when one is not. With sparse updates a momentum says again and again what was sent already, and a newcomer
 * lacks it.
 */

/** Each value has a step size of its own, which follows from its gradients. */
export const ADAPTIVE_OPTIMISERS = ['adam', 'rmsprop-floored'] as const;
export type AdaptiveOptimiserName = (typeof ADAPTIVE_OPTIMISERS)[number];
/** A step is linear in the gradients: the mean of tabs' steps is the step of their mean gradient. */
export const LINEAR_OPTIMISERS = ['sgd', 'momentum'] as const;
export const OPTIMISERS = [...ADAPTIVE_OPTIMISERS, ...LINEAR_OPTIMISERS] as const;
export type OptimiserName = (typeof OPTIMISERS)[number];

export const isLinear = (name: OptimiserName): boolean => LINEAR_OPTIMISERS.some((linear) => linear === name);
