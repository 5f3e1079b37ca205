/**
 * The trainer in real Chromium, in a real Worker, on a real WebGPU device (the software adapter where there is no GPU).
 * Self-contained: builds a page of its own, serves it, and asserts the adapter before it believes anything.
 */
import { expect, test, type Page } from '@playwright/test';
import { presetModel, type ModelSpec } from '@murmuration/protocol';
import type { TrainerPage } from '../../packages/trainer/tests/browser/page.ts';
import type { Request } from '../../packages/trainer/tests/browser/worker.ts';
import { askWorker, openTrainerBrowser, type TrainerBrowser } from './trainer-page.ts';

declare const trainerPage: TrainerPage;

let browser: TrainerBrowser;
let page: Page;

test.describe.configure({ mode: 'serial', timeout: 600_000 });

test.beforeAll(async () => {
  browser = await openTrainerBrowser(test.info().outputPath('page'));
});
test.afterAll(() => browser?.close());
test.beforeEach(async () => {
  page = await browser.open();
});
test.afterEach(() => page.close());

const ask = <T>(request: Request, worker = 'gpu') => askWorker<T>(page, request, worker);

interface Trained {
  readonly kind: string;
  readonly loss: number;
  readonly trainMs: number;
  readonly stepCount: number;
}

async function stand(
  model: 'mlp' | 'cnn',
  training = {},
  worker = 'gpu',
  backend: 'webgpu' | 'cpu' = 'webgpu',
) {
  const adapter = await ask<Record<string, unknown>>({ kind: 'open', backend }, worker);
  expect(adapter['backend']).toBe(backend);
  const answers = await ask<{ kind: string }[]>({ kind: 'stand', model, training }, worker);
  expect(answers.map(({ kind }) => kind)).toEqual(['prepared', 'state-loaded', 'done', 'done']);
  return adapter;
}

test('the adapter is WebGPU and says whether it is software', async () => {
  const adapter = await ask<Record<string, unknown>>({ kind: 'open', backend: 'webgpu' });
  console.log('adapter', JSON.stringify(adapter));
  expect(adapter).toMatchObject({ backend: 'webgpu', vendor: expect.stringMatching(/./) });
  const claimed = await page.evaluate(
    async () => (await navigator.gpu.requestAdapter())?.info.isFallbackAdapter,
  );
  expect(adapter['isFallbackAdapter']).toBe(claimed);
});

for (const { model, steps, rounds } of [
  { model: 'mlp', steps: 10, rounds: 4 },
  { model: 'cnn', steps: 10, rounds: 5 },
] as const)
  test(`${model}: the self-test passes, the loss falls, and memory stands still`, async () => {
    await stand(model);
    const before = await ask<{ loss: number }>({ kind: 'execute', command: { kind: 'evaluate' } });
    const memory: unknown[] = [];
    const losses: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const trained = await ask<Trained>({ kind: 'round', round, steps });
      expect(trained.kind).toBe('trained');
      losses.push(trained.loss);
      memory.push(await ask({ kind: 'memory' }));
    }
    const after = await ask<{ loss: number; accuracy: number }>({
      kind: 'execute',
      command: { kind: 'evaluate' },
    });
    expect(losses[0]).toBeGreaterThan(1);
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    expect(after.loss).toBeLessThan(before.loss / 2);
    expect(after.accuracy).toBeGreaterThan(0.8);
    for (const later of memory.slice(2)) expect(later).toEqual(memory[1]);
    expect(await ask({ kind: 'close' })).toBe(0);
  });

test('odd shapes, strides, paddings and activations pass the self-test too', async () => {
  await ask({ kind: 'open', backend: 'webgpu' });
  const dense = { kind: 'dense', units: 10, activation: 'linear' } as const;
  const conv = {
    kind: 'conv2d',
    filters: 5,
    kernelSize: 3,
    strides: 2,
    padding: 'same',
    activation: 'tanh',
  } as const;
  const models: ModelSpec[] = [
    {
      name: 'odd',
      inputShape: [13, 15, 1],
      layers: [
        conv,
        { ...conv, filters: 6, kernelSize: 2, strides: 1, padding: 'valid', activation: 'gelu' },
        { kind: 'maxPool2d', poolSize: 2 },
        { kind: 'flatten' },
        { kind: 'dense', units: 7, activation: 'relu' },
        dense,
      ],
    },
    {
      name: 'mixed',
      inputShape: [11, 9, 4],
      layers: [
        { ...conv, filters: 8, strides: 3, padding: 'valid', activation: 'relu' },
        { ...conv, filters: 3, kernelSize: 1, strides: 1, activation: 'linear' },
        { kind: 'maxPool2d', poolSize: 2 },
        { kind: 'flatten' },
        dense,
      ],
    },
  ];
  for (const model of models)
    expect(await ask({ kind: 'prepare', model })).toMatchObject({ kind: 'prepared' });
});

const TEXT_LAYERS: ModelSpec = {
  name: 'every layer of a text',
  inputShape: [6],
  layers: [
    { kind: 'embedding', vocabularySize: 9, units: 8 },
    { kind: 'gru', units: 5, resetAfter: true, name: 'left' },
    { kind: 'activation', activation: 'silu' },
    { kind: 'batchNorm' },
    { kind: 'gru', units: 4, inputs: ['embedding'], name: 'right' },
    { kind: 'dropout', rate: 0.2 },
    { kind: 'concatenate', inputs: ['batch_normalization', 'dropout'] },
    { kind: 'softmax' },
    { kind: 'dense', units: 9, activation: 'sigmoid' },
    { kind: 'activation', activation: 'elu' },
  ],
};
const IMAGE_LAYERS: ModelSpec = {
  name: 'other layers of images',
  inputShape: [9, 8, 4],
  layers: [
    { kind: 'batchNorm' },
    { kind: 'averagePool2d', poolSize: 2 },
    { kind: 'reshape', shape: [16, 4] },
    { kind: 'positionEmbedding' },
    { kind: 'selfAttention', heads: 2, headUnits: 3, causal: false },
    { kind: 'globalAveragePool1d' },
    { kind: 'dense', units: 10, activation: 'linear' },
  ],
};

for (const model of [
  presetModel('resnet', [28, 28, 1], 10),
  presetModel('gpt', [16], 12),
  presetModel('vae', [28, 28, 1], 10),
  TEXT_LAYERS,
  IMAGE_LAYERS,
])
  test(`${model.name}: the self-test passes on the device`, async () => {
    await ask({ kind: 'open', backend: 'webgpu' });
    const startedMs = Date.now();
    expect(await ask({ kind: 'prepare', model })).toMatchObject({ kind: 'prepared' });
    console.log(`${model.name}: prepared after ${Date.now() - startedMs} ms`);
  });

for (const model of ['mlp', 'cnn'] as const)
  test(`${model}: one round's update is that of the cpu backend`, async () => {
    const training = { codec: 'fp32', batchSize: 16 } as const;
    await stand(model, training);
    await stand(model, training, 'cpu', 'cpu');
    const distance = await page.evaluate(() =>
      trainerPage.updateDistance('gpu', 'cpu', { kind: 'train', round: 0, steps: 3 }),
    );
    // Adam divides tiny gradients by their own size, so rounding shows in weights that hardly matter.
    expect(distance).toBeLessThan(0.01);
    expect(distance).toBeGreaterThan(0);
  });

test('a device lost amid training costs one command; the trainer stands at the anchor and goes on', async () => {
  await stand('mlp');
  await ask<Trained>({ kind: 'round', round: 0, steps: 3 });
  const standing = await ask<{ anchor: string }>({ kind: 'execute', command: { kind: 'capture' } });
  const training = ask<{ kind: string; failure: string }>({ kind: 'train', round: 1, steps: 200 });
  await ask({ kind: 'lose-device' });
  expect(await training).toMatchObject({ kind: 'trainer-failed', failure: 'device-lost' });
  const again = await ask<{ anchor: string; round: number }>({
    kind: 'execute',
    command: { kind: 'capture' },
  });
  expect(again).toMatchObject({ anchor: standing.anchor, round: 1 });
  expect((await ask<Trained>({ kind: 'round', round: 1, steps: 3 })).kind).toBe('trained');

  // Lost while idle: nobody's command.
  await ask({ kind: 'lose-device' });
  expect((await ask<Trained>({ kind: 'round', round: 2, steps: 3 })).kind).toBe('trained');

  // Lost for good.
  await ask({ kind: 'hide-adapters' });
  await ask({ kind: 'lose-device' });
  const failed = { kind: 'trainer-failed', failure: 'no-adapter' };
  expect(await ask({ kind: 'train', round: 3, steps: 1 })).toMatchObject(failed);
});

test('an uncaught WebGPU error costs one command; the next one is given a new device', async () => {
  await stand('mlp');
  await ask({ kind: 'break-shader' });
  const spoilt = {
    kind: 'trainer-failed',
    failure: 'error',
    detail: expect.stringContaining('cannot be trusted'),
  };
  expect(await ask({ kind: 'train', round: 0, steps: 2 })).toMatchObject(spoilt);
  expect((await ask<Trained>({ kind: 'train', round: 0, steps: 2 })).kind).toBe('update-formed');
});
