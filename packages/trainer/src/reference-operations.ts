/**
 * The operations (operations.ts) as loops over doubles, with a tape: each notes how its gradient flows back. Written to be
 * read beside the definition, not to be fast.
 */
import { CURVES } from './reference-curves.ts';
import { noiseAt, survives } from './noise.ts';
import type { Convolution, Curve, Operations, Value } from './operations.ts';

export class PlainValue implements Value {
  readonly shape: readonly number[];
  readonly values: Float64Array;
  gradient: Float64Array | null = null;

  constructor(shape: readonly number[], values: Float64Array = new Float64Array(sizeOf(shape))) {
    this.shape = shape;
    this.values = values;
  }

  /** The gradient, to add to. */
  get slope(): Float64Array {
    return (this.gradient ??= new Float64Array(this.values.length));
  }
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

export class PlainOperations implements Operations<PlainValue> {
  readonly #tape: (() => void)[] = [];

  backward(roots: readonly (readonly [PlainValue, Float64Array])[]): void {
    for (const [value, upstream] of roots) value.slope.set(upstream);
    for (const step of this.#tape.toReversed()) step();
  }

  product(x: PlainValue, kernel: PlainValue, bias: PlainValue | null, relu: boolean): PlainValue {
    const [inner, columns] = kernel.shape as [number, number];
    const rows = x.values.length / inner;
    const linear = new PlainValue([...x.shape.slice(0, -1), columns]);
    for (let r = 0; r < rows; r++) {
      if (bias !== null) linear.values.set(bias.values, r * columns);
      for (let i = 0; i < inner; i++) {
        const value = x.values[r * inner + i]!;
        for (let c = 0; c < columns; c++)
          linear.values[r * columns + c]! += value * kernel.values[i * columns + c]!;
      }
    }
    this.#tape.push(() => {
      const dy = linear.slope;
      for (let r = 0; r < rows; r++) {
        if (bias !== null) for (let c = 0; c < columns; c++) bias.slope[c]! += dy[r * columns + c]!;
        for (let i = 0; i < inner; i++) {
          let sum = 0;
          const value = x.values[r * inner + i]!;
          for (let c = 0; c < columns; c++) {
            const d = dy[r * columns + c]!;
            sum += d * kernel.values[i * columns + c]!;
            kernel.slope[i * columns + c]! += d * value;
          }
          x.slope[r * inner + i]! += sum;
        }
      }
    });
    return relu ? this.activate('relu', linear) : linear;
  }

  batchProduct(a: PlainValue, b: PlainValue, transposeB: boolean): PlainValue {
    const [count, rows, inner] = a.shape as [number, number, number];
    const columns = b.shape[transposeB ? 1 : 2]!;
    const out = new PlainValue([count, rows, columns]);
    const each = (visit: (out: number, a: number, b: number) => void) => {
      for (let n = 0; n < count; n++)
        for (let r = 0; r < rows; r++)
          for (let c = 0; c < columns; c++)
            for (let k = 0; k < inner; k++)
              visit(
                (n * rows + r) * columns + c,
                (n * rows + r) * inner + k,
                transposeB ? (n * columns + c) * inner + k : (n * inner + k) * columns + c,
              );
    };
    each((o, i, j) => (out.values[o]! += a.values[i]! * b.values[j]!));
    this.#tape.push(() =>
      each((o, i, j) => {
        a.slope[i]! += out.slope[o]! * b.values[j]!;
        b.slope[j]! += out.slope[o]! * a.values[i]!;
      }),
    );
    return out;
  }

  convolution(
    x: PlainValue,
    kernel: PlainValue,
    bias: PlainValue | null,
    { strides, padding }: Convolution,
    relu: boolean,
  ): PlainValue {
    const [batch, height, width, channels] = x.shape as [number, number, number, number];
    const [k, , , filters] = kernel.shape as [number, number, number, number];
    const size = (n: number) =>
      padding === 'same' ? Math.ceil(n / strides) : Math.floor((n - k) / strides) + 1;
    const [outHeight, outWidth] = [size(height), size(width)];
    const before = (n: number, out: number) =>
      padding === 'valid' ? 0 : Math.floor(Math.max((out - 1) * strides + k - n, 0) / 2);
    const top = before(height, outHeight);
    const left = before(width, outWidth);
    const linear = new PlainValue([batch, outHeight, outWidth, filters]);
    const each = (visit: (out: number, from: number, weight: number) => void) => {
      for (let b = 0; b < batch; b++)
        for (let y = 0; y < outHeight; y++)
          for (let column = 0; column < outWidth; column++)
            for (let ky = 0; ky < k; ky++)
              for (let kx = 0; kx < k; kx++) {
                const row = y * strides + ky - top;
                const at = column * strides + kx - left;
                if (row < 0 || row >= height || at < 0 || at >= width) continue;
                const pixel = ((b * height + row) * width + at) * channels;
                const out = ((b * outHeight + y) * outWidth + column) * filters;
                for (let c = 0; c < channels; c++)
                  for (let f = 0; f < filters; f++)
                    visit(out + f, pixel + c, ((ky * k + kx) * channels + c) * filters + f);
              }
    };
    if (bias !== null)
      for (let j = 0; j < linear.values.length; j++) linear.values[j] = bias.values[j % filters]!;
    each((out, from, weight) => (linear.values[out]! += x.values[from]! * kernel.values[weight]!));
    this.#tape.push(() => {
      if (bias !== null) for (const [j, d] of linear.slope.entries()) bias.slope[j % filters]! += d;
      each((out, from, weight) => {
        kernel.slope[weight]! += x.values[from]! * linear.slope[out]!;
        x.slope[from]! += kernel.values[weight]! * linear.slope[out]!;
      });
    });
    return relu ? this.activate('relu', linear) : linear;
  }

  pool(kind: 'max' | 'average', x: PlainValue, size: number): PlainValue {
    const [batch, height, width, channels] = x.shape as [number, number, number, number];
    const [rows, columns] = [Math.floor(height / size), Math.floor(width / size)];
    const out = new PlainValue([batch, rows, columns, channels]);
    /** For each output the elements of its window. */
    const each = (visit: (out: number, window: readonly number[]) => void) => {
      for (let b = 0; b < batch; b++)
        for (let y = 0; y < rows; y++)
          for (let column = 0; column < columns; column++)
            for (let c = 0; c < channels; c++) {
              const window: number[] = [];
              for (let py = 0; py < size; py++)
                for (let px = 0; px < size; px++)
                  window.push(((b * height + y * size + py) * width + column * size + px) * channels + c);
              visit(((b * rows + y) * columns + column) * channels + c, window);
            }
    };
    const largest = (window: readonly number[]) =>
      window.reduce((best, at) => (x.values[at]! > x.values[best]! ? at : best));
    const mean = (window: readonly number[]) =>
      window.reduce((sum, at) => sum + x.values[at]!, 0) / size ** 2;
    each((o, window) => (out.values[o] = kind === 'max' ? x.values[largest(window)]! : mean(window)));
    this.#tape.push(() =>
      each((o, window) => {
        if (kind === 'max') x.slope[largest(window)]! += out.slope[o]!;
        else for (const at of window) x.slope[at]! += out.slope[o]! / size ** 2;
      }),
    );
    return out;
  }

  activate(curve: Curve, x: PlainValue): PlainValue {
    return this.#elementwise(x, CURVES[curve].value, CURVES[curve].slope);
  }

  softmax(x: PlainValue, causal: boolean): PlainValue {
    const columns = x.shape.at(-1)!;
    const out = new PlainValue(x.shape);
    const rows = x.values.length / columns;
    const seen = (row: number) => (causal ? (row % columns) + 1 : columns);
    for (let r = 0; r < rows; r++) {
      const row = x.values.subarray(r * columns, r * columns + seen(r));
      const peak = row.reduce((a, b) => Math.max(a, b), -Infinity);
      const shares = row.map((value) => Math.exp(value - peak));
      const total = shares.reduce((a, b) => a + b, 0);
      out.values.set(
        shares.map((share) => share / total),
        r * columns,
      );
    }
    this.#tape.push(() => {
      for (let r = 0; r < rows; r++) {
        let sum = 0;
        for (let c = 0; c < columns; c++) sum += out.values[r * columns + c]! * out.slope[r * columns + c]!;
        for (let c = 0; c < columns; c++) {
          const at = r * columns + c;
          x.slope[at]! += out.values[at]! * (out.slope[at]! - sum);
        }
      }
    });
    return out;
  }

  add(a: PlainValue, b: PlainValue): PlainValue {
    return this.addTail(a, b);
  }

  multiply(a: PlainValue, b: PlainValue): PlainValue {
    return this.multiplyTail(a, b);
  }

  scale(x: PlainValue, factor: number): PlainValue {
    return this.#elementwise(
      x,
      (value) => value * factor,
      () => factor,
    );
  }

  addTail(x: PlainValue, tail: PlainValue): PlainValue {
    const size = tail.values.length;
    const out = new PlainValue(
      x.shape,
      x.values.map((value, j) => value + tail.values[j % size]!),
    );
    this.#tape.push(() => {
      for (const [j, d] of out.slope.entries()) {
        x.slope[j]! += d;
        tail.slope[j % size]! += d;
      }
    });
    return out;
  }

  multiplyTail(x: PlainValue, tail: PlainValue): PlainValue {
    const size = tail.values.length;
    const out = new PlainValue(
      x.shape,
      x.values.map((value, j) => value * tail.values[j % size]!),
    );
    this.#tape.push(() => {
      for (const [j, d] of out.slope.entries()) {
        x.slope[j]! += d * tail.values[j % size]!;
        tail.slope[j % size]! += d * x.values[j]!;
      }
    });
    return out;
  }

  meanOfRows(x: PlainValue): PlainValue {
    const [batch, rows, columns] = x.shape as [number, number, number];
    const out = new PlainValue([batch, columns]);
    const each = (visit: (out: number, from: number) => void) => {
      for (let j = 0; j < x.values.length; j++)
        visit(Math.floor(j / (rows * columns)) * columns + (j % columns), j);
    };
    each((o, from) => (out.values[o]! += x.values[from]! / rows));
    this.#tape.push(() => each((o, from) => (x.slope[from]! += out.slope[o]! / rows)));
    return out;
  }

  normalise(x: PlainValue, epsilon: number): PlainValue {
    const columns = x.shape.at(-1)!;
    return this.#normaliseGroups(x, epsilon, x.values.length / columns, (j) => Math.floor(j / columns)).value;
  }

  normaliseBatch(x: PlainValue, epsilon: number) {
    const columns = x.shape.at(-1)!;
    return this.#normaliseGroups(x, epsilon, columns, (j) => j % columns);
  }

  standardise(x: PlainValue, mean: PlainValue, variance: PlainValue, epsilon: number): PlainValue {
    const columns = mean.values.length;
    return new PlainValue(
      x.shape,
      x.values.map(
        (value, j) =>
          (value - mean.values[j % columns]!) /
          Math.sqrt(Math.max(variance.values[j % columns]!, 0) + epsilon),
      ),
    );
  }

  oneHot(ids: PlainValue, count: number): PlainValue {
    const out = new PlainValue([...ids.shape, count]);
    for (const [j, id] of ids.values.entries()) out.values[j * count + id] = 1;
    return out;
  }

  dropout(x: PlainValue, rate: number, seed: number): PlainValue {
    const factors = x.values.map((_, j) => (survives(j, rate, seed) ? 1 / (1 - rate) : 0));
    return this.multiply(x, new PlainValue(x.shape, factors));
  }

  sample(mean: PlainValue, logVariance: PlainValue, seed: number): PlainValue {
    const root = (value: number) => Math.exp(value / 2);
    const deviation = this.#elementwise(logVariance, root, (value) => root(value) / 2);
    const noise = mean.values.map((_, j) => noiseAt(j, seed));
    return this.add(mean, this.multiply(deviation, new PlainValue(mean.shape, noise)));
  }

  reshape(x: PlainValue, shape: readonly number[]): PlainValue {
    const out = new PlainValue(shape, x.values);
    this.#tape.push(() => {
      for (const [j, d] of out.slope.entries()) x.slope[j]! += d;
    });
    return out;
  }

  transpose(x: PlainValue, order: readonly number[]): PlainValue {
    const shape = order.map((axis) => x.shape[axis]!);
    const strides = x.shape.map((_, axis) => sizeOf(x.shape.slice(axis + 1)));
    const from = Array.from({ length: x.values.length }, (_, j) => {
      let rest = j;
      let at = 0;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += (rest % shape[axis]!) * strides[order[axis]!]!;
        rest = Math.floor(rest / shape[axis]!);
      }
      return at;
    });
    return this.#gather(x, shape, from);
  }

  split(x: PlainValue, axis: number, count: number): PlainValue[] {
    const shape = x.shape.map((size, at) => (at === axis ? size / count : size));
    const block = sizeOf(shape.slice(axis));
    return Array.from({ length: count }, (_, part) =>
      this.#gather(
        x,
        shape,
        Array.from(
          { length: sizeOf(shape) },
          (_2, j) => (Math.floor(j / block) * count + part) * block + (j % block),
        ),
      ),
    );
  }

  concatenate(parts: readonly PlainValue[], axis: number): PlainValue {
    const shape = parts[0]!.shape.map((size, at) =>
      at === axis ? parts.reduce((sum, part) => sum + part.shape[axis]!, 0) : size,
    );
    const out = new PlainValue(shape);
    const whole = sizeOf(shape.slice(axis));
    const each = (visit: (part: PlainValue, from: number, out: number) => void) => {
      let start = 0;
      for (const part of parts) {
        const block = sizeOf(part.shape.slice(axis));
        for (let j = 0; j < part.values.length; j++)
          visit(part, j, Math.floor(j / block) * whole + start + (j % block));
        start += block;
      }
    };
    each((part, from, o) => (out.values[o] = part.values[from]!));
    this.#tape.push(() => each((part, from, o) => (part.slope[from]! += out.slope[o]!)));
    return out;
  }

  #elementwise(x: PlainValue, value: (x: number) => number, slope: (x: number) => number): PlainValue {
    const out = new PlainValue(x.shape, x.values.map(value));
    this.#tape.push(() => {
      for (const [j, d] of out.slope.entries()) x.slope[j]! += d * slope(x.values[j]!);
    });
    return out;
  }

  #gather(x: PlainValue, shape: readonly number[], from: readonly number[]): PlainValue {
    const out = new PlainValue(
      shape,
      Float64Array.from(from, (at) => x.values[at]!),
    );
    this.#tape.push(() => {
      for (const [j, at] of from.entries()) x.slope[at]! += out.slope[j]!;
    });
    return out;
  }

  /** With y = (x - mean) / deviation: dx = (dy - mean(dy) - y mean(dy y)) / deviation (Ba et al. 2016). */
  #normaliseGroups(x: PlainValue, epsilon: number, groups: number, groupOf: (index: number) => number) {
    const count = x.values.length / groups;
    const meanBy = (of: (index: number) => number) => {
      const sums = new Float64Array(groups);
      for (let j = 0; j < x.values.length; j++) sums[groupOf(j)]! += of(j) / count;
      return sums;
    };
    const mean = meanBy((j) => x.values[j]!);
    const variance = meanBy((j) => (x.values[j]! - mean[groupOf(j)]!) ** 2);
    const deviation = (j: number) => Math.sqrt(variance[groupOf(j)]! + epsilon);
    const value = new PlainValue(
      x.shape,
      x.values.map((v, j) => (v - mean[groupOf(j)]!) / deviation(j)),
    );
    this.#tape.push(() => {
      const dy = value.slope;
      const meanSlope = meanBy((j) => dy[j]!);
      const meanProduct = meanBy((j) => dy[j]! * value.values[j]!);
      for (const [j, d] of dy.entries())
        x.slope[j]! +=
          (d - meanSlope[groupOf(j)]! - value.values[j]! * meanProduct[groupOf(j)]!) / deviation(j);
    });
    return { value, mean: new PlainValue([groups], mean), variance: new PlainValue([groups], variance) };
  }
}
