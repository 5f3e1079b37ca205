/** From the model that a run file describes to what is asked of POST /api/models and POST /api/runs. */
import type { ModelFile, ModelImport, RunFile, RunRequest } from '@murmuration/protocol';

export type RunFileModel = RunFile['model'];

export const isModelFile = (model: unknown): model is ModelFile =>
  typeof model === 'object' && model !== null && typeof (model as Partial<ModelFile>).file === 'string';

/** The paths that a model names, the description first; of nonsense none. */
export function modelPaths(model: unknown): string[] {
  if (!isModelFile(model)) return [];
  const { file, weightsFiles } = model;
  return [
    file,
    ...(Array.isArray(weightsFiles) ? weightsFiles.filter((path) => typeof path === 'string') : []),
  ];
}

/** Of several chosen files, by name: the description and its weights; null: none of them describes a model. */
export function modelFileOf(names: readonly string[]): ModelFile | null {
  const file = names.find((name) => name.endsWith('.keras')) ?? names.find((name) => name.endsWith('.json'));
  if (file === undefined) return null;
  const weightsFiles = names.filter((name) => name !== file);
  return { file, ...(weightsFiles.length === 0 ? {} : { weightsFiles }) };
}

/** What a path ends with, as the API names a file. */
export const fileName = (path: string): string => path.split(/[\\/]/).at(-1)!;

/** @param uploaded answers the upload's id of the file at a path */
export async function importOf(
  model: ModelFile,
  uploaded: (path: string) => Promise<string>,
): Promise<ModelImport> {
  const files: ModelImport['files'] = [];
  for (const path of modelPaths(model)) files.push({ name: fileName(path), upload: await uploaded(path) });
  return { files };
}

/** The model as a run names it. @param imported answers the id under which the model's files were taken */
export async function requestedModel(
  model: RunFileModel,
  imported: (file: ModelFile) => Promise<string>,
): Promise<RunRequest['model']> {
  if (!isModelFile(model)) return model as RunRequest['model'];
  const { weights } = model;
  return { imported: await imported(model), ...(weights === undefined ? {} : { weights }) };
}
