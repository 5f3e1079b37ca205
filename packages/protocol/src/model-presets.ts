/** The built-in models, each for a kind of data, of a size that a browser tab trains at once. */
import type { ModelSpec } from './model.ts';
import type { LayerSpec } from './model-layers.ts';
import { product } from './model-shapes.ts';

/**
 * mlp: numbers and small images. cnn, resnet: images. gru, gpt: text (ids of tokens, the next one is predicted). vae: images
 * or numbers, which it learns to give again and to draw (no labels are used).
 */
export const PRESET_NAMES = ['mlp', 'cnn', 'resnet', 'gru', 'gpt', 'vae'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** Presets for samples of this shape; `isText`: they are ids of tokens. */
export const presetsFor = (inputShape: readonly number[], isText: boolean): readonly PresetName[] =>
  isText ? ['gpt', 'gru'] : inputShape.length === 3 ? ['mlp', 'cnn', 'resnet', 'vae'] : ['mlp', 'vae'];

const TEXT_UNITS = 64;
const ATTENTION_HEADS = 4;
const GPT_BLOCKS = 2;
const VAE_UNITS = 128;
const VAE_CODE_UNITS = 8;

/**
 * @param outputSize values that the last layer gives: classes, values, or the size of the vocabulary; the vae gives its input again
 */
export function presetModel(
  preset: PresetName,
  inputShape: readonly number[],
  outputSize: number,
): ModelSpec {
  const output: LayerSpec = { kind: 'dense', units: outputSize, activation: 'linear' };
  const embedding: LayerSpec = { kind: 'embedding', vocabularySize: outputSize, units: TEXT_UNITS };
  const make = (layers: LayerSpec[]): ModelSpec => ({ name: preset, inputShape: [...inputShape], layers });
  switch (preset) {
    case 'mlp':
      return make([{ kind: 'flatten' }, { kind: 'dense', units: 128, activation: 'relu' }, output]);
    case 'cnn':
      return make([
        { kind: 'conv2d', filters: 8, kernelSize: 3, strides: 1, padding: 'same', activation: 'relu' },
        { kind: 'maxPool2d', poolSize: 2 },
        { kind: 'conv2d', filters: 16, kernelSize: 3, strides: 1, padding: 'same', activation: 'relu' },
        { kind: 'maxPool2d', poolSize: 2 },
        { kind: 'flatten' },
        { kind: 'dense', units: 64, activation: 'relu' },
        output,
      ]);
    case 'resnet':
      return make([
        {
          kind: 'conv2d',
          filters: 16,
          kernelSize: 3,
          strides: 2,
          padding: 'same',
          activation: 'linear',
          name: 'stem',
        },
        ...residualBlock('block1', 'stem', 16, 1),
        ...residualBlock('block2', 'block1_relu2', 32, 2),
        { kind: 'globalAveragePool2d' },
        output,
      ]);
    case 'gru':
      return make([embedding, { kind: 'gru', units: 2 * TEXT_UNITS }, output]);
    case 'gpt':
      return make([
        embedding,
        { kind: 'positionEmbedding', name: 'positions' },
        ...Array.from({ length: GPT_BLOCKS }, (_, i) =>
          transformerBlock(`block${i + 1}`, i === 0 ? 'positions' : `block${i}_out`),
        ).flat(),
        { kind: 'layerNorm', epsilon: 1e-5, name: 'final_norm' },
        output,
      ]);
    case 'vae': {
      const code = (name: string): LayerSpec => ({
        kind: 'dense',
        units: VAE_CODE_UNITS,
        activation: 'linear',
        name,
        inputs: ['encoded'],
      });
      return make([
        { kind: 'flatten' },
        { kind: 'dense', units: VAE_UNITS, activation: 'relu', name: 'encoded' },
        code('z_mean'),
        code('z_log_var'),
        { kind: 'sampling', name: 'z', inputs: ['z_mean', 'z_log_var'] },
        { kind: 'dense', units: VAE_UNITS, activation: 'relu', name: 'decoded' },
        { kind: 'dense', units: product(inputShape), activation: 'linear', name: 'reconstruction' },
      ]);
    }
    default:
      return preset satisfies never;
  }
}

/** Two convolutions beside a way that goes past them (He et al. 2015), with layer norms: nothing to average but weights. */
function residualBlock(name: string, from: string, filters: number, strides: number): LayerSpec[] {
  const conv = { kind: 'conv2d', filters, padding: 'same', activation: 'linear' } as const;
  return [
    { ...conv, kernelSize: 3, strides, name: `${name}_conv1`, inputs: [from] },
    { kind: 'layerNorm', name: `${name}_norm1` },
    { kind: 'activation', activation: 'relu', name: `${name}_relu1` },
    { ...conv, kernelSize: 3, strides: 1, name: `${name}_conv2` },
    { kind: 'layerNorm', name: `${name}_norm2` },
    ...(strides === 1
      ? []
      : [{ ...conv, kernelSize: 1, strides, name: `${name}_shortcut`, inputs: [from] } satisfies LayerSpec]),
    {
      kind: 'add',
      name: `${name}_add`,
      inputs: [`${name}_norm2`, strides === 1 ? from : `${name}_shortcut`],
    },
    { kind: 'activation', activation: 'relu', name: `${name}_relu2` },
  ];
}

/** Pre-norm transformer block: attention, then two dense layers, each added to what came in. */
function transformerBlock(name: string, from: string): LayerSpec[] {
  return [
    { kind: 'layerNorm', epsilon: 1e-5, name: `${name}_norm1`, inputs: [from] },
    {
      kind: 'selfAttention',
      heads: ATTENTION_HEADS,
      headUnits: TEXT_UNITS / ATTENTION_HEADS,
      name: `${name}_attention`,
    },
    { kind: 'add', name: `${name}_mid`, inputs: [from, `${name}_attention`] },
    { kind: 'layerNorm', epsilon: 1e-5, name: `${name}_norm2` },
    { kind: 'dense', units: 4 * TEXT_UNITS, activation: 'gelu', name: `${name}_wide` },
    { kind: 'dense', units: TEXT_UNITS, activation: 'linear', name: `${name}_narrow` },
    { kind: 'add', name: `${name}_out`, inputs: [`${name}_mid`, `${name}_narrow`] },
  ];
}
