/**
 * A finished model as `.safetensors` (github.com/huggingface/safetensors): u64 little-endian header length, a JSON
 * header from tensor names to dtype, shape and byte range, then the tensors one after the other without a gap.
 * Shapes are those of Keras: a dense kernel is [inputs, outputs], a convolution kernel [height, width, in, out].
 */
import type { ParameterLayout } from '@murmuration/protocol';
import { exportedWeights } from './weights.ts';

const FLOAT32_BYTES = 4;
const LENGTH_BYTES = 8;
/** The header is padded with spaces to this, so that the tensors can be mapped without a copy. */
const ALIGNMENT_BYTES = 8;

/**
 * @param metadata free text for the reader of the file, e.g. the run and its accuracy; stored as `__metadata__`.
 * @throws ExportError for parameters that do not fit the layout or are not finite.
 */
export function toSafetensors(
  layout: ParameterLayout,
  parameters: Float32Array,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const weights = exportedWeights(layout, parameters);
  const tensors = layout.tensors.map(({ name, shape, offset, size }) => {
    const data_offsets = [offset * FLOAT32_BYTES, (offset + size) * FLOAT32_BYTES];
    return [name, { dtype: 'F32', shape, data_offsets }] as const;
  });
  const json = new TextEncoder().encode(
    JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(tensors) }),
  );
  const headerBytes = Math.ceil(json.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + weights.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  file.set(json, LENGTH_BYTES);
  file.set(weights, LENGTH_BYTES + headerBytes);
  return file;
}
