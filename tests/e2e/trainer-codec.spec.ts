/**
 * The codec's kernels in real Chromium, on a real WebGPU device: held against the CPU's definition bit by bit. On the
 * software adapter here; the test says which adapter it ran on and that WebGPU reported nothing.
 */
import { expect, test, type Page } from '@playwright/test';
import type { CodecCase, CodecVerdict } from '../../packages/trainer/tests/browser/codec-checks.ts';
import type { Request } from '../../packages/trainer/tests/browser/worker.ts';
import { askWorker, openTrainerBrowser, type TrainerBrowser } from './trainer-page.ts';

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
    // One value, parts of blocks and of chunks, and whole ones.
    const counts = [1, 255, 4_096, 5_001, 20_480];
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

async function stand(formedBy: 'plain' | 'workgroup' | 'host', codec: 'int8' | 'topk-64', worker = 'gpu') {
  await ask({ kind: 'open', backend: 'webgpu', formedBy }, worker);
  await ask({ kind: 'stand', model: 'mlp', training: { codec, batchSize: 4 } }, worker);
}

for (const codec of ['int8', 'topk-64'] as const)
  test(`${codec}: over 500 rounds formed on the GPU the number of tensors and of GPU buffers stands still`, async () => {
    await stand('plain', codec);
    const memory: unknown[] = [];
    let loss = Infinity;
    for (let round = 0; round < 500; round++) {
      const trained = await ask<{ kind: string; loss: number }>({ kind: 'round', round, steps: 1 });
      expect(trained.kind).toBe('trained');
      loss = trained.loss;
      if (round === 9 || round === 499) memory.push(await ask({ kind: 'memory' }));
    }
    expect(memory[1]).toEqual(memory[0]);
    expect(loss).toBeLessThan(1);
  });

test('a round is the same wherever it is formed: training, update, anchor', async () => {
  const ways = ['host', 'plain', 'workgroup'] as const;
  const ends = [];
  for (const way of ways) {
    await stand(way, 'int8', way);
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
