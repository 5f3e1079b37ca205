/**
 * A `.keras` file taken apart: its configuration and, by layer and name, its weights. A layer's group in
 * `model.weights.h5` is found by the name that newer versions write beside it, else where Keras would look for it
 * (exports/keras-order.ts); inside a group the weights have the order of their class.
 */
import { unzipSync } from 'fflate';
import type { Dataset, Group } from 'h5wasm';
import { LIMITS, MODEL_INPUT } from '@murmuration/protocol';
import { kerasOrder, weightGroups, weightPaths } from '../exports/keras-order.ts';
import { loadHdf5, type Hdf5 } from '../hdf5.ts';
import { ImportError, type KerasGraph } from './keras-config.ts';

export interface FoundWeight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
/** By the layer's name, then by the weight's: `kernel`, `query/kernel` ... */
export type FoundWeights = ReadonlyMap<string, ReadonlyMap<string, FoundWeight>>;

/** Text of a configuration: 200 layers take less than one of these. */
export const CONFIG_MAX_BYTES = 4 * 1024 * 1024;
const WEIGHTS_MAX_BYTES = 8 * LIMITS.parametersMax;
/** What the library says about other bytes, it says to the terminal. */
const HDF5_SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
let fileCount = 0;

const ATTENTION = ['query', 'key', 'value', 'attention_output'].flatMap((part) => [
  `${part}/kernel`,
  `${part}/bias`,
]);
/** Names in the order in which Keras stores them. */
const WEIGHT_NAMES: Readonly<Record<string, readonly string[]>> = {
  Dense: ['kernel', 'bias'],
  EinsumDense: ['kernel', 'bias'],
  Conv2D: ['kernel', 'bias'],
  BatchNormalization: ['gamma', 'beta', 'moving_mean', 'moving_variance'],
  LayerNormalization: ['gamma', 'beta'],
  Embedding: ['embeddings'],
  GRU: ['kernel', 'recurrent_kernel', 'bias'],
  MultiHeadAttention: ATTENTION,
};

/** @throws ImportError when it is no `.keras` file */
export function readKerasFile(bytes: Uint8Array): {
  readonly config: Uint8Array;
  readonly weightsFile: (graph: KerasGraph) => Promise<FoundWeights>;
} {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes, {
      filter: ({ name, originalSize }) =>
        (name === 'config.json' && originalSize <= CONFIG_MAX_BYTES) ||
        (name === 'model.weights.h5' && originalSize <= WEIGHTS_MAX_BYTES),
    });
  } catch {
    throw new ImportError('the .keras file is no zip, or it is damaged');
  }
  const config = entries['config.json'];
  const weights = entries['model.weights.h5'];
  if (config === undefined || weights === undefined)
    throw new ImportError(
      `the .keras file has no ${config === undefined ? 'config.json' : 'model.weights.h5'}, or it is too large`,
    );
  return { config, weightsFile: (graph) => readWeights(weights, graph) };
}

async function readWeights(bytes: Uint8Array, graph: KerasGraph): Promise<FoundWeights> {
  const damaged = new ImportError('model.weights.h5 is no HDF5 file, or it is damaged');
  if (!HDF5_SIGNATURE.every((byte, i) => bytes[i] === byte)) throw damaged;
  const hdf5 = await loadHdf5();
  const path = `import-${++fileCount}.h5`;
  hdf5.FS.writeFile(path, bytes);
  try {
    const file = new hdf5.File(path, 'r');
    try {
      return weightsIn(hdf5, file, graph);
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof ImportError) throw error;
    throw damaged;
  } finally {
    hdf5.FS.unlink(path);
  }
}

function weightsIn(hdf5: Hdf5, file: Group, graph: KerasGraph): FoundWeights {
  const root = file.get('layers');
  if (!(root instanceof hdf5.Group))
    throw new ImportError(
      'model.weights.h5 has no group "layers"; save the model with Keras 3: model.save("m.keras")',
    );
  const groups = groupsOf(hdf5, root, graph);
  const found = new Map<string, Map<string, FoundWeight>>();
  for (const { name, className } of graph.layers) {
    const group = groups.get(name);
    const names = WEIGHT_NAMES[className];
    if (group === undefined || names === undefined) continue;
    const own = new Map<string, FoundWeight>();
    for (const [i, inside] of weightPaths(className, names).entries()) {
      const dataset = file.get(`${group}/${inside}`);
      if (!(dataset instanceof hdf5.Dataset)) continue;
      own.set(names[i]!, { shape: dataset.shape ?? [], values: floatsOf(dataset, `${name}/${names[i]!}`) });
    }
    found.set(name, own);
  }
  return found;
}

/** Each layer's group. */
function groupsOf(hdf5: Hdf5, root: Group, graph: KerasGraph): Map<string, string> {
  const named = new Map<string, string>();
  for (const key of root.keys()) {
    const group = root.get(key);
    const name = group instanceof hdf5.Group ? group.attrs['name']?.value : undefined;
    if (typeof name === 'string') named.set(name, `layers/${key}`);
  }
  if (graph.layers.every(({ name }) => named.has(name))) return named;
  const input = { name: MODEL_INPUT, className: 'InputLayer', inputs: [] };
  return weightGroups(kerasOrder([input, ...graph.layers], graph.outputName));
}

function floatsOf(dataset: Dataset, name: string): Float32Array {
  const { value } = dataset;
  if (value instanceof Float32Array) return value;
  if (value instanceof Float64Array || value instanceof Int32Array) return Float32Array.from(value);
  throw new ImportError(`the weight "${name}" is of type ${String(dataset.dtype)}; float32 is read`);
}
