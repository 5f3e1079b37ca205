/**
 * `npm run bench:grid`: the grid measured against what it could be. Four questions, each with its bound:
 *
 *   samples   samples to the target with several tabs, over those of one tab alone with the same inner optimiser
 *   steps     steps a second of a tab alone in a run, over those of a bare tfjs loop; alternating in one browser
 *   bytes     bytes per parameter, exchange and peer; and bytes per local step
 *   page      what a stranger's browser downloads before the click, and that tfjs and PeerJS are not in it
 *
 * The numbers go to the terminal, and with --out to a JSON file. Exit code 1 when a bound is missed.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DEFAULT_TRAINING, type RunLive, type Training } from '@murmuration/protocol';
import { bareRate, median, openBenchPage, prepareBench, press, rateOfRun } from './bench-tabs.ts';
import type { GpuBrowser } from './browser.ts';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { batchSizeFor } from './example-run.ts';
import { parseFlags } from './flags.ts';
import { pageWeight, type PageWeight } from './page-weight.ts';
import { bytesText, percentText } from './progress-lines.ts';
import { consent, TabFleet } from './tabs.ts';

const FLAGS = {
  tabs: { kind: 'integer', min: 2, max: 16, placeholder: 'N', help: 'tabs of the grid (default 4)' },
  seed: {
    kind: 'integer',
    min: 0,
    max: 4_294_967_295,
    placeholder: 'N',
    help: 'seed of weights and batches (default 1)',
  },
  out: {
    kind: 'text',
    placeholder: 'FILE.json',
    help: 'write the numbers to this file, for example bench/grid.json',
  },
} as const;

/** The issue's bounds. */
const BOUNDS = { samplesRatioMax: 1.5, stepsRatioMin: 0.9, bytesPerParameterMax: 1.1 } as const;
const TARGET = 0.95;
/** Samples between two looks at the accuracy, for everybody. */
const LOOK_EVERY_SAMPLES = 800;
const CYCLES = 4;
const WINDOW_MS = 8_000;
/** Enough to see how fast the bare loop is; its shaders are compiled by then. */
const PROBE_STEPS = 10;

interface SamplesResult {
  readonly tabs: number;
  readonly batchSize: number;
  readonly samples: number;
  readonly trainingSeconds: number;
  readonly accuracy: number;
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run bench:grid --', FLAGS, argv);
  if (parsed.kind !== 'flags') {
    process.stdout.write(`${parsed.kind === 'help' ? parsed.text : parsed.message}\n`);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const { tabs = 4, seed = 1, out } = parsed.flags;
  const browser = await prepareBench(say);
  say(`${availableParallelism()} cores`);
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-bench-'));
  const coordinator = new CoordinatorProcess({ port: 0, dataDirectory, logName: 'bench/coordinator.log' });
  const bench = new Bench(browser, coordinator, seed);
  try {
    await coordinator.start();
    const page = await bench.page();
    say(
      `page     ${bytesText(page.bytes)} before the click in ${page.requests} requests; ${page.found.length === 0 ? 'no tfjs, no PeerJS' : `contains ${page.found.join(' and ')}`}`,
    );
    const steps = await bench.steps();
    say(
      `steps    ${steps.grid.toFixed(1)}/s alone in a run, ${steps.bare.toFixed(1)}/s bare tfjs: ratio ${steps.ratio.toFixed(2)} (at least ${BOUNDS.stepsRatioMin}), pairs ${steps.pairs.map((pair) => pair.toFixed(2)).join(' ')}`,
    );
    // One tab alone with the same Adam: once with the samples a step of all tabs together, as a researcher would train it
    // and as the bound is read; once with those of a single tab, which is told but has no bound.
    const batchSize = batchSizeFor(tabs);
    const alone = await bench.samples(1, batchSizeFor(1));
    const aloneSmall = await bench.samples(1, batchSize);
    const together = await bench.samples(tabs, batchSize);
    const ratio = together.result.samples / alone.result.samples;
    const ratioSmall = together.result.samples / aloneSmall.result.samples;
    for (const { result } of [alone, aloneSmall, together])
      say(
        `samples  ${result.samples} to ${percentText(TARGET)} with ${result.tabs} ${result.tabs === 1 ? 'tab' : 'tabs'} of batch ${result.batchSize} (${result.trainingSeconds.toFixed(0)} s of training)`,
      );
    say(
      `         ratio ${ratio.toFixed(2)} (at most ${BOUNDS.samplesRatioMax}); against one tab of batch ${batchSize} ${ratioSmall.toFixed(2)} (no bound)`,
    );
    const bytes = bytesOf(together.end);
    say(
      `bytes    ${bytes.perParameterExchangeAndPeer.toFixed(3)} per parameter, exchange and peer (at most ${BOUNDS.bytesPerParameterMax}); ${bytesText(Math.round(bytes.perLocalStep))} per local step`,
    );
    const misses = [
      page.found.length > 0 && 'page',
      steps.ratio < BOUNDS.stepsRatioMin && 'steps',
      !(ratio <= BOUNDS.samplesRatioMax) && 'samples',
      !(bytes.perParameterExchangeAndPeer <= BOUNDS.bytesPerParameterMax) && 'bytes',
    ].filter((miss) => miss !== false);
    say(misses.length === 0 ? 'every bound is kept' : `missed: ${misses.join(', ')}`);
    if (out !== undefined) {
      const { adapter, version } = browser;
      const machine = {
        browser: version,
        adapter,
        cores: availableParallelism(),
        node: process.versions.node,
      };
      const samples = {
        alone: alone.result,
        aloneSmall: aloneSmall.result,
        together: together.result,
        ratio,
        ratioSmall,
      };
      await mkdir(dirname(resolve(out)), { recursive: true });
      await writeFile(
        out,
        `${JSON.stringify({ machine, seed, bounds: BOUNDS, page, steps, samples, bytes }, null, 2)}\n`,
      );
      say(`written to ${out}`);
    }
    return misses.length === 0 ? 0 : 1;
  } finally {
    await coordinator.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

class Bench {
  readonly #browser: GpuBrowser;
  readonly #coordinator: CoordinatorProcess;
  readonly #seed: number;

  constructor(browser: GpuBrowser, coordinator: CoordinatorProcess, seed: number) {
    this.#browser = browser;
    this.#coordinator = coordinator;
    this.#seed = seed;
  }

  get #client(): CoordinatorClient {
    return new CoordinatorClient(this.#coordinator.address);
  }
  get #url(): string {
    return `${this.#coordinator.address.url}/`;
  }

  async page(): Promise<PageWeight> {
    return this.#withFleet(1, async (fleet) => {
      const { page } = await fleet.openPage('about:blank');
      return pageWeight(page, this.#url);
    });
  }

  /** A run to the target with so many tabs, and how it stood at its end. */
  async samples(tabs: number, batchSize: number): Promise<{ result: SamplesResult; end: RunLive }> {
    const { localSteps } = DEFAULT_TRAINING;
    const runId = await this.#createRun(`${tabs} tabs`, {
      targetAccuracy: TARGET,
      batchSize,
      evaluateEveryRounds: Math.max(1, Math.round(LOOK_EVERY_SAMPLES / (tabs * batchSize * localSteps))),
      peersMin: tabs,
      roundsMax: 5_000,
    });
    return this.#withFleet(Math.min(availableParallelism(), tabs), async (fleet) => {
      for (let opened = 0; opened < tabs; opened++) await fleet.openVolunteer(this.#url);
      for await (const live of this.#client.live(runId, AbortSignal.timeout(20 * 60_000))) {
        const { run: view } = live;
        if (view.state === 'failed' || (view.state === 'finished' && !view.reached))
          throw new Error(`the run of ${tabs} tabs ended without its target: ${view.reason}`);
        if (view.state !== 'finished') continue;
        const { best, round, samples, trainingMs } = view;
        // Tabs train on while the deciding evaluation is made; only what stood in the evaluated model counts.
        const share = best!.round / round;
        const result = {
          tabs,
          batchSize,
          samples: Math.round(samples * share),
          trainingSeconds: (trainingMs * share) / 1000,
          accuracy: best!.accuracy!,
        };
        return { result, end: live };
      }
      throw new Error('the coordinator ended the stream of the run');
    });
  }

  /** The median over pairs of windows: a tab alone in a run, then the bare loop while that tab is paused. */
  async steps(): Promise<{ grid: number; bare: number; ratio: number; pairs: number[] }> {
    const runId = await this.#createRun('alone', {
      targetAccuracy: null,
      roundsMax: 1_000_000,
      evaluateEveryRounds: 10_000,
      peersMin: 1,
    });
    return this.#withFleet(1, async (fleet) => {
      const bare = await openBenchPage(fleet);
      const tab = await fleet.openPage(this.#url);
      await consent(tab.page, this.#url);
      const gridRates: number[] = [];
      const bareRates: number[] = [];
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        if (cycle > 0) await press(tab, 'Resume');
        const gridRate = await rateOfRun(this.#client, runId, WINDOW_MS);
        gridRates.push(gridRate);
        await press(tab, 'Pause');
        // As many steps as fill a window, by the bare loop's own speed: it may be many times slower than the trainer.
        const known = bareRates.at(-1) ?? (await bareRate(bare, { steps: PROBE_STEPS }));
        bareRates.push(await bareRate(bare, { steps: Math.ceil((known * WINDOW_MS) / 1000) }));
      }
      const pairs = gridRates.map((rate, index) => rate / bareRates[index]!);
      await this.#client.order(runId, 'stop');
      return { grid: median(gridRates), bare: median(bareRates), ratio: median(pairs), pairs };
    });
  }

  async #createRun(name: string, training: Partial<Training>): Promise<string> {
    const dataset = await this.#client.createDataset({ kind: 'digits' });
    const { manifest } = await this.#client.createRun({
      name,
      datasetId: dataset.id,
      model: 'mlp',
      seed: this.#seed,
      training,
    });
    return manifest.id;
  }

  async #withFleet<T>(browserCount: number, work: (fleet: TabFleet) => Promise<T>): Promise<T> {
    const fleet = await TabFleet.launch({ browser: this.#browser, browserCount, logName: 'bench' });
    try {
      return await work(fleet);
    } finally {
      await fleet.closeAll();
    }
  }
}

/** What peers sent each other, states for newcomers aside, over all tabs of a run. */
function bytesOf({ run: { manifest }, volunteers }: RunLive): {
  perParameterExchangeAndPeer: number;
  perLocalStep: number;
} {
  let bytes = 0;
  let exchanges = 0;
  let localSteps = 0;
  for (const { totals } of volunteers) {
    bytes += totals.bytesSentPeers - totals.bytesSentState;
    exchanges += totals.rounds * totals.peersMax;
    localSteps += totals.localSteps;
  }
  return {
    perParameterExchangeAndPeer: bytes / exchanges / manifest.parameterCount,
    perLocalStep: bytes / localSteps,
  };
}
