/**
 * The two pages, built with Vite when their built form is missing or older than anything it is built from.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { logFile, ROOT_DIRECTORY, Sentence } from './places.ts';
import type { Say } from './browser.ts';

/** `<this>/volunteer/dist` and `<this>/admin/dist`: what the coordinator serves. */
export const PAGES_DIRECTORY = join(ROOT_DIRECTORY, 'apps');

const PAGES = ['volunteer', 'admin'] as const;
const SABOTEUR_DIRECTORY = join(ROOT_DIRECTORY, 'packages', 'cluster', 'page');
const SABOTEUR_SOURCES = ['cluster/page', 'protocol', 'codec'].map((room) => join('packages', room));
/** Rooms whose sources end up in a page, besides the page itself. */
const BUNDLED_ROOMS = ['client', 'protocol', 'codec', 'swarm', 'trainer', 'mesh'].map((room) =>
  join('packages', room),
);

export async function buildPages({ say }: { say: Say }): Promise<void> {
  const startedAtMs = Date.now();
  const stale: string[] = [];
  for (const page of PAGES) if (await isStale(page)) stale.push(page);
  for (const page of stale) {
    await vite(join(PAGES_DIRECTORY, page));
    await compress(join(PAGES_DIRECTORY, page, 'dist'));
  }
  if (stale.length > 0)
    say(`Pages built (${stale.join(', ')}) in ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s.`);
}

/** Beside each text file its gzip form, which the coordinator serves to whoever takes it: a third of the bytes. */
async function compress(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(js|css|html|svg|json)$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
  }
}

/** The script that is put before a worker's own, so that the tab can be told to misbehave; built when it is stale. */
export async function readSaboteur(): Promise<string> {
  const built = join(SABOTEUR_DIRECTORY, 'dist', 'armed-worker.js');
  if (await isOlder(built, [...SABOTEUR_SOURCES, 'package-lock.json'])) await vite(SABOTEUR_DIRECTORY);
  return readFile(built, 'utf8');
}

const isStale = (page: string): Promise<boolean> =>
  isOlder(join(PAGES_DIRECTORY, page, 'dist', 'index.html'), [
    join('apps', page),
    ...BUNDLED_ROOMS,
    'package-lock.json',
  ]);

/** Whether the built file is missing, or older than one of these paths from the root. */
async function isOlder(built: string, sources: readonly string[]): Promise<boolean> {
  const builtAtMs = await stat(built).then(
    (found) => found.mtimeMs,
    () => null,
  );
  if (builtAtMs === null) return true;
  for (const source of sources) if ((await newestMs(join(ROOT_DIRECTORY, source))) > builtAtMs) return true;
  return false;
}

/** Modification time of the newest file below a path, built and installed things aside. */
async function newestMs(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.mtimeMs;
  let newest = 0;
  for (const name of await readdir(path)) {
    if (name === 'dist' || name === 'node_modules' || name.endsWith('.test.ts')) continue;
    newest = Math.max(newest, await newestMs(join(path, name)));
  }
  return newest;
}

/** Builds one Vite project in a process of its own, so that its memory is gone afterwards. */
export async function vite(directory: string): Promise<void> {
  const log = logFile('vite.log');
  const cli = join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin', 'vite.js');
  const exitCode = await new Promise<number>((resolve) => {
    const out = createWriteStream(log, { flags: 'w' });
    const child = spawn(process.execPath, [cli, 'build', '--logLevel', 'warn'], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.pipe(out, { end: false });
    child.stderr.pipe(out, { end: false });
    child.on('close', (code) => out.end(() => resolve(code ?? 1)));
  });
  if (exitCode === 0) return;
  const tail = (await readFile(log, 'utf8')).trim().split('\n').slice(-15).join('\n');
  throw new Sentence(`${tail}\nVite could not build ${directory}; the whole output is in ${log}.`);
}
