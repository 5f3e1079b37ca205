/** The data that a run file describes: its paths, and the dataset that is made of them. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { datasetRequestOf, isFileField } from '@murmuration/client/run-data';
import type { DatasetManifest, DatasetRequest, RunFileData } from '@murmuration/protocol';
import { Zip, ZipPassThrough } from 'fflate';
import { Sentence } from './places.ts';

/** What this needs of the coordinator. */
export interface DatasetPort {
  readonly upload: (path: string) => Promise<string>;
  readonly createDataset: (request: DatasetRequest) => Promise<DatasetManifest>;
}

/** Paths as seen from the run file at `path`. */
export function besideFile(data: RunFileData, path: string): RunFileData {
  const absolute = Object.fromEntries(
    Object.entries(data).map(([field, value]) => [
      field,
      isFileField(field) ? resolve(dirname(path), value as string) : value,
    ]),
  );
  return absolute as unknown as RunFileData;
}

/** Uploads the files and makes the dataset. @throws Sentence naming the file that is not there */
export async function createDataset(
  port: DatasetPort,
  data: Exclude<RunFileData, { readonly kind: 'stored' }>,
  name: string,
): Promise<DatasetManifest> {
  return port.createDataset(await datasetRequestOf(data, name, (field, path) => uploaded(port, field, path)));
}

async function uploaded(port: DatasetPort, field: string, path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found === null)
    throw new Sentence(`data.${field}: there is no file ${path}; paths are relative to the run file.`);
  if (!found.isDirectory()) return port.upload(path);
  const directory = await mkdtemp(join(tmpdir(), 'murmuration-zip-'));
  try {
    const zip = join(directory, 'folder.zip');
    await zipFolder(path, zip);
    return await port.upload(zip);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A folder as a zip, file after file; pictures are packed already, so nothing is compressed. */
async function zipFolder(folder: string, zipPath: string): Promise<void> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  if (names.length === 0) throw new Sentence(`data.file: the folder ${folder} holds no files.`);
  const out = createWriteStream(zipPath);
  const zip = new Zip((error, piece) => {
    if (error !== null) out.destroy(error);
    else out.write(piece);
  });
  for (const name of names) {
    const entry = new ZipPassThrough(name.slice(folder.length + 1).replaceAll('\\', '/'));
    zip.add(entry);
    entry.push(await readFile(name), true);
    if (out.writableNeedDrain) await once(out, 'drain');
  }
  zip.end();
  out.end();
  await finished(out);
}
