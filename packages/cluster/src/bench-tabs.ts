/**
 * Tabs for benchmarks: the page that runs bare tfjs loops and wires, and volunteer pages whose buttons are pressed. What
 * several subjects do with them.
 */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { DEFAULT_TRAINING, presetModel } from '@murmuration/protocol';
import { adapterText, findBrowser, probeBrowser, type GpuBrowser, type Say } from './browser.ts';
import type { CoordinatorClient } from './coordinator-client.ts';
import { buildPages, vite } from './pages.ts';
import { ROOT_DIRECTORY } from './places.ts';
import type { Tab, TabFleet } from './tabs.ts';

const BENCH_PAGE = join(ROOT_DIRECTORY, 'packages', 'cluster', 'bench-page');
const BENCH_ORIGIN = 'http://localhost:1';
const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** A browser with an adapter, all pages built. */
export async function prepareBench(say: Say): Promise<GpuBrowser> {
  const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
  say(`Browser ${browser.version}, ${adapterText(browser.adapter)}`);
  await buildPages({ say });
  await vite(BENCH_PAGE);
  return browser;
}

export async function openBenchPage(fleet: TabFleet): Promise<Tab> {
  const tab = await fleet.openPage('about:blank');
  await tab.context.route(`${BENCH_ORIGIN}/**`, async (route) => {
    const path = join(BENCH_PAGE, 'dist', new URL(route.request().url()).pathname);
    await route.fulfill({
      body: await readFile(path),
      contentType: CONTENT_TYPES[extname(path)] ?? 'application/octet-stream',
    });
  });
  await tab.page.goto(`${BENCH_ORIGIN}/index.html`);
  return tab;
}

/** Presses Pause or Resume on the volunteer page and waits until it is paused, or is not: what it does then changes fast. */
export async function press({ page }: Tab, button: 'Pause' | 'Resume'): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click();
  const wanted = button === 'Pause' ? 'main[data-state="paused"]' : 'main:not([data-state="paused"])';
  await page.locator(wanted).waitFor();
}

/** Steps a second of a bare tfjs loop with the default model. */
export async function bareRate(
  { page }: Tab,
  { steps, batchSize = DEFAULT_TRAINING.batchSize }: { steps: number; batchSize?: number },
): Promise<number> {
  const answer = await page.evaluate(
    (options) =>
      (
        globalThis as unknown as {
          bareLoop: (options: unknown) => Promise<{ steps: number; ms: number } | { error: string }>;
        }
      ).bareLoop(options),
    {
      model: presetModel('mlp', [28, 28, 1], 10),
      batchSize,
      learningRate: DEFAULT_TRAINING.learningRate,
      backend: 'webgpu',
      steps,
    },
  );
  if ('error' in answer) throw new Error(`the bare loop failed: ${answer.error}`);
  return (answer.steps / answer.ms) * 1000;
}

/** Steps a second of a whole run over a window, from the first report that shows progress to the last one in it. */
export async function rateOfRun(client: CoordinatorClient, runId: string, windowMs: number): Promise<number> {
  let known: number | null = null;
  let first: { steps: number; atMs: number } | null = null;
  for await (const { run: view } of client.live(runId, AbortSignal.timeout(10 * 60_000))) {
    const nowMs = performance.now();
    if (known !== null && view.localSteps > known) {
      if (first === null) first = { steps: view.localSteps, atMs: nowMs };
      else if (nowMs - first.atMs >= windowMs)
        return ((view.localSteps - first.steps) / (nowMs - first.atMs)) * 1000;
    }
    known = view.localSteps;
  }
  throw new Error('the coordinator ended the stream of the run');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
