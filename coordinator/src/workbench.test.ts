/** Runs beyond their creation: descendants, comparison, pages, thinned curves, papers, preflight, idempotency, the public view. */
import {
  CheckpointListSchema,
  ComparisonSchema,
  DEFAULT_TRAINING,
  PreflightSchema,
  ProvenanceSchema,
  PublicRunListSchema,
  PublicRunPageSchema,
  RunPageSchema,
} from '@murmuration/protocol';
import type { MetricPoint, RunPage } from '@murmuration/protocol';
import type { InjectOptions } from 'fastify';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, TestCoordinator } from '../testing/grid.ts';
import { csvText } from './csv-text.ts';
import { sparkline, thinnedPoints } from './downsample.ts';
import { canonical } from './exports/provenance.ts';

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await TestCoordinator.start();
});
afterAll(() => coordinator.stop());
const inject = (request: InjectOptions) => coordinator.built.app.inject(request);
const get = async (url: string) => (await coordinator.inject(url)).json();
const post = (url: string, payload: object = {}, headers: Record<string, string> = {}) =>
  inject({ method: 'POST', url, headers: { ...ADMIN, ...headers }, payload });

describe('a run’s descendants', () => {
  it('a clone has the same configuration, with what was named changed', async () => {
    const { manifest } = await coordinator.createRun({ localSteps: 7 });
    const answer = await post(`/api/runs/${manifest.id}/clone`, { training: { batchSize: 4 } });
    expect(answer.statusCode).toBe(201);
    const clone = answer.json().manifest;
    expect(clone).toMatchObject({
      name: 'rehearsal copy',
      seed: manifest.seed,
      model: manifest.model,
      training: { ...manifest.training, batchSize: 4 },
    });
    expect(clone.id).not.toBe(manifest.id);
    expect((await post(`/api/runs/${manifest.id}/clone`, { training: { batchSize: 0 } })).json().field).toBe(
      'training.batchSize',
    );
  });

  it('a clone of a run in tiers has the local steps that its tiers say, and no others', async () => {
    const { manifest } = await coordinator.createRun({ tiers: { insideEvery: 2, betweenEvery: 4 } });
    const cloned = async (training: object) =>
      (await post(`/api/runs/${manifest.id}/clone`, { training })).json();
    expect(manifest.training.localSteps).toBe(2);
    const other = await cloned({ tiers: { insideEvery: 3, betweenEvery: 4 } });
    expect(other.manifest.training.localSteps).toBe(3);
    expect(await cloned({ localSteps: 7 })).toMatchObject({ field: 'training.localSteps' });
    expect((await cloned({ tiers: 'off', localSteps: 7 })).manifest.training.localSteps).toBe(7);
  });

  it('a fork begins with the checkpoint of its origin, and outlives it', async () => {
    const { manifest } = await coordinator.createRun();
    const other = (await post(`/api/runs/${manifest.id}/clone`, { seed: 99 })).json().manifest;
    const [checkpoint] = await get(`/api/runs/${other.id}/checkpoints`);
    expect(Value.Check(CheckpointListSchema, await get(`/api/runs/${other.id}/checkpoints`))).toBe(true);
    const answer = await post(`/api/runs/${other.id}/fork`, { checkpoint: checkpoint.sha256, seed: 1 });
    const fork = answer.json().manifest;
    expect(fork.forkOf).toEqual({ runId: other.id, round: 0, sha256: checkpoint.sha256 });
    const weights = (id: string) => coordinator.inject(`/api/runs/${id}/export/tfjs/group1-shard1of1.bin`);
    const before = (await weights(other.id)).rawPayload;
    await post(`/api/runs/${other.id}/stop`);
    expect(
      (await inject({ method: 'DELETE', url: `/api/runs/${other.id}`, headers: ADMIN })).statusCode,
    ).toBe(204);
    expect((await coordinator.inject(`/api/runs/${other.id}`)).statusCode).toBe(404);
    expect((await weights(fork.id)).rawPayload.equals(before)).toBe(true);
    expect((await post(`/api/runs/${fork.id}/fork`, { checkpoint: '0'.repeat(64) })).json()).toMatchObject({
      code: 'bad-field',
      field: 'checkpoint',
    });
  });

  it('a run that is not over cannot be deleted; the answer says its state', async () => {
    const { manifest } = await coordinator.createRun();
    const answer = await inject({ method: 'DELETE', url: `/api/runs/${manifest.id}`, headers: ADMIN });
    expect([answer.statusCode, answer.json()]).toMatchObject([
      409,
      { code: 'illegal-state', state: 'waiting' },
    ]);
  });

  it('what was deleted stays away after a restart', async () => {
    const first = await TestCoordinator.start();
    const { manifest } = await first.createRun();
    const send = (method: 'POST' | 'DELETE', url: string) =>
      first.built.app.inject({ method, url, headers: ADMIN });
    await send('POST', `/api/runs/${manifest.id}/stop`);
    await send('DELETE', `/api/runs/${manifest.id}`);
    await first.stop({ keepData: true });
    const again = await TestCoordinator.start({ directory: first.directory });
    expect((await again.inject('/api/runs')).json().items).toEqual([]);
    await again.stop();
  });
});

describe('creation', () => {
  it('with the same key is one run, also at the same time and after a restart; another body is refused', async () => {
    const first = await TestCoordinator.start();
    const { id: datasetId } = await first.createDataset();
    const create = (at: TestCoordinator, payload: object) =>
      at.built.app.inject({
        method: 'POST',
        url: '/api/runs',
        headers: { ...ADMIN, 'idempotency-key': 'launch-1' },
        payload,
      });
    const wish = { name: 'once', datasetId, model: 'mlp' };
    const [a, b] = await Promise.all([create(first, wish), create(first, wish)]);
    expect([a.statusCode, b.statusCode].toSorted()).toEqual([200, 201]);
    expect(a.json().manifest).toEqual(b.json().manifest);
    expect((await create(first, { ...wish, name: 'twice' })).json()).toMatchObject({
      code: 'key-reused',
      field: 'idempotency-key',
    });
    await first.stop({ keepData: true });
    const again = await TestCoordinator.start({ directory: first.directory });
    expect((await create(again, wish)).json().manifest).toEqual(a.json().manifest);
    expect((await again.inject('/api/runs')).json().items).toHaveLength(1);
    await again.stop();
  });
});

describe('lists', () => {
  it('come in pages, newest first, and a cursor misses nothing when runs are added', async () => {
    let nowMs = Date.UTC(2026, 0, 1);
    const pages = await TestCoordinator.start({ nowMs: () => (nowMs += 10) });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await pages.createRun()).manifest.id);
    const page = async (query: string): Promise<RunPage> => (await pages.inject(`/api/runs?${query}`)).json();
    const first = await page('limit=2');
    expect(Value.Check(RunPageSchema, first)).toBe(true);
    await pages.createRun();
    const second = await page(`limit=2&cursor=${first.next}`);
    const third = await page(`limit=2&cursor=${second.next}`);
    expect([...first.items, ...second.items, ...third.items].map(({ id }) => id)).toEqual(ids.toReversed());
    expect(third.next).toBeNull();
    await pages.built.app.inject({ method: 'POST', url: `/api/runs/${ids[0]}/stop`, headers: ADMIN });
    expect((await page('state=over')).items.map(({ id }) => id)).toEqual([ids[0]]);
    expect((await page('state=open')).items).toHaveLength(5);
    expect((await pages.inject('/api/runs?cursor=bm9uZQ')).json().field).toBe('query.cursor');
    await pages.stop();
  });
});

describe('curves', () => {
  const point = (round: number, extra: Partial<MetricPoint> = {}): MetricPoint => ({
    round,
    atMs: round,
    loss: 1,
    lossMin: 1,
    lossMax: 1,
    valLoss: null,
    valAccuracy: null,
    volunteers: 2,
    ...extra,
  });
  it('of 100,000 points become at most 2,000: ends, peaks and evaluations stay, order too', () => {
    const points = Array.from({ length: 100_000 }, (_, round) =>
      point(round, round % 1_000 === 0 ? { valAccuracy: round / 1e5, valLoss: 1 } : {}),
    );
    points[54_321] = point(54_321, { loss: 50 });
    const kept = thinnedPoints(points, 2_000);
    expect(kept).toHaveLength(2_000);
    expect([kept[0]!.round, kept.at(-1)!.round]).toEqual([0, 99_999]);
    expect(kept).toContain(points[54_321]);
    expect(kept.filter(({ valAccuracy }) => valAccuracy !== null)).toHaveLength(100);
    expect(kept.map(({ round }) => round)).toEqual(kept.map(({ round }) => round).toSorted((a, b) => a - b));
  });
  it('of a few points stay as they are; evaluations alone are thinned as well', () => {
    const few = [point(1), point(2)];
    expect(thinnedPoints(few, 2_000)).toEqual(few);
    const measured = Array.from({ length: 500 }, (_, round) => point(round, { valLoss: 1 }));
    expect(thinnedPoints(measured, 100).length).toBeLessThanOrEqual(100);
  });
  it('in a list show accuracy once it was measured, before that loss', () => {
    expect(sparkline([point(1), point(2)], 40)).toEqual({ metric: 'loss', values: [1, 1] });
    expect(sparkline([point(1), point(2, { valAccuracy: 0.5 })], 40)).toEqual({
      metric: 'accuracy',
      values: [0.5],
    });
  });
});

describe('comparison and papers', () => {
  it('only what differs is shown, key by key, and other layers as two lists', async () => {
    const { manifest } = await coordinator.createRun();
    const clone = (
      await post(`/api/runs/${manifest.id}/clone`, { training: { learningRate: 0.1 }, seed: 6 })
    ).json().manifest;
    const both = await get(`/api/runs/compare?ids=${manifest.id},${clone.id}`);
    expect(Value.Check(ComparisonSchema, both)).toBe(true);
    expect(both.differs).toEqual([
      { key: 'seed', values: ['5', '6'] },
      { key: 'training.learningRate', values: [`${DEFAULT_TRAINING.learningRate}`, '0.1'] },
    ]);
    const wish = { name: 'other', datasetId: manifest.dataset.id, model: 'cnn', seed: 5 };
    const other = (await post('/api/runs', wish)).json().manifest;
    const models = await get(`/api/runs/compare?ids=${manifest.id},${other.id}`);
    expect(Value.Check(ComparisonSchema, models)).toBe(true);
    expect(models.differs).toEqual([
      { key: 'model.name', values: [manifest, other].map(({ model }) => JSON.stringify(model.name)) },
      { key: 'model.layers', values: [manifest, other].map(({ model }) => JSON.stringify(model.layers)) },
    ]);
    expect((await coordinator.inject(`/api/runs/compare?ids=run_${'0'.repeat(26)}`)).statusCode).toBe(404);
  });

  it('the manifest hashes what was learned from what; equal configurations have equal hashes', async () => {
    const { manifest } = await coordinator.createRun();
    const clone = (await post(`/api/runs/${manifest.id}/clone`)).json().manifest;
    const [one, two] = [
      await get(`/api/runs/${manifest.id}/export/manifest.json`),
      await get(`/api/runs/${clone.id}/export/manifest.json`),
    ];
    expect(Value.Check(ProvenanceSchema, one)).toBe(true);
    expect(two.configurationSha256).toBe(one.configurationSha256);
    expect(two.datasetSha256).toBe(one.datasetSha256);
    const other = (await post(`/api/runs/${manifest.id}/clone`, { seed: 77 })).json().manifest;
    expect((await get(`/api/runs/${other.id}/export/manifest.json`)).configurationSha256).not.toBe(
      one.configurationSha256,
    );
    expect(canonical({ b: 1, a: [{ d: null, c: undefined }] })).toBe('{"a":[{"d":null}],"b":1}');
    const card = (await coordinator.inject(`/api/runs/${manifest.id}/export/README.md`)).payload;
    expect(card).toContain(one.codeSha256);
    expect(card).toContain('CC0-1.0');
    const csv = (await coordinator.inject(`/api/runs/${manifest.id}/export/metrics.csv`)).payload;
    expect(csv).toBe(
      'round,atMs,loss,lossMin,lossMax,valLoss,valAccuracy,valError,volunteers,valReconstruction,valKl\r\n',
    );
  });

  it('a cell that a spreadsheet would run is made a text', () => {
    expect(
      csvText(
        ['a', 'b'],
        [
          ['=1+1', 'x,"y"'],
          [null, -1],
        ],
      ),
    ).toBe(`a,b\r\n"'=1+1","x,""y"""\r\n,-1\r\n`);
  });
});

describe('a variational autoencoder', () => {
  it('has its objective filled in, and is exported whole, as encoder and as decoder', async () => {
    const { id: datasetId } = await coordinator.createDataset();
    const create = (body: object) =>
      post('/api/runs', { name: 'vae', datasetId, model: 'vae', seed: 5, ...body });
    const { manifest } = (await create({ training: { klWeight: 2 } })).json();
    expect(manifest.training).toMatchObject({
      ...{ objective: 'autoencoding', reconstruction: 'bernoulli', klWeight: 2, targetAccuracy: null },
    });
    // What was filled in is what a clone asks for.
    expect((await post(`/api/runs/${manifest.id}/clone`)).json().manifest.training).toEqual(
      manifest.training,
    );
    expect(
      (await post(`/api/runs/${manifest.id}/clone`, { training: { targetAccuracy: 0.9 } })).json(),
    ).toMatchObject({
      field: 'training.targetAccuracy',
    });
    expect((await get(`/api/public/runs/${manifest.id}`)).run.task).toBe('autoencoding');
    const { files } = await get(`/api/runs/${manifest.id}/export`);
    const names = files.map(({ name }: { name: string }) => name);
    for (const part of ['encoder', 'decoder']) {
      expect(names).toEqual(expect.arrayContaining([`${part}.keras`, `${part}/tfjs/model.json`]));
      const { modelTopology, weightsManifest } = await get(
        `/api/runs/${manifest.id}/export/${part}/tfjs/model.json`,
      );
      const layers = modelTopology.config.layers.map(
        ({ config }: { config: { name: string } }) => config.name,
      );
      expect(layers.includes('z_mean')).toBe(part === 'encoder');
      const [{ paths, weights }] = weightsManifest;
      const bytes = (await coordinator.inject(`/api/runs/${manifest.id}/export/${part}/tfjs/${paths[0]}`))
        .rawPayload;
      const count = weights.reduce(
        (sum: number, { shape }: { shape: number[] }) => sum + shape.reduce((a, b) => a * b, 1),
        0,
      );
      expect(bytes).toHaveLength(4 * count);
    }
    // A Bernoulli decoder gives shares.
    const decoder = await get(`/api/runs/${manifest.id}/export/decoder/tfjs/model.json`);
    expect(decoder.modelTopology.config.layers.at(-1).config.activation).toBe('sigmoid');
    // Training has logits of every pixel; what is saved is complete.
    expect(names).toContain('model.safetensors');
  });

  it('is what no other model has parts of', async () => {
    const { manifest } = await coordinator.createRun();
    for (const name of ['encoder.keras', 'decoder/tfjs/model.json']) {
      const answer = await coordinator.inject(`/api/runs/${manifest.id}/export/${name}`);
      expect(answer.statusCode).toBe(409);
      expect(answer.json()).toMatchObject({
        code: 'not-exportable',
        message: expect.stringContaining('no autoencoder'),
      });
    }
    const { files } = await get(`/api/runs/${manifest.id}/export`);
    expect(files.map(({ name }: { name: string }) => name)).not.toContain('encoder.keras');
  });
});

describe('preflight', () => {
  it('says what a run would cost, and creates nothing', async () => {
    const { id: datasetId } = await coordinator.createDataset();
    const before = coordinator.built.grid.runs.length;
    const { estimate, ...rest } = (
      await post('/api/preflight', { name: 'x', datasetId, model: 'mlp' })
    ).json();
    expect(Value.Check(PreflightSchema, { estimate, ...rest })).toBe(true);
    expect(rest).toMatchObject({ ok: true, refusals: [] });
    expect(estimate.parameterCount).toBe(101_770);
    expect(estimate.bytesSentPerRound).toBe(estimate.updateBytes * (estimate.tabs - 1));
    expect(estimate.expectedMs[0]).toBeLessThan(estimate.expectedMs[1]);
    expect(estimate.memory.totalBytes).toBeGreaterThan(4 * 101_770);
    expect(coordinator.built.grid.runs).toHaveLength(before);
  });

  it('of the built-in digits draws none of them', async () => {
    const listed = async () => (await get('/api/datasets')).length;
    const before = await listed();
    const data = { kind: 'digits', trainSampleCount: 4_000, validationSampleCount: 100 };
    const said = (await post('/api/preflight', { name: 'x', data, model: 'mlp' })).json();
    expect(said).toMatchObject({
      ok: true,
      estimate: { data: { name: 'Digits', trainSampleCount: 4_000, validationSampleCount: 100 } },
    });
    const wrong = await post('/api/preflight', { name: 'x', data, model: 'gpt', training: { batchSize: 9 } });
    expect(wrong.json()).toMatchObject({ ok: false, refusals: [{ field: 'model' }] });
    expect(await listed()).toBe(before);
    const { id: datasetId } = await coordinator.createDataset();
    for (const both of [{ data, datasetId }, {}])
      expect((await post('/api/preflight', { name: 'x', model: 'mlp', ...both })).json().refusals).toEqual([
        expect.objectContaining({ field: 'datasetId' }),
      ]);
  });

  it('names everything that would be refused, and what would not go well', async () => {
    const { id: datasetId } = await coordinator.createDataset();
    const wish = { name: 'x', datasetId, model: 'mlp' };
    const refusals = async (change: object) =>
      (await post('/api/preflight', { ...wish, ...change }))
        .json()
        .refusals.map(({ field }: { field: string }) => field);
    expect(await refusals({ training: { learningRate: 0, codec: 'gzip' }, colour: 1 })).toEqual([
      'training.learningRate',
      'training.codec',
      'colour',
    ]);
    expect(await refusals({ datasetId: `data_${'0'.repeat(26)}` })).toEqual(['datasetId']);
    expect(await refusals({ training: { batchSize: 4_096 } })).toEqual(['training.batchSize']);
    const { warnings } = (await post('/api/preflight', { ...wish, training: { peersMin: 4 } })).json();
    expect(warnings).toEqual([expect.objectContaining({ field: 'training.peersMin' })]);
    const hybrid = { ...wish, training: { architecture: 'hybrid' } };
    expect((await post('/api/preflight', hybrid)).json().warnings).toContainEqual({
      field: 'training.architecture',
      message: expect.stringMatching(/the coordinator send about 0\.2 MB in a round of 2 tabs$/),
    });
  });
});

describe('strategy: auto', () => {
  const launch = async (training: object) => {
    const { id: datasetId } = await coordinator.createDataset();
    return (await post('/api/runs', { name: 'auto', datasetId, model: 'mlp', training })).json();
  };

  it('gives a run concrete knobs, and says which were chosen and why: in the run, its papers, and a preflight', async () => {
    const { manifest } = await launch({ strategy: 'auto', codec: 'int4', learningRate: 0.01 });
    expect(manifest.training).toMatchObject({ codec: 'int4', learningRate: 0.01 });
    expect(manifest.training).not.toHaveProperty('strategy');
    expect(manifest.training.architecture).toMatch(/^(decentralised|central)$/);
    expect(manifest.chosen.knobs).toEqual(['architecture', 'schedule', 'localSteps']);
    expect(manifest.chosen.why[0]).toMatch(/^For 8 tabs/);
    const card = (await coordinator.inject(`/api/runs/${manifest.id}/export/README.md`)).payload;
    expect(card).toContain('- chosen by the plan: architecture, schedule, localSteps\n  - For 8 tabs');
    const { id: datasetId } = await coordinator.createDataset();
    const said = (
      await post('/api/preflight', {
        name: 'x',
        datasetId,
        model: 'mlp',
        training: { strategy: 'auto', codec: 'int4' },
      })
    ).json();
    expect(said.plan).toMatchObject({
      chosen: ['architecture', 'schedule', 'localSteps'],
      architecture: manifest.training.architecture,
      localSteps: manifest.training.localSteps,
    });
  });

  it('a copy has what was chosen; asked to choose again it is planned anew', async () => {
    const { manifest } = await launch({ strategy: 'auto' });
    const clone = async (training: object) =>
      (await post(`/api/runs/${manifest.id}/clone`, { training })).json();
    const copy = (await clone({ batchSize: 4 })).manifest;
    expect(copy.training).toEqual({ ...manifest.training, batchSize: 4 });
    expect(copy).not.toHaveProperty('chosen');
    expect((await clone({ strategy: 'auto', codec: 'fp16' })).manifest).toMatchObject({
      training: { codec: 'fp16' },
      chosen: { knobs: ['architecture', 'schedule', 'localSteps'] },
    });
    expect(
      await clone({
        ...{
          strategy: 'auto',
          architecture: 'central',
          schedule: 'synchronous',
          localSteps: 2,
          codec: 'int8',
        },
      }),
    ).toMatchObject({
      code: 'bad-field',
      field: 'training.strategy',
      message: expect.stringContaining('nothing to choose'),
    });
  });

  it('that nothing fits is refused with the reason, and what the plan does not know is said', async () => {
    const { id: datasetId } = await coordinator.createDataset();
    const preflight = async (training: object, model: unknown = 'mlp') =>
      (await post('/api/preflight', { name: 'x', datasetId, model, training })).json();
    const contradicting = { strategy: 'auto', schedule: 'asynchronous', architecture: 'hybrid' };
    expect(await preflight(contradicting)).toMatchObject({
      plan: null,
      refusals: [
        {
          field: 'training.schedule',
          message: expect.stringContaining('asynchronous needs architecture: central'),
        },
      ],
    });
    const large = {
      name: 'large',
      inputShape: [28, 28, 1],
      layers: [
        { kind: 'flatten' },
        { kind: 'dense', units: 20_000, activation: 'relu' },
        { kind: 'dense', units: 10, activation: 'linear' },
      ],
    };
    expect(await preflight({ strategy: 'auto', codec: 'fp32' }, large)).toMatchObject({
      plan: null,
      refusals: [
        { field: 'training.strategy', message: expect.stringMatching(/^no strategy fits; left out were/) },
      ],
    });
    expect(await preflight({ exchange: 'parameters', codec: 'fp32' })).toMatchObject({
      ok: true,
      plan: null,
      unplanned: expect.stringContaining('exchange: parameters'),
    });
  });
});

describe('without a login', () => {
  it('a run shows its progress and curve, and nothing of anybody’s device', async () => {
    const { manifest } = await coordinator.createRun();
    const page = (await inject({ url: `/api/public/runs/${manifest.id}` })).json();
    expect(Value.Check(PublicRunPageSchema, page)).toBe(true);
    expect(Value.Check(PublicRunListSchema, (await inject({ url: '/api/public/runs' })).json())).toBe(true);
    expect(JSON.stringify(page)).not.toContain('vol_');
    const samples = (await inject({ url: `/api/public/runs/${manifest.id}/samples?count=2` })).json();
    expect(samples.samples).toHaveLength(2);
  });
  it('the documentation is one page that names every call, and works without a script', async () => {
    const page = (await inject({ url: '/docs' })).payload;
    const { paths } = (await inject({ url: '/openapi.json' })).json();
    for (const path of Object.keys(paths)) expect(page).toContain(`<code>${path}</code>`);
    expect(page).not.toContain('<script');
    const schema = (await inject({ url: '/schemas/run.json' })).json();
    expect(schema).toMatchObject({ title: expect.stringContaining('run.yaml'), type: 'object' });
    expect(schema.properties.training.properties.learningRate).toMatchObject({
      default: DEFAULT_TRAINING.learningRate,
      description: expect.any(String),
    });
  });
});
