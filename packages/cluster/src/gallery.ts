/**
 * The volunteer page's gallery in a browser: every screen from a state that stands still, drawn by the page's own
 * components. Built apart and never served by a coordinator; the browser gets its files, and one run's numbers, from here.
 */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Page } from 'playwright';
import { vite } from './pages.ts';
import { ROOT_DIRECTORY } from './places.ts';

const GALLERY = join(ROOT_DIRECTORY, 'apps', 'volunteer', 'gallery');
/** Nobody listens there: every request is answered below. */
const ORIGIN = 'http://localhost:1';
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** What `GET /api/public/runs` says to the consent screen: the fields that it reads. */
const RUNS = [
  {
    name: 'digits',
    parameterCount: 109_386,
    roundBytes: 4 * 110_262,
    targetAccuracy: 0.95,
    datasetName: 'Digits',
    licence: 'CC0 1.0',
    task: 'class',
    shardBytes: 400 * 785,
    state: 'training',
    volunteersConnected: 4,
    round: 184,
    trainingMs: 184_000,
    accuracy: 0.904,
  },
];

/** What `GET /api/public/coordinator` says. */
const COORDINATOR = { operator: { name: 'Starling Observatory', contact: 'hello@starling.example' } };

export const buildGallery = (): Promise<void> => vite(GALLERY);

export class Gallery {
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  /** @param page of any context; its requests to the gallery's address are answered from disk. */
  static async open(page: Page): Promise<Gallery> {
    await page.route(`${ORIGIN}/**`, async (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === '/api/public/runs') return route.fulfill({ json: RUNS });
      if (pathname === '/api/public/coordinator') return route.fulfill({ json: COORDINATOR });
      const path = pathname === '/' ? '/index.html' : pathname;
      const body = await readFile(join(GALLERY, 'dist', path)).catch(() => null);
      if (body === null) return route.fulfill({ status: 404, body: '' });
      return route.fulfill({ body, contentType: CONTENT_TYPES[extname(path)] ?? 'application/octet-stream' });
    });
    return new Gallery(page);
  }

  /** Draws one screen. `options.lang` and `options.dir` as the page's address takes them. */
  async show(screen: string, options: { readonly lang?: string; readonly dir?: string } = {}): Promise<void> {
    const asked = new URLSearchParams({ screen, ...options });
    await this.#page.goto(`${ORIGIN}/?${asked}`);
    await this.#page.locator('main').locator('h1, h2').first().waitFor({ state: 'visible' });
    if (screen === 'connectivity') await this.#page.locator('[data-way]').waitFor({ state: 'visible' });
    if (screen.startsWith('consent') || screen === 'trust')
      await this.#page.locator('.offer dl').waitFor({ state: 'visible' });
  }

  /** Names of all screens, in the order in which a person meets them. */
  async screens(): Promise<readonly string[]> {
    await this.show('training');
    return this.#page.evaluate(() => (globalThis as unknown as { screens: string[] }).screens);
  }
}
