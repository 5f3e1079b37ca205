/**
 * The screens on which runs are watched and compared, for eyes and for axe: a coordinator with a past (stock.ts), reached
 * by address as people share them. Nothing is drawn from made-up answers.
 */
import type { Locator, Page } from 'playwright';
import { CoordinatorClient } from './coordinator-client.ts';
import type { CoordinatorProcess } from './coordinator-process.ts';
import { createRuns, writeCurves, type StockedRun } from './stock.ts';

const WAIT_MAX_MS = 60_000;
const DIGITS = { kind: 'digits', trainSampleCount: 400, validationSampleCount: 100 } as const;
const finished = (reason: string) => ({ state: 'finished', reason }) as const;

const RUNS: readonly StockedRun[] = [
  {
    request: { name: 'digits rate 0.003', model: 'mlp', seed: 1, training: { learningRate: 0.003 } },
    ...{
      pointCount: 900,
      halfAfter: 90,
      accuracyMax: 0.985,
      end: finished('the target accuracy is reached'),
    },
  },
  {
    request: {
      name: 'digits rate 0.01 and sign',
      model: 'mlp',
      seed: 1,
      training: { learningRate: 0.01, codec: 'sign' },
    },
    ...{ pointCount: 700, halfAfter: 60, accuracyMax: 0.951, end: finished('round 700 of 700') },
  },
  {
    request: { name: 'digits cnn', model: 'cnn', seed: 2, training: { batchSize: 16 } },
    ...{ pointCount: 500, halfAfter: 45, accuracyMax: 0.991, end: null },
  },
  {
    request: { name: 'digits rate 0.1', model: 'mlp', seed: 1, training: { learningRate: 0.1 } },
    ...{
      pointCount: 60,
      halfAfter: 400,
      accuracyMax: 0.4,
      end: { state: 'failed', reason: 'the loss is not finite' },
    },
  },
];
const SWEEP_TRIALS = 6;

export class WatchGallery {
  readonly #page: Page;
  readonly #url: string;
  readonly #ids: readonly string[];
  readonly #sweepId: string;
  readonly #scenes: Readonly<Record<string, () => Promise<void>>> = {
    runs: () => this.#open('#/', 'Runs'),
    'runs-picked': () => this.#open(`#/?runs=${this.#ids.slice(0, 3).join()}`, 'Runs'),
    run: async () => {
      await this.#open(`#/runs/${this.#ids[0]}`, 'digits rate 0.003');
      await this.#page.getByText('Sizes and SHA-256').click();
      await seen(this.#page.getByRole('rowheader', { name: 'model.safetensors' }));
    },
    'run-going-on': () => this.#open(`#/runs/${this.#ids[2]}?axis=round&smooth=0.5`, 'digits cnn'),
    compare: async () => {
      await this.#open(`#/compare?runs=${this.#ids.join()}`, 'Compare runs');
      await seen(this.#page.getByRole('heading', { name: 'What differs in the configuration' }));
    },
    'compare-none': () => this.#open('#/compare', 'Compare runs'),
    sweeps: () => this.#open('#/sweeps', 'Sweeps'),
    'new-sweep': async () => {
      await this.#open('#/sweeps/new', 'New sweep');
      await this.#page.getByRole('textbox', { name: /^Name/ }).fill('rates');
      await this.#page.getByRole('combobox', { name: /^Search/ }).selectOption('random');
      await this.#page.getByRole('combobox', { name: /^Drawn from/ }).selectOption('range');
      await this.#page.getByRole('button', { name: 'Another key' }).click();
      await this.#page.getByRole('button', { name: 'Create the sweep' }).click();
      await seen(this.#page.getByText('Name a key of the configuration.'));
    },
    sweep: async () => {
      await this.#open(`#/sweeps/${this.#sweepId}`, 'rates and batches');
      await seen(this.#page.getByRole('heading', { name: 'Trials' }));
    },
    access: async () => {
      await this.#open('#/access', 'Access and alerts');
      await this.#page.getByLabel('Name of the token').fill('nightly job');
      await this.#page.getByRole('button', { name: 'Create a token' }).click();
      await seen(this.#page.getByText('is made'));
      await this.#page.getByText('Last deliveries').first().click();
    },
    'public-run': async () => {
      await this.#page.goto(`${this.#url}/runs/${this.#ids[2]}`);
      await seen(this.#page.getByRole('heading', { name: 'digits cnn', level: 1 }));
    },
  };

  private constructor(page: Page, url: string, made: { ids: readonly string[]; sweepId: string }) {
    this.#page = page;
    this.#url = url;
    this.#ids = made.ids;
    this.#sweepId = made.sweepId;
  }

  /** Gives the coordinator its past, which starts it anew, and signs the page in. */
  static async open(
    page: Page,
    coordinator: CoordinatorProcess,
    dataDirectory: string,
  ): Promise<WatchGallery> {
    const client = new CoordinatorClient(coordinator.address);
    const { id: datasetId } = await client.createDataset(DIGITS);
    const manifests = await createRuns(client, datasetId, RUNS);
    const sweep = await client.createSweep({
      name: 'rates and batches',
      base: { name: 'rates', datasetId, model: 'mlp', seed: 1 },
      metric: 'accuracy',
      parallel: SWEEP_TRIALS,
      search: {
        kind: 'random',
        seed: 4,
        trials: SWEEP_TRIALS + 2,
        parameters: [
          { key: 'training.learningRate', min: 0.0003, max: 0.1, scale: 'log' },
          { key: 'training.batchSize', values: [8, 16, 24] },
          { key: 'training.optimiser', values: ['adam', 'rmsprop-floored'] },
        ],
      },
    });
    const webhook = await client.createWebhook({
      url: `${coordinator.address.url}/api/health`,
      events: ['failed'],
    });
    await client.testWebhook(webhook.id);
    const trials = (await begun(client, sweep.id)).map((id, index) => ({ id, ...trialRun(index) }));
    const runs = [
      ...(await Promise.all(RUNS.map(async (run, index) => ({ ...run, id: manifests[index]!.id })))),
      ...trials,
    ];
    const stocked = await Promise.all(
      runs.map(async (run, index) => ({
        ...run,
        checkpoint: (await client.checkpoints(run.id))[0]!.sha256,
        seed: index + 1,
      })),
    );
    await coordinator.stop();
    await writeCurves(dataDirectory, stocked, Date.now());
    await coordinator.start();
    const { url, adminToken } = coordinator.address;
    await page.goto(`${url}/admin#token=${adminToken}`);
    await seen(page.getByRole('button', { name: 'Sign out' }));
    return new WatchGallery(page, url, { ids: manifests.map(({ id }) => id), sweepId: sweep.id });
  }

  get screens(): readonly string[] {
    return Object.keys(this.#scenes);
  }

  async show(screen: string): Promise<void> {
    const scene = this.#scenes[screen];
    if (scene === undefined) throw new Error(`there is no screen ${screen}`);
    await scene();
  }

  async #open(fragment: string, heading: string): Promise<void> {
    await this.#page.goto('about:blank');
    await this.#page.goto(`${this.#url}/admin${fragment}`);
    await seen(this.#page.getByRole('heading', { name: heading, level: 1 }));
    // A page may ask for two things at once.
    const asking = this.#page.getByText('Asking the coordinator').first();
    await asking.waitFor({ state: 'detached', timeout: WAIT_MAX_MS });
  }
}

const trialRun = (index: number): StockedRun => ({
  request: { name: `trial ${index}`, model: 'mlp' },
  ...{ pointCount: 200, halfAfter: 20 + 15 * index, accuracyMax: 0.98 - 0.03 * ((index * 5) % 7) },
  end: finished('round 200 of 200'),
});

/** The runs of a sweep's first trials, once they are made. */
async function begun(client: CoordinatorClient, sweepId: string): Promise<string[]> {
  for (const untilMs = Date.now() + WAIT_MAX_MS; ;) {
    const { trials } = await client.sweep(sweepId);
    const ids = trials.flatMap(({ runId }) => (runId === null ? [] : [runId]));
    if (ids.length >= SWEEP_TRIALS) return ids.slice(0, SWEEP_TRIALS);
    if (Date.now() > untilMs) throw new Error(`the sweep has made ${ids.length} of ${SWEEP_TRIALS} runs`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const seen = (what: Locator): Promise<void> =>
  what.first().waitFor({ state: 'visible', timeout: WAIT_MAX_MS });
