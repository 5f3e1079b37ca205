/**
 * The admin page's screens for eyes and for axe, each reached as a person reaches it: a coordinator with real datasets, a
 * browser that is signed in, clicks and typing. Nothing is drawn from made-up answers.
 */
import type { Locator, Page } from 'playwright';
import type { CoordinatorAddress } from './coordinator-client.ts';
import { CoordinatorClient } from './coordinator-client.ts';

/** Longest wait for one thing on a machine that is busy with other browsers. */
const WAIT_MAX_MS = 60_000;
const CONSENT = { licence: 'CC0-1.0', sharedWithVolunteers: true } as const;

/** Leaves of three trees; every eleventh width was not measured. */
const leaves = (): string =>
  [
    'length_mm,width_mm,season,tree',
    ...Array.from({ length: 240 }, (_, i) => {
      const tree = i % 3;
      const spread = ((i * 37) % 23) / 23;
      const width = (20 + 12 * tree + 9 * spread).toFixed(1);
      return [
        (40 + 25 * tree + 14 * spread).toFixed(1),
        i % 11 === 0 ? '' : width,
        ['spring', 'summer', 'autumn'][(i * 7) % 3],
        ['oak', 'beech', 'lime'][tree],
      ].join(',');
    }),
  ].join('\n');
const PROSE = 'A murmuration has no leader; each bird watches seven others. '.repeat(60);
const LEAVES_FILE = () => ({ name: 'leaves.csv', mimeType: 'text/csv', buffer: Buffer.from(leaves()) });

/** As Keras 3 writes `model.to_json()`. */
const kerasModel = (name: string, layers: readonly object[]): string =>
  JSON.stringify({
    module: 'keras',
    class_name: 'Sequential',
    config: {
      name,
      layers: [
        { class_name: 'InputLayer', config: { name: 'pixels', batch_shape: [null, 28, 28, 1] } },
        ...layers,
      ],
    },
  });
const dense = (name: string, units: number, activation: string) => ({
  class_name: 'Dense',
  config: { name, units, activation, use_bias: true },
});
const FLATTEN = { class_name: 'Flatten', config: { name: 'flatten', data_format: 'channels_last' } };
const MODEL = kerasModel('two_layers', [
  FLATTEN,
  dense('dense', 48, 'relu'),
  { class_name: 'Dropout', config: { name: 'dropout', rate: 0.2 } },
  dense('dense_1', 10, 'softmax'),
]);
const REFUSED_MODEL = kerasModel('with_memory', [
  { class_name: 'Reshape', config: { name: 'rows', target_shape: [28, 28] } },
  { class_name: 'LSTM', config: { name: 'lstm', units: 32 } },
  dense('dense', 10, 'softmax'),
]);
const modelFile = (name: string, text: string) => ({
  ...{ name, mimeType: 'application/json' },
  buffer: Buffer.from(text),
});

const WRONG_YAML = `# two things are wrong here
name: leaves
data:
  kind: digits
model: mlp
training:
  batchSize: many
  codec: gzip
`;

const AUTO_YAML = `name: as suits the crowd
data:
  kind: digits
model: mlp
training:
  strategy: auto
`;

type Datasets = Readonly<Record<'table' | 'pictures' | 'text', string>>;

export class AdminGallery {
  readonly #page: Page;
  readonly #address: CoordinatorAddress;
  readonly #datasets: Datasets;
  readonly #modelId: string;
  readonly #scenes: Readonly<Record<string, () => Promise<void>>> = {
    'new-run': () => this.#newRun(),
    'new-run-file': async () => {
      await this.#newRun();
      await this.#page.getByRole('radio', { name: 'A file of your own' }).check();
      await this.#page.getByLabel('File', { exact: true }).setInputFiles(LEAVES_FILE());
      await this.#page.getByLabel('This goes to volunteers’ devices').check();
      await this.#page.getByRole('button', { name: 'Bring the data here' }).click();
      await seen(this.#page.getByText('It would be created as it stands.'));
    },
    'new-run-everything': async () => {
      await this.#newRun();
      await this.#page.getByText('Everything else').click();
      await seen(this.#page.getByLabel('Learning rate', { exact: true }));
    },
    'new-run-wrong': async () => {
      await this.#newRun();
      await this.#page.getByLabel('The run as YAML').fill(WRONG_YAML);
      await seen(this.#page.getByRole('button', { name: 'Line 7' }));
    },
    'new-run-auto': async () => {
      await this.#newRun();
      await this.#page.getByLabel('The run as YAML').fill(AUTO_YAML);
      await seen(this.#page.getByText('Chosen by the plan'));
      await this.#page.getByText('Why', { exact: true }).click();
    },
    'new-run-model': async () => {
      await this.#newRun();
      const model = this.#page.locator('#model');
      await model.selectOption({ label: 'A file of Keras or tfjs' });
      await this.#page.getByLabel('Model file').setInputFiles(modelFile('two_layers.json', MODEL));
      await this.#page.getByRole('button', { name: 'Bring the model here' }).click();
      await seen(this.#page.getByText('It would be created as it stands.'));
    },
    models: async () => {
      await this.#open('#/models', 'Models');
      await this.#page.getByLabel('Model files').setInputFiles(modelFile('two_layers.json', MODEL));
      await this.#page.getByRole('button', { name: 'Read the model' }).click();
      await seen(this.#page.getByRole('button', { name: 'Keep the model' }));
    },
    'models-refused': async () => {
      await this.#open('#/models', 'Models');
      const file = modelFile('with_memory.json', REFUSED_MODEL);
      await this.#page.getByLabel('Model files').setInputFiles(file);
      await this.#page.getByRole('button', { name: 'Read the model' }).click();
      await seen(this.#page.getByText('refused, so the model is'));
    },
    model: async () => {
      await this.#open(`#/models/${this.#modelId}`, 'two_layers');
      await seen(this.#page.getByRole('heading', { name: 'Layer by layer' }));
    },
    data: async () => {
      await this.#open('#/data', 'Data');
      await seen(this.#page.getByRole('table'));
    },
    'data-wrong': async () => {
      await this.#open('#/data', 'Data');
      await this.#page.getByRole('button', { name: 'Upload and make the dataset' }).click();
      await seen(this.#page.getByText('Choose a file.'));
    },
    'dataset-table': async () => {
      await this.#open(`#/data/${this.#datasets.table}`, 'leaves');
      await seen(this.#page.getByRole('heading', { name: 'First rows' }));
    },
    'dataset-pictures': async () => {
      await this.#open(`#/data/${this.#datasets.pictures}`, 'Digits');
      await seen(this.#page.getByRole('heading', { name: 'First rows' }));
    },
    'dataset-text': async () => {
      await this.#open(`#/data/${this.#datasets.text}`, 'prose');
      await seen(this.#page.getByRole('heading', { name: 'First rows' }));
    },
  };

  private constructor(
    page: Page,
    address: CoordinatorAddress,
    { datasets, modelId }: { readonly datasets: Datasets; readonly modelId: string },
  ) {
    this.#page = page;
    this.#address = address;
    this.#datasets = datasets;
    this.#modelId = modelId;
  }

  /** Makes datasets and a model, and signs the page in. */
  static async open(page: Page, address: CoordinatorAddress): Promise<AdminGallery> {
    const client = new CoordinatorClient(address);
    const upload = (text: string) => client.uploadBytes(text, Buffer.byteLength(text));
    const table = await client.createDataset({
      kind: 'csv',
      name: 'leaves',
      file: await upload(leaves()),
      ...CONSENT,
    });
    const prose = await upload(PROSE);
    const text = await client.createDataset({ kind: 'text', name: 'prose', file: prose, ...CONSENT });
    const pictures = await client.createDataset({
      kind: 'digits',
      trainSampleCount: 600,
      validationSampleCount: 100,
    });
    const model = await client.importModel({
      files: [{ name: 'two_layers.json', upload: await upload(MODEL) }],
    });
    await client.beginUpload({ name: 'half-a-table.csv 1700000000000', byteLength: 48_000_000 });
    await page.goto(`${address.url}/admin#token=${address.adminToken}`);
    await seen(page.getByRole('button', { name: 'Sign out' }));
    return new AdminGallery(page, address, {
      datasets: { table: table.id, text: text.id, pictures: pictures.id },
      modelId: model.id,
    });
  }

  get screens(): readonly string[] {
    return Object.keys(this.#scenes);
  }

  async show(screen: string): Promise<void> {
    const scene = this.#scenes[screen];
    if (scene === undefined) throw new Error(`there is no screen ${screen}`);
    await scene();
  }

  async #newRun(): Promise<void> {
    await this.#open('#/new', 'New run');
    await seen(this.#page.getByText('This is a run.'));
  }

  /** A fresh page, so that no draft of the scene before is left. */
  async #open(fragment: string, heading: string): Promise<void> {
    await this.#page.goto('about:blank');
    await this.#page.goto(`${this.#address.url}/admin${fragment}`);
    await seen(this.#page.getByRole('heading', { name: heading, level: 1 }));
  }
}

const seen = (what: Locator): Promise<void> =>
  what.first().waitFor({ state: 'visible', timeout: WAIT_MAX_MS });
