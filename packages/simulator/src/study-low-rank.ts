/**
 * Low rank instead of sparse: what PowerSGD (Vogels et al. 2019) costs in loss as a way to exchange pseudo-gradients, in
 * the lockstep training of study-training.ts. A study and no scheme of the codec: it says why there is none.
 *
 * Each weight matrix M of a peer's correction is sent as two thin ones. All peers send P = M Q for a shared Q, the mean of
 * the Ps is made orthonormal, all send Q = M' P, and P times the mean of the Qs is what everybody moves by. Q is where
 * the next round starts; what P Q' left of a peer's own M waits in its residual. Both factors and the biases travel as
 * fp16, and are rounded to it here. Two exchanges a round, and all must hear the same peers in both: a price in a mesh
 * of tabs that this study leaves out.
 */
import { Anchor, decodeUpdate, encodeUpdate, mulberry, streamSeed } from '@murmuration/codec';
import { CharacterModel, firstWeights, type CharacterLayout } from './character-model.ts';
import { StudyOptimiser } from './study-optimiser.ts';
import { Judge, type StudyCurve, type StudyOptions } from './study-training.ts';

export interface LowRankOptions extends StudyOptions {
  /** H. */
  readonly localSteps: number;
  readonly rank: number;
  readonly outerLearningRate: number;
}

/** Where a matrix lies among the parameters; row after row. */
interface Matrix {
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
}

export function trainLowRank(options: LowRankOptions): StudyCurve {
  const { text, seed, peers: peerCount, localSteps, rank, outerLearningRate } = options;
  const judge = new Judge(options);
  const model = new CharacterModel(text, options.batchSize);
  const { layout } = model;
  const { parameterCount } = layout;
  const exchange = new LowRankExchange(layout, rank, seed);
  let mean: Float32Array = new Float32Array(parameterCount);
  const anchor = new Anchor({
    parameterCount,
    outerLearningRate,
    average: (_updates, _count, _divisor, rate = 1) => mean.map((value) => rate * value),
  });
  anchor.load(firstWeights(layout, seed));
  const peers = Array.from({ length: peerCount }, (_, p) => ({
    author: `v${p + 10}`,
    optimiser: new StudyOptimiser(options.optimiser, parameterCount),
    residual: new Float32Array(parameterCount),
  }));
  const weights = new Float32Array(parameterCount);
  let bytes = 0;
  let steps = 0;
  while (steps < options.steps) {
    const end = Math.min(steps + localSteps, options.steps);
    for (const [p, { optimiser, residual }] of peers.entries()) {
      weights.set(anchor.anchor);
      for (let step = steps; step < end; step++)
        optimiser.step(weights, model, judge.batch(p, step), judge.rate(step));
      for (let i = 0; i < parameterCount; i++) residual[i]! += weights[i]! - anchor.anchor[i]!;
    }
    const sent = exchange.mean(peers.map(({ residual }) => residual));
    mean = sent.mean;
    bytes += sent.bytes;
    const sampleCount = (end - steps) * options.batchSize;
    anchor.advance(peers.map(({ author }) => ({ author, sampleCount, encoded: new Uint8Array(0) })));
    steps = end;
    if (!judge.look(steps, anchor.anchor)) break;
  }
  return judge.verdict({
    weights: anchor.anchor,
    average: anchor.average,
    payloadBits: (8 * bytes) / peerCount / steps / parameterCount,
  });
}

export class LowRankExchange {
  readonly #rank: number;
  readonly #count: number;
  readonly #matrices: readonly Matrix[];
  readonly #biases: readonly (readonly [number, number])[];
  /** A column after the other, of each matrix. */
  readonly #right: Float32Array[];

  constructor({ alphabetSize, bounds, parameterCount }: CharacterLayout, rank: number, seed: number) {
    const [, bias1, kernel2, bias2, kernel3, bias3] = bounds as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const [hidden1, hidden2] = [kernel2 - bias1, kernel3 - bias2];
    this.#rank = rank;
    this.#count = parameterCount;
    this.#matrices = [
      { at: 0, rows: bias1 / hidden1, columns: hidden1 },
      { at: kernel2, rows: hidden1, columns: hidden2 },
      { at: kernel3, rows: hidden2, columns: alphabetSize },
    ];
    this.#biases = [
      [bias1, kernel2],
      [bias2, kernel3],
      [bias3, parameterCount],
    ];
    const random = mulberry(streamSeed(seed, 'low rank'));
    this.#right = this.#matrices.map(({ columns }) =>
      Float32Array.from({ length: rank * columns }, () => random() + random() + random() - 1.5),
    );
  }

  /** The mean that all move by, and the bytes that all sent. What was not sent is left in `corrections`. */
  mean(corrections: readonly Float32Array[]): { readonly mean: Float32Array; readonly bytes: number } {
    const share = 1 / corrections.length;
    const mean = new Float32Array(this.#count);
    let bytes = 0;
    const send = (vector: Float32Array) => {
      const encoded = encodeUpdate('fp16', vector);
      bytes += encoded.length;
      return decodeUpdate(encoded);
    };
    for (const correction of corrections)
      for (const [from, to] of this.#biases) {
        const sent = send(correction.subarray(from, to));
        for (let i = from; i < to; i++) {
          mean[i]! += share * sent[i - from]!;
          correction[i]! -= sent[i - from]!;
        }
      }
    for (const [m, matrix] of this.#matrices.entries()) {
      const left = new Float32Array(this.#rank * matrix.rows);
      for (const correction of corrections)
        add(left, send(this.#times(matrix, correction, this.#right[m]!)), share);
      orthonormalise(left, this.#rank);
      const right = new Float32Array(this.#rank * matrix.columns);
      for (const correction of corrections) {
        const own = send(this.#transposedTimes(matrix, correction, left));
        add(right, own, share);
        this.#addProduct(matrix, left, own, -1, correction);
      }
      this.#addProduct(matrix, left, right, 1, mean);
      this.#right[m] = right;
    }
    return { mean, bytes };
  }

  #times({ at, rows, columns }: Matrix, values: Float32Array, right: Float32Array): Float32Array {
    const product = new Float32Array(this.#rank * rows);
    for (let r = 0; r < this.#rank; r++)
      for (let row = 0; row < rows; row++) {
        let sum = 0;
        for (let c = 0; c < columns; c++) sum += values[at + row * columns + c]! * right[r * columns + c]!;
        product[r * rows + row] = sum;
      }
    return product;
  }

  #transposedTimes({ at, rows, columns }: Matrix, values: Float32Array, left: Float32Array): Float32Array {
    const product = new Float32Array(this.#rank * columns);
    for (let r = 0; r < this.#rank; r++)
      for (let row = 0; row < rows; row++) {
        const factor = left[r * rows + row]!;
        for (let c = 0; c < columns; c++)
          product[r * columns + c]! += factor * values[at + row * columns + c]!;
      }
    return product;
  }

  #addProduct(
    { at, rows, columns }: Matrix,
    left: Float32Array,
    right: Float32Array,
    sign: number,
    target: Float32Array,
  ): void {
    for (let r = 0; r < this.#rank; r++)
      for (let row = 0; row < rows; row++) {
        const factor = sign * left[r * rows + row]!;
        for (let c = 0; c < columns; c++) target[at + row * columns + c]! += factor * right[r * columns + c]!;
      }
  }
}

function add(target: Float32Array, values: Float32Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * values[i]!;
}

/** Gram and Schmidt's, in place; a column that depends on those before it becomes zero. */
function orthonormalise(columns: Float32Array, count: number): void {
  const rows = columns.length / count;
  const column = (c: number) => columns.subarray(c * rows, (c + 1) * rows);
  for (let c = 0; c < count; c++) {
    const own = column(c);
    const size = Math.sqrt(dot(own, own));
    for (let before = 0; before < c; before++) add(own, column(before), -dot(own, column(before)));
    const rest = Math.sqrt(dot(own, own));
    const isOwn = rest > 1e-6 * size;
    for (let i = 0; i < rows; i++) own[i] = isOwn ? own[i]! / rest : 0;
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
