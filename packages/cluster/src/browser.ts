/**
 * The browser that a fleet runs: found, or installed where that is allowed, then asked which WebGPU adapter it gives.
 *
 * Order: MURMURATION_BROWSER, an installed Chrome or Chromium, what Playwright downloaded earlier, Playwright's
 * download, the system's package (root on a system with apt-get). Each candidate must say its version before it counts:
 * some systems have a `chromium-browser` that only explains how to install one. A hardware adapter is preferred; the
 * software adapter is slow and correct.
 */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { chromium, type Browser } from 'playwright';
import { probeAdapter, type ProbedAdapter } from '../page/probes.ts';
import { browserFlags, type AdapterWish } from './browser-flags.ts';
import { logFile, Sentence } from './places.ts';

export interface FoundBrowser {
  readonly executablePath: string;
  /** Where it came from, for people. */
  readonly source: string;
}

/** A browser that was started once and gave an adapter: all that a fleet needs to know. */
export interface GpuBrowser extends FoundBrowser {
  readonly version: string;
  readonly adapter: ProbedAdapter;
  readonly wish: AdapterWish;
}

/** Says one line to the person at the terminal. */
export type Say = (line: string) => void;

const VERSION_MAX_MS = 15_000;
const LAUNCH_MAX_MS = 30_000;
/** Playwright's Chromium is about 180 MB. */
const DOWNLOAD_MAX_MS = 5 * 60_000;
const PACKAGE_MAX_MS = 10 * 60_000;

const isRoot = () => process.getuid?.() === 0;

/** @throws Sentence when there is no browser and none could be installed. */
export async function findBrowser({
  say,
  mayInstall,
}: {
  say: Say;
  mayInstall: boolean;
}): Promise<FoundBrowser> {
  const named = process.env.MURMURATION_BROWSER;
  if (named) {
    if (await answersVersion(named)) return { executablePath: named, source: 'MURMURATION_BROWSER' };
    throw new Sentence(
      `MURMURATION_BROWSER names ${named}, which is no browser that starts; set it to the path of Chrome or Chromium, or unset it.`,
    );
  }
  const present = await findPresent();
  if (present !== null) return present;
  if (mayInstall) {
    say('No Chrome or Chromium here; asking Playwright to download one ...');
    if (
      await runLogged(
        [process.execPath, playwrightCli(), 'install', '--no-shell', 'chromium'],
        DOWNLOAD_MAX_MS,
      )
    ) {
      const downloaded = await findPresent();
      if (downloaded !== null) return downloaded;
    }
    if (isRoot() && (await isExecutable('/usr/bin/apt-get'))) {
      say("The download did not work; installing the system's package chromium ...");
      const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      if (
        (await runLogged(['apt-get', 'update'], PACKAGE_MAX_MS, environment)) &&
        (await runLogged(
          ['apt-get', 'install', '-y', '--no-install-recommends', 'chromium'],
          PACKAGE_MAX_MS,
          environment,
        ))
      ) {
        const packaged = await findPresent();
        if (packaged !== null) return packaged;
      }
    }
  }
  throw new Sentence(
    `No Chrome or Chromium was found${mayInstall ? ` and none could be installed (see ${browserLog()})` : ''}: install Google Chrome, or set MURMURATION_BROWSER to the path of a Chromium, and run the command again.`,
  );
}

async function findPresent(): Promise<FoundBrowser | null> {
  for (const path of installedPaths())
    if (await answersVersion(path)) return { executablePath: path, source: 'installed' };
  const downloaded = chromium.executablePath();
  return (await answersVersion(downloaded))
    ? { executablePath: downloaded, source: "Playwright's download" }
    : null;
}

function installedPaths(): string[] {
  const { env, platform } = process;
  const onPath = (names: string[]) =>
    (env.PATH ?? '').split(delimiter).flatMap((directory) => names.map((name) => join(directory, name)));
  switch (platform) {
    case 'darwin':
      return ['/Applications', join(env.HOME ?? '', 'Applications')].flatMap((directory) => [
        join(directory, 'Google Chrome.app/Contents/MacOS/Google Chrome'),
        join(directory, 'Chromium.app/Contents/MacOS/Chromium'),
      ]);
    case 'win32':
      return [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA]
        .filter((directory) => directory !== undefined)
        .flatMap((directory) => [
          join(directory, 'Google', 'Chrome', 'Application', 'chrome.exe'),
          join(directory, 'Chromium', 'Application', 'chrome.exe'),
        ]);
    default:
      return [
        ...onPath(['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser']),
        '/opt/google/chrome/chrome',
        '/usr/lib/chromium/chromium',
        '/snap/bin/chromium',
      ];
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** On Windows `chrome.exe --version` opens a window instead of answering, so there the file's presence must do. */
async function answersVersion(path: string): Promise<boolean> {
  if (!(await isExecutable(path))) return false;
  if (process.platform === 'win32') return true;
  return new Promise((resolve) => {
    execFile(path, ['--version'], { timeout: VERSION_MAX_MS }, (error, stdout) =>
      resolve(error === null && /\b\d+\.\d+\.\d+/.test(stdout)),
    );
  });
}

const playwrightCli = () =>
  join(dirname(createRequire(import.meta.url).resolve('playwright/package.json')), 'cli.js');
const browserLog = () => logFile('browser.log');

/** True when the command ended with 0 in time. Its output goes to the browser log. */
function runLogged([file, ...args]: string[], maxMs: number, env = process.env): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(file!, args, { timeout: maxMs, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const outcome = error === null ? 'ok' : error.message;
      appendFileSync(browserLog(), `$ ${[file, ...args].join(' ')}\n${stdout}${stderr}${outcome}\n`);
      resolve(error === null);
    });
  });
}

/** Starts the browser as a fleet does. `headed` shows its windows. */
export function launchBrowser(
  browser: FoundBrowser,
  wish: AdapterWish,
  { headed = false }: { headed?: boolean } = {},
): Promise<Browser> {
  const { args, chromiumSandbox } = browserFlags(wish, { isRoot: isRoot() });
  return chromium.launch({
    executablePath: browser.executablePath,
    args: [...args],
    chromiumSandbox,
    headless: !headed,
    timeout: LAUNCH_MAX_MS,
    // Ctrl-C is ours to handle: volunteers leave politely before their browser goes.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}

/**
 * Finds out which adapter the browser gives: hardware when there is one, else the software adapter.
 * MURMURATION_ADAPTER=software|hardware decides instead.
 * @throws Sentence when WebGPU gives no adapter at all, or not the one asked for.
 */
export async function probeBrowser(browser: FoundBrowser): Promise<GpuBrowser> {
  const asked = process.env.MURMURATION_ADAPTER;
  if (asked && asked !== 'software' && asked !== 'hardware')
    throw new Sentence(`MURMURATION_ADAPTER is "${asked}"; set it to software or hardware, or unset it.`);
  let reason = '';
  for (const wish of asked ? [asked as AdapterWish] : (['hardware', 'software'] as const)) {
    const { version, probed } = await probeOnce(browser, wish);
    if (typeof probed === 'string') reason = probed;
    else if (wish === 'hardware' && probed.isFallbackAdapter) reason = 'only the software adapter answers';
    else return { ...browser, version, adapter: probed, wish };
  }
  throw new Sentence(
    `${browser.executablePath} gives no ${asked ?? 'usable'} WebGPU adapter: ${reason}. Chrome or Chromium 130 or newer is needed; set MURMURATION_BROWSER to one.`,
  );
}

async function probeOnce(browser: FoundBrowser, wish: AdapterWish) {
  const running = await launchBrowser(browser, wish).catch((error: Error) => {
    appendFileSync(browserLog(), `${error.message}\n`);
    throw new Sentence(
      `${browser.executablePath} did not start (${error.message.split('\n')[0]}); what it said is in ${browserLog()}.`,
    );
  });
  try {
    const page = await openSecurePage(running);
    return { version: running.version(), probed: await page.evaluate(probeAdapter) };
  } finally {
    await running.close();
  }
}

/** An empty page on http://localhost: WebGPU exists only in a secure context, and about:blank is none. */
export async function openSecurePage(browser: Browser) {
  const page = await browser.newPage();
  await page.route('http://localhost/**', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<title>probe</title>' }),
  );
  await page.goto('http://localhost/');
  return page;
}

/** One line about an adapter: name, kind and the limits that decide what fits. */
export function adapterText(adapter: ProbedAdapter): string {
  const name = [adapter.vendor, adapter.architecture, adapter.description]
    .filter((word) => word !== '')
    .join(' ');
  const features = [adapter.hasShaderF16 && 'shader-f16', adapter.hasSubgroups && 'subgroups'].filter(
    (each) => each !== false,
  );
  return [
    `${name || 'unnamed adapter'} (${adapter.isFallbackAdapter ? 'software: works, very slow' : 'hardware'})`,
    `buffers to ${(adapter.maxBufferSizeBytes / 2 ** 20).toFixed(0)} MiB`,
    `bindings to ${(adapter.maxStorageBufferBindingSizeBytes / 2 ** 20).toFixed(0)} MiB`,
    ...features,
  ].join(', ');
}
