/**
 * The codec's kernels in real Chromium, on a real WebGPU device: held against the CPU's definition bit by bit. On the
 * software adapter here; the test says which adapter it ran on and that WebGPU reported nothing.
 */
import { expect, test, type Page } from '@playwright/test';
import type { ModelSpec } from '@murmuration/protocol';
import type { CodecCase, CodecVerdict } from '../../packages/trainer/tests/browser/codec-checks.ts';
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

interface Checked {
  readonly isFallbackAdapter: boolean;
  readonly faults: readonly string[];
  readonly verdicts: readonly CodecVerdict[];
}

async function check(cases: readonly CodecCase[]): Promise<void> {
  const { isFallbackAdapter, faults, verdicts } = await ask<Checked>({ kind: 'check-codec', cases });
  const claimed = await page.evaluate(
    async () => (await navigator.gpu.requestAdapter())?.info.isFallbackAdapter,
  );
  expect(isFallbackAdapter).toBe(claimed);
  console.log(`${isFallbackAdapter ? 'software' : 'hardware'} adapter, ${verdicts.length} cases`);
  expect(faults).toEqual([]);
  expect(verdicts.length).toBe(cases.length);
  for (const { wrongBytes, wrongAnchors, wrongWeights, residualError, bytes, buffers, ...of } of verdicts) {
    expect({ ...of, wrongBytes, wrongAnchors, wrongWeights }).toEqual({
      ...of,
      wrongBytes: 0,
      wrongAnchors: 0,
      wrongWeights: 0,
    });
    expect(bytes).toBeGreaterThan(8 * of.rounds);
    // Only the residual's limit is computed in floats of another order: its norm may differ by that.
    expect(residualError).toBeLessThan(1e-5);
    expect(buffers[1]).toBe(buffers[0]);
  }
}

const SHAPES = ['plain', 'workgroup'] as const;

for (const scheme of ['int8', 'int4', 'sign', 'topk-16', 'topk-64', 'topk-256', 'topk-1024'] as const)
  test(`[R10] [R11] ${scheme}: a GPU packs the bytes, and moves the anchor to the bits, that the CPU defines`, async () => {
    // One value, parts of blocks and of chunks, and whole ones; of the k between the least and the most, parts.
    const isBetween = scheme === 'topk-64' || scheme === 'topk-256';
    const counts = isBetween ? [255, 5_001] : [1, 255, 4_096, 5_001, 20_480];
    await check(SHAPES.flatMap((shape) => counts.map((count) => ({ scheme, shape, count, rounds: 4 }))));
  });

test('[R14] k may change from round to round on the GPU as on the CPU', async () => {
  const later = ['topk-512', 'topk-16', 'topk-16'] as const;
  await check(
    SHAPES.map((shape) => ({ scheme: 'topk-64' as const, later, shape, count: 20_480, rounds: 6 })),
  );
});

test('the shape of the kernels is found by trying them, and the CPU is one of the choices', async () => {
  for (const scheme of ['int8', 'topk-64'] as const) {
    const found = await ask<{
      chosen: string;
      hostMs: number;
      plainMs: number;
      workgroupMs: number;
      faults: string[];
    }>({ kind: 'calibrate', scheme, parameterCount: 100_000 });
    console.log(scheme, JSON.stringify(found));
    expect(found.faults).toEqual([]);
    const times = { host: found.hostMs, plain: found.plainMs, workgroup: found.workgroupMs };
    for (const time of Object.values(times)) expect(time).toBeGreaterThan(0);
    const fastest = Object.entries(times).sort(([, a], [, b]) => a - b)[0]![0];
    expect(found.chosen).toBe(fastest);
  }
  const found = await ask<{ chosen: string }>({ kind: 'calibrate', scheme: 'fp32', parameterCount: 1_000 });
  expect(found.chosen).toBe('host');
});

type FormedBy = 'plain' | 'workgroup' | 'host';
async function stand(
  formedBy: FormedBy,
  codec: 'int8' | 'topk-64',
  { worker = 'gpu', model = 'mlp' }: { worker?: string; model?: 'mlp' | ModelSpec } = {},
) {
  await ask({ kind: 'open', backend: 'webgpu', formedBy }, worker);
  await ask({ kind: 'stand', model, training: { codec, batchSize: 4 } }, worker);
}

/** Two chunks of top-k and a part of one; what is counted is how many buffers there are, whatever their size. */
const SMALL: ModelSpec = {
  name: 'small',
  inputShape: [16, 16, 1],
  layers: [
    { kind: 'flatten' },
    { kind: 'dense', units: 40, activation: 'relu' },
    { kind: 'dense', units: 10, activation: 'linear' },
  ],
};

/** Rounds of one step, asked for inside the page: to ask from here would take as long as the rounds; answers the last. */
const trainRounds = (from: number, to: number) =>
  page.evaluate(
    async ([first, end]) => {
      let last = { kind: '', loss: 0 };
      for (let round = first; round < end; round++) {
        last = (await trainerPage.ask('gpu', { kind: 'round', round, steps: 1 })) as typeof last;
        if (last.kind !== 'trained') break;
      }
      return last;
    },
    [from, to] as const,
  );

for (const codec of ['int8', 'topk-64'] as const)
  test(`${codec}: over 500 rounds formed on the GPU the number of tensors and of GPU buffers stands still`, async () => {
    await stand('plain', codec, { model: SMALL });
    await trainRounds(0, 10);
    const early = await ask({ kind: 'memory' });
    const { kind, loss } = await trainRounds(10, 500);
    expect(kind).toBe('trained');
    expect(await ask({ kind: 'memory' })).toEqual(early);
    expect(loss).toBeLessThan(1);
  });

test('a round is the same wherever it is formed: training, update, anchor', async () => {
  const ways = ['host', 'plain', 'workgroup'] as const;
  const ends = [];
  for (const way of ways) {
    await stand(way, 'int8', { worker: way });
    const losses = [];
    for (let round = 0; round < 6; round++) {
      const { loss } = await ask<{ loss: number }>({ kind: 'round', round, steps: 2 }, way);
      losses.push(loss);
    }
    ends.push({
      losses,
      ...(await ask<{ loss: number }>({ kind: 'execute', command: { kind: 'evaluate' } }, way)),
    });
  }
  const [host, plain, workgroup] = ends;
  for (const gpu of [plain!, workgroup!]) {
    for (const [round, loss] of gpu.losses.entries()) expect(loss / host!.losses[round]!).toBeCloseTo(1, 3);
    expect(gpu.loss / host!.loss).toBeCloseTo(1, 3);
  }
});

test('a lost device costs what was not sent; training goes on from the anchor on a new one', async () => {
  await stand('plain', 'int8');
  await ask({ kind: 'round', round: 0, steps: 3 });
  const { anchor } = await ask<{ anchor: string }>({ kind: 'execute', command: { kind: 'capture' } });
  // An update is open when the device goes.
  expect(await ask<{ kind: string }>({ kind: 'train', round: 1, steps: 2 })).toMatchObject({
    kind: 'update-formed',
  });
  await ask({ kind: 'lose-device' });
  const later = await ask<{ kind: string; loss: number }>({ kind: 'round', round: 1, steps: 3 });
  expect(later.kind).toBe('trained');
  const after = await ask<{ anchor: string; round: number }>({
    kind: 'execute',
    command: { kind: 'capture' },
  });
  expect(after.round).toBe(2);
  expect(after.anchor).not.toBe(anchor);
});
