/**
 * What the trainer alone takes until its first step (program, device, model, shaders, one batch), in a page of its own and
 * with a warm cache: the least that any volunteer page could take.
 */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { initialParameters, parametersToBytes } from '@murmuration/codec';
import { parameterLayout, type RunManifest } from '@murmuration/protocol';
import type { BrowserContext } from 'playwright';
import type { CoordinatorClient } from './coordinator-client.ts';
import { vite } from './pages.ts';
import { ROOT_DIRECTORY } from './places.ts';

const BENCH_PAGE = join(ROOT_DIRECTORY, 'packages', 'cluster', 'bench-page');
const BENCH_ORIGIN = 'http://localhost:1';
const CONTENT_TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

type Answer = { readonly ms: number } | { readonly error: string };

/** Milliseconds, the second time: the first one warms the browser's caches as a first visit does. */
export async function firstStepAlone(
  context: BrowserContext,
  client: CoordinatorClient,
  manifest: RunManifest,
): Promise<number> {
  await vite(BENCH_PAGE);
  const page = await context.newPage();
  await page.route(`${BENCH_ORIGIN}/**`, async (route) => {
    const path = join(BENCH_PAGE, 'dist', new URL(route.request().url()).pathname);
    const body = await readFile(path).catch(() => null);
    if (body === null) return route.fulfill({ status: 404, body: '' });
    return route.fulfill({ body, contentType: CONTENT_TYPES[extname(path)] ?? 'application/octet-stream' });
  });
  const parameters = parametersToBytes(
    initialParameters(parameterLayout(manifest.model).tensors, manifest.seed),
  );
  // Validation samples are samples too: of the same size, and known to everybody.
  const samples = await client.bytes(`/blobs/${manifest.dataset.validation.sha256}`);
  let ms = 0;
  for (let turn = 0; turn < 2; turn++) {
    await page.goto(`${BENCH_ORIGIN}/index.html`);
    const answer = await page.evaluate(
      async ({ manifest: run, parametersBase64, samplesBase64 }) => {
        const bytesOf = (base64: string) =>
          Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        const { trainerAlone } = globalThis as unknown as {
          trainerAlone: (commands: readonly unknown[]) => Promise<Answer>;
        };
        return trainerAlone([
          { kind: 'prepare', manifest: run },
          { kind: 'load-checkpoint', round: 0, parameters: bytesOf(parametersBase64) },
          { kind: 'add-shard', shardIndex: 0, bytes: bytesOf(samplesBase64) },
          { kind: 'train', round: 0, batches: [{ shardIndex: 0, pass: 0, batchIndex: 0 }] },
        ]);
      },
      {
        manifest,
        parametersBase64: Buffer.from(parameters).toString('base64'),
        samplesBase64: Buffer.from(samples).toString('base64'),
      },
    );
    if ('error' in answer) throw new Error(`the trainer alone failed: ${answer.error}`);
    ms = answer.ms;
  }
  await page.close();
  return ms;
}
