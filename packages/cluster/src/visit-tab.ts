/**
 * The one tab of `npm run visit`: does what a person does, and reads what the browser knows of it: the GPU queue's
 * witness in the worker (page/gpu-watch.ts), changes of the document, and the trace of the page's own thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright';
import { installGpuWatch, type GpuWatch } from '../page/gpu-watch.ts';
import {
  armFirstStep,
  countRedraws,
  firstStepMs,
  heldBytes,
  pressPause,
  redrawsSoFar,
  setHidden,
} from '../page/visit-probes.ts';
import { launchBrowser, type GpuBrowser } from './browser.ts';
import { pageWeight, type PageWeight } from './page-weight.ts';
import { Sentence } from './places.ts';
import { longestTaskMs } from './trace-tasks.ts';

/** The TypeScript loader wraps named functions in a call to `__name`, which a page does not have. */
const NAME_SHIM = 'globalThis.__name ??= (f) => f;';
const START_MAX_MS = 120_000;
/** After a change of the share, before it is measured: the page's own meter begins anew with it. */
const SETTLE_MS = 2_000;
/** After a pause: nothing may be submitted any more. */
const STILL_MS = 1_500;

type Reading = ReturnType<GpuWatch['read']>;

export class Visit {
  readonly context: BrowserContext;
  readonly #browser: Browser;
  readonly #page: Page;
  readonly #url: string;

  private constructor(browser: Browser, context: BrowserContext, page: Page, url: string) {
    this.#browser = browser;
    this.context = context;
    this.#page = page;
    this.#url = url;
  }

  static async open(browser: GpuBrowser, url: string): Promise<Visit> {
    const running = await launchBrowser(browser, browser.wish);
    const context = await running.newContext();
    context.setDefaultTimeout(START_MAX_MS);
    await context.addInitScript(NAME_SHIM);
    const prelude = `${NAME_SHIM}\n(${installGpuWatch.toString()})();\n`;
    await context.route(/\/assets\/worker-[^/]*\.js$/, async (route) => {
      const answer = await route.fetch();
      const headers = Object.fromEntries(
        Object.entries(answer.headers()).filter(([name]) => !/^content-(encoding|length)$/.test(name)),
      );
      await route.fulfill({ status: answer.status(), headers, body: prelude + (await answer.text()) });
    });
    const page = await context.newPage();
    return new Visit(running, context, page, url);
  }

  /** Of the page before the click. Comes first: later the browser has it. */
  weight(): Promise<PageWeight> {
    return pageWeight(this.#page, this.#url);
  }

  /** Opens the page anew, agrees with the whole device, and answers the milliseconds from the click to the first step done. */
  async contribute(): Promise<number> {
    const page = this.#page;
    await page.goto(this.#url);
    await page.getByRole('radio', { name: /^Full/ }).check();
    await page.getByLabel('At most, a day').selectOption('null');
    await page.evaluate(armFirstStep);
    await page.getByRole('button', { name: /^Contribute/ }).click();
    const found = await page.waitForFunction(firstStepMs, undefined, { timeout: START_MAX_MS });
    return (await found.jsonValue())!;
  }

  async leave(): Promise<void> {
    await this.#page.getByRole('button', { name: 'Leave', exact: true }).click();
    await this.#page.getByRole('heading', { name: /^You have left/ }).waitFor();
  }

  /** A preset of the settings, by its name. */
  async choose(preset: string): Promise<void> {
    await this.#page.getByRole('button', { name: 'Settings', exact: true }).click();
    const radio = this.#page.getByRole('radio', { name: new RegExp(`^${preset}`) });
    // The page opened with Full: only a change makes its meter begin anew.
    await radio.check();
    await this.#page.getByRole('button', { name: 'Close settings' }).click();
    await sleep(SETTLE_MS);
  }

  /** The share of the window in which the GPU had work, and what the page says of its last half minute. */
  async duty(windowMs: number): Promise<{ gpuShare: number; saidShare: number }> {
    const before = await this.#timed();
    await sleep(windowMs);
    const after = await this.#timed();
    const said = await this.#page.getByText(/^\d+ % measured$/).innerText();
    return {
      gpuShare: (after.reading.busyMs - before.reading.busyMs) / (after.atMs - before.atMs),
      saidShare: Number.parseInt(said, 10) / 100,
    };
  }

  /** Redraws a second, and the longest task of the page's thread, in processor time. */
  async quiet(windowMs: number): Promise<{ redrawsPerSecond: number; longestTaskMs: number }> {
    await this.#page.evaluate(countRedraws);
    await this.#browser.startTracing(this.#page, {
      categories: ['toplevel', '__metadata', 'disabled-by-default-devtools.timeline', 'devtools.timeline'],
    });
    const startedMs = performance.now();
    await sleep(windowMs);
    const redraws = await this.#page.evaluate(redrawsSoFar);
    const passedMs = performance.now() - startedMs;
    const trace = await this.#browser.stopTracing();
    return {
      redrawsPerSecond: redraws / (passedMs / 1_000),
      longestTaskMs: longestTaskMs(trace.toString('utf8')),
    };
  }

  /** What is drawn and computed while the page believes that nobody sees it: a headless browser hides nothing. */
  async hidden(windowMs: number): Promise<{ redraws: number; submissions: number }> {
    await this.#page.evaluate(setHidden, true);
    await this.#page.evaluate(countRedraws);
    const before = await this.#read();
    await sleep(windowMs);
    const redraws = await this.#page.evaluate(redrawsSoFar);
    const after = await this.#read();
    await this.#page.evaluate(setHidden, false);
    return { redraws, submissions: after.submissions - before.submissions };
  }

  /** Presses Pause; milliseconds until the last work that the GPU had is done. Resumes afterwards. */
  async pauseMs(): Promise<number> {
    const pressedAtMs = await this.#page.evaluate(pressPause);
    await this.#page.locator('main[data-state="paused"]').waitFor();
    await sleep(STILL_MS);
    const still = await this.#read();
    await sleep(STILL_MS);
    const later = await this.#read();
    if (later.submissions !== still.submissions)
      throw new Sentence('the GPU was given work while the page was paused; the throttle does not hold it.');
    await this.#page.getByRole('button', { name: 'Resume' }).click();
    await this.#page.locator('main[data-state="training"]').waitFor();
    await sleep(STILL_MS);
    return Math.max(0, still.lastEndAtMs - pressedAtMs);
  }

  /** Milliseconds of one training step, by the page's own rate. */
  async stepMs(): Promise<number> {
    const rate = await this.#page
      .locator('.numbers > div', { hasText: 'Training steps a second' })
      .locator('strong')
      .innerText();
    return 1_000 / Number.parseFloat(rate);
  }

  /** Bytes that the page and its worker hold, by the browser's own measurement, which waits for its collectors. */
  heldBytes(): Promise<{ page: number; worker: number }> {
    return this.#page.evaluate(heldBytes);
  }

  /** Process ids of the GPU process; empty where the browser does not tell. */
  async gpuProcesses(): Promise<number[]> {
    const session = await this.#browser.newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    await session.detach();
    return processInfo.filter(({ type }) => type === 'GPU').map(({ id }) => id);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }

  async #timed(): Promise<{ reading: Reading; atMs: number }> {
    return { reading: await this.#read(), atMs: performance.now() };
  }

  async #read(): Promise<Reading> {
    const [worker] = this.#page.workers();
    if (worker === undefined) throw new Sentence('the page has no worker; did it stop? Look at its console.');
    return worker.evaluate(() => (globalThis as unknown as { gpuWatch: GpuWatch }).gpuWatch.read());
  }
}
