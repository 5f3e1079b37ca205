/**
 * From the fields of the form to what is asked of the coordinator. Only what a text field cannot say (an empty name, a
 * number that is none, a missing file) is judged here; limits are the coordinator's, and its errors come back by field.
 */
import {
  CODECS,
  DEFAULT_TRAINING,
  OPTIMISERS,
  PRESET_NAMES,
  type Codec,
  type DatasetRequest,
  type RunRequest,
  type Training,
} from '@murmuration/protocol';
import { strings } from './strings.ts';

/** The knobs that are plain numbers, in the order of the form. */
export const KNOB_NAMES = [
  'localSteps',
  'warmUpRounds',
  'batchSize',
  'learningRate',
  'outerLearningRate',
  'peersMin',
  'evaluateEveryRounds',
  'roundsMax',
] as const;
type KnobName = (typeof KNOB_NAMES)[number];

export const codecOf = (written: string): Codec =>
  CODECS.find((codec) => codec === written) ?? DEFAULT_TRAINING.codec;

export type FieldErrors = Readonly<Record<string, string>>;
type IdxRequest = Omit<Extract<DatasetRequest, { kind: 'idx' }>, 'images' | 'labels'>;
type FileKind = (typeof KIND_OF_ENDING)[keyof typeof KIND_OF_ENDING];
/** Everything of a dataset that is made of one file, but the upload's id. */
export interface FileRequest {
  readonly kind: FileKind;
  readonly name: string;
  readonly licence: string;
  readonly sharedWithVolunteers: true;
  readonly target?: string;
}

const KIND_OF_ENDING = {
  csv: 'csv',
  tsv: 'csv',
  parquet: 'parquet',
  npz: 'npz',
  npy: 'npz',
  zip: 'images',
  txt: 'text',
} as const;

/** What a file holds, by its ending; null: it cannot be told. */
export function fileKindOf(fileName: string): FileKind | null {
  const ending = /\.([a-z]+)$/i.exec(fileName)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(KIND_OF_ENDING, ending) ? KIND_OF_ENDING[ending as keyof typeof KIND_OF_ENDING] : null;
}

export type DatasetWish =
  | { readonly kind: 'digits' }
  | { readonly kind: 'existing'; readonly datasetId: string }
  | { readonly kind: 'file'; readonly file: File; readonly request: FileRequest }
  | { readonly kind: 'idx'; readonly images: File; readonly labels: File; readonly request: IdxRequest };

export interface RunWish {
  readonly dataset: DatasetWish;
  readonly run: Omit<RunRequest, 'datasetId'>;
}

export function wishOf(form: FormData): { readonly wish: RunWish } | { readonly errors: FieldErrors } {
  const errors: Record<string, string> = {};
  const text = (name: string) => String(form.get(name) ?? '').trim();
  const number = (name: string): number | undefined => {
    const written = text(name).replace(',', '.');
    if (written === '') return undefined;
    const value = Number(written);
    if (Number.isFinite(value)) return value;
    errors[name] = strings.newRun.notNumber;
    return undefined;
  };

  if (text('name') === '') errors['name'] = strings.newRun.missingName;
  const percent = number('training.targetAccuracy');
  const training: Partial<Training> = {
    targetAccuracy: percent === undefined ? null : percent / 100,
    optimiser: OPTIMISERS.find((name) => name === text('training.optimiser')) ?? DEFAULT_TRAINING.optimiser,
    codec: codecOf(text('training.codec')),
  };
  for (const name of KNOB_NAMES)
    training[name satisfies KnobName] = number(`training.${name}`) ?? DEFAULT_TRAINING[name];
  const seed = number('seed');
  const dataset = datasetOf(form, { text, number, errors });
  if (dataset === null || Object.keys(errors).length > 0) return { errors };
  const model = PRESET_NAMES.find((preset) => preset === text('model')) ?? 'mlp';
  return {
    wish: { dataset, run: { name: text('name'), model, training, ...(seed === undefined ? {} : { seed }) } },
  };
}

interface Reader {
  readonly text: (name: string) => string;
  readonly number: (name: string) => number | undefined;
  readonly errors: Record<string, string>;
}

function datasetOf(form: FormData, { text, number, errors }: Reader): DatasetWish | null {
  switch (text('kind')) {
    case 'existing':
      if (text('datasetId') === '') errors['datasetId'] = strings.newRun.missingDataset;
      return { kind: 'existing', datasetId: text('datasetId') };
    case 'file': {
      const file = form.get('file');
      consentOf(form, { text, errors });
      if (!isFile(file)) errors['file'] = strings.newRun.missingFile;
      const kind = isFile(file) ? fileKindOf(file.name) : null;
      if (isFile(file) && kind === null) errors['file'] = strings.newRun.fileUnknown(file.name);
      if (!isFile(file) || kind === null) return null;
      const hasTarget = (kind === 'csv' || kind === 'parquet' || kind === 'npz') && text('target') !== '';
      const request: FileRequest = {
        kind,
        name: text('datasetName') || text('name'),
        licence: text('licence'),
        sharedWithVolunteers: true,
        ...(hasTarget ? { target: text('target') } : {}),
      };
      return { kind: 'file', file, request };
    }
    case 'idx': {
      const [images, labels] = [form.get('images'), form.get('labels')];
      consentOf(form, { text, errors });
      if (!isFile(images)) errors['images'] = strings.newRun.missingFile;
      if (!isFile(labels)) errors['labels'] = strings.newRun.missingFile;
      if (!isFile(images) || !isFile(labels)) return null;
      const trainSampleCount = number('trainSampleCount');
      const request: IdxRequest = {
        kind: 'idx',
        name: text('datasetName') || text('name'),
        licence: text('licence'),
        sharedWithVolunteers: true,
        splitBy: 'order',
        ...(trainSampleCount === undefined ? {} : { trainSampleCount }),
      };
      return { kind: 'idx', images, labels, request };
    }
    default:
      return { kind: 'digits' };
  }
}

const isFile = (value: FormDataEntryValue | null): value is File => value instanceof File && value.size > 0;

/** Without licence and tick nothing is uploaded: volunteers keep what they are sent. */
function consentOf(form: FormData, { text, errors }: Pick<Reader, 'text' | 'errors'>): void {
  if (text('licence') === '') errors['licence'] = strings.newRun.missingLicence;
  if (form.get('sharedWithVolunteers') === null)
    errors['sharedWithVolunteers'] = strings.newRun.missingConsent;
}
