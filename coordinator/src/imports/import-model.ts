/**
 * A model from elsewhere as a description of ours, with its weights when the file has them, and a report layer by layer of
 * what was taken, what is done otherwise, and what is refused and why. What cannot be said in the allow-list is refused as
 * a whole: a model that is nearly the one that somebody built helps nobody.
 *
 * Taken are Keras 3's `model.to_json()` and `.keras` files, and tfjs's `model.json` with its weights files.
 */
import {
  LIMITS,
  layerShapes,
  MODEL_INPUT,
  ModelError,
  parameterLayout,
  ShapeError,
  type LayerSpec,
  type ModelSpec,
} from '@murmuration/protocol';
import { ImportError, readKerasGraph, type KerasGraph } from './keras-config.ts';
import { meaningOf } from './keras-layers.ts';
import { CONFIG_MAX_BYTES, readKerasFile, type FoundWeights } from './keras-weights.ts';
import { readTfjsWeights } from './tfjs-weights.ts';

export { ImportError } from './keras-config.ts';

export interface ReportRow {
  readonly layer: string;
  readonly className: string;
  readonly outcome: 'taken' | 'changed' | 'left out' | 'refused';
  /** Why, or what is done instead; empty when there is nothing to say. */
  readonly note: string;
}
export interface ImportedModel {
  readonly report: readonly ReportRow[];
  /** Null: something was refused; the report says what. */
  readonly model: ModelSpec | null;
  /** In the order of the model's layout; null: the file had none. */
  readonly parameters: Float32Array | null;
  /** Whether the file's model gives probabilities; ours gives logits, and exports add the softmax again. */
  readonly givesProbabilities: boolean;
}

/**
 * @param files by name: one `.json` or `.keras`, and beside a tfjs model.json the weights files that it names.
 * @throws ImportError when a file cannot be read at all
 */
export async function importModel(files: ReadonlyMap<string, Uint8Array>): Promise<ImportedModel> {
  const names = [...files.keys()];
  const kerasName = names.find((name) => name.endsWith('.keras'));
  if (kerasName !== undefined) {
    const { config, weightsFile } = readKerasFile(files.get(kerasName)!);
    const graph = readKerasGraph(parsed('config.json', config));
    return translate(graph, await weightsFile(graph));
  }
  const jsonName = names.find((name) => name.endsWith('.json'));
  if (jsonName === undefined)
    throw new ImportError('give a .keras file, or a .json that describes a Keras model');
  const document = parsed(jsonName, files.get(jsonName)!);
  const graph = readKerasGraph(document);
  return translate(graph, readTfjsWeights(document, files));
}

function parsed(name: string, bytes: Uint8Array): unknown {
  if (bytes.length > CONFIG_MAX_BYTES)
    throw new ImportError(`${name} has ${bytes.length} bytes; a description has at most ${CONFIG_MAX_BYTES}`);
  try {
    // A file's JSON may say the same in a string: json.dump(model.to_json()) is a habit.
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'string' ? (JSON.parse(value) as unknown) : value;
  } catch {
    throw new ImportError(`${name} is no JSON`);
  }
}

function translate(graph: KerasGraph, weights: FoundWeights | null): ImportedModel {
  const report: ReportRow[] = [];
  const layers: LayerSpec[] = [];
  /** Of each Keras layer: what it is called with us, and its shape. */
  const standing = new Map<string, { readonly name: string; readonly shape: readonly number[] }>();
  standing.set(MODEL_INPUT, { name: MODEL_INPUT, shape: graph.inputShape });
  /** Our layer's name to the Keras layer whose weights it has. */
  const owners = new Map<string, string>();
  const rename = nameGiver();
  let isRefused = false;
  for (const layer of graph.layers) {
    const inputs = layer.inputs.map((from) => standing.get(from));
    const { name: kerasName, className } = layer;
    const row = (outcome: ReportRow['outcome'], note: string) =>
      report.push({ layer: kerasName, className, outcome, note });
    if (inputs.length === 0 || inputs.includes(undefined)) {
      row('refused', inputs.length === 0 ? 'nothing goes into it' : 'a layer before it was refused');
      isRefused = true;
      continue;
    }
    const known = inputs as { readonly name: string; readonly shape: readonly number[] }[];
    const meaning = meaningOf(layer, {
      inputShape: known[0]!.shape,
      readsModelInput: known[0]!.name === MODEL_INPUT,
      hasIdentityKernel: weights === null ? null : isIdentity(weights.get(kerasName)?.get('kernel')?.values),
    });
    if ('refused' in meaning) {
      row('refused', meaning.refused);
      isRefused = true;
      continue;
    }
    if ('leftOut' in meaning) {
      row('left out', meaning.leftOut);
      standing.set(kerasName, known[0]!);
      continue;
    }
    try {
      let from = distinct(known);
      for (const [i, bare] of meaning.layers.entries()) {
        const name = rename(i === 0 ? kerasName : `${kerasName}_${bare.kind}`);
        const made = { ...bare, name, inputs: from.map((input) => input.name) } as LayerSpec;
        const { output } = layerShapes(
          made,
          from.map(({ shape }) => shape),
          from[0]!.name === MODEL_INPUT,
        );
        layers.push(made);
        if (i === 0) owners.set(name, kerasName);
        standing.set(kerasName, { name, shape: output });
        from = [{ name, shape: output }];
      }
      row(meaning.note === undefined ? 'taken' : 'changed', meaning.note ?? '');
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      row('refused', error.message);
      isRefused = true;
    }
  }
  const output = standing.get(graph.outputName);
  const nothing = { report, model: null, parameters: null, givesProbabilities: false };
  if (isRefused || output === undefined) return nothing;
  const givesProbabilities = takeEndingSoftmax(layers, output.name, report, graph.outputName);
  const model: ModelSpec = {
    name:
      graph.name
        .replaceAll(/[^A-Za-z0-9 ._-]/g, '_')
        .replace(/^[^A-Za-z0-9]+/, '')
        .slice(0, LIMITS.nameMaxCharacters) || 'model',
    inputShape: [...graph.inputShape],
    layers,
  };
  try {
    const parameters = weights === null ? null : parametersOf(model, weights, owners);
    parameterLayout(model);
    return { report, model, parameters, givesProbabilities };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    report.push({ layer: graph.name, className: 'model', outcome: 'refused', note: error.message });
    return nothing;
  }
}

/** Attention reads one sequence as query and value. */
const distinct = <T extends { readonly name: string }>(inputs: readonly T[]): T[] =>
  inputs.filter((input, i) => inputs.findIndex(({ name }) => name === input.name) === i);

/** The softmax at the end belongs to the loss. True: there was one. */
function takeEndingSoftmax(
  layers: LayerSpec[],
  outputName: string,
  report: ReportRow[],
  kerasName: string,
): boolean {
  const last = layers.at(-1)!;
  if (last.kind !== 'softmax' || last.name !== outputName) return false;
  layers.pop();
  const at = report.findIndex(({ layer }) => layer === kerasName);
  const note = 'its softmax is part of the loss in training; exports have it again';
  report[at] = { ...report[at]!, outcome: 'changed', note };
  return true;
}

/** Names of ours from Keras's: letters, digits and `_`, each once. */
function nameGiver(): (wanted: string) => string {
  const taken = new Set<string>([MODEL_INPUT]);
  return (wanted) => {
    const plain =
      wanted
        .replaceAll(/[^A-Za-z0-9_]/g, '_')
        .replace(/^[^A-Za-z]+/, '')
        .slice(0, 56) || 'layer';
    let name = plain;
    for (let i = 1; taken.has(name); i++) name = `${plain}_${i}`;
    taken.add(name);
    return name;
  };
}

function isIdentity(values: Float32Array | undefined): boolean {
  if (values === undefined) return false;
  const side = Math.sqrt(values.length);
  return values.every((value, i) => value === (i % (side + 1) === 0 ? 1 : 0));
}

/**
 * Weights by the names of layer and weight; nothing is matched by its place.
 * @throws ImportError naming the weight that is missing or has another shape
 */
function parametersOf(
  model: ModelSpec,
  weights: FoundWeights,
  owners: ReadonlyMap<string, string>,
): Float32Array {
  const layout = parameterLayout(model);
  const parameters = new Float32Array(layout.parameterCount);
  for (const { name, shape, offset, size } of layout.tensors) {
    const cut = name.indexOf('/');
    const owner = owners.get(name.slice(0, cut))!;
    const own = weights.get(owner);
    const weightName = name.slice(cut + 1);
    // An added table is the bias of the layer that was made of it.
    const found =
      own?.get(weightName) ?? (own?.has('kernel') === true ? own.get(tableName(weightName)) : undefined);
    if (found === undefined)
      throw new ImportError(`the file has no weight "${owner}/${weightName}"; it has ${namesIn(own)}`);
    if (found.shape.join() !== shape.join())
      throw new ImportError(
        `the weight "${owner}/${weightName}" is [${found.shape}], the layer needs [${shape}]`,
      );
    if (found.values.length !== size || !found.values.every((value) => Number.isFinite(value)))
      throw new ImportError(`the weight "${owner}/${weightName}" has values that are not finite`);
    parameters.set(found.values, offset);
  }
  return parameters;
}

const tableName = (weightName: string) => (weightName === 'embeddings' ? 'bias' : weightName);
const namesIn = (own: ReadonlyMap<string, unknown> | undefined) =>
  own === undefined || own.size === 0 ? 'none of this layer' : [...own.keys()].join(', ');
