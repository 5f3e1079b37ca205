/**
 * The layers of an image model on plain arrays, forwards and backwards over a batch: convolution, max pooling, dense. Values
 * lie as in tfjs: row by row, pixel by pixel, channel by channel. An error that has reached a layer's output is already
 * zero where its ReLU was closed, and zeros are skipped: after pooling that is most of a convolution's work.
 */
import { blame, dense, passDown } from './dense-layer.ts';

export interface Stage {
  /** Of the last batch. */
  readonly output: Float64Array;
  /** What the loss says of each; whoever is above writes it. */
  readonly error: Float64Array;
  forward(weights: Float64Array, from: Float64Array, count: number): void;
  /**
   * Adds to the gradient.
   * @param below the error of `from`, which is written; null: nobody needs it
   */
  backward(at: {
    readonly weights: Float64Array;
    readonly gradient: Float64Array;
    readonly from: Float64Array;
    readonly below: Float64Array | null;
    readonly count: number;
  }): void;
}

type BackwardAt = Parameters<Stage['backward']>[0];

/** Where a layer's tensors begin in the vector of all. */
interface Tensors {
  readonly kernel: number;
  readonly bias: number;
}
type ImageShape = readonly [height: number, width: number, channels: number];

/** Of an odd side, stride 1 and zeros around the image, with ReLU; filters come by fours, whose sums stay in registers. */
export class Convolution implements Stage {
  readonly output: Float64Array;
  readonly error: Float64Array;
  readonly #shape: ImageShape;
  readonly #filters: number;
  readonly #side: number;
  readonly #tensors: Tensors;
  /** Of one sample, with its border. */
  readonly #padded: Float64Array;
  readonly #paddedError: Float64Array;
  readonly #patch: Float64Array;
  readonly #live: Int32Array;
  /** The kernel and its gradient, filter by filter: a row of a patch lies together. */
  readonly #byFilter: Float64Array;
  readonly #gradientByFilter: Float64Array;

  constructor(
    shape: ImageShape,
    { filters, side }: { readonly filters: number; readonly side: number },
    tensors: Tensors,
    batchMax: number,
  ) {
    const [height, width, channels] = shape;
    this.#shape = shape;
    this.#filters = filters;
    this.#side = side;
    this.#tensors = tensors;
    this.output = new Float64Array(batchMax * height * width * filters);
    this.error = new Float64Array(this.output.length);
    this.#padded = new Float64Array((height + side - 1) * (width + side - 1) * channels);
    this.#paddedError = new Float64Array(this.#padded.length);
    this.#patch = new Float64Array(side * side * channels);
    this.#live = new Int32Array(this.#patch.length);
    this.#byFilter = new Float64Array(this.#patch.length * filters);
    this.#gradientByFilter = new Float64Array(this.#byFilter.length);
  }

  forward(weights: Float64Array, from: Float64Array, count: number): void {
    const [height, width, channels] = this.#shape;
    const { output } = this;
    const { kernel, bias } = this.#tensors;
    const [filters, side, padded, patch, live] = [
      this.#filters,
      this.#side,
      this.#padded,
      this.#patch,
      this.#live,
    ];
    const rowValues = side * channels;
    const paddedRow = (width + side - 1) * channels;
    for (let b = 0, to = 0; b < count; b++) {
      this.#pad(from, b);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++, to += filters) {
          let liveCount = 0;
          for (let ky = 0, k = kernel, i = y * paddedRow + x * channels; ky < side; ky++, i += paddedRow)
            for (let j = i; j < i + rowValues; j++, k += filters) {
              const value = padded[j]!;
              if (value === 0) continue;
              patch[liveCount] = value;
              live[liveCount++] = k;
            }
          for (let f = 0; f < filters; f += 4) {
            let s0 = weights[bias + f]!;
            let s1 = weights[bias + f + 1]!;
            let s2 = weights[bias + f + 2]!;
            let s3 = weights[bias + f + 3]!;
            for (let n = 0; n < liveCount; n++) {
              const value = patch[n]!;
              const k = live[n]! + f;
              s0 += value * weights[k]!;
              s1 += value * weights[k + 1]!;
              s2 += value * weights[k + 2]!;
              s3 += value * weights[k + 3]!;
            }
            output[to + f] = s0 > 0 ? s0 : 0;
            output[to + f + 1] = s1 > 0 ? s1 : 0;
            output[to + f + 2] = s2 > 0 ? s2 : 0;
            output[to + f + 3] = s3 > 0 ? s3 : 0;
          }
        }
    }
  }

  backward({ weights, gradient, from, below, count }: BackwardAt): void {
    const [height, width, channels] = this.#shape;
    const { kernel, bias } = this.#tensors;
    const { error } = this;
    const [filters, side, padded, lower] = [this.#filters, this.#side, this.#padded, this.#paddedError];
    const [turned, slope, size] = [this.#byFilter, this.#gradientByFilter, this.#patch.length];
    slope.fill(0);
    for (let i = 0; i < size; i++)
      for (let f = 0; f < filters; f++) turned[f * size + i] = weights[kernel + i * filters + f]!;
    const rowValues = side * channels;
    const paddedRow = (width + side - 1) * channels;
    for (let b = 0, at = 0; b < count; b++) {
      this.#pad(from, b);
      lower.fill(0);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let f = 0; f < filters; f++, at++) {
            const e = error[at]!;
            if (e === 0) continue;
            gradient[bias + f]! += e;
            for (
              let ky = 0, k = f * size, i = y * paddedRow + x * channels;
              ky < side;
              ky++, i += paddedRow, k += rowValues
            )
              for (let j = 0; j < rowValues; j++) {
                slope[k + j]! += e * padded[i + j]!;
                lower[i + j]! += e * turned[k + j]!;
              }
          }
      if (below !== null) this.#takeIn(below, from, b);
    }
    for (let i = 0; i < size; i++)
      for (let f = 0; f < filters; f++) gradient[kernel + i * filters + f]! += slope[f * size + i]!;
  }

  /** Copies one sample into the middle; the border stays zero. */
  #pad(from: Float64Array, sample: number): void {
    const [height, width, channels] = this.#shape;
    const border = (this.#side - 1) / 2;
    const row = width * channels;
    for (let y = 0; y < height; y++) {
      const at = (sample * height + y) * row;
      const to = ((y + border) * (width + 2 * border) + border) * channels;
      this.#padded.set(from.subarray(at, at + row), to);
    }
  }

  /** The middle of the error below, where the values below were not zero: those came through a closed ReLU. */
  #takeIn(below: Float64Array, from: Float64Array, sample: number): void {
    const [height, width, channels] = this.#shape;
    const border = (this.#side - 1) / 2;
    const row = width * channels;
    for (let y = 0; y < height; y++) {
      const to = (sample * height + y) * row;
      const at = ((y + border) * (width + 2 * border) + border) * channels;
      for (let j = 0; j < row; j++) below[to + j] = from[to + j] === 0 ? 0 : this.#paddedError[at + j]!;
    }
  }
}

/** Of windows beside each other; what fills no whole window is left out. The first of equals is the largest. */
export class MaxPool implements Stage {
  readonly output: Float64Array;
  readonly error: Float64Array;
  readonly #shape: ImageShape;
  readonly #size: number;
  /** Where each output came from. */
  readonly #origin: Uint32Array;

  constructor(shape: ImageShape, size: number, batchMax: number) {
    const [height, width, channels] = shape;
    this.#shape = shape;
    this.#size = size;
    this.output = new Float64Array(
      batchMax * Math.floor(height / size) * Math.floor(width / size) * channels,
    );
    this.error = new Float64Array(this.output.length);
    this.#origin = new Uint32Array(this.output.length);
  }

  forward(_weights: Float64Array, from: Float64Array, count: number): void {
    const [height, width, channels] = this.#shape;
    const size = this.#size;
    const [rows, columns] = [Math.floor(height / size), Math.floor(width / size)];
    let to = 0;
    for (let b = 0; b < count; b++)
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++)
          for (let c = 0; c < channels; c++, to++) {
            const corner = ((b * height + y * size) * width + x * size) * channels + c;
            let best = corner;
            for (let py = 0; py < size; py++)
              for (let px = 0; px < size; px++) {
                const at = corner + (py * width + px) * channels;
                if (from[at]! > from[best]!) best = at;
              }
            this.output[to] = from[best]!;
            this.#origin[to] = best;
          }
  }

  backward({ from, below, count }: BackwardAt): void {
    if (below === null) return;
    const [height, width, channels] = this.#shape;
    const size = this.#size;
    below.fill(0, 0, count * height * width * channels);
    const outputs = count * Math.floor(height / size) * Math.floor(width / size) * channels;
    for (let i = 0; i < outputs; i++) {
      const origin = this.#origin[i]!;
      if (from[origin] !== 0) below[origin] = this.error[i]!;
    }
  }
}

/** With ReLU, or linear as a model's last one. */
export class Dense implements Stage {
  readonly output: Float64Array;
  readonly error: Float64Array;
  readonly #inputs: number;
  readonly #outputs: number;
  readonly #tensors: Tensors;
  readonly #relu: boolean;
  readonly #live: Uint16Array;

  constructor(
    { inputs, outputs, relu }: { readonly inputs: number; readonly outputs: number; readonly relu: boolean },
    tensors: Tensors,
    batchMax: number,
  ) {
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#tensors = tensors;
    this.#relu = relu;
    this.output = new Float64Array(batchMax * outputs);
    this.error = new Float64Array(this.output.length);
    this.#live = new Uint16Array(inputs);
  }

  forward(weights: Float64Array, from: Float64Array, count: number): void {
    const [inputs, outputs] = [this.#inputs, this.#outputs];
    const { kernel, bias } = this.#tensors;
    for (let b = 0; b < count; b++)
      dense(weights, kernel, bias, inputs, outputs, from, b * inputs, this.output, b * outputs, this.#live);
    if (this.#relu) openOnly(this.output, count * outputs);
  }

  backward({ weights, gradient, from, below, count }: BackwardAt): void {
    const [inputs, outputs] = [this.#inputs, this.#outputs];
    const { kernel, bias } = this.#tensors;
    blame(gradient, kernel, bias, inputs, outputs, from, this.error, count);
    if (below !== null) passDown(weights, kernel, inputs, outputs, this.error, from, below, count);
  }
}

function openOnly(values: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) if (values[i]! < 0) values[i] = 0;
}
