/**
 * The weights of a finished model as bytes, checked once for every export format: a file that somebody downloads must
 * not turn out to be cut off or full of NaN when it is loaded elsewhere.
 */
import { parametersToBytes } from '@murmuration/codec';
import type { ParameterLayout } from '@murmuration/protocol';

/** A model that can't be exported. The message begins with `parameters:` and names the tensor. */
export class ExportError extends Error {}

/**
 * Little-endian float32, in the order of the layout.
 * @throws ExportError when the count differs from the layout's or a value is not finite.
 */
export function exportedWeights(layout: ParameterLayout, parameters: Float32Array): Uint8Array {
  if (parameters.length !== layout.parameterCount)
    throw new ExportError(`parameters: ${parameters.length} values; the model has ${layout.parameterCount}`);
  for (const { name, offset, size } of layout.tensors)
    for (let i = 0; i < size; i++)
      if (!Number.isFinite(parameters[offset + i]))
        throw new ExportError(
          `parameters: ${name}[${i}] is ${parameters[offset + i]}; only finite values are exported`,
        );
  return parametersToBytes(parameters);
}
