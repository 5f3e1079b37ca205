/**
 * Where Keras 3 looks for a layer's weights inside `model.weights.h5`: not under the layer's name but under that of its
 * class, counted in the order in which a functional model lists its layers. That order is not the file's: it comes from
 * the graph (deepest first, and of one depth who is met first on the way from the output). After keras's
 * `map_graph` and `_save_container_state`.
 */

export interface OrderedLayer {
  readonly name: string;
  readonly className: string;
  /** Names of layers. */
  readonly inputs: readonly string[];
}

/** Layers in Keras's order. @param layers the last one is the output; those that it does not need are left out */
export function kerasOrder<L extends OrderedLayer>(layers: readonly L[], outputName: string): L[] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const met = new Map<string, number>();
  /** Each after all that it reads. */
  const finished: L[] = [];
  const visit = (name: string) => {
    const layer = byName.get(name);
    if (layer === undefined || met.has(name)) return;
    met.set(name, met.size);
    for (const from of layer.inputs) visit(from);
    finished.push(layer);
  };
  visit(outputName);
  const depths = new Map<string, number>();
  for (const layer of finished.toReversed()) {
    const depth = depths.get(layer.name) ?? 0;
    depths.set(layer.name, depth);
    for (const from of layer.inputs) depths.set(from, Math.max(depths.get(from) ?? 0, depth + 1));
  }
  return finished.toSorted(
    (a, b) => depths.get(b.name)! - depths.get(a.name)! || met.get(a.name)! - met.get(b.name)!,
  );
}

/** The group of each layer by its name: `layers/conv2d`, `layers/conv2d_1` ... */
export function weightGroups(ordered: readonly OrderedLayer[]): Map<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    ordered.map(({ name, className }) => {
      const base = snakeCase(className);
      const count = counts.get(base) ?? 0;
      counts.set(base, count + 1);
      return [name, `layers/${count === 0 ? base : `${base}_${count}`}`];
    }),
  );
}

/** As keras.src.utils.naming: MultiHeadAttention to multi_head_attention, Conv2D to conv2d. */
export const snakeCase = (className: string): string =>
  className
    .replaceAll(/\W+/g, '')
    .replaceAll(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

/** Inside a layer's group, the path of each of its weights, by class; the names are those of our layouts. */
export function weightPaths(className: string, names: readonly string[]): string[] {
  if (className === 'MultiHeadAttention')
    return names.map((name) => {
      const [part, weight] = name.split('/') as [string, string];
      return `${part === 'attention_output' ? 'output' : part}_dense/vars/${weight === 'kernel' ? 0 : 1}`;
    });
  const inside = className === 'GRU' ? 'cell/vars' : 'vars';
  return names.map((_, i) => `${inside}/${i}`);
}
