/**
 * Dense layers over batches on plain arrays: kernels lie input by input. Zeros among the inputs (what a ReLU closed, blank
 * pixels) are skipped; sums are in a fixed order.
 */
type Weights = Float32Array | Float64Array;

/** to = bias + from x kernel for one sample, over the inputs that are not zero, four at a time. */
export function dense(
  weights: Weights,
  kernel: number,
  bias: number,
  inputs: number,
  outputs: number,
  from: Float64Array,
  fromAt: number,
  to: Float64Array,
  toAt: number,
  live: Uint16Array,
): void {
  let liveCount = 0;
  for (let i = 0; i < inputs; i++) if (from[fromAt + i] !== 0) live[liveCount++] = i;
  for (let o = 0; o < outputs; o++) to[toAt + o] = weights[bias + o]!;
  let n = 0;
  for (; n + 4 <= liveCount; n += 4) {
    const i0 = live[n]!;
    const i1 = live[n + 1]!;
    const i2 = live[n + 2]!;
    const i3 = live[n + 3]!;
    const v0 = from[fromAt + i0]!;
    const v1 = from[fromAt + i1]!;
    const v2 = from[fromAt + i2]!;
    const v3 = from[fromAt + i3]!;
    const k0 = kernel + i0 * outputs;
    const k1 = kernel + i1 * outputs;
    const k2 = kernel + i2 * outputs;
    const k3 = kernel + i3 * outputs;
    for (let o = 0; o < outputs; o++)
      to[toAt + o]! +=
        v0 * weights[k0 + o]! + v1 * weights[k1 + o]! + v2 * weights[k2 + o]! + v3 * weights[k3 + o]!;
  }
  for (; n < liveCount; n++) {
    const value = from[fromAt + live[n]!]!;
    const row = kernel + live[n]! * outputs;
    for (let o = 0; o < outputs; o++) to[toAt + o]! += value * weights[row + o]!;
  }
}

/** kernel's and bias's gradient += the batch's, four samples at a time. */
export function blame(
  gradient: Float64Array,
  kernel: number,
  bias: number,
  inputs: number,
  outputs: number,
  from: Float64Array,
  error: Float64Array,
  batch: number,
): void {
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < outputs; o++) gradient[bias + o]! += error[b * outputs + o]!;
  let b = 0;
  for (; b + 4 <= batch; b += 4) {
    const f = b * inputs;
    const e0 = b * outputs;
    const e1 = e0 + outputs;
    const e2 = e1 + outputs;
    const e3 = e2 + outputs;
    for (let i = 0; i < inputs; i++) {
      const v0 = from[f + i]!;
      const v1 = from[f + inputs + i]!;
      const v2 = from[f + 2 * inputs + i]!;
      const v3 = from[f + 3 * inputs + i]!;
      if (v0 === 0 && v1 === 0 && v2 === 0 && v3 === 0) continue;
      const row = kernel + i * outputs;
      for (let o = 0; o < outputs; o++)
        gradient[row + o]! +=
          v0 * error[e0 + o]! + v1 * error[e1 + o]! + v2 * error[e2 + o]! + v3 * error[e3 + o]!;
    }
  }
  for (; b < batch; b++)
    for (let i = 0; i < inputs; i++) {
      const value = from[b * inputs + i]!;
      if (value === 0) continue;
      const row = kernel + i * outputs;
      for (let o = 0; o < outputs; o++) gradient[row + o]! += value * error[b * outputs + o]!;
    }
}

/** The error below: error x transposed kernel, where the ReLU below was open. */
export function passDown(
  weights: Weights,
  kernel: number,
  inputs: number,
  outputs: number,
  error: Float64Array,
  below: Float64Array,
  to: Float64Array,
  batch: number,
): void {
  const whole = outputs - (outputs % 4);
  for (let at = 0; at < batch * inputs; at++) {
    if (below[at] === 0) {
      to[at] = 0;
      continue;
    }
    const row = kernel + (at % inputs) * outputs;
    const errors = Math.floor(at / inputs) * outputs;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let o = 0;
    for (; o < whole; o += 4) {
      s0 += error[errors + o]! * weights[row + o]!;
      s1 += error[errors + o + 1]! * weights[row + o + 1]!;
      s2 += error[errors + o + 2]! * weights[row + o + 2]!;
      s3 += error[errors + o + 3]! * weights[row + o + 3]!;
    }
    for (; o < outputs; o++) s0 += error[errors + o]! * weights[row + o]!;
    to[at] = s0 + s1 + (s2 + s3);
  }
}
