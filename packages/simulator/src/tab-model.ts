/** What an imaginary tab trains, and on what: the simulator knows no more of either. */
import type { ModelSpec, ParameterLayout } from '@murmuration/protocol';
import type { Moments } from './model-optimiser.ts';

export interface LabelledSamples {
  /** One after the other, `inputs.length / count` values each. */
  readonly inputs: Float32Array;
  readonly labels: Uint8Array;
  readonly count: number;
}

export interface Learned {
  /** Mean cross entropy, nats. */
  readonly loss: number;
  readonly accuracy: number;
}

/** Shared by all tabs: it keeps nothing of one between `end` and the next `begin`. */
export interface TabModel {
  readonly spec: ModelSpec;
  readonly layout: ParameterLayout;
  newOptimiser(): Moments;
  /** Starts training from these weights. */
  begin(anchor: Float32Array): void;
  /** One optimiser step over a mini-batch of exactly the batch size; returns its mean loss before the step. */
  step(moments: Moments, samples: LabelledSamples, batch: Uint32Array): number;
  /** The weights that training has come to, as a new vector. */
  end(): Float32Array;
  evaluate(weights: Float32Array, samples: LabelledSamples): Learned;
}

/** A model with its data. */
export interface TabTask {
  readonly model: TabModel;
  readonly shard: (index: number) => LabelledSamples;
  /** Held out. */
  readonly validation: LabelledSamples;
}
