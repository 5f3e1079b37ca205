/**
 * The weights of a tfjs `model.json`: its manifest lists them in the order in which they lie in the files beside it. They
 * are found by the last two parts of their names, `dense/kernel`, whatever a converter put before.
 */
import { LIMITS } from '@murmuration/protocol';
import { ImportError, isConfig } from './keras-config.ts';
import type { FoundWeight, FoundWeights } from './keras-weights.ts';

const FLOAT_BYTES = 4;

/**
 * Null: the JSON has no manifest, or none of its files was given.
 * @throws ImportError when some files are missing or their sizes do not fit
 */
export function readTfjsWeights(
  document: unknown,
  files: ReadonlyMap<string, Uint8Array>,
): FoundWeights | null {
  const manifest = isConfig(document) ? document['weightsManifest'] : undefined;
  if (!Array.isArray(manifest)) return null;
  const byBaseName = new Map([...files].map(([name, bytes]) => [name.split('/').at(-1)!, bytes]));
  const groups = (manifest as unknown[]).filter(isConfig);
  const pathsOf = (group: (typeof groups)[number]) =>
    Array.isArray(group['paths']) ? (group['paths'] as unknown[]).map(String) : [];
  const wanted = groups.flatMap(pathsOf);
  const missing = wanted.filter((path) => !byBaseName.has(path.split('/').at(-1)!));
  if (missing.length === wanted.length) return null;
  if (missing.length > 0)
    throw new ImportError(`the weights file ${missing[0]} is missing; give all of them`);

  const found = new Map<string, Map<string, FoundWeight>>();
  for (const group of groups) {
    const bytes = joined(pathsOf(group).map((path) => byBaseName.get(path.split('/').at(-1)!)!));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let offset = 0;
    for (const entry of Array.isArray(group['weights']) ? (group['weights'] as unknown[]) : []) {
      const { name, shape, dtype, quantization } = isConfig(entry) ? entry : {};
      if (typeof name !== 'string' || !isShape(shape))
        throw new ImportError('weightsManifest: a weight has no name or no shape');
      if (dtype !== 'float32' || quantization !== undefined)
        throw new ImportError(
          `the weight "${name}" is quantised or not float32; convert it without quantisation`,
        );
      const size = shape.reduce((a, b) => a * b, 1);
      if (size > LIMITS.parametersMax || offset + size * FLOAT_BYTES > bytes.length)
        throw new ImportError(`the weights files end within "${name}"`);
      const values = Float32Array.from({ length: size }, (_, i) =>
        view.getFloat32(offset + i * FLOAT_BYTES, true),
      );
      offset += size * FLOAT_BYTES;
      const [layer, weight] = lastParts(name);
      if (!found.has(layer)) found.set(layer, new Map());
      found.get(layer)!.set(weight, { shape, values });
    }
    if (offset !== bytes.length)
      throw new ImportError(`the weights files have ${bytes.length - offset} bytes too many`);
  }
  return found;
}

/** Layer and weight; a recurrent layer's cell is no part of the name: `gru/gru_cell/kernel`. */
function lastParts(name: string): [string, string] {
  const parts = name.split('/').filter((part) => !/_cell(_\d+)?$/.test(part));
  return [parts.at(-2) ?? '', parts.at(-1)!.replace(/:\d+$/, '')];
}

const isShape = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every((n) => Number.isInteger(n) && (n as number) > 0);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
