/**
 * What the toy model learns: ten classes, each made of several noisy clusters that lie among the others' clusters, so
 * that no straight line parts them and the loss keeps falling for hundreds of rounds. Drawn from a seed. The data is
 * split over shards evenly or by label.
 */
import { mulberry, streamSeed } from '@murmuration/codec';
import type { LabelledSamples } from './tab-model.ts';

export interface ToyTask {
  readonly seed: number;
  readonly inputs: number;
  readonly classes: number;
  /** Clusters of each class: 1 is easy. */
  readonly clustersPerClass: number;
  /** Standard deviation of the samples around their cluster; the centres lie uniformly in [-1, 1]. */
  readonly noise: number;
}

/** How labels are spread over shards: alike in all of them, or two labels in each. */
export type Split = 'iid' | 'label';

/**
 * Samples of the task; those of different `part`s are independent draws.
 * @param labels the labels that may occur; all of them when it is left out.
 */
export function drawSamples(
  task: ToyTask,
  part: number,
  count: number,
  labels: readonly number[] | null = null,
): LabelledSamples {
  const { inputs: width, classes, clustersPerClass, noise } = task;
  const centreOf = mulberry(streamSeed(task.seed, 'centres'));
  const centres = Float32Array.from({ length: classes * clustersPerClass * width }, () => 2 * centreOf() - 1);
  const random = mulberry(streamSeed(task.seed, 'samples', part));
  // Sum of three uniforms: a bell of standard deviation 0.5, without a logarithm.
  const bell = () => random() + random() + random() - 1.5;
  const inputs = new Float32Array(count * width);
  const drawn = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const label =
      labels === null ? Math.floor(random() * classes) : labels[Math.floor(random() * labels.length)]!;
    const centre = (label * clustersPerClass + Math.floor(random() * clustersPerClass)) * width;
    drawn[i] = label;
    for (let j = 0; j < width; j++) inputs[i * width + j] = centres[centre + j]! + 2 * noise * bell();
  }
  return { inputs, labels: drawn, count };
}

/** The labels of a shard under a split; null: all. */
export const shardLabels = (split: Split, shardIndex: number, classes: number): readonly number[] | null =>
  split === 'iid'
    ? null
    : [shardIndex % classes, (shardIndex + 1 + Math.floor(shardIndex / classes)) % classes];
