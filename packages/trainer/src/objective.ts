/**
 * What is made small and how it is measured, by what the dataset wants predicted (protocol task.ts): the targets of a batch
 * as the network takes them, the loss of a step, and the figures of an evaluation. CPU only.
 */
import type { LossParts, Target, Task } from '@murmuration/protocol';
import type { Objective } from './network.ts';
import { crossEntropy } from './reference.ts';
import type { Batch, BatchTargets } from './samples.ts';

export const objectiveOf = (task: Task): Objective =>
  task.kind === 'autoencoding' ? task : task.kind === 'value' ? 'squared-error' : 'cross-entropy';

/** What the network is to give for a batch: the inputs themselves, whatever their labels are, or its targets. */
export const wantedOf = (objective: Objective, { inputs, targets }: Batch): Float32Array =>
  typeof objective === 'object' ? Float32Array.from(inputs) : targetsOf(targets);

/** A label a row of the output, or the values. */
export function targetsOf(targets: BatchTargets): Float32Array {
  switch (targets.kind) {
    case 'class':
      return Float32Array.from(targets.labels);
    case 'next-token':
      return Float32Array.from(targets.ids);
    case 'value':
      return targets.values;
    default:
      return targets satisfies never;
  }
}

/** Mean loss of a step, from the pass's `measure`. */
export function lossOf(objective: Objective, measure: ArrayLike<number>): number {
  if (typeof objective === 'object') {
    const { reconstruction, kl } = partsOf(measure, measure.length / 2);
    return reconstruction + objective.klWeight * kl;
  }
  let sum = 0;
  for (let i = 0; i < measure.length; i++)
    sum +=
      objective === 'squared-error'
        ? measure[i]! ** 2
        : // 1e-38: the smallest float32 that software flushes to zero; a probability of 0 would be an infinite loss.
          -Math.log(Math.max(measure[i]!, 1e-38));
  return sum / measure.length;
}

/** Means over the first `count` samples of an autoencoder's `measure`. */
function partsOf(measure: ArrayLike<number>, count: number): LossParts {
  const half = measure.length / 2;
  let reconstruction = 0;
  let kl = 0;
  for (let i = 0; i < count; i++) {
    reconstruction += measure[i]! / count;
    kl += measure[half + i]! / count;
  }
  return { reconstruction, kl };
}

export interface Figures {
  readonly loss: number;
  readonly accuracy: number | null;
  readonly error: number | null;
  /** Of a loss that is one of several. */
  readonly parts?: LossParts;
}

/** The figures of an autoencoder's evaluation, summed over its batches. */
export class AutoencodingTally {
  readonly #objective: Objective & object;
  #count = 0;
  #reconstruction = 0;
  #kl = 0;

  constructor(objective: Objective & object) {
    this.#objective = objective;
  }

  /** @param count samples that count; what comes after them in each half of the measure is padding */
  add(measure: ArrayLike<number>, count: number): void {
    const { reconstruction, kl } = partsOf(measure, count);
    this.#count += count;
    this.#reconstruction += reconstruction * count;
    this.#kl += kl * count;
  }

  figures(): Figures {
    const { klWeight, size } = this.#objective;
    const parts = { reconstruction: this.#reconstruction / this.#count, kl: this.#kl / this.#count };
    const loss = parts.reconstruction + klWeight * parts.kl;
    return { loss, accuracy: null, error: loss / size, parts };
  }
}

/** Sums over an evaluation's batches, of what the dataset wants predicted. */
export class Tally {
  readonly #target: Target;
  #rows = 0;
  #loss = 0;
  #right = 0;
  /** Of absolute errors in the data's units. */
  #away = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  /** @param outputs logits or values, as many rows as `targets` has */
  add(outputs: Float32Array, targets: Float32Array, outputSize: number): void {
    const target = this.#target;
    if (target.kind === 'value') {
      const rows = targets.length / outputSize;
      this.#rows += rows;
      for (const [i, value] of targets.entries()) {
        const away = outputs[i]! - value;
        this.#loss += away ** 2 / outputSize;
        this.#away += (Math.abs(away) * target.stdDev[i % outputSize]!) / outputSize;
      }
      return;
    }
    this.#rows += targets.length;
    this.#loss += crossEntropy(outputs, targets, outputSize).loss * targets.length;
    for (const [row, label] of targets.entries()) {
      const logits = outputs.subarray(row * outputSize, (row + 1) * outputSize);
      if (logits.indexOf(logits.reduce((a, b) => Math.max(a, b))) === label) this.#right += 1;
    }
  }

  figures(): Figures {
    const loss = this.#loss / this.#rows;
    switch (this.#target.kind) {
      case 'class':
        return { loss, accuracy: this.#right / this.#rows, error: null };
      case 'value':
        return { loss, accuracy: null, error: this.#away / this.#rows };
      case 'next-token':
        return { loss, accuracy: this.#right / this.#rows, error: loss / Math.LN2 };
      default:
        return this.#target satisfies never;
    }
  }
}
