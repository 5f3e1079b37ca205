/**
 * The page of the trainer's browser proofs, built, served and opened in the browser that the global setup found. It is
 * served from 127.0.0.1, which is a secure context: WebGPU exists in no other.
 */
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from '@playwright/test';
import { build } from 'vite';
import type { TrainerPage } from '../../packages/trainer/tests/browser/page.ts';
import type { Request } from '../../packages/trainer/tests/browser/worker.ts';
import { BROWSER_VARIABLE } from './global-setup.ts';

declare const trainerPage: TrainerPage;

const PAGE_ROOT = fileURLToPath(new URL('../../packages/trainer/tests/browser', import.meta.url));
const MIME: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' };

export interface TrainerBrowser {
  /** A new tab of it. */
  open(): Promise<Page>;
  close(): Promise<void>;
}

/** @param outDir where the page may be built. */
export async function openTrainerBrowser(outDir: string): Promise<TrainerBrowser> {
  await build({
    root: PAGE_ROOT,
    configFile: false,
    logLevel: 'warn',
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 4_000 },
  });
  const server: Server = createServer(async (request, response) => {
    const path = join(outDir, request.url === '/' ? 'index.html' : request.url!);
    const body = await readFile(path).catch(() => null);
    if (body === null) response.writeHead(404).end();
    else
      response
        .writeHead(200, { 'content-type': MIME[extname(path)] ?? 'application/octet-stream' })
        .end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { executablePath } = JSON.parse(process.env[BROWSER_VARIABLE]!) as {
    readonly executablePath: string;
  };
  const browser: Browser = await chromium.launch({
    executablePath,
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--enable-unsafe-webgpu'],
  });
  return {
    open: async () => {
      const page = await browser.newPage();
      const address = server.address() as { port: number };
      await page.goto(`http://127.0.0.1:${address.port}/`);
      return page;
    },
    close: async () => {
      await browser.close();
      server.close();
    },
  };
}

/** Asks a worker of the page, which is started when it is asked for the first time. */
export const askWorker = <T>(page: Page, request: Request, worker = 'gpu'): Promise<T> =>
  page.evaluate(([name, asked]) => trainerPage.ask(name, asked), [worker, request] as const) as Promise<T>;
