/**
 * A dense network trained by Adam in plain typed arrays: the independent yardstick of the built-in digits. Shares no
 * code with the trainer, so a fault there can't make the data look easy or hard.
 *
 * Softmax cross-entropy on p / 255 inputs, ReLU in between, Glorot uniform kernels, zero biases. Matrices are
 * row-major: a batch [row][unit], a kernel [input][output]. Speed comes from two things: blank pixels and closed ReLUs
 * are skipped, and the inner loops take four products at a time (a float32 store costs as much as all of them).
 */
import { mulberry, shuffledIndices, streamSeed } from '@murmuration/codec';

export interface LabelledSamples {
  /** One sample after the other, one byte a pixel. */
  readonly samples: Uint8Array;
  readonly labels: Uint8Array;
}

interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: Trainable;
  readonly bias: Trainable;
  /** What came out of this layer for the current batch, and what the loss says about it: [row][output]. */
  readonly activation: Float32Array;
  readonly error: Float32Array;
}
interface Trainable {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-7;
/** Products taken at a time; a batch is a whole number of such blocks. */
const BLOCK = 4;

export class PlainNetwork {
  readonly #layers: readonly Layer[];
  readonly #batch: number;
  readonly #input: Float32Array;
  readonly #seed: number;
  #stepCount = 0;
  #epochCount = 0;

  /** @param widths inputs, hidden layers and classes, e.g. [784, 10] for a linear softmax. */
  constructor({ widths, batch, seed }: { widths: readonly number[]; batch: number; seed: number }) {
    if (batch % BLOCK !== 0) throw new RangeError(`batch: ${batch} is not a multiple of ${BLOCK}`);
    this.#seed = seed;
    this.#batch = batch;
    this.#input = new Float32Array(batch * widths[0]!);
    this.#layers = widths.slice(1).map((outputs, depth) => {
      const inputs = widths[depth]!;
      const random = mulberry(streamSeed(seed, 'kernel', depth));
      const bound = Math.sqrt(6 / (inputs + outputs));
      const kernel = trainable(inputs * outputs);
      for (let i = 0; i < kernel.weights.length; i++) kernel.weights[i] = (random() * 2 - 1) * bound;
      const activation = new Float32Array(batch * outputs);
      return { inputs, outputs, kernel, bias: trainable(outputs), activation, error: activation.slice() };
    });
  }

  /** One pass over `train` in a fresh order; samples that fill no whole batch sit out. Returns the mean loss. */
  trainEpoch(train: LabelledSamples, learningRate: number): number {
    const count = train.labels.length - (train.labels.length % this.#batch);
    const order = shuffledIndices(this.#seed, 0, this.#epochCount++, train.labels.length);
    let loss = 0;
    for (let start = 0; start < count; start += this.#batch) {
      const rows = order.subarray(start, start + this.#batch);
      this.#forward(train.samples, rows);
      loss += this.#judge(train.labels, rows);
      this.#backward();
      this.#step(learningRate);
    }
    return loss / count;
  }

  /** Share of `held` whose label gets the highest logit. */
  accuracy(held: LabelledSamples): number {
    const count = held.labels.length;
    const { activation, outputs } = this.#layers.at(-1)!;
    let right = 0;
    for (let start = 0; start < count; start += this.#batch) {
      const rows = Uint32Array.from({ length: Math.min(this.#batch, count - start) }, (_, r) => start + r);
      this.#forward(held.samples, rows);
      for (const [r, row] of rows.entries()) {
        let best = 0;
        for (let c = 1; c < outputs; c++)
          if (activation[r * outputs + c]! > activation[r * outputs + best]!) best = c;
        if (best === held.labels[row]) right++;
      }
    }
    return right / count;
  }

  #forward(samples: Uint8Array, rows: Uint32Array): void {
    const size = this.#layers[0]!.inputs;
    for (const [r, row] of rows.entries())
      for (let i = 0; i < size; i++) this.#input[r * size + i] = samples[row * size + i]! / 255;
    let from = this.#input;
    for (const layer of this.#layers) {
      for (let r = 0; r < rows.length; r++) weigh(layer, from, r);
      if (layer !== this.#layers.at(-1)) relu(layer.activation);
      from = layer.activation;
    }
  }

  /** The error of the logits, averaged over the batch. Returns the summed loss. */
  #judge(labels: Uint8Array, rows: Uint32Array): number {
    const { activation, error, outputs } = this.#layers.at(-1)!;
    let loss = 0;
    for (const [r, row] of rows.entries()) {
      const at = r * outputs;
      const label = labels[row]!;
      const top = activation.subarray(at, at + outputs).reduce((a, b) => Math.max(a, b));
      let sum = 0;
      for (let o = at; o < at + outputs; o++) sum += error[o] = Math.exp(activation[o]! - top);
      loss += Math.log(sum) + top - activation[at + label]!;
      for (let o = 0; o < outputs; o++)
        error[at + o] = (error[at + o]! / sum - (o === label ? 1 : 0)) / this.#batch;
    }
    return loss;
  }

  #backward(): void {
    for (let depth = this.#layers.length - 1; depth >= 0; depth--) {
      const layer = this.#layers[depth]!;
      const below = this.#layers[depth - 1];
      for (let i = 0; i < layer.error.length; i++) layer.bias.gradient[i % layer.outputs]! += layer.error[i]!;
      const from = below?.activation ?? this.#input;
      for (let r = 0; r < this.#batch; r += BLOCK) blame(layer, from, r);
      if (below) passDown(layer, below);
    }
  }

  #step(learningRate: number): void {
    this.#stepCount++;
    const rate = (learningRate * Math.sqrt(1 - BETA2 ** this.#stepCount)) / (1 - BETA1 ** this.#stepCount);
    for (const layer of this.#layers) {
      adam(layer.kernel, rate);
      adam(layer.bias, rate);
    }
  }
}

/** activation[row] = from[row] x kernel + bias. */
function weigh({ inputs, outputs, kernel, bias, activation }: Layer, from: Float32Array, row: number): void {
  const { weights } = kernel;
  const live: number[] = [];
  for (let i = 0; i < inputs; i++) if (from[row * inputs + i] !== 0) live.push(i);
  const to = row * outputs;
  activation.set(bias.weights, to);
  let k = 0;
  for (; k + BLOCK <= live.length; k += BLOCK) {
    const i0 = live[k]!;
    const i1 = live[k + 1]!;
    const i2 = live[k + 2]!;
    const i3 = live[k + 3]!;
    const v0 = from[row * inputs + i0]!;
    const v1 = from[row * inputs + i1]!;
    const v2 = from[row * inputs + i2]!;
    const v3 = from[row * inputs + i3]!;
    for (let o = 0; o < outputs; o++)
      activation[to + o]! +=
        v0 * weights[i0 * outputs + o]! +
        v1 * weights[i1 * outputs + o]! +
        v2 * weights[i2 * outputs + o]! +
        v3 * weights[i3 * outputs + o]!;
  }
  for (; k < live.length; k++) {
    const value = from[row * inputs + live[k]!]!;
    for (let o = 0; o < outputs; o++) activation[to + o]! += value * weights[live[k]! * outputs + o]!;
  }
}

/** kernel.gradient += transposed from x error, for four rows. */
function blame({ inputs, outputs, kernel, error }: Layer, from: Float32Array, row: number): void {
  const { gradient } = kernel;
  const e0 = row * outputs;
  const e1 = e0 + outputs;
  const e2 = e1 + outputs;
  const e3 = e2 + outputs;
  for (let i = 0; i < inputs; i++) {
    const v0 = from[row * inputs + i]!;
    const v1 = from[(row + 1) * inputs + i]!;
    const v2 = from[(row + 2) * inputs + i]!;
    const v3 = from[(row + 3) * inputs + i]!;
    if (v0 === 0 && v1 === 0 && v2 === 0 && v3 === 0) continue;
    const to = i * outputs;
    for (let o = 0; o < outputs; o++)
      gradient[to + o]! +=
        v0 * error[e0 + o]! + v1 * error[e1 + o]! + v2 * error[e2 + o]! + v3 * error[e3 + o]!;
  }
}

/** below.error = error x transposed kernel, where the ReLU below was open. */
function passDown({ inputs, outputs, kernel, error }: Layer, below: Layer): void {
  for (let at = 0; at < below.error.length; at++) {
    let sum = 0;
    if (below.activation[at] !== 0) {
      const row = Math.floor(at / inputs);
      const i = at % inputs;
      for (let o = 0; o < outputs; o++) sum += kernel.weights[i * outputs + o]! * error[row * outputs + o]!;
    }
    below.error[at] = sum;
  }
}

function relu(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) if (values[i]! < 0) values[i] = 0;
}

function adam({ weights, gradient, firstMoment, secondMoment }: Trainable, rate: number): void {
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i]!;
    const m = (firstMoment[i] = BETA1 * firstMoment[i]! + (1 - BETA1) * g);
    const v = (secondMoment[i] = BETA2 * secondMoment[i]! + (1 - BETA2) * g * g);
    weights[i]! -= (rate * m) / (Math.sqrt(v) + EPSILON);
    gradient[i] = 0;
  }
}

function trainable(size: number): Trainable {
  return {
    weights: new Float32Array(size),
    gradient: new Float32Array(size),
    firstMoment: new Float32Array(size),
    secondMoment: new Float32Array(size),
  };
}
