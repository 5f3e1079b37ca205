/**
 * The draft of a run: a YAML text, and the edits that the form makes in it. The text is the only state; what the form shows
 * is read from it (client's run-yaml), so neither can be ahead of the other. Text to text; nothing is sent from here.
 */
import { modelFileOf } from '@murmuration/client/run-model';
import { withField } from '@murmuration/client/run-yaml';
import {
  presetsFor,
  RunFileDataSchema,
  runFileJsonSchema,
  type DatasetManifest,
  type PresetName,
  type RunFileData,
} from '@murmuration/protocol';
import { fieldsOf, valueAt, type FormField, type Schema } from './schema-fields.ts';

const SCHEMA = runFileJsonSchema() as Schema;
export type DataKind = RunFileData['kind'];

export const FIRST_NAME = 'my first run';
/** The terms that give nothing away but what a run needs. */
export const LICENCE_DEFAULT = 'All rights reserved; for this run only';
export const FIRST_DRAFT = `# What is left out has its default.
name: ${FIRST_NAME}
data:
  kind: digits
model: mlp
training:
  # It ends at this accuracy, or after so many rounds.
  targetAccuracy: 0.95
  roundsMax: 1000
`;

const NAME_MAX_CHARACTERS = 64;

/** What a newcomer decides, in the order of the form; everything else is folded away. Keys are fields of the schema. */
export const DECISIONS = {
  data: ['data.id', 'data.file', 'data.images', 'data.labels', 'data.kind'],
  target: ['data.target'],
  terms: ['data.licence', 'data.sharedWithVolunteers'],
  model: ['model'],
  end: ['training.targetAccuracy', 'training.roundsMax'],
  name: ['name'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type Decision = keyof typeof DECISIONS;
const DECIDED = new Set<string>(Object.values(DECISIONS).flat());

export interface DraftFields {
  readonly decisions: Readonly<Record<Decision, readonly FormField[]>>;
  readonly rest: readonly FormField[];
}

export function draftFields(value: unknown): DraftFields {
  const all = fieldsOf(SCHEMA, value);
  const decisions = Object.fromEntries(
    Object.entries(DECISIONS).map(([decision, names]) => [
      decision,
      names.flatMap((wanted) => all.filter(({ name }) => name === wanted)),
    ]),
  );
  return {
    decisions: decisions as Record<Decision, FormField[]>,
    rest: all.filter(({ name }) => !DECIDED.has(name)),
  };
}

/** A field as the form writes it. An autoencoder has no accuracy to end at. */
export function withWritten(text: string, path: readonly string[], value: unknown): string {
  const written = withField(text, path, value);
  return path.join('.') === 'model' && value === 'vae'
    ? withField(written, ['training', 'targetAccuracy'], null)
    : written;
}

/** Where data comes from: drawn by the coordinator, there already, or a file of one's own. */
export type Source = 'digits' | 'stored' | 'file';
export const SOURCES: readonly Source[] = ['digits', 'stored', 'file'];

export function sourceOf(value: unknown): Source {
  const kind = valueAt(value, ['data', 'kind']);
  return kind === 'digits' || kind === 'stored' ? kind : 'file';
}

const KIND_OF_ENDING = {
  csv: 'csv',
  tsv: 'csv',
  parquet: 'parquet',
  npz: 'npz',
  npy: 'npz',
  zip: 'images',
  txt: 'text',
} as const satisfies Readonly<Record<string, DataKind>>;

/** What a file holds, by its ending; null: it cannot be told. */
export function fileKindOf(fileName: string): DataKind | null {
  const plain = fileName.replace(/\.gz$/i, '');
  if (/[-.]idx[13][-.]ubyte$/i.test(plain)) return 'idx';
  const ending = /\.([a-z]+)$/i.exec(plain)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(KIND_OF_ENDING, ending) ? KIND_OF_ENDING[ending as keyof typeof KIND_OF_ENDING] : null;
}

const PRESETS_FOR_KIND: Partial<Readonly<Record<DataKind, readonly PresetName[]>>> = {
  digits: ['mlp', 'cnn', 'resnet', 'vae'],
  csv: ['mlp', 'vae'],
  parquet: ['mlp', 'vae'],
  idx: ['cnn', 'resnet', 'mlp', 'vae'],
  images: ['cnn', 'resnet', 'mlp', 'vae'],
  text: ['gpt', 'gru'],
};

/** A file's name as a run or a dataset may be called. */
export function nameOfFile(fileName: string): string {
  const words = fileName
    .normalize('NFC')
    .replace(/\.gz$/i, '')
    .replace(/\.[a-z0-9]+$/i, '')
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, ' ')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, NAME_MAX_CHARACTERS)
    .trimEnd();
  return words === '' ? 'data' : words;
}

/** The built-in digits. */
export const withDigits = (text: string, value: unknown): string =>
  withModelFor(withField(text, ['data'], { kind: 'digits' }), value, PRESETS_FOR_KIND.digits!);

/** A dataset that is there; null: none is chosen yet. */
export function withStored(text: string, value: unknown, dataset: DatasetManifest | null): string {
  if (dataset === null) return withField(text, ['data'], { kind: 'stored' });
  const { id, sampleShape, target } = dataset;
  return withModelFor(
    withField(text, ['data'], { kind: 'stored', id }),
    value,
    presetsFor(sampleShape, target.kind === 'next-token'),
  );
}

/**
 * Files of one's own, by their names: their kind, a model that fits it, and the first file's name for a run that has no
 * other yet. The tick goes: it was given for other data.
 * @returns null when it cannot be told what the file holds
 */
export function withFiles(text: string, value: unknown, names: readonly string[]): string | null {
  const [first] = names;
  const kind = first === undefined ? null : fileKindOf(first);
  if (first === undefined || kind === null) return null;
  const [images, labels] = [
    names.find((name) => /idx3/i.test(name)),
    names.find((name) => /idx1/i.test(name)),
  ];
  const data = {
    kind,
    ...(kind === 'idx' ? { images, labels } : { file: first }),
    licence: valueAt(value, ['data', 'licence']) ?? LICENCE_DEFAULT,
  };
  const isUnnamed = [FIRST_NAME, ...namesOfFiles(value).map(nameOfFile)].includes(
    String(valueAt(value, ['name']) ?? FIRST_NAME),
  );
  const named = isUnnamed ? withField(text, ['name'], nameOfFile(first)) : text;
  return withModelFor(withField(named, ['data'], data), value, PRESETS_FOR_KIND[kind] ?? []);
}

/** Own data whose file is not chosen yet. */
export const withNoFile = (text: string): string =>
  withField(text, ['data'], { kind: 'csv', licence: LICENCE_DEFAULT });

/** Files of a model from elsewhere, by their names; null: none of them describes one. */
export function withModelFiles(text: string, names: readonly string[]): string | null {
  const model = modelFileOf(names);
  return model === null ? null : withField(text, ['model'], model);
}

/** Another kind of the same data: what the new kind knows stays. */
export function withKind(text: string, value: unknown, kind: DataKind): string {
  const branch = RunFileDataSchema.anyOf.find(({ properties }) => properties.kind.const === kind);
  const known = new Set(Object.keys(branch?.properties ?? {}));
  const old = valueAt(value, ['data']);
  const kept = Object.entries(typeof old === 'object' && old !== null ? old : {}).filter(([key]) =>
    known.has(key),
  );
  return withField(text, ['data'], { ...Object.fromEntries(kept), kind });
}

const namesOfFiles = (value: unknown): string[] =>
  ['file', 'images'].flatMap((field) => {
    const name = valueAt(value, ['data', field]);
    return typeof name === 'string' ? [name] : [];
  });

/** A preset that cannot read such data gives way to the first that can. A model in full is its author's. */
function withModelFor(text: string, value: unknown, presets: readonly PresetName[]): string {
  const model = valueAt(value, ['model']);
  const isFine = typeof model === 'object' || presets.some((preset) => preset === model);
  return isFine || presets.length === 0 ? text : withField(text, ['model'], presets[0]);
}
