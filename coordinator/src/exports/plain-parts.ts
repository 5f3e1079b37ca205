/**
 * Layers that tfjs-layers lacks, made of those that it has.
 *
 * A table that is added to every sample is the offset of a batch norm that changes nothing else: its mean is zero, and
 * its variance so near one that the quotient is exact. Self-attention is a dense layer a head for queries, keys and
 * values, products of them (`Dot`), a softmax, and a dense layer behind all heads. The scale is in the queries' weights;
 * what a step may not see has a table added to its products, far below every logit.
 */
import type { LayerOf } from '@murmuration/protocol';
import type { Config, KerasNode, KerasWeight, Place } from './keras-graph.ts';

const UNSEEN = -1e9;

export function attentionOfPlainLayers(
  { heads, headUnits, causal = true }: LayerOf<'selfAttention'>,
  { name, inputs, weights, inputShape }: Place,
): KerasNode[] {
  const [steps, units] = inputShape as [number, number];
  const nodes: KerasNode[] = [];
  const add = (
    suffix: string,
    className: string,
    config: Config,
    from: readonly string[],
    own: readonly KerasWeight[] = [],
  ): string => {
    const full = `${name}${suffix}`;
    nodes.push({ className, name: full, config, inputs: from, weights: own });
    return full;
  };
  const valuesOf = (path: string) => weights.find((weight) => weight.name === path)!.values;
  /** One head's part of [units, heads, headUnits] and [heads, headUnits]. */
  const projection = (which: string, head: number, factor: number): string => {
    const kernel = valuesOf(`${which}/kernel`);
    const bias = valuesOf(`${which}/bias`);
    return add(
      `_${which}${head}`,
      'Dense',
      { units: headUnits, activation: 'linear', use_bias: true },
      inputs,
      [
        {
          name: 'kernel',
          shape: [units, headUnits],
          values: Float32Array.from({ length: units * headUnits }, (_, i) => {
            const row = Math.floor(i / headUnits);
            return factor * kernel[(row * heads + head) * headUnits + (i % headUnits)]!;
          }),
        },
        {
          name: 'bias',
          shape: [headUnits],
          values: bias.slice(head * headUnits, (head + 1) * headUnits).map((value) => factor * value),
        },
      ],
    );
  };
  const hidden = Float32Array.from({ length: steps * steps }, (_, i) =>
    i % steps > Math.floor(i / steps) ? UNSEEN : 0,
  );
  const seen = Array.from({ length: heads }, (_, head) => {
    const query = projection('query', head, 1 / Math.sqrt(headUnits));
    const key = projection('key', head, 1);
    const value = projection('value', head, 1);
    let logits = add(`_product${head}`, 'Dot', { axes: [2, 2], normalize: false }, [query, key]);
    if (causal) {
      const parts = addedTable(`${name}_causal${head}`, logits, [steps, steps], hidden);
      nodes.push(...parts);
      logits = parts.at(-1)!.name;
    }
    const shares = add(`_shares${head}`, 'Softmax', { axis: -1 }, [logits]);
    return add(`_seen${head}`, 'Dot', { axes: [2, 1], normalize: false }, [shares, value]);
  });
  const together = heads === 1 ? seen[0]! : add('_heads', 'Concatenate', { axis: -1 }, seen);
  add(
    '',
    'Dense',
    { units, activation: 'linear', use_bias: true },
    [together],
    [
      { name: 'kernel', shape: [heads * headUnits, units], values: valuesOf('attention_output/kernel') },
      { name: 'bias', shape: [units], values: valuesOf('attention_output/bias') },
    ],
  );
  return nodes;
}

/** Nodes that add a [rows, columns] table to what `input` gives; the last one is called `name`. */
export function addedTable(
  name: string,
  input: string,
  [rows, columns]: readonly number[],
  values: Float32Array,
): KerasNode[] {
  const shape = [rows! * columns!];
  const filled = (value: number) => new Float32Array(shape[0]!).fill(value);
  return [
    {
      className: 'Reshape',
      name: `${name}_flat`,
      config: { target_shape: shape },
      inputs: [input],
      weights: [],
    },
    {
      className: 'BatchNormalization',
      name: `${name}_table`,
      config: { axis: -1, momentum: 0.99, epsilon: 1e-9, center: true, scale: false },
      inputs: [`${name}_flat`],
      weights: [
        { name: 'beta', shape, values },
        { name: 'moving_mean', shape, values: filled(0) },
        { name: 'moving_variance', shape, values: filled(1) },
      ],
    },
    {
      className: 'Reshape',
      name,
      config: { target_shape: [rows!, columns!] },
      inputs: [`${name}_table`],
      weights: [],
    },
  ];
}
