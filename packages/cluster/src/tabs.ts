/**
 * A fleet of volunteers: real tabs of real browsers, each opened on the volunteer page and started by a click on its
 * consent button. Tabs are spread over several browsers, because one GPU process serialises all tabs of its browser.
 *
 * A tab can go in two ways: `close` is a person closing it (the page may say goodbye), `kill` is the power cord (its
 * renderer process gets SIGKILL). The fleet knows nothing of runs; the coordinator tells what its tabs do.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright';
import type { Saboteur } from '../page/saboteur.ts';
import { launchBrowser, type GpuBrowser } from './browser.ts';
import { readSaboteur } from './pages.ts';
import { logFile, Sentence } from './places.ts';

export interface FleetOptions {
  readonly browser: GpuBrowser;
  /** Browsers to spread the tabs over. */
  readonly browserCount: number;
  /** Directory below `.murmuration/logs`. */
  readonly logName: string;
  readonly headed?: boolean;
  /** Tabs can be told to misbehave: a saboteur stands before the worker's script. */
  readonly sabotage?: boolean;
  /** A script that stands before the worker's own. */
  readonly workerPrelude?: string;
  /** Playwright's trace of every tab (actions, network, console, what the page looked like): see `saveTraces`. */
  readonly trace?: boolean;
  /** Breaks every tab on purpose, to see what is built on the fleet fail. */
  readonly plant?: Plant | undefined;
}

export const PLANTS = ['no-webgpu', 'no-p2p'] as const;
export type Plant = (typeof PLANTS)[number];

export interface Tab {
  /** 1, 2, 3 ... in the order of opening; never given twice. */
  readonly number: number;
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors that the page or its worker wrote to the console, oldest first, at most `CONSOLE_ERRORS_MAX`. */
  readonly consoleErrors: readonly string[];
  /** What the page shows now, on one line: the first thing to read when a tab does not do what it should. */
  screenText(): Promise<string>;
  /** Sudden death: nothing of the page runs any more, not even a pagehide handler. Answers how it was done. */
  kill(): Promise<'killed' | 'crashed'>;
  /** A person closes the tab. */
  close(): Promise<void>;
  /** Its renderer stands still (SIGSTOP) until `thaw`. False: its process was not found. */
  freeze(): Promise<boolean>;
  thaw(): void;
  /** A word to the saboteur in the worker; null: the page has no worker. The fleet must have been launched with `sabotage`. */
  sabotage<W extends keyof Saboteur>(
    word: W,
    argument: Parameters<Saboteur[W]>[0] | null,
  ): Promise<ReturnType<Saboteur[W]> | null>;
}

/** What a broken page may say before we stop keeping it. */
const CONSOLE_ERRORS_MAX = 200;
/** Clicks and reads of a page whose worker has taken the cores. */
const ACTION_MAX_MS = 30_000;
const SCREEN_MAX_MS = 10_000;
/** Samples of processor time taken before a renderer counts as not to be found. */
const RENDERER_SEARCH_TRIES = 12;
/** Chromium reports processor times in ticks of 10 ms; two of them stand for the rounding of both sides. */
const PROCESSOR_TICK_S = 0.02;

export class TabFleet {
  readonly #options: FleetOptions;
  readonly #browsers: { readonly browser: Browser; tabCount: number }[] = [];
  readonly #open = new Set<Tab>();
  #lastNumber = 0;

  private constructor(options: FleetOptions) {
    this.#options = options;
  }

  static async launch(options: FleetOptions): Promise<TabFleet> {
    const fleet = new TabFleet(options);
    try {
      for (let index = 0; index < options.browserCount; index++)
        fleet.#browsers.push({
          browser: await launchBrowser(options.browser, options.browser.wish, {
            headed: options.headed ?? false,
          }),
          tabCount: 0,
        });
    } catch (error) {
      await fleet.closeAll();
      throw error;
    }
    return fleet;
  }

  /** Tabs that were neither killed nor closed. */
  get openTabs(): readonly Tab[] {
    return [...this.#open];
  }

  /** A fresh profile (nothing stored) on `url`, before any click. */
  async openPage(url: string): Promise<Tab> {
    const home = this.#browsers.toSorted((a, b) => a.tabCount - b.tabCount)[0]!;
    home.tabCount++;
    const number = ++this.#lastNumber;
    const context = await home.browser.newContext();
    context.setDefaultTimeout(ACTION_MAX_MS);
    const { sabotage, plant, workerPrelude } = this.#options;
    if (sabotage === true || workerPrelude !== undefined)
      await beginWorkersWith(
        context,
        `${NAME_SHIM}\n${workerPrelude ?? ''}\n${sabotage === true ? await saboteur(plant) : ''}`,
      );
    if (this.#options.trace === true) await context.tracing.start({ snapshots: true, screenshots: false });
    if (this.#options.plant === 'no-p2p') await context.addInitScript(NO_P2P);
    const page = await context.newPage();
    let frozenPid: number | null = null;
    const consoleErrors: string[] = [];
    const log = logFile(this.#options.logName, `tab-${number}.log`);
    const write = (line: string) => appendFileSync(log, `${new Date().toISOString()} ${line}\n`);
    const writeError = (line: string) => {
      if (consoleErrors.length < CONSOLE_ERRORS_MAX) consoleErrors.push(line);
      write(line);
    };
    page.on('console', (message) =>
      message.type() === 'error'
        ? writeError(`error ${message.text()}`)
        : write(`${message.type()} ${message.text()}`),
    );
    page.on('pageerror', (error) => writeError(`uncaught ${error.stack ?? error.message}`));
    page.on('crash', () => write('the renderer is gone'));
    const thaw = () => {
      if (frozenPid !== null) process.kill(frozenPid, 'SIGCONT');
      frozenPid = null;
    };
    const gone = async () => {
      this.#open.delete(tab);
      home.tabCount--;
      await context.close();
    };
    const tab: Tab = {
      number,
      page,
      context,
      consoleErrors,
      screenText: () => excerpt(page),
      kill: async () => {
        const how = await killRenderer(home.browser, context, page);
        await gone();
        return how;
      },
      close: async () => {
        thaw();
        await page.close({ runBeforeUnload: false });
        await gone();
      },
      freeze: async () => {
        frozenPid = await rendererPid(home.browser, context, page);
        if (frozenPid !== null) process.kill(frozenPid, 'SIGSTOP');
        return frozenPid !== null;
      },
      thaw,
      sabotage: async (word, argument) => {
        const [worker] = page.workers();
        if (worker === undefined) return null;
        const call = `globalThis.saboteur[${JSON.stringify(word)}](${JSON.stringify(argument)})`;
        return worker.evaluate(call);
      },
    };
    this.#open.add(tab);
    await page.goto(url);
    return tab;
  }

  /** Opens the volunteer page and clicks what a person clicks. */
  async openVolunteer(url: string): Promise<Tab> {
    const tab = await this.openPage(url);
    await consent(tab.page, url);
    return tab;
  }

  /** Every open tab has found its coordinator and waits for work; those that have not after `maxMs` are not waited for. */
  async untilWaiting(maxMs: number): Promise<void> {
    const waits = this.openTabs.map(({ page }) =>
      page.locator('main[data-state="waiting"]').waitFor({ timeout: maxMs }),
    );
    await Promise.allSettled(waits);
  }

  /** A picture of every open tab, for whoever asks why. */
  async takeScreens(directory: string): Promise<void> {
    for (const { page, number } of this.#open)
      await page
        .screenshot({ path: join(directory, `tab-${number}.png`), timeout: SCREEN_MAX_MS })
        .catch(() => {});
  }

  /** The traces of all open tabs, for `npx playwright show-trace`. The fleet must have been launched with `trace`. */
  async saveTraces(directory: string): Promise<void> {
    for (const { context, number } of this.#open)
      await context.tracing.stop({ path: join(directory, `tab-${number}.zip`) }).catch(() => {});
  }

  async closeAll(): Promise<void> {
    for (const tab of this.#open) await tab.close().catch(() => {});
    await Promise.all(this.#browsers.map(({ browser }) => browser.close()));
  }
}

/** The TypeScript loader wraps named functions in a call to `__name`, which a page does not have. */
const NAME_SHIM = 'globalThis.__name ??= (f) => f;';

const NO_P2P = 'delete globalThis.RTCPeerConnection; delete globalThis.webkitRTCPeerConnection;';

const saboteur = async (plant: Plant | undefined): Promise<string> =>
  `${await readSaboteur()}\n${plant === 'no-webgpu' ? 'GPU.prototype.requestAdapter = async () => null;\n' : ''}`;

/** A coordinator that was killed is back in less. */
const COORDINATOR_BACK_MS = 15_000;
const ASK_AGAIN_MS = 500;

/**
 * Puts a script before every one that a worker of this context begins with. A coordinator that is down is asked again: a
 * fault may strike while a tab opens, as may one that ends the tab.
 */
async function beginWorkersWith(context: BrowserContext, prelude: string): Promise<void> {
  await context.addInitScript(NAME_SHIM);
  await context.route(/\/assets\/worker-[^/]*\.js$/, async (route) => {
    const fetched = async () => {
      const answer = await route.fetch();
      const headers = Object.fromEntries(
        Object.entries(answer.headers()).filter(([name]) => !/^content-(encoding|length)$/.test(name)),
      );
      return { status: answer.status(), headers, body: prelude + (await answer.text()) };
    };
    const patience = AbortSignal.timeout(COORDINATOR_BACK_MS);
    let answer = await fetched().catch(() => null);
    while (answer === null && !patience.aborted) {
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      answer = await fetched().catch(() => null);
    }
    // Who is gone needs no answer.
    await (answer === null ? route.abort() : route.fulfill(answer)).catch(() => {});
  });
}

/** The click of a person who gives all of the device and no limit of data: what is measured here is the grid. */
export async function consent(page: Page, url: string): Promise<void> {
  try {
    await page.getByRole('radio', { name: /^Full/ }).check();
    await page.getByLabel('At most, a day').selectOption('null');
    await page.getByRole('button', { name: /^Contribute/ }).click();
  } catch {
    throw new Sentence(
      `${url} shows no Contribute button; is it the volunteer page? It reads: ${await excerpt(page)}`,
    );
  }
}

const excerpt = async (page: Page) =>
  (await page.locator('body').innerText()).slice(0, 200).replaceAll('\n', ' ');

/**
 * SIGKILL to the process that renders `page`. Chromium tells the processor time of each renderer by pid, and the page
 * tells its own process's; the pid whose time brackets the page's, sample after sample, is the one. When several stay
 * in question (or on a system without such times), DevTools crashes the page instead, which is nearly as sudden.
 */
async function killRenderer(
  browser: Browser,
  context: BrowserContext,
  page: Page,
): Promise<'killed' | 'crashed'> {
  const crashed = new Promise<void>((resolve) => page.once('crash', () => resolve()));
  const pid = await rendererPid(browser, context, page);
  if (pid === null) {
    const session = await context.newCDPSession(page);
    // The page dies before it can answer, so nothing waits for the answer.
    session.send('Page.crash').catch(() => {});
  } else process.kill(pid, 'SIGKILL');
  await crashed;
  return pid === null ? 'crashed' : 'killed';
}

async function rendererPid(browser: Browser, context: BrowserContext, page: Page): Promise<number | null> {
  const ofBrowser = await browser.newBrowserCDPSession();
  const ofPage = await context.newCDPSession(page);
  await ofPage.send('Performance.enable');
  let candidates: ReadonlySet<number> | null = null;
  for (let attempt = 0; attempt < RENDERER_SEARCH_TRIES; attempt++) {
    const before = await rendererTimes(ofBrowser);
    const { metrics } = await ofPage.send('Performance.getMetrics');
    const after = await rendererTimes(ofBrowser);
    const time = metrics.find(({ name }) => name === 'ProcessTime')?.value;
    if (time === undefined) return null;
    const fitting = new Set<number>();
    for (const [pid, earlier] of before) {
      const later = after.get(pid);
      const fits =
        later !== undefined && earlier <= time + PROCESSOR_TICK_S && time <= later + PROCESSOR_TICK_S;
      if (fits && (candidates === null || candidates.has(pid))) fitting.add(pid);
    }
    candidates = fitting;
    if (candidates.size === 1) return [...candidates][0]!;
    if (candidates.size === 0) return null;
    // Work a little, so that this page's process moves away from those that look alike.
    await ofPage.send('Runtime.evaluate', {
      expression: 'for (const end = performance.now() + 50; performance.now() < end; );',
    });
  }
  return null;
}

async function rendererTimes(ofBrowser: CDPSession): Promise<Map<number, number>> {
  const { processInfo } = await ofBrowser.send('SystemInfo.getProcessInfo');
  return new Map(
    processInfo.filter(({ type }) => type === 'renderer').map(({ id, cpuTime }) => [id, cpuTime]),
  );
}
