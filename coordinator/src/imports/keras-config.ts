/**
 * The JSON of a Keras model as a list of layers with their inputs, whichever dialect wrote it: Keras 3 (`model.to_json()`,
 * config.json of a `.keras` file), Keras 2, or tfjs's `model.json`. It knows how graphs are written and not what a layer
 * means (keras-layers.ts).
 */
import { LIMITS, MODEL_INPUT } from '@murmuration/protocol';

export type Config = Readonly<Record<string, unknown>>;

export interface KerasLayer {
  readonly name: string;
  readonly className: string;
  readonly config: Config;
  /** Names of layers or MODEL_INPUT, in the order of the call. */
  readonly inputs: readonly string[];
  /** Of the call; empty in a sequential model. */
  readonly callArguments: Config;
}

export interface KerasGraph {
  readonly name: string;
  readonly inputShape: readonly number[];
  /** In an order in which each comes after its inputs; without the input layer. */
  readonly layers: readonly KerasLayer[];
  readonly inputLayerName: string;
  readonly outputName: string;
}

/** A file that is no model that can be read; the message says what to do. */
export class ImportError extends Error {}

export const isConfig = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** @throws ImportError */
export function readKerasGraph(document: unknown): KerasGraph {
  let model = isConfig(document) ? document : {};
  if (isConfig(model['modelTopology'])) model = model['modelTopology'];
  if (isConfig(model['model_config'])) model = model['model_config'];
  const className = textOf(model['class_name']);
  // Old tfjs writes a sequential model's layers without a config around them.
  const config = Array.isArray(model['config']) ? { layers: model['config'] } : model['config'];
  if (className === null || !isConfig(config) || !Array.isArray(config['layers']))
    throw new ImportError(
      'this JSON is no Keras model; give what model.to_json() writes, a .keras file, or the model.json of tfjs',
    );
  if (config['layers'].length > LIMITS.layersMax)
    throw new ImportError(
      `the model has ${config['layers'].length} layers, at most ${LIMITS.layersMax} are taken`,
    );
  const name = textOf(config['name']) ?? 'model';
  if (className === 'Sequential') return sequential(name, config, model);
  if (className === 'Functional' || className === 'Model') return functional(name, config);
  throw new ImportError(
    `the model is a ${className}; only Sequential and Functional models can be read, subclassed ones live in Python code`,
  );
}

function sequential(name: string, config: Config, model: Config): KerasGraph {
  const entries = listOf(config['layers']).map(entryOf);
  const [first] = entries;
  const isInput = first?.className === 'InputLayer';
  const buildConfig = isConfig(model['build_config']) ? model['build_config'] : {};
  const shape =
    shapeIn(first?.config ?? {}) ??
    batchless(config['build_input_shape']) ??
    batchless(buildConfig['input_shape']);
  if (shape === null) throw new ImportError(OPEN_INPUT);
  const layers: KerasLayer[] = [];
  for (const { name: own, className, config: settings } of isInput ? entries.slice(1) : entries)
    layers.push({
      name: own,
      className,
      config: settings,
      inputs: [layers.at(-1)?.name ?? MODEL_INPUT],
      callArguments: {},
    });
  if (layers.length === 0) throw new ImportError('the model has no layers');
  const inputLayerName = isInput ? first.name : MODEL_INPUT;
  return { name, inputShape: shape, layers, inputLayerName, outputName: layers.at(-1)!.name };
}

const OPEN_INPUT =
  'the shape of the input is open; give every dimension but the batch a number (keras.Input(shape=(64,)))';

function functional(name: string, config: Config): KerasGraph {
  const inputs = endsOf(config['input_layers']);
  const outputs = endsOf(config['output_layers']);
  if (inputs.length !== 1 || outputs.length !== 1)
    throw new ImportError(
      `the model has ${inputs.length} inputs and ${outputs.length} outputs; one of each can be trained`,
    );
  const [inputName] = inputs as [string];
  let inputShape: readonly number[] | null = null;
  const waiting: KerasLayer[] = [];
  for (const [i, entry] of listOf(config['layers']).entries()) {
    const { name: own, className, config: settings, nodes } = entryOf(entry, i);
    if (className === 'InputLayer') {
      if (own === inputName) inputShape = shapeIn(settings);
      continue;
    }
    if (nodes.length !== 1)
      throw new ImportError(
        `layer "${own}" is called ${nodes.length} times; layers that are shared between places cannot be trained`,
      );
    const { inputs: from, callArguments } = nodeOf(nodes[0]);
    waiting.push({
      name: own,
      className,
      config: settings,
      inputs: from.map((source) => (source === inputName ? MODEL_INPUT : source)),
      callArguments,
    });
  }
  if (inputShape === null) throw new ImportError(OPEN_INPUT);
  return { name, inputShape, layers: sorted(waiting), inputLayerName: inputName, outputName: outputs[0]! };
}

/** The file's order, where it allows that each comes after its inputs. */
function sorted(layers: readonly KerasLayer[]): KerasLayer[] {
  const order: KerasLayer[] = [];
  const done = new Set<string>([MODEL_INPUT]);
  const waiting = [...layers];
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ inputs }) => inputs.every((from) => done.has(from)));
    if (next < 0)
      throw new ImportError(
        `layer "${waiting[0]!.name}" reads "${waiting[0]!.inputs.find((from) => !done.has(from))}", which never comes`,
      );
    const [layer] = waiting.splice(next, 1) as [KerasLayer];
    order.push(layer);
    done.add(layer.name);
  }
  return order;
}

function entryOf(entry: unknown, index: number) {
  const className = isConfig(entry) ? textOf(entry['class_name']) : null;
  if (!isConfig(entry) || className === null || !isConfig(entry['config']))
    throw new ImportError(`layers[${index}] has no class_name or no config`);
  const config = entry['config'];
  const name = textOf(entry['name']) ?? textOf(config['name']) ?? `layer_${index}`;
  return { name, className, config, nodes: listOf(entry['inbound_nodes']) };
}

/** Keras 3 writes a call with its arguments, Keras 2 a list of [layer, node, tensor, arguments]. */
function nodeOf(node: unknown): { inputs: string[]; callArguments: Config } {
  if (isConfig(node)) {
    const callArguments = isConfig(node['kwargs']) ? node['kwargs'] : {};
    return {
      inputs: [...tensorsIn(node['args']), ...tensorsIn(Object.values(callArguments))],
      callArguments,
    };
  }
  const inputs: string[] = [];
  let callArguments: Config = {};
  for (const call of listOf(node)) {
    const [from, , , settings] = listOf(call);
    if (typeof from === 'string') inputs.push(from);
    if (isConfig(settings) && Object.keys(settings).length > 0) callArguments = settings;
  }
  return { inputs, callArguments };
}

function tensorsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (!isConfig(value) || !isConfig(value['config'])) return [];
  if (value['class_name'] !== '__keras_tensor__') return [];
  const [from] = listOf(value['config']['keras_history']);
  return typeof from === 'string' ? [from] : [];
}

/** [["a", 0, 0]], or in Keras 3 for a single one ["a", 0, 0]. */
function endsOf(value: unknown): string[] {
  const list = listOf(value);
  if (typeof list[0] === 'string') return [list[0]];
  return list.flatMap((end) => (typeof listOf(end)[0] === 'string' ? [listOf(end)[0] as string] : []));
}

const shapeIn = (config: Config): readonly number[] | null =>
  batchless(config['batch_shape']) ??
  batchless(config['batch_input_shape']) ??
  batchless(config['batchInputShape']);

/** Without the batch; null when a dimension is open or there is no shape. */
function batchless(value: unknown): readonly number[] | null {
  const dimensions = listOf(value).slice(1);
  return dimensions.length > 0 && dimensions.every((n) => Number.isInteger(n) && (n as number) > 0)
    ? (dimensions as number[])
    : null;
}
