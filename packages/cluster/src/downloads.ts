/** The trained model, fetched from the coordinator in both formats and written to a directory. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '@murmuration/protocol';
import type { CoordinatorClient } from './coordinator-client.ts';

/** Paths of `model.json` (its weights lie beside it) and of the safetensors file. */
export async function downloadModel(
  client: CoordinatorClient,
  runId: string,
  directory: string,
): Promise<{ [format in keyof Report['exports']]: string }> {
  await mkdir(directory, { recursive: true });
  const save = async (name: string, bytes: Uint8Array): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, bytes);
    return path;
  };
  const exported = `/api/runs/${runId}/export`;
  const modelJson = await client.bytes(`${exported}/tfjs/model.json`);
  const { weightsManifest } = JSON.parse(new TextDecoder().decode(modelJson)) as {
    weightsManifest: { paths: string[] }[];
  };
  for (const name of weightsManifest.flatMap(({ paths }) => paths)) {
    // The names come from our own coordinator, and become file names here.
    if (!/^[\w-]+(\.[\w-]+)*$/.test(name)) throw new Error(`model.json names the weights file "${name}"`);
    await save(name, await client.bytes(`${exported}/tfjs/${name}`));
  }
  return {
    tfjs: await save('model.json', modelJson),
    safetensors: await save('model.safetensors', await client.bytes(`${exported}/model.safetensors`)),
  };
}
