/**
 * A model that really learns, on plain arrays: 64 inputs, 16 tanh units, 10 classes (1,210 parameters), Adam, on ten
 * noisy clusters drawn from a seed. It stands for the GPU's step in the simulator; everything around it is production
 * code. Tanh and exp come from polynomials and quotients, so that every machine computes the same bits.
 */
import { mulberry, shuffledIndices, streamSeed } from '@murmuration/codec';
import { parameterLayout, type ModelSpec, type ParameterLayout } from '@murmuration/protocol';

export const INPUTS = 64;
const HIDDEN = 16;
export const CLASSES = 10;
/** Distance of the noise against that of the clusters: hard enough that loss keeps falling for hundreds of steps. */
const NOISE = 1.6;

export const TOY_MODEL: ModelSpec = {
  name: 'toy',
  inputShape: [INPUTS],
  layers: [
    { kind: 'dense', units: HIDDEN, activation: 'tanh' },
    { kind: 'dense', units: CLASSES, activation: 'linear' },
  ],
};
export const TOY_LAYOUT: ParameterLayout = parameterLayout(TOY_MODEL);

export interface ToySamples {
  readonly inputs: Float32Array;
  readonly labels: Uint8Array;
  readonly count: number;
}

/** Samples of the task; those of different `part`s are independent draws from the same ten clusters. */
export function drawSamples(seed: number, part: number, count: number): ToySamples {
  const centreOf = mulberry(streamSeed(seed, 'centres'));
  const centres = Float32Array.from({ length: CLASSES * INPUTS }, () => 2 * centreOf() - 1);
  const random = mulberry(streamSeed(seed, 'samples', part));
  // Sum of three uniforms: a bell of standard deviation 0.5, without a logarithm.
  const bell = () => random() + random() + random() - 1.5;
  const inputs = new Float32Array(count * INPUTS);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const label = Math.floor(random() * CLASSES);
    labels[i] = label;
    for (let j = 0; j < INPUTS; j++) inputs[i * INPUTS + j] = centres[label * INPUTS + j]! + NOISE * bell();
  }
  return { inputs, labels, count };
}

/** One tab's trainer state: weights and Adam's moments. */
export class ToyTrainer {
  readonly weights = new Float32Array(TOY_LAYOUT.parameterCount);
  readonly secondMoment = new Float32Array(TOY_LAYOUT.parameterCount);
  stepCount = 0;
  readonly #firstMoment = new Float32Array(TOY_LAYOUT.parameterCount);
  readonly #gradient = new Float32Array(TOY_LAYOUT.parameterCount);
  readonly #learningRate: number;

  constructor(learningRate: number) {
    this.#learningRate = learningRate;
  }

  /** Starts from somebody's optimiser state: its second moment, no first moment. */
  loadMoments(secondMoment: Float32Array, stepCount: number): void {
    this.secondMoment.set(secondMoment);
    this.#firstMoment.fill(0);
    this.stepCount = stepCount;
  }

  /** One Adam step over a mini-batch; returns its mean loss before the step. */
  step(samples: ToySamples, batch: readonly number[]): number {
    const gradient = this.#gradient.fill(0);
    let loss = 0;
    for (const index of batch)
      loss += backward(this.weights, samples, index, gradient, 1 / batch.length).loss;
    this.stepCount += 1;
    const correction1 = 1 - power(0.9, this.stepCount);
    const correction2 = 1 - power(0.999, this.stepCount);
    for (let i = 0; i < gradient.length; i++) {
      const g = gradient[i]!;
      const m = (this.#firstMoment[i] = 0.9 * this.#firstMoment[i]! + 0.1 * g);
      const v = (this.secondMoment[i] = 0.999 * this.secondMoment[i]! + 0.001 * g * g);
      this.weights[i]! -= (this.#learningRate * (m / correction1)) / (Math.sqrt(v / correction2) + 1e-8);
    }
    return loss / batch.length;
  }
}

/** The indices of one planned batch, as the real trainer takes them. */
export function batchIndices(options: {
  readonly seed: number;
  readonly shardIndex: number;
  readonly pass: number;
  readonly batchIndex: number;
  readonly batchSize: number;
  readonly sampleCount: number;
}): number[] {
  const { seed, shardIndex, pass, batchIndex, batchSize, sampleCount } = options;
  const order = shuffledIndices(seed, shardIndex, pass, sampleCount);
  return Array.from({ length: batchSize }, (_, i) => order[(batchIndex * batchSize + i) % sampleCount]!);
}

/** Mean loss and accuracy of weights over samples. */
export function evaluate(weights: Float32Array, samples: ToySamples): { loss: number; accuracy: number } {
  let loss = 0;
  let correct = 0;
  for (let i = 0; i < samples.count; i++) {
    const result = backward(weights, samples, i, null, 0);
    loss += result.loss;
    if (result.predicted === samples.labels[i]) correct += 1;
  }
  return { loss: loss / samples.count, accuracy: correct / samples.count };
}

const hidden = new Float64Array(HIDDEN);
const logits = new Float64Array(CLASSES);

function backward(
  weights: Float32Array,
  samples: ToySamples,
  index: number,
  gradient: Float32Array | null,
  scale: number,
): { loss: number; predicted: number } {
  const [kernel1, bias1, kernel2, bias2] = TOY_LAYOUT.tensors.map((tensor) => tensor.offset) as [
    number,
    number,
    number,
    number,
  ];
  const input = index * INPUTS;
  for (let h = 0; h < HIDDEN; h++) hidden[h] = weights[bias1 + h]!;
  for (let j = 0; j < INPUTS; j++) {
    const x = samples.inputs[input + j]!;
    const row = kernel1 + j * HIDDEN;
    for (let h = 0; h < HIDDEN; h++) hidden[h]! += x * weights[row + h]!;
  }
  for (let h = 0; h < HIDDEN; h++) hidden[h] = tanh(hidden[h]!);
  let peak = -Infinity;
  let predicted = 0;
  for (let c = 0; c < CLASSES; c++) {
    let sum = weights[bias2 + c]!;
    for (let h = 0; h < HIDDEN; h++) sum += hidden[h]! * weights[kernel2 + h * CLASSES + c]!;
    logits[c] = sum;
    if (sum > peak) {
      peak = sum;
      predicted = c;
    }
  }
  let total = 0;
  for (let c = 0; c < CLASSES; c++) total += logits[c] = exp(logits[c]! - peak);
  const label = samples.labels[index]!;
  const loss = -log(Math.max(logits[label]! / total, 1e-12));
  if (gradient !== null) {
    for (let c = 0; c < CLASSES; c++) logits[c] = scale * (logits[c]! / total - (c === label ? 1 : 0));
    for (let c = 0; c < CLASSES; c++) gradient[bias2 + c]! += logits[c]!;
    for (let h = 0; h < HIDDEN; h++) {
      let error = 0;
      for (let c = 0; c < CLASSES; c++) {
        error += logits[c]! * weights[kernel2 + h * CLASSES + c]!;
        gradient[kernel2 + h * CLASSES + c]! += logits[c]! * hidden[h]!;
      }
      hidden[h] = error * (1 - hidden[h]! * hidden[h]!);
      gradient[bias1 + h]! += hidden[h]!;
    }
    for (let j = 0; j < INPUTS; j++) {
      const x = samples.inputs[input + j]!;
      const row = kernel1 + j * HIDDEN;
      for (let h = 0; h < HIDDEN; h++) gradient[row + h]! += x * hidden[h]!;
    }
  }
  return { loss, predicted };
}

/** e^x by halving and squaring a Taylor polynomial: 12 digits in [-40, 0], the same on every engine. */
function exp(x: number): number {
  if (x < -40) return 0;
  const y = x / 1024;
  let result = 1 + y * (1 + (y / 2) * (1 + (y / 3) * (1 + y / 4)));
  for (let i = 0; i < 10; i++) result *= result;
  return result;
}

function tanh(x: number): number {
  if (x > 18) return 1;
  if (x < -18) return -1;
  const e = exp(-2 * Math.abs(x));
  const t = (1 - e) / (1 + e);
  return x < 0 ? -t : t;
}

/** ln(x) by Newton steps on `exp`; for reporting, not for gradients. */
function log(x: number): number {
  let shift = 0;
  while (x < 0.5) {
    x *= 2;
    shift -= 1;
  }
  const y = (x - 1) / (x + 1);
  const y2 = y * y;
  const series = 2 * y * (1 + y2 * (1 / 3 + y2 * (1 / 5 + y2 * (1 / 7 + y2 * (1 / 9 + y2 / 11)))));
  return series + shift * 0.6931471805599453;
}

function power(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let n = exponent; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
