/**
 * `npm run bench:watch`: how soon the admin page is ready for a researcher with many long runs, and what it is sent. A real
 * coordinator whose store holds the runs, a real browser, each screen opened in a fresh page of a browser that has
 * signed in: the clock runs from the request for the page to the drawn screen that answers a key. Leaves with 1 when a bound
 * is missed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CURVE_POINTS_MAX } from '@murmuration/protocol';
import type { Browser, BrowserContext, Page } from 'playwright';
import { nextPicture } from '../page/probes.ts';
import { findBrowser, launchBrowser, probeBrowser } from './browser.ts';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { parseFlags } from './flags.ts';
import { buildPages } from './pages.ts';
import { createRuns, writeCurves, type StockedRun } from './stock.ts';

const FLAGS = {
  runs: { kind: 'integer', min: 2, max: 50, placeholder: 'N', help: 'runs in the store; default 50' },
  points: {
    kind: 'integer',
    min: 100,
    max: 100_000,
    placeholder: 'N',
    help: 'points of each; default 100000',
  },
} as const;
const RUNS = 50;
const POINTS = 100_000;
const INTERACTIVE_MAX_MS = 2_000;
const WAIT_MAX_MS = 60_000;
/** The first start over the runs reads five million records back from the store before its first answer. */
const READY_MAX_MS = 240_000;
const DIGITS = { kind: 'digits', trainSampleCount: 400, validationSampleCount: 100 } as const;

interface Screen {
  readonly name: string;
  readonly fragment: string;
  /** Is there when what was asked for is drawn. */
  readonly drawn: string;
  /** Takes a key. */
  readonly control: string;
}
interface Seen {
  readonly interactiveMs: number;
  readonly receivedBytes: number;
}

export async function run(argv: readonly string[]): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const parsed = parseFlags('npm run bench:watch --', FLAGS, argv);
  if (parsed.kind !== 'flags') {
    say(parsed.kind === 'help' ? parsed.text : parsed.message);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const { runs: runCount = RUNS, points: pointCount = POINTS } = parsed.flags;
  const found = await probeBrowser(await findBrowser({ say, mayInstall: true }));
  await buildPages({ say });
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-watch-'));
  const coordinator = new CoordinatorProcess({
    ...{ port: 0, dataDirectory, logName: 'bench-watch.log' },
    readyMaxMs: READY_MAX_MS,
  });
  let browser: Browser | null = null;
  try {
    await coordinator.start();
    const client = new CoordinatorClient(coordinator.address);
    const { ids, foldMs, startMs } = await stock(coordinator, {
      client,
      dataDirectory,
      runCount,
      pointCount,
    });
    browser = await launchBrowser(found, found.wish);
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    await signIn(context, coordinator);
    say(`${runCount} runs of ${pointCount} points. The bound is ${INTERACTIVE_MAX_MS / 1000} s.\n`);
    say('| screen | interactive after | received |\n| --- | --- | --- |');
    let isMet = true;
    for (const screen of screensOf(ids)) {
      const { interactiveMs, receivedBytes } = await look(context, coordinator.address.url, screen);
      isMet &&= interactiveMs <= INTERACTIVE_MAX_MS;
      say(`| ${screen.name} | ${secondsText(interactiveMs)} | ${(receivedBytes / 1e6).toFixed(2)} MB |`);
    }
    // Asked after the screens, so that no screen finds warm what it asks for.
    const live = await client.snapshot(ids[0]!);
    const compared = await client.compare(ids, pointsOfEach(runCount));
    const counts = [live, ...compared.runs].map(({ points }) => points.length);
    const most = Math.max(...counts);
    isMet &&= most <= CURVE_POINTS_MAX;
    const sent = counts.slice(1).reduce((sum, count) => sum + count, 0);
    say(`\nPoints sent: run page ${live.points.length}; comparing ${runCount} runs ${sent} together.`);
    say(`Points of one curve: at most ${most} (bound ${CURVE_POINTS_MAX}).`);
    say(
      `The coordinator's start over these runs: ${secondsText(startMs)}; before there were snapshots of them ${secondsText(foldMs)}.`,
    );
    const [load = 0] = loadavg();
    say(`Machine: ${cpus().length} cores, load ${load.toFixed(1)}, ${found.version}.`);
    return isMet ? 0 : 1;
  } finally {
    await browser?.close();
    await coordinator.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

/** As the admin page asks for so many curves (apps/admin/src/comparison.ts). */
const pointsOfEach = (runCount: number) =>
  Math.max(200, Math.min(CURVE_POINTS_MAX, Math.floor(40_000 / runCount)));

const screensOf = (ids: readonly string[]): readonly Screen[] => [
  { name: 'list of runs', fragment: '#/', drawn: '.sparkline path', control: '.pick input' },
  {
    name: 'run page',
    fragment: `#/runs/${ids[0]}`,
    drawn: '.chart canvas',
    control: '.scrubber input',
  },
  {
    name: `comparing ${ids.length} runs`,
    fragment: `#/compare?runs=${ids.join()}`,
    drawn: '.compared tbody',
    control: '.scrubber input',
  },
];

interface Stock {
  readonly client: CoordinatorClient;
  readonly dataDirectory: string;
  readonly runCount: number;
  readonly pointCount: number;
}

async function stock(
  coordinator: CoordinatorProcess,
  { client, dataDirectory, runCount, pointCount }: Stock,
): Promise<{ ids: string[]; foldMs: number; startMs: number }> {
  const { id: datasetId } = await client.createDataset(DIGITS);
  const runs = Array.from({ length: runCount }, (_, index): StockedRun => ({
    request: {
      ...{ name: `run ${index}`, model: 'mlp', seed: 1 },
      training: { learningRate: Number((0.0005 * (1 + index)).toFixed(4)) },
    },
    ...{ pointCount, halfAfter: pointCount / (6 + (index % 9)), accuracyMax: 0.9 + (index % 10) / 100 },
    end: { state: 'finished', reason: 'stocked' },
  }));
  const manifests = await createRuns(client, datasetId, runs);
  const ids = manifests.map(({ id }) => id);
  const checkpoint = (await client.checkpoints(ids[0]!))[0]!.sha256;
  await coordinator.stop();
  await writeCurves(
    dataDirectory,
    runs.map((run, index) => ({ ...run, id: ids[index]!, checkpoint, seed: index })),
    Date.now(),
  );
  const start = async () => {
    const beganMs = performance.now();
    await coordinator.start();
    return performance.now() - beganMs;
  };
  const foldMs = await start();
  await coordinator.stop();
  return { ids, foldMs, startMs: await start() };
}

const secondsText = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

async function signIn(context: BrowserContext, { address }: CoordinatorProcess): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${address.url}/admin#token=${address.adminToken}`);
  await page.getByRole('button', { name: 'Sign out' }).waitFor({ timeout: WAIT_MAX_MS });
  await page.close();
}

async function look(context: BrowserContext, url: string, screen: Screen): Promise<Seen> {
  const page = await context.newPage();
  try {
    const received = await countBytes(page);
    const startedMs = performance.now();
    await page.goto(`${url}/admin/${screen.fragment}`, { waitUntil: 'commit' });
    await page.locator(screen.drawn).first().waitFor({ state: 'attached', timeout: WAIT_MAX_MS });
    const control = page.locator(screen.control).first();
    await control.focus();
    await control.press('ArrowLeft');
    // The key was answered when the page draws again.
    await page.evaluate(nextPicture);
    return { interactiveMs: performance.now() - startedMs, receivedBytes: received() };
  } finally {
    await page.close();
  }
}

/** Bytes of all answers to this page as they came over the wire; what came from the browser's own store counts nothing. */
async function countBytes(page: Page): Promise<() => number> {
  const bytes = new Map<string, number>();
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.dataReceived', ({ requestId, encodedDataLength }) =>
    bytes.set(requestId, (bytes.get(requestId) ?? 0) + Math.max(0, encodedDataLength)),
  );
  // The sum of an answer that is complete, with its head; a stream goes on and has only its pieces.
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) =>
    bytes.set(requestId, encodedDataLength),
  );
  return () => [...bytes.values()].reduce((sum, each) => sum + each, 0);
}
