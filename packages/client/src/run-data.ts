/** From the data that a run file describes to what is asked of POST /api/datasets. */
import type { DatasetRequest, RunFileData } from '@murmuration/protocol';

/** Fields of `data` that name a file. */
export const FILE_FIELDS = ['file', 'images', 'labels'] as const;
export type FileField = (typeof FILE_FIELDS)[number];
export const isFileField = (field: string): field is FileField =>
  (FILE_FIELDS as readonly string[]).includes(field);

/** The files that data name, by field; of nonsense none. */
export const filesOf = (data: unknown): [FileField, string][] =>
  FILE_FIELDS.flatMap((field) => {
    const path: unknown =
      typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[field] : undefined;
    return typeof path === 'string' ? [[field, path] as [FileField, string]] : [];
  });

const NAME_MAX_CHARACTERS = 64;

/** @param uploaded answers the upload's id of the file that a field names */
export async function datasetRequestOf(
  data: Exclude<RunFileData, { readonly kind: 'stored' }>,
  name: string,
  uploaded: (field: FileField, path: string) => Promise<string>,
): Promise<DatasetRequest> {
  if (data.kind === 'digits') return data;
  const request: Record<string, unknown> = { ...data, name: name.slice(0, NAME_MAX_CHARACTERS) };
  for (const [field, path] of filesOf(data)) request[field] = await uploaded(field, path);
  return request as unknown as DatasetRequest;
}
