import { type ParameterLayout, parameterLayout, PRESET_NAMES, presetModel } from '@murmuration/protocol';
import { initialParameters } from '@murmuration/codec';
import { describe, expect, it } from 'vitest';
import { toSafetensors } from './safetensors.ts';
import { ExportError } from './weights.ts';

interface ReadTensor {
  readonly dtype: string;
  readonly shape: number[];
  readonly bytes: Uint8Array;
}

/** A reader of its own, from the format's description and with its checks: no gap, no overlap, nothing behind. */
function readSafetensors(file: Uint8Array): { metadata: unknown; tensors: Map<string, ReadTensor> } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  const header = new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, 8 + headerBytes));
  if (!header.startsWith('{')) throw new Error('the header must begin with {');
  const { __metadata__: metadata, ...entries } = JSON.parse(header) as Record<string, unknown>;
  const body = file.subarray(8 + headerBytes);
  const tensors = new Map<string, ReadTensor>();
  let end = 0;
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets } = entry as {
      dtype: string;
      shape: number[];
      data_offsets: [number, number];
    };
    if (data_offsets[0] !== end) throw new Error(`${name} begins at ${data_offsets[0]}, not at ${end}`);
    end = data_offsets[1];
    if (end - data_offsets[0] !== 4 * shape.reduce((a, b) => a * b, 1))
      throw new Error(`${name} has a wrong size`);
    tensors.set(name, { dtype, shape, bytes: body.subarray(data_offsets[0], end) });
  }
  if (end !== body.length) throw new Error(`${body.length - end} bytes behind the last tensor`);
  return { metadata, tensors };
}

const seededParameters = (layout: ParameterLayout) => initialParameters([...layout.tensors], 11);

describe('safetensors export', () => {
  it.each(PRESET_NAMES)(
    'gives the tensors of %s back, byte for byte, under their names and shapes',
    (preset) => {
      const layout = parameterLayout(
        presetModel(preset, preset === 'gru' || preset === 'gpt' ? [16] : [28, 28, 1], 10),
      );
      const parameters = seededParameters(layout);
      const file = toSafetensors(layout, parameters, { run: 'run-1', valAccuracy: '0.9712' });
      const { metadata, tensors } = readSafetensors(file);
      expect(metadata).toEqual({ run: 'run-1', valAccuracy: '0.9712' });
      expect([...tensors.keys()]).toEqual(layout.tensors.map(({ name }) => name));
      for (const { name, shape, offset, size } of layout.tensors) {
        const tensor = tensors.get(name)!;
        expect(tensor.dtype).toBe('F32');
        expect(tensor.shape).toEqual(shape);
        const expected = new DataView(new ArrayBuffer(4 * size));
        for (let i = 0; i < size; i++) expected.setFloat32(4 * i, parameters[offset + i]!, true);
        expect(Buffer.compare(tensor.bytes, new Uint8Array(expected.buffer))).toBe(0);
      }
    },
  );

  it('names tensors by the last two parts of their path', () => {
    const layout = parameterLayout(presetModel('cnn', [28, 28, 1], 10));
    const { tensors } = readSafetensors(toSafetensors(layout, seededParameters(layout), {}));
    expect([...tensors.keys()]).toEqual([
      'conv2d/kernel',
      'conv2d/bias',
      'conv2d_1/kernel',
      'conv2d_1/bias',
      'dense/kernel',
      'dense/bias',
      'dense_1/kernel',
      'dense_1/bias',
    ]);
  });

  it('pads the header with spaces so that the tensors begin at a multiple of 8, whatever the metadata', () => {
    const layout = parameterLayout(presetModel('mlp', [4], 2));
    for (let length = 0; length < 8; length++) {
      const file = toSafetensors(layout, seededParameters(layout), { note: 'é'.repeat(length) });
      const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
      expect(headerBytes % 8).toBe(0);
      expect(readSafetensors(file).metadata).toEqual({ note: 'é'.repeat(length) });
    }
  });

  it('refuses parameters of another length', () => {
    const layout = parameterLayout(presetModel('mlp', [4], 2));
    for (const length of [layout.parameterCount - 1, layout.parameterCount + 1, 0])
      expect(() => toSafetensors(layout, new Float32Array(length), {})).toThrow(
        new ExportError(`parameters: ${length} values; the model has ${layout.parameterCount}`),
      );
  });

  it.each([NaN, Infinity, -Infinity])('refuses %s among the parameters and names its place', (value) => {
    const layout = parameterLayout(presetModel('mlp', [4], 2));
    const parameters = seededParameters(layout);
    parameters[layout.tensors[2]!.offset + 5] = value;
    expect(() => toSafetensors(layout, parameters, {})).toThrow(
      new ExportError(`parameters: dense_1/kernel[5] is ${value}; only finite values are exported`),
    );
  });
});
