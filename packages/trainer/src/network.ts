/**
 * A model as tfjs operations: forward, and backward written out layer by layer.
 *
 * Why not tf.variableGrads: the tape needs every gradient and chained operation registered (bundle), records each
 * forward operation anew at each step, and cannot fuse activation and bias into the product while it records. Written
 * out, a dense layer is one dispatch forwards, and the loss costs none: its gradient is (probabilities - labels) / batch,
 * and its value is computed on the CPU from the probabilities, which are tiny. The self-test compares every gradient
 * with plain JavaScript (reference.ts), so a wrong line here cannot train.
 *
 * Int-transpose patch of tfjs (STACK A.3): not needed. No operation here transposes: products take transposition
 * flags, sums over the batch are products with ones, and no tensor is an integer.
 *
 * It knows no shard, round or optimiser. Tensors that a method returns belong to the caller; call within tf.tidy.
 */
import * as tf from '@tensorflow/tfjs-core';
import { parameterLayout, type LayerSpec, type ModelSpec, type ParameterLayout } from '@murmuration/protocol';
import { reluGradient } from './kernels.ts';

type Activation = 'linear' | 'relu' | 'tanh' | 'gelu';

/** What one layer's forward leaves behind for its backward. */
interface Trace {
  readonly layer: LayerSpec;
  readonly input: tf.Tensor;
  readonly output: tf.Tensor;
  /** Before the activation where its derivative needs that (gelu), else the same as `output`. */
  readonly linear: tf.Tensor;
  /** Index of the layer's kernel among the weights (its bias follows), -1 when it has none. */
  readonly kernelIndex: number;
}

export interface Pass {
  /** Softmax of the logits, [batch, classes]. */
  readonly probabilities: tf.Tensor2D;
  /** Of the mean cross entropy, one a weight, in the layout's order. */
  readonly gradients: tf.Tensor[];
}

export class Network {
  readonly model: ModelSpec;
  readonly layout: ParameterLayout;
  readonly classCount: number;
  /** Rows of ones by length: a product with them sums over the batch, in one dispatch. */
  readonly #ones = new Map<number, tf.Tensor2D>();

  constructor(model: ModelSpec) {
    this.model = model;
    this.layout = parameterLayout(model);
    this.classCount = this.layout.outputShapes.at(-1)![0]!;
  }

  /** One tensor a parameter. Copies: the vector may change afterwards. */
  weightsFrom(vector: Float32Array): tf.Tensor[] {
    return this.layout.tensors.map((t) =>
      tf.tensor(vector.slice(t.offset, t.offset + t.size), [...t.shape], 'float32'),
    );
  }

  /** Reads tensors in the layout's order into one vector, in one round trip. */
  async vectorFrom(weights: readonly tf.Tensor[]): Promise<Float32Array> {
    const parts = await Promise.all(weights.map((weight) => weight.data()));
    const vector = new Float32Array(this.layout.parameterCount);
    for (const [i, tensor] of this.layout.tensors.entries()) vector.set(parts[i]!, tensor.offset);
    return vector;
  }

  /** `samples`: [batch, ...inputShape]. */
  logits(weights: readonly tf.Tensor[], samples: tf.Tensor): tf.Tensor2D {
    return (this.#forward(weights, samples).at(-1)?.output ?? samples) as tf.Tensor2D;
  }

  /** Forward and backward. `labels`: one-hot [batch, classes]. */
  pass(weights: readonly tf.Tensor[], samples: tf.Tensor, labels: tf.Tensor2D): Pass {
    const batchSize = samples.shape[0]!;
    const traces = this.#forward(weights, samples);
    const probabilities = tf.softmax(traces.at(-1)!.output as tf.Tensor2D);
    const gradients = new Array<tf.Tensor>(weights.length);
    const first = traces.findIndex((trace) => trace.kernelIndex >= 0);
    let upstream: tf.Tensor = tf.mul(tf.sub(probabilities, labels), 1 / batchSize);
    for (let i = traces.length - 1; i >= first; i--) {
      const trace = traces[i]!;
      const { layer, input } = trace;
      switch (layer.kind) {
        case 'flatten':
          upstream = tf.reshape(upstream, input.shape);
          break;
        case 'maxPool2d':
          upstream = run(
            'MaxPoolGrad',
            { dy: upstream, input, output: trace.output },
            poolAttributes(layer.poolSize),
          );
          break;
        case 'dense': {
          const kernel = weights[trace.kernelIndex] as tf.Tensor2D;
          const dz = activationGradient(layer.activation, upstream, trace) as tf.Tensor2D;
          gradients[trace.kernelIndex] = tf.matMul(input as tf.Tensor2D, dz, true, false);
          gradients[trace.kernelIndex + 1] = this.#columnSum(dz);
          if (i > first) upstream = tf.matMul(dz, kernel, false, true);
          break;
        }
        case 'conv2d': {
          const kernel = weights[trace.kernelIndex] as tf.Tensor4D;
          const dz = activationGradient(layer.activation, upstream, trace) as tf.Tensor4D;
          gradients[trace.kernelIndex] = run(
            'Conv2DBackpropFilter',
            { x: input, dy: dz },
            {
              strides: [layer.strides, layer.strides],
              pad: layer.padding,
              dataFormat: 'NHWC',
              filterShape: kernel.shape,
            },
          );
          gradients[trace.kernelIndex + 1] = this.#columnSum(dz);
          if (i > first)
            upstream = tf.conv2dTranspose(
              dz,
              kernel,
              (input as tf.Tensor4D).shape,
              layer.strides,
              layer.padding,
            );
          break;
        }
        default:
          layer satisfies never;
      }
    }
    return { probabilities, gradients };
  }

  dispose(): void {
    for (const row of this.#ones.values()) row.dispose();
    this.#ones.clear();
  }

  #forward(weights: readonly tf.Tensor[], samples: tf.Tensor): Trace[] {
    const traces: Trace[] = [];
    let input = samples;
    let kernelIndex = 0;
    for (const layer of this.model.layers) {
      switch (layer.kind) {
        case 'flatten': {
          const output = tf.reshape(input, [input.shape[0]!, input.size / input.shape[0]!]);
          traces.push({ layer, input, output, linear: output, kernelIndex: -1 });
          break;
        }
        case 'maxPool2d': {
          const output = tf.maxPool(input as tf.Tensor4D, layer.poolSize, layer.poolSize, 'valid');
          traces.push({ layer, input, output, linear: output, kernelIndex: -1 });
          break;
        }
        case 'dense': {
          const linear = tf.fused.matMul({
            a: input as tf.Tensor2D,
            b: weights[kernelIndex] as tf.Tensor2D,
            bias: weights[kernelIndex + 1] as tf.Tensor1D,
            activation: layer.activation === 'relu' ? 'relu' : 'linear',
          });
          traces.push({ layer, input, output: activate(layer.activation, linear), linear, kernelIndex });
          kernelIndex += 2;
          break;
        }
        case 'conv2d': {
          const linear = tf.fused.conv2d({
            x: input as tf.Tensor4D,
            filter: weights[kernelIndex] as tf.Tensor4D,
            bias: weights[kernelIndex + 1] as tf.Tensor1D,
            strides: layer.strides,
            pad: layer.padding,
            activation: layer.activation === 'relu' ? 'relu' : 'linear',
          });
          traces.push({ layer, input, output: activate(layer.activation, linear), linear, kernelIndex });
          kernelIndex += 2;
          break;
        }
        default:
          layer satisfies never;
      }
      input = traces.at(-1)!.output;
    }
    return traces;
  }

  /** Sum over all dimensions but the last. Images are summed each first: one long product would have one thread a column. */
  #columnSum(x: tf.Tensor): tf.Tensor1D {
    const columns = x.shape.at(-1)!;
    const batchSize = x.shape[0]!;
    const rows = x.size / columns / batchSize;
    let table = x;
    if (rows > 1) {
      const images = tf.reshape(x, [batchSize, rows, columns]) as tf.Tensor3D;
      const ones = tf.reshape(this.#onesRow(rows), [1, 1, rows]) as tf.Tensor3D;
      table = tf.matMul(ones, images);
    }
    return tf.reshape(tf.matMul(this.#onesRow(batchSize), tf.reshape(table, [batchSize, columns])), [
      columns,
    ]);
  }

  #onesRow(length: number): tf.Tensor2D {
    let row = this.#ones.get(length);
    if (row === undefined) {
      row = tf.keep(tf.tensor2d(new Float32Array(length).fill(1), [1, length]));
      this.#ones.set(length, row);
    }
    return row;
  }
}

/** relu is already inside the fused product. */
function activate(activation: Activation, linear: tf.Tensor): tf.Tensor {
  switch (activation) {
    case 'linear':
    case 'relu':
      return linear;
    case 'tanh':
      return tf.tanh(linear);
    case 'gelu':
      return tf.mul(linear, normalCdf(linear));
    default:
      return activation satisfies never;
  }
}

function activationGradient(activation: Activation, upstream: tf.Tensor, trace: Trace): tf.Tensor {
  switch (activation) {
    case 'linear':
      return upstream;
    case 'relu':
      return reluGradient(upstream, trace.output);
    case 'tanh':
      return tf.mul(upstream, tf.sub(1, tf.square(trace.output)));
    case 'gelu': {
      const z = trace.linear;
      const density = tf.mul(tf.exp(tf.mul(tf.square(z), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.mul(upstream, tf.add(normalCdf(z), tf.mul(z, density)));
    }
    default:
      return activation satisfies never;
  }
}

/** The exact gelu of Keras and tfjs-layers (`gelu`, not `gelu_new`), so that an export means the same. */
const normalCdf = (z: tf.Tensor): tf.Tensor => tf.mul(tf.add(tf.erf(tf.mul(z, Math.SQRT1_2)), 1), 0.5);

const poolAttributes = (poolSize: number): tf.NamedAttrMap => ({
  filterSize: [poolSize, poolSize],
  strides: [poolSize, poolSize],
  pad: 'valid',
});

const run = (kernel: string, inputs: tf.NamedTensorMap, attributes: tf.NamedAttrMap): tf.Tensor =>
  tf.engine().runKernel(kernel, inputs, attributes) as tf.Tensor;
