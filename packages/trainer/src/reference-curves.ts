/** The activations and their slopes at x, in double precision, as the reference computes them. */
import type { Curve } from './operations.ts';

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
export const CURVES: Readonly<
  Record<Curve, { readonly value: (x: number) => number; readonly slope: (x: number) => number }>
> = {
  relu: { value: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
  tanh: { value: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2 },
  sigmoid: { value: sigmoid, slope: (x) => sigmoid(x) * (1 - sigmoid(x)) },
  silu: { value: (x) => x * sigmoid(x), slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
  elu: { value: (x) => (x > 0 ? x : Math.expm1(x)), slope: (x) => (x > 0 ? 1 : Math.exp(x)) },
  gelu: {
    value: (x) => x * normalCdf(x),
    slope: (x) => normalCdf(x) + (x * Math.exp(-x * x * 0.5)) / Math.sqrt(2 * Math.PI),
  },
};

/** Abramowitz and Stegun 7.1.26, absolute error under 1.5e-7: far below the self-test's bound. */
function normalCdf(z: number): number {
  const x = Math.abs(z) * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const erf = 1 - poly * Math.exp(-x * x);
  return 0.5 * (1 + Math.sign(z) * erf);
}
