/** From the draft to the run: the files leave, the dataset is made, the run is created. Faults come back by field. */
import { ApiRefusal } from '@murmuration/client';
import { datasetRequestOf, filesOf } from '@murmuration/client/run-data';
import { importOf, modelPaths, requestedModel, type RunFileModel } from '@murmuration/client/run-model';
import type {
  DatasetManifest,
  Fault,
  ModelFile,
  ModelImport,
  PreflightRequest,
  RunFile,
  RunFileData,
  RunRequest,
  RunView,
} from '@murmuration/protocol';
import { nameOfFile } from './run-draft.ts';
import { api } from './session.ts';
import { launch as words } from './strings-launch.ts';
import { forgetUpload, uploadOf } from './uploads.ts';

/** By name, as the draft names them. */
export type ChosenFiles = ReadonlyMap<string, File>;

/** Something in the draft stands in the way. */
export class DraftRefusal extends Error {
  override readonly name = 'DraftRefusal';
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.map(({ field, message }) => `${field}: ${message}`).join('; '));
    this.faults = faults;
  }
}

/** Files that the draft names and nobody has chosen: a page cannot open a path. */
export function missingFiles({ data, model }: Partial<RunFile>, files: ChosenFiles): Fault[] {
  const named: [field: string, path: string][] = [
    ...filesOf(data).map(([field, path]): [string, string] => [`data.${field}`, path]),
    ...modelPaths(model).map((path): [string, string] => ['model.file', path]),
  ];
  return named
    .filter(([, path]) => !files.has(path))
    .map(([field, path]) => ({ field, message: words.fileNotChosen(path) }));
}

/** The same for the same data or model; another when a file was chosen anew. */
const keyOf = (part: unknown, paths: readonly string[], files: ChosenFiles): string =>
  JSON.stringify([part, paths.map((path) => [files.get(path)?.size, files.get(path)?.lastModified])]);
export const dataKey = (data: RunFileData, files: ChosenFiles): string =>
  keyOf(
    data,
    filesOf(data).map(([, path]) => path),
    files,
  );
export const modelKey = (model: RunFileModel, files: ChosenFiles): string =>
  keyOf(model, modelPaths(model), files);

export interface Telling {
  /** What goes on, in words; `share`: of an upload, 0..1. */
  readonly tell: (step: string, share: number | null) => void;
  /** Left out: as the file is called. */
  readonly name?: string | undefined;
}

/** @throws DraftRefusal, and whatever the client throws when nobody answers */
export async function datasetOf(
  data: RunFileData,
  files: ChosenFiles,
  { tell, name }: Telling,
): Promise<DatasetManifest> {
  const missing = missingFiles({ data }, files);
  if (missing.length > 0) throw new DraftRefusal(missing);
  try {
    if (data.kind === 'stored') return await api.dataset(data.id);
    const sentFiles: File[] = [];
    const first = filesOf(data)[0]?.[1] ?? '';
    const request = await datasetRequestOf(data, name ?? nameOfFile(first), async (field, path) => {
      const file = files.get(path)!;
      if (file.size === 0)
        throw new DraftRefusal([{ field: `data.${field}`, message: words.fileEmpty(path) }]);
      sentFiles.push(file);
      return uploadOf(file, (share) => tell(words.uploading(file.name, share), share));
    });
    tell(words.cutting, null);
    try {
      return await api.createDataset(request);
    } catch (reason) {
      // The upload may have been removed meanwhile; the next try sends it again.
      for (const file of sentFiles) forgetUpload(file);
      throw reason;
    }
  } catch (reason) {
    throw asDraftRefusal(reason, (field) => (field === '' ? 'data' : `data.${field}`));
  }
}

/** Sends the files of a model. `tell` hears what goes on, in words, and the share of an upload. */
export const modelImportOf = (
  model: ModelFile,
  files: ChosenFiles,
  tell: Telling['tell'],
): Promise<ModelImport> =>
  importOf(model, (path) => {
    const file = files.get(path);
    if (file === undefined)
      throw new DraftRefusal([{ field: 'model.file', message: words.fileNotChosen(path) }]);
    return uploadOf(file, (share) => tell(words.uploading(file.name, share), share));
  });

/** The model as a run names it; files are imported. @throws DraftRefusal */
export async function modelOf(
  model: RunFileModel,
  files: ChosenFiles,
  tell: Telling['tell'],
): Promise<RunRequest['model']> {
  try {
    return await requestedModel(model, async (file) => {
      const request = await modelImportOf(file, files, tell);
      tell(words.readingModel, null);
      try {
        return (await api.importModel(request)).id;
      } catch (reason) {
        for (const path of modelPaths(file)) forgetUpload(files.get(path)!);
        throw reason;
      }
    });
  } catch (reason) {
    throw asDraftRefusal(reason, () => 'model.file');
  }
}

/** @throws DraftRefusal, and whatever the client throws when nobody answers */
export async function createRun(
  run: RunFile,
  { dataset, model }: { readonly dataset: DatasetManifest; readonly model: RunRequest['model'] },
): Promise<RunView> {
  const { data: _, ...request } = run;
  try {
    return await api.createRun(
      { ...request, model, datasetId: dataset.id },
      { idempotencyKey: crypto.getRandomValues(new Uint32Array(4)).join('-') },
    );
  } catch (reason) {
    throw asDraftRefusal(reason, draftField);
  }
}

/** What is asked before the launch; null: something of it is not here yet. */
export function preflightOfDraft(
  { data, ...request }: RunFile,
  here: { readonly dataset: DatasetManifest | null; readonly model: RunRequest['model'] | null },
): PreflightRequest | null {
  const { dataset, model } = here;
  if (model === null) return null;
  if (data.kind === 'digits') return { ...request, model, data };
  return dataset === null ? null : { ...request, model, datasetId: dataset.id };
}

/** A field of a run request as the draft names it. */
export const draftField = (field: string): string => (field === 'datasetId' ? 'data' : field);

function asDraftRefusal(reason: unknown, inDraft: (field: string) => string): unknown {
  if (!(reason instanceof ApiRefusal) || reason.body.field === undefined) return reason;
  const { faults, field, message } = reason.body;
  return new DraftRefusal(
    (faults ?? [{ field, message }]).map((fault) => ({
      field: inDraft(fault.field),
      message: fault.message,
    })),
  );
}
