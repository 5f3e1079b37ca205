/**
 * A run from a YAML file (protocol `RunFileSchema`): read from the disk, checked by the client's reader, and told apart by
 * line when something is wrong.
 */
import { access, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { readRunYaml } from '@murmuration/client/run-yaml';
import { importOf, isModelFile, requestedModel } from '@murmuration/client/run-model';
import type {
  DatasetManifest,
  ModelFile,
  PreflightRequest,
  RunFile,
  RunRequest,
} from '@murmuration/protocol';
import type { CoordinatorClient } from './coordinator-client.ts';
import { Sentence } from './places.ts';
import { besideFile, createDataset } from './run-data.ts';

/** @throws Sentence with file, line and field. Paths of data and model come back absolute. */
export async function readRunFile(path: string): Promise<RunFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Sentence(
      error.code === 'ENOENT'
        ? `--run: there is no file ${path}; examples/digits.yaml is one to begin with.`
        : `--run: ${path} cannot be read (${error.code ?? error.message}).`,
    );
  });
  const run = parseRunFile(text, path);
  const { data, model } = run;
  return {
    ...run,
    data: besideFile(data, path),
    model: isModelFile(model) ? modelBesideFile(model, path) : model,
  };
}

function modelBesideFile(model: ModelFile, path: string): ModelFile {
  const seen = (named: string) => resolve(dirname(path), named);
  const { weightsFiles } = model;
  return {
    ...model,
    file: seen(model.file),
    ...(weightsFiles === undefined ? {} : { weightsFiles: weightsFiles.map(seen) }),
  };
}

/** `place` stands before the line's number in errors. @throws Sentence with every fault, a line each */
export function parseRunFile(text: string, place: string): RunFile {
  const read = readRunYaml(text);
  if (read.ok) return read.run;
  throw new Sentence(
    read.faults
      .map(({ line, field, message }) => `${place}:${line}: ${field === '' ? '' : `${field}: `}${message}`)
      .join('\n'),
  );
}

/** The dataset that the file describes, on the coordinator: files are sent, the same content is kept once. */
export async function datasetOfRunFile(
  client: CoordinatorClient,
  { name, data }: RunFile,
): Promise<DatasetManifest> {
  if (data.kind !== 'stored') return createDataset(client, data, name);
  const found = (await client.datasets()).find(({ id }) => id === data.id);
  if (found === undefined) throw new Sentence(`data.id: ${client.url} has no dataset ${data.id}.`);
  return found;
}

/** What is asked of POST /api/runs: the file's data and model are on the coordinator first. */
export async function requestOfRunFile(client: CoordinatorClient, file: RunFile): Promise<RunRequest> {
  const { data: _, model, ...request } = file;
  // A model that is refused is known before a large file of data was sent.
  const requested = await requestedModel(model, (each) => importedModel(client, each));
  const { id: datasetId } = await datasetOfRunFile(client, file);
  return { ...request, model: requested, datasetId };
}

/** What is asked of POST /api/preflight: data that the coordinator draws are not made for it. */
export async function preflightOfRunFile(
  client: CoordinatorClient,
  file: RunFile,
): Promise<PreflightRequest> {
  const { data, model, ...request } = file;
  if (data.kind !== 'digits') return requestOfRunFile(client, file);
  return { ...request, model: await requestedModel(model, (each) => importedModel(client, each)), data };
}

async function importedModel(client: CoordinatorClient, model: ModelFile): Promise<string> {
  const request = await importOf(model, async (path) => {
    await access(path).catch(() => {
      throw new Sentence(`model: there is no file ${path}; paths are relative to the run file.`);
    });
    return client.upload(path);
  });
  return (await client.importModel(request)).id;
}
