/**
 * The run's optimiser (protocol/optimisers.ts; Adam with the constants and the arithmetic of tfjs's AdamOptimizer) on kernels of
 * our own (optimiser-kernels.ts). Its moments are this volunteer's own and outlive the rounds. A newcomer starts with the
 * second moment of its peer and a first moment of zero, so that its first steps are short instead of wild.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { OptimiserName } from '@murmuration/protocol';
import type { Network } from './network.ts';
import { optimiserStep } from './optimiser-kernels.ts';
import { hasSecondMoment, stepFactors } from './optimiser-reference.ts';

export class Optimiser {
  readonly #network: Network;
  readonly #name: OptimiserName;
  readonly #learningRate: number;
  #stepCount = 0;
  /** One a weight. Empty: all zero, or there is none. */
  #first: tf.Tensor[] = [];
  #second: tf.Tensor[] = [];

  constructor(network: Network, name: OptimiserName, learningRate: number) {
    this.#network = network;
    this.#name = name;
    this.#learningRate = learningRate;
  }

  get stepCount(): number {
    return this.#stepCount;
  }

  /** New weights; the old ones are not changed. Call within tf.tidy: the moments are kept, the result is the caller's. */
  step(weights: readonly tf.Tensor[], gradients: readonly tf.Tensor[]): tf.Tensor[] {
    this.#stepCount += 1;
    const factors = stepFactors(this.#name, this.#learningRate, this.#stepCount);
    if (this.#first.length === 0 && factors.beta1 > 0) this.#first = this.#zeros();
    if (this.#second.length === 0 && factors.hasSecond) this.#second = this.#zeros();
    return weights.map((weight, i) => {
      const momentum = this.#network.momentum[i]!;
      // A running statistic has no gradient: it moves towards what the batch says.
      if (momentum > 0) return tf.add(tf.mul(weight, momentum), tf.mul(gradients[i]!, 1 - momentum));
      const [first, second] = [this.#first[i], this.#second[i]];
      const moments = {
        ...(first === undefined ? {} : { first }),
        ...(second === undefined ? {} : { second }),
      };
      const next = optimiserStep({ weight, gradient: gradients[i]!, ...moments }, factors);
      tf.dispose(Object.values(moments));
      if (next.first !== undefined) this.#first[i] = tf.keep(next.first);
      if (next.second !== undefined) this.#second[i] = tf.keep(next.second);
      return next.weight;
    });
  }

  /**
   * Second moment of this moment in the layout's order; zero before the first step, and where there is none. Steps may go
   * on meanwhile.
   */
  async secondMoment(): Promise<Float32Array> {
    if (this.#second.length === 0) return new Float32Array(this.#network.layout.parameterCount);
    // The next step frees the originals; a clone keeps their values until they are read.
    const clones = this.#second.map((moment) => moment.clone());
    try {
      return await this.#network.vectorFrom(clones);
    } finally {
      tf.dispose(clones);
    }
  }

  /** Continues with another's second moment, if there is one, and step count; the first moment starts at zero. */
  load(secondMoment: Float32Array, stepCount: number): void {
    this.reset();
    if (hasSecondMoment(this.#name)) this.#second = this.#network.weightsFrom(secondMoment);
    this.#stepCount = stepCount;
  }

  /** As new. Also the way to free the tensors. */
  reset(): void {
    tf.dispose([...this.#first, ...this.#second]);
    this.#first = [];
    this.#second = [];
    this.#stepCount = 0;
  }

  #zeros(): tf.Tensor[] {
    const { layout } = this.#network;
    return this.#network.weightsFrom(new Float32Array(layout.parameterCount)).map((zero) => tf.keep(zero));
  }
}
