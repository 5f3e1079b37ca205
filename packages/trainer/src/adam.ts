/**
 * Adam with the constants and the arithmetic of tfjs's AdamOptimizer, on kernels of our own (kernels.ts). Its moments
 * are this volunteer's own and outlive the rounds. Both moments can be set: a newcomer starts with the second
 * moment of its peer and a first moment of zero, so that its first steps are short instead of wild.
 */
import * as tf from '@tensorflow/tfjs-core';
import { ADAM_BETA1, ADAM_BETA2, type AdamFactors } from './adam-reference.ts';
import { adamStep } from './kernels.ts';
import type { Network } from './network.ts';

export class Adam {
  readonly #network: Network;
  readonly #learningRate: number;
  #stepCount = 0;
  /** One a weight. Empty: all zero. */
  #first: tf.Tensor[] = [];
  #second: tf.Tensor[] = [];

  constructor(network: Network, learningRate: number) {
    this.#network = network;
    this.#learningRate = learningRate;
  }

  get stepCount(): number {
    return this.#stepCount;
  }

  /** New weights; the old ones are not changed. Call within tf.tidy: the moments are kept, the result is the caller's. */
  step(weights: readonly tf.Tensor[], gradients: readonly tf.Tensor[]): tf.Tensor[] {
    if (this.#first.length === 0) this.#first = this.#zeros();
    if (this.#second.length === 0) this.#second = this.#zeros();
    this.#stepCount += 1;
    const factors: AdamFactors = {
      stepSize: this.#learningRate,
      firstCorrection: 1 / (1 - ADAM_BETA1 ** this.#stepCount),
      secondCorrection: 1 / (1 - ADAM_BETA2 ** this.#stepCount),
    };
    return weights.map((weight, i) => {
      const now = { weight, gradient: gradients[i]!, first: this.#first[i]!, second: this.#second[i]! };
      const [next, first, second] = adamStep(now, factors);
      tf.dispose([now.first, now.second]);
      this.#first[i] = tf.keep(first);
      this.#second[i] = tf.keep(second);
      return next;
    });
  }

  /** Second moment of this moment in the layout's order; zero before the first step. Steps may go on meanwhile. */
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

  /** Continues with another's second moment and step count; the first moment starts at zero. */
  load(secondMoment: Float32Array, stepCount: number): void {
    this.reset();
    this.#second = this.#network.weightsFrom(secondMoment);
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
