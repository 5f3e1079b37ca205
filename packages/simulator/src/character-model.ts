/**
 * A character model of about 100,000 parameters on plain arrays, for studies of what averaging costs: the last 10
 * characters, each through its own table of rows (a dense layer over one-hot input), two hidden layers of ReLU, softmax
 * over the alphabet. Only the tables' touched rows are computed, so a step costs a fifth of what its size suggests.
 *
 * The same bits on every engine: sums in a fixed order, the exponential from a polynomial. It knows nothing of peers,
 * updates or optimisers.
 */
import { initialParameters } from '@murmuration/codec';
import { blame, dense, passDown } from './dense-layer.ts';
import type { StudyText } from './study-text.ts';

export const CONTEXT = 10;
const HIDDEN_1 = 160;
/** Values of one row of a table. */
export const ROW_VALUES = HIDDEN_1;
const HIDDEN_2 = 96;

export interface CharacterLayout {
  readonly alphabetSize: number;
  readonly parameterCount: number;
  readonly bias1: number;
  readonly kernel2: number;
  readonly bias2: number;
  readonly kernel3: number;
  readonly bias3: number;
  /** Where each tensor begins, and the last one's end. */
  readonly bounds: readonly number[];
}

export function characterLayout(alphabetSize: number): CharacterLayout {
  const bias1 = CONTEXT * alphabetSize * HIDDEN_1;
  const kernel2 = bias1 + HIDDEN_1;
  const bias2 = kernel2 + HIDDEN_1 * HIDDEN_2;
  const kernel3 = bias2 + HIDDEN_2;
  const bias3 = kernel3 + HIDDEN_2 * alphabetSize;
  const parameterCount = bias3 + alphabetSize;
  const bounds = [0, bias1, kernel2, bias2, kernel3, bias3, parameterCount];
  return { alphabetSize, bias1, kernel2, bias2, kernel3, bias3, parameterCount, bounds };
}

export function firstWeights(layout: CharacterLayout, seed: number): Float32Array {
  const { alphabetSize, bias1, kernel2, bias2, kernel3, bias3 } = layout;
  // Ten rows are summed, whatever the size of the alphabet: that is the fan that counts.
  const tables = { offset: 0, size: bias1, fanIn: CONTEXT, fanOut: HIDDEN_1 };
  const kernelOf = (offset: number, fanIn: number, fanOut: number) => ({
    offset,
    size: fanIn * fanOut,
    fanIn,
    fanOut,
  });
  const biasOf = (offset: number, size: number) => ({ offset, size, fanIn: 0, fanOut: 0 });
  return initialParameters(
    [
      tables,
      biasOf(bias1, HIDDEN_1),
      kernelOf(kernel2, HIDDEN_1, HIDDEN_2),
      biasOf(bias2, HIDDEN_2),
      kernelOf(kernel3, HIDDEN_2, alphabetSize),
      biasOf(bias3, alphabetSize),
    ],
    seed,
  );
}

/** Forward and backward passes over batches of up to `batchMax`; owns its scratch. */
export class CharacterModel {
  readonly layout: CharacterLayout;
  /** Of the last `learn`; zero outside what it touched. */
  readonly gradient: Float64Array;
  readonly #text: StudyText;
  readonly #hidden1: Float64Array;
  readonly #hidden2: Float64Array;
  readonly #output: Float64Array;
  readonly #error1: Float64Array;
  readonly #error2: Float64Array;
  readonly #live = new Uint16Array(Math.max(HIDDEN_1, HIDDEN_2));
  /** Table rows that the last `learn` touched. */
  readonly #touched = new Set<number>();

  /** Where the touched rows begin. */
  get touchedRows(): ReadonlySet<number> {
    return this.#touched;
  }

  constructor(text: StudyText, batchMax: number) {
    this.#text = text;
    this.layout = characterLayout(text.alphabetSize);
    this.gradient = new Float64Array(this.layout.parameterCount);
    this.#hidden1 = new Float64Array(batchMax * HIDDEN_1);
    this.#hidden2 = new Float64Array(batchMax * HIDDEN_2);
    this.#output = new Float64Array(batchMax * text.alphabetSize);
    this.#error1 = new Float64Array(batchMax * HIDDEN_1);
    this.#error2 = new Float64Array(batchMax * HIDDEN_2);
  }

  /** Mean loss (nats a character) of predicting the characters at these positions; `gradient` is that loss's. */
  learn(weights: Float32Array, positions: Uint32Array): number {
    const loss = this.#judge(weights, positions);
    this.#backward(weights, positions);
    return loss;
  }

  /** Mean loss over any number of positions. */
  evaluate(weights: Float32Array, positions: Uint32Array): number {
    const batchMax = this.#hidden1.length / HIDDEN_1;
    let sum = 0;
    for (let start = 0; start < positions.length; start += batchMax) {
      const part = positions.subarray(start, start + batchMax);
      sum += part.length * this.#judge(weights, part);
    }
    return sum / positions.length;
  }

  /** Leaves probabilities minus truth, over the batch size, in `#output`. */
  #judge(weights: Float32Array, positions: Uint32Array): number {
    const { characters, alphabetSize } = this.#text;
    const { bias1, kernel2, bias2, kernel3, bias3 } = this.layout;
    const batch = positions.length;
    const hidden1 = this.#hidden1;
    const output = this.#output;
    let loss = 0;
    for (let b = 0; b < batch; b++) {
      const at = b * HIDDEN_1;
      const first = positions[b]! - CONTEXT;
      for (let h = 0; h < HIDDEN_1; h++) hidden1[at + h] = weights[bias1 + h]!;
      for (let p = 0; p < CONTEXT; p += 2) {
        const row = (p * alphabetSize + characters[first + p]!) * HIDDEN_1;
        const next = ((p + 1) * alphabetSize + characters[first + p + 1]!) * HIDDEN_1;
        for (let h = 0; h < HIDDEN_1; h++) hidden1[at + h]! += weights[row + h]! + weights[next + h]!;
      }
      for (let h = at; h < at + HIDDEN_1; h++) if (hidden1[h]! < 0) hidden1[h] = 0;
      const from2 = b * HIDDEN_2;
      dense(weights, kernel2, bias2, HIDDEN_1, HIDDEN_2, hidden1, at, this.#hidden2, from2, this.#live);
      for (let h = from2; h < from2 + HIDDEN_2; h++) if (this.#hidden2[h]! < 0) this.#hidden2[h] = 0;
      const out = b * alphabetSize;
      dense(weights, kernel3, bias3, HIDDEN_2, alphabetSize, this.#hidden2, from2, output, out, this.#live);
      let peak = -Infinity;
      for (let c = out; c < out + alphabetSize; c++) if (output[c]! > peak) peak = output[c]!;
      const truth = out + characters[positions[b]!]!;
      const margin = output[truth]! - peak;
      let total = 0;
      for (let c = out; c < out + alphabetSize; c++) total += output[c] = exponential(output[c]! - peak);
      loss += Math.log(total) - margin;
      const scale = 1 / (total * batch);
      for (let c = out; c < out + alphabetSize; c++) output[c]! *= scale;
      output[truth]! -= 1 / batch;
    }
    return loss / batch;
  }

  #backward(weights: Float32Array, positions: Uint32Array): void {
    const { characters, alphabetSize } = this.#text;
    const { bias1, kernel2, bias2, kernel3, bias3 } = this.layout;
    const gradient = this.gradient;
    for (const row of this.#touched) gradient.fill(0, row, row + HIDDEN_1);
    this.#touched.clear();
    gradient.fill(0, bias1);
    const batch = positions.length;
    const [hidden1, hidden2, output, error1, error2] = [
      this.#hidden1,
      this.#hidden2,
      this.#output,
      this.#error1,
      this.#error2,
    ];
    blame(gradient, kernel3, bias3, HIDDEN_2, alphabetSize, hidden2, output, batch);
    passDown(weights, kernel3, HIDDEN_2, alphabetSize, output, hidden2, error2, batch);
    blame(gradient, kernel2, bias2, HIDDEN_1, HIDDEN_2, hidden1, error2, batch);
    passDown(weights, kernel2, HIDDEN_1, HIDDEN_2, error2, hidden1, error1, batch);
    for (let b = 0; b < batch; b++) {
      const at = b * HIDDEN_1;
      const first = positions[b]! - CONTEXT;
      for (let h = 0; h < HIDDEN_1; h++) gradient[bias1 + h]! += error1[at + h]!;
      for (let p = 0; p < CONTEXT; p++) {
        const row = (p * alphabetSize + characters[first + p]!) * HIDDEN_1;
        this.#touched.add(row);
        for (let h = 0; h < HIDDEN_1; h++) gradient[row + h]! += error1[at + h]!;
      }
    }
  }
}

const POWERS_OF_TWO = Float64Array.from({ length: 128 }, (_, n) => 2 ** -n);
/** e^x for x <= 0: 2^-n times a Taylor polynomial in [-0.35, 0.35]; relative error 2e-9. */
function exponential(x: number): number {
  if (x < -87) return 0;
  const n = Math.round(x * 1.4426950408889634);
  const r = x - n * 0.6931471805599453;
  return (
    (1 + r * (1 + (r / 2) * (1 + (r / 3) * (1 + (r / 4) * (1 + (r / 5) * (1 + (r / 6) * (1 + r / 7))))))) *
    POWERS_OF_TWO[-n]!
  );
}
