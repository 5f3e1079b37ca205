/**
 * A run from a YAML file (protocol `RunFileSchema`): read from the disk, checked by the client's reader, and told apart by
 * line when something is wrong.
 */
import { readFile } from 'node:fs/promises';
import { readRunYaml } from '@murmuration/client/run-yaml';
import type { DatasetManifest, RunFile } from '@murmuration/protocol';
import type { CoordinatorClient } from './coordinator-client.ts';
import { Sentence } from './places.ts';
import { besideFile, createDataset } from './run-data.ts';

/** @throws Sentence with file, line and field. Data paths come back absolute. */
export async function readRunFile(path: string): Promise<RunFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Sentence(
      error.code === 'ENOENT'
        ? `--run: there is no file ${path}; examples/digits.yaml is one to begin with.`
        : `--run: ${path} cannot be read (${error.code ?? error.message}).`,
    );
  });
  const run = parseRunFile(text, path);
  return { ...run, data: besideFile(run.data, path) };
}

/** `place` stands before the line's number in errors. @throws Sentence with every fault, a line each */
export function parseRunFile(text: string, place: string): RunFile {
  const read = readRunYaml(text);
  if (read.ok) return read.run;
  throw new Sentence(
    read.faults
      .map(({ line, field, message }) => `${place}:${line}: ${field === '' ? '' : `${field} `}${message}`)
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
