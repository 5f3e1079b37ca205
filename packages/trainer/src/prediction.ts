/** What the model makes of samples, for people to look at: classes, or the samples as an autoencoder gives them again. */
import * as tf from '@tensorflow/tfjs-core';
import type { Task } from '@murmuration/protocol';
import type { Network } from './network.ts';
import { crossEntropy } from './reference.ts';

export type Prediction =
  /** A class's probability after the other, a sample after the other. [samples * classes] */
  | { readonly kind: 'classes'; readonly probabilities: Float64Array }
  /** Each sample as it was given again, 0..1. [samples * values] */
  | { readonly kind: 'samples'; readonly values: Float64Array };

export interface Samples {
  /** Of one sample. */
  readonly shape: readonly number[];
  /** Pixels / 255, one sample after the other. */
  readonly values: Float32Array;
  readonly count: number;
  /** Samples that the network takes at once, at least `count`: a size whose shaders are compiled. */
  readonly batchSize: number;
}

/** Null: the task is neither about classes nor about the samples themselves. */
export async function predictionOf(
  task: Task,
  network: Network,
  weights: readonly tf.Tensor[],
  { shape, values, count, batchSize }: Samples,
): Promise<Prediction | null> {
  if (task.kind !== 'class' && task.kind !== 'autoencoding') return null;
  const batch = new Float32Array(batchSize * (values.length / count));
  batch.set(values);
  const logits = tf.tidy(() => network.logits(weights, tf.tensor(batch, [batchSize, ...shape])));
  try {
    const all = (await logits.data()) as Float32Array;
    const outputs = all.subarray(0, (count * all.length) / batchSize);
    if (task.kind === 'class') {
      const { probabilities } = crossEntropy(outputs, new Uint8Array(count), outputs.length / count);
      return { kind: 'classes', probabilities };
    }
    const value = task.reconstruction === 'bernoulli' ? sigmoid : clipped;
    return { kind: 'samples', values: Float64Array.from(outputs, value) };
  } finally {
    logits.dispose();
  }
}

const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));
const clipped = (value: number) => Math.min(1, Math.max(0, value));
