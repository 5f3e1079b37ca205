/**
 * A finished model in the layers format of TensorFlow.js: `model.json` (topology and manifest of the weights) and one
 * weights file beside it. `tf.loadLayersModel` reads the pair; the names of weights are those of the layout.
 *
 * In training the last layer gives logits; the exported model gives probabilities. Input is what trained: p / 255.
 */
import type { LayerSpec, ModelSpec, ParameterLayout } from '@murmuration/protocol';
import { exportedWeights } from './weights.ts';

/** Name of the weights file, as `model.json` refers to it: it must lie beside it under this name. */
export const TFJS_WEIGHTS_FILE = 'group1-shard1of1.bin';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
interface LayerTopology {
  readonly class_name: 'Flatten' | 'Dense' | 'Conv2D' | 'MaxPooling2D' | 'Activation';
  readonly config: { readonly [key: string]: Json };
}
export interface TfjsModelJson {
  readonly format: 'layers-model';
  readonly generatedBy: string;
  readonly convertedBy: null;
  readonly modelTopology: {
    readonly class_name: 'Sequential';
    readonly config: { readonly name: string; readonly layers: readonly LayerTopology[] };
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
 * @throws ExportError for parameters that do not fit the layout or are not finite.
 */
export function toTfjs(
  model: ModelSpec,
  layout: ParameterLayout,
  parameters: Float32Array,
): { modelJson: TfjsModelJson; weights: Uint8Array } {
  const weights = exportedWeights(layout, parameters);
  const manifest = layout.tensors.map(({ name, shape }) => ({ name, shape, dtype: 'float32' as const }));
  const modelJson: TfjsModelJson = {
    format: 'layers-model',
    generatedBy: 'Murmuration',
    convertedBy: null,
    modelTopology: {
      class_name: 'Sequential',
      config: { name: model.name, layers: topology(model, layout) },
      keras_version: '2.15.0',
      backend: 'tensorflow',
    },
    weightsManifest: [{ paths: [TFJS_WEIGHTS_FILE], weights: manifest }],
  };
  return { modelJson, weights };
}

function topology(model: ModelSpec, layout: ParameterLayout): LayerTopology[] {
  const layers = model.layers.map((layer, i): LayerTopology => {
    const { class_name, config } = kerasLayer(layer);
    const input: LayerTopology['config'] =
      i === 0 ? { batch_input_shape: [null, ...model.inputShape], dtype: 'float32' } : {};
    return { class_name, config: { name: layout.layerNames[i]!, trainable: true, ...input, ...config } };
  });
  const last = layers.at(-1)!;
  const softmax = { activation: 'softmax' };
  // Only a plain dense layer has its activation free; behind anything else the softmax is a layer of its own.
  if (last.class_name === 'Dense' && last.config['activation'] === 'linear')
    return [...layers.slice(0, -1), { class_name: 'Dense', config: { ...last.config, ...softmax } }];
  return [...layers, { class_name: 'Activation', config: { name: 'softmax', trainable: true, ...softmax } }];
}

function kerasLayer(layer: LayerSpec): LayerTopology {
  const data_format = 'channels_last';
  switch (layer.kind) {
    case 'flatten':
      return { class_name: 'Flatten', config: { data_format } };
    case 'dense':
      return {
        class_name: 'Dense',
        config: { units: layer.units, activation: layer.activation, use_bias: true },
      };
    case 'conv2d': {
      const { filters, kernelSize, strides, padding, activation } = layer;
      return {
        class_name: 'Conv2D',
        config: {
          filters,
          kernel_size: [kernelSize, kernelSize],
          strides: [strides, strides],
          dilation_rate: [1, 1],
          padding,
          data_format,
          activation,
          use_bias: true,
        },
      };
    }
    case 'maxPool2d': {
      const size = [layer.poolSize, layer.poolSize];
      return {
        class_name: 'MaxPooling2D',
        config: { pool_size: size, strides: size, padding: 'valid', data_format },
      };
    }
    default:
      return layer satisfies never;
  }
}
