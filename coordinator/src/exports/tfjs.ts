/**
 * A finished model in the layers format of TensorFlow.js: `model.json` (topology and manifest of the weights) and one
 * weights file beside it. `tf.loadLayersModel` reads the pair, without code of ours; the names of weights are those of the
 * layout. What the model takes and gives: keras-graph.ts.
 */
import { MODEL_INPUT, type ModelSpec, type ParameterLayout } from '@murmuration/protocol';
import { parametersToBytes } from '@murmuration/codec';
import { kerasGraph, type ExportOutput, type Json, type KerasNode } from './keras-graph.ts';
import { exportedWeights } from './weights.ts';

/** Name of the weights file, as `model.json` refers to it: it must lie beside it under this name. */
export const TFJS_WEIGHTS_FILE = 'group1-shard1of1.bin';

interface LayerTopology {
  readonly class_name: string;
  readonly name?: string;
  readonly config: { readonly [key: string]: Json };
  readonly inbound_nodes?: Json;
}
export interface TfjsModelJson {
  readonly format: 'layers-model';
  readonly generatedBy: string;
  readonly convertedBy: null;
  readonly modelTopology: {
    readonly class_name: 'Sequential' | 'Model';
    readonly config: {
      readonly name: string;
      readonly layers: readonly LayerTopology[];
      readonly input_layers?: Json;
      readonly output_layers?: Json;
    };
    readonly keras_version: string;
    readonly backend: string;
  };
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly {
      readonly name: string;
      readonly shape: readonly number[];
      readonly dtype: 'float32';
    }[];
  }[];
}

/**
 * `weights` is the content of TFJS_WEIGHTS_FILE.
 * @param layout of `model`, as parameterLayout gives it.
 * @throws ExportError for parameters that do not fit the layout or are not finite, or a layer that tfjs-layers lacks.
 */
export function toTfjs(
  model: ModelSpec,
  layout: ParameterLayout,
  parameters: Float32Array,
  output: ExportOutput = 'probabilities',
): { modelJson: TfjsModelJson; weights: Uint8Array } {
  exportedWeights(layout, parameters);
  const nodes = kerasGraph(model, layout, parameters, { dialect: 'tfjs', output });
  const weights = nodes.flatMap((node) =>
    node.weights.map((weight) => ({ ...weight, name: `${node.name}/${weight.name}` })),
  );
  const modelJson: TfjsModelJson = {
    format: 'layers-model',
    generatedBy: 'Murmuration',
    convertedBy: null,
    modelTopology: {
      ...topology(model, nodes),
      keras_version: '2.15.0',
      backend: 'tensorflow',
    },
    weightsManifest: [
      {
        paths: [TFJS_WEIGHTS_FILE],
        weights: weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' as const })),
      },
    ],
  };
  const all = new Float32Array(weights.reduce((sum, { values }) => sum + values.length, 0));
  let offset = 0;
  for (const { values } of weights) {
    all.set(values, offset);
    offset += values.length;
  }
  return { modelJson, weights: parametersToBytes(all) };
}

function topology(
  model: ModelSpec,
  nodes: readonly KerasNode[],
): Pick<TfjsModelJson['modelTopology'], 'class_name' | 'config'> {
  const batch_input_shape = [null, ...model.inputShape];
  const isChain = nodes.every(
    ({ inputs }, i) => inputs.length === 1 && inputs[0] === (i === 0 ? MODEL_INPUT : nodes[i - 1]!.name),
  );
  if (isChain) {
    const layers = nodes.map(({ className, name, config }, i) => ({
      class_name: className,
      config: {
        name,
        trainable: true,
        ...(i === 0 ? { batch_input_shape, dtype: 'float32' } : {}),
        ...config,
      },
    }));
    return { class_name: 'Sequential', config: { name: model.name, layers } };
  }
  const input = {
    class_name: 'InputLayer',
    name: MODEL_INPUT,
    config: { name: MODEL_INPUT, batch_input_shape, dtype: 'float32', sparse: false },
    inbound_nodes: [],
  };
  const layers = nodes.map(({ className, name, config, inputs }) => ({
    class_name: className,
    name,
    config: { name, trainable: true, ...config },
    inbound_nodes: [inputs.map((from) => [from, 0, 0, {}])],
  }));
  return {
    class_name: 'Model',
    config: {
      name: model.name,
      layers: [input, ...layers],
      input_layers: [[MODEL_INPUT, 0, 0]],
      output_layers: [[nodes.at(-1)!.name, 0, 0]],
    },
  };
}
