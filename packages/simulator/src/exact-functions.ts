/**
 * Functions that are the same to the bit on every engine, which Math's are not: only +, -, *, / in a fixed order. What is
 * trained with them in one process is what any other trains.
 */
const LN2 = 0.6931471805599453;
/** 2^-k for k = 0..60. */
const HALVES = Float64Array.from({ length: 61 }, (_, k) => power(0.5, k));

/** e^x for x <= 0, to 12 digits, the same on every engine: 2^-k times a Taylor polynomial on [-ln 2, 0]. */
export function exp(x: number): number {
  if (x < -40) return 0;
  const k = Math.floor(-x / LN2);
  const y = x + k * LN2;
  const tail = 1 + (y / 7) * (1 + (y / 8) * (1 + (y / 9) * (1 + y / 10)));
  const series = 1 + y * (1 + (y / 2) * (1 + (y / 3) * (1 + (y / 4) * (1 + (y / 5) * (1 + (y / 6) * tail)))));
  return series * HALVES[k]!;
}

export function tanh(x: number): number {
  if (x > 18) return 1;
  if (x < -18) return -1;
  const e = exp(-2 * Math.abs(x));
  const t = (1 - e) / (1 + e);
  return x < 0 ? -t : t;
}

/** ln(x) by its series around 1; for reporting, not for gradients. */
function log(x: number): number {
  let shift = 0;
  while (x < 0.5) {
    x *= 2;
    shift -= 1;
  }
  const y = (x - 1) / (x + 1);
  const y2 = y * y;
  const series = 2 * y * (1 + y2 * (1 / 3 + y2 * (1 / 5 + y2 * (1 / 7 + y2 * (1 / 9 + y2 / 11)))));
  return series + shift * LN2;
}

export function power(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let n = exponent; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}

/** Of one sample: logits become p - [class is the label], in place. Returns the cross entropy, nats. */
export function crossEntropy(logits: Float64Array, label: number): number {
  let peak = logits[0]!;
  for (let c = 1; c < logits.length; c++) if (logits[c]! > peak) peak = logits[c]!;
  let total = 0;
  for (let c = 0; c < logits.length; c++) total += logits[c] = exp(logits[c]! - peak);
  for (let c = 0; c < logits.length; c++) logits[c]! /= total;
  const loss = -log(Math.max(logits[label]!, 1e-12));
  logits[label]! -= 1;
  return loss;
}

/** The class that was most likely, of what `crossEntropy` left. */
export function likeliest(errors: Float64Array, label: number): number {
  // The error of the right class is p - 1.
  const shareOf = (c: number) => errors[c]! + (c === label ? 1 : 0);
  let best = 0;
  for (let c = 1; c < errors.length; c++) if (shareOf(c) > shareOf(best)) best = c;
  return best;
}
