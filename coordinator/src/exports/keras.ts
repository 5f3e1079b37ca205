/**
 * A finished model as `.keras`, the format of Keras 3: a zip of `metadata.json`, `config.json` (a functional model) and
 * `model.weights.h5`. Every layer is one of Keras's own, so that `keras.saving.load_model` needs no code of ours.
 *
 * Written by the format's description and by Keras's source; no Keras has read it in our tests (see tests/exports).
 */
import { zipSync, strToU8 } from 'fflate';
import type { Group } from 'h5wasm';
import { MODEL_INPUT, type ModelSpec, type ParameterLayout } from '@murmuration/protocol';
import { loadHdf5, type Hdf5 } from '../hdf5.ts';
import { kerasGraph, type ExportOutput, type Json, type KerasNode } from './keras-graph.ts';
import { kerasOrder, weightGroups, weightPaths } from './keras-order.ts';
import { exportedWeights } from './weights.ts';

/** What the file says that it was written by. */
const KERAS_VERSION = '3.8.0';
const INPUT_NODE = { name: MODEL_INPUT, className: 'InputLayer', inputs: [] };

/** Names in h5wasm's memory file system; files of one process must not meet. */
let fileCount = 0;

/**
 * @param layout of `model`, as parameterLayout gives it
 * @param savedAt ISO time, for metadata.json and all inside that has a time: the same time gives the same bytes
 * @throws ExportError for parameters that do not fit the layout or are not finite
 */
export async function toKeras(
  model: ModelSpec,
  layout: ParameterLayout,
  parameters: Float32Array,
  { output, savedAt }: { readonly output: ExportOutput; readonly savedAt: string },
): Promise<Uint8Array> {
  exportedWeights(layout, parameters);
  const nodes = kerasGraph(model, layout, parameters, { dialect: 'keras3', output });
  const weights = await weightsFile(nodes, new Date(savedAt));
  const json = (value: Json) => strToU8(JSON.stringify(value));
  return zipSync(
    {
      'metadata.json': json({ keras_version: KERAS_VERSION, date_saved: savedAt }),
      'config.json': json(configOf(model, nodes)),
      'model.weights.h5': weights,
    },
    // As Keras does: stored, so that the weights can be mapped.
    { level: 0, mtime: new Date(savedAt) },
  );
}

function configOf(model: ModelSpec, nodes: readonly KerasNode[]): Json {
  const shapes = new Map<string, readonly number[]>([[MODEL_INPUT, model.inputShape]]);
  for (const { name, outputShape } of nodes) shapes.set(name, outputShape!);
  const object = (className: string, config: Json) => ({
    module: 'keras.layers',
    class_name: className,
    config,
    registered_name: null,
  });
  const input = {
    ...object('InputLayer', {
      batch_shape: [null, ...model.inputShape],
      dtype: 'float32',
      sparse: false,
      name: MODEL_INPUT,
    }),
    name: MODEL_INPUT,
    inbound_nodes: [],
  };
  const tensor = (from: string): Json => ({
    class_name: '__keras_tensor__',
    config: { shape: [null, ...shapes.get(from)!], dtype: 'float32', keras_history: [from, 0, 0] },
  });
  const layers = nodes.map(({ className, name, config, inputs, callArguments }) => {
    const tensors = inputs.map(tensor);
    // What merges takes a list, attention takes query and value one after the other.
    const args = className === 'Add' || className === 'Concatenate' ? [tensors] : tensors;
    return {
      ...object(className, { name, trainable: true, dtype: 'float32', ...config }),
      name,
      inbound_nodes: [{ args, kwargs: callArguments ?? {} }],
    };
  });
  return {
    module: 'keras.src.models.functional',
    class_name: 'Functional',
    config: {
      name: model.name.replaceAll(/[^A-Za-z0-9_]/g, '_'),
      trainable: true,
      layers: [input, ...layers],
      input_layers: [[MODEL_INPUT, 0, 0]],
      output_layers: [[nodes.at(-1)!.name, 0, 0]],
    },
    registered_name: 'Functional',
  };
}

async function weightsFile(nodes: readonly KerasNode[], savedAt: Date): Promise<Uint8Array> {
  const hdf5 = await loadHdf5();
  const { now } = Date;
  // HDF5 writes down when each object was made, and neither it nor h5wasm can be told to leave that out. Nothing else runs
  // until the file is written.
  Date.now = () => savedAt.getTime();
  try {
    return writtenWeights(hdf5, nodes);
  } finally {
    Date.now = now;
  }
}

function writtenWeights({ FS, File }: Hdf5, nodes: readonly KerasNode[]): Uint8Array {
  const groups = weightGroups(kerasOrder([INPUT_NODE, ...nodes], nodes.at(-1)!.name));
  const path = `export-${++fileCount}.h5`;
  const file = new File(path, 'w');
  try {
    const made = new Map<string, Group>();
    const groupAt = (groupPath: string): Group => {
      const known = made.get(groupPath);
      if (known !== undefined) return known;
      const cut = groupPath.lastIndexOf('/');
      const parent = cut < 0 ? file : groupAt(groupPath.slice(0, cut));
      const group = parent.create_group(groupPath.slice(cut + 1));
      made.set(groupPath, group);
      return group;
    };
    groupAt('vars');
    for (const { name, className, weights } of nodes) {
      const group = groups.get(name)!;
      groupAt(`${group}/vars`);
      // Newer Kerases write the layer's own name here; ours reads it (imports/keras-weights.ts).
      groupAt(group).create_attribute('name', name);
      const paths = weightPaths(
        className,
        weights.map((weight) => weight.name),
      );
      for (const [i, { shape, values }] of weights.entries()) {
        const whole = `${group}/${paths[i]!}`;
        const cut = whole.lastIndexOf('/');
        groupAt(whole.slice(0, cut)).create_dataset({
          name: whole.slice(cut + 1),
          data: values,
          shape: [...shape],
          dtype: '<f4',
        });
      }
    }
    file.flush();
  } finally {
    file.close();
  }
  const bytes = FS.readFile(path);
  FS.unlink(path);
  return bytes;
}
