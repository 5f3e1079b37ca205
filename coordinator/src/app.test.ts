/** REST by injection, good and bad (RELIABILITY 5a). No port is opened, except for the live stream. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DatasetManifestSchema,
  DatasetSamplesSchema,
  ErrorBodySchema,
  ExportListSchema,
  MetricPointSchema,
  RunEventSchema,
  RunLiveSchema,
  RunPageSchema,
  RunViewSchema,
  VolunteerViewSchema,
} from '@murmuration/protocol';
import type { DatasetManifest, RunLive, RunView } from '@murmuration/protocol';
import type { InjectOptions } from 'fastify';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, ADMIN_TOKEN, TestCoordinator } from '../testing/grid.ts';
import { sha256Of } from './blobs.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let coordinator: TestCoordinator;
let dataset: DatasetManifest;
let run: RunView;
beforeAll(async () => {
  coordinator = await TestCoordinator.start();
  run = await coordinator.createRun();
  dataset = run.manifest.dataset;
});
afterAll(() => coordinator.stop());

const inject = (request: InjectOptions) => coordinator.built.app.inject(request);
const get = (url: string) => inject({ method: 'GET', url, headers: ADMIN });
const post = (url: string, payload: unknown, headers: Record<string, string> = ADMIN) =>
  inject({ method: 'POST', url, headers, payload: payload as object });
const json = { ...ADMIN, 'content-type': 'application/json' };

describe('runs', () => {
  it('a new run has its manifest, waits, and has a good checkpoint from round 0 (I-6)', async () => {
    expect(Value.Check(RunViewSchema, run)).toBe(true);
    expect(run).toMatchObject({
      state: 'waiting',
      round: 0,
      best: null,
      manifest: { seed: 5, parameterCount: 101_770 },
    });
    const weights = await get(`/api/runs/${run.manifest.id}/export/tfjs/group1-shard1of1.bin`);
    expect(weights.statusCode).toBe(200);
    expect(weights.rawPayload.length).toBe(4 * 101_770);
    const model = await get(`/api/runs/${run.manifest.id}/export/tfjs/model.json`);
    expect(model.json().weightsManifest[0].paths).toEqual(['group1-shard1of1.bin']);
    const keras = await get(`/api/runs/${run.manifest.id}/export/model.keras`);
    expect(keras.statusCode).toBe(200);
    // A zip.
    expect(keras.rawPayload.subarray(0, 4).toString('latin1')).toBe('PK\x03\x04');
    const tensors = await get(`/api/runs/${run.manifest.id}/export/model.safetensors`);
    expect(tensors.rawPayload.length).toBeGreaterThan(4 * 101_770);
  });

  it('lists, metrics, volunteers and events conform to the wire', async () => {
    const id = run.manifest.id;
    expect(Value.Check(RunPageSchema, (await get('/api/runs')).json())).toBe(true);
    expect(Value.Check(Type.Array(MetricPointSchema), (await get(`/api/runs/${id}/metrics`)).json())).toBe(
      true,
    );
    expect(
      Value.Check(Type.Array(VolunteerViewSchema), (await get(`/api/runs/${id}/volunteers`)).json()),
    ).toBe(true);
    expect(Value.Check(Type.Array(RunEventSchema), (await get(`/api/runs/${id}/events`)).json())).toBe(true);
  });

  it('[R29] an illegal state change answers 409 with the current state', async () => {
    const { manifest } = await coordinator.createRun();
    const order = (word: string) => post(`/api/runs/${manifest.id}/${word}`, undefined);
    expect((await order('resume')).json()).toMatchObject({ code: 'illegal-state', field: 'state' });
    expect((await order('pause')).json().state).toBe('paused');
    const again = await order('pause');
    expect([again.statusCode, again.json()]).toEqual([
      409,
      {
        code: 'illegal-state',
        message: 'the run is paused; it cannot pause',
        field: 'state',
        state: 'paused',
      },
    ]);
    expect((await order('resume')).json().state).toBe('waiting');
    expect((await order('stop')).json().state).toBe('finished');
    expect((await order('resume')).statusCode).toBe(409);
  });

  const badRuns: [string, Record<string, unknown>, string][] = [
    ['learning rate 0', { training: { learningRate: 0 } }, 'training.learningRate'],
    ['negative learning rate', { training: { learningRate: -1 } }, 'training.learningRate'],
    ['0 rounds', { training: { roundsMax: 0 } }, 'training.roundsMax'],
    ['fractional steps', { training: { localSteps: 1.5 } }, 'training.localSteps'],
    ['text for a number', { training: { localSteps: '12' } }, 'training.localSteps'],
    ['accuracy of 101 %', { training: { targetAccuracy: 1.01 } }, 'training.targetAccuracy'],
    ['unknown codec', { training: { codec: 'gzip' } }, 'training.codec'],
    ['a batch larger than a shard', { training: { batchSize: 4_096 } }, 'training.batchSize'],
    ['unknown optimiser', { training: { optimiser: 'lion' } }, 'training.optimiser'],
    ['sparse weights', { training: { exchange: 'parameters', codec: 'topk-64' } }, 'training.codec'],
    [
      'tiers with a model whose state is too large twice',
      {
        model: {
          name: 'm',
          inputShape: [28, 28, 1],
          layers: [
            { kind: 'flatten' },
            { kind: 'dense', units: 34_000, activation: 'relu' },
            { kind: 'dense', units: 10, activation: 'linear' },
          ],
        },
        training: { tiers: 'auto' },
      },
      'training.tiers',
    ],
    ['unknown training field', { training: { momentum: 0.9 } }, 'training.momentum'],
    ['unknown field', { owner: 'me' }, 'owner'],
    ['no name', { name: '' }, 'name'],
    ['a name with a right-to-left override', { name: 'a\u202Eb' }, 'name'],
    ['a name with markup', { name: '<b>' }, 'name'],
    ['an unknown preset', { model: 'vgg' }, 'model'],
    ['a preset for other data', { model: 'gpt' }, 'model'],
    [
      'an accuracy for a model that gives its input again',
      { model: 'vae', training: { targetAccuracy: 0.9 } },
      'training.targetAccuracy',
    ],
    ['a KL weight for a model that predicts', { training: { klWeight: 2 } }, 'training.klWeight'],
    [
      'autoencoding with a model that predicts',
      { training: { objective: 'autoencoding' } },
      'training.objective',
    ],
    ['a dataset that is not there', { datasetId: `data_${'0'.repeat(26)}` }, 'datasetId'],
    [
      'a model for other data',
      {
        model: {
          name: 'm',
          inputShape: [14, 14, 1],
          layers: [{ kind: 'flatten' }, { kind: 'dense', units: 10, activation: 'linear' }],
        },
      },
      'model.inputShape',
    ],
    [
      'a model with other classes',
      {
        model: {
          name: 'm',
          inputShape: [28, 28, 1],
          layers: [{ kind: 'flatten' }, { kind: 'dense', units: 3, activation: 'linear' }],
        },
      },
      'model.layers',
    ],
    [
      'layers that do not fit together',
      {
        model: {
          name: 'm',
          inputShape: [28, 28, 1],
          layers: [{ kind: 'dense', units: 10, activation: 'linear' }],
        },
      },
      'model.layers',
    ],
  ];
  it.each(badRuns)('[R27] %s: 400 naming the field', async (_name, change, field) => {
    const before = (await get('/api/runs')).json().items.length;
    const answer = await post('/api/runs', { name: 'bad', datasetId: dataset.id, model: 'mlp', ...change });
    expect(answer.statusCode).toBe(400);
    expect(Value.Check(ErrorBodySchema, answer.json())).toBe(true);
    expect(answer.json().field).toBe(field);
    expect((await get('/api/runs')).json().items).toHaveLength(before);
  });
});

describe('bad bodies', () => {
  const raw = (payload: string | Buffer, headers: Record<string, string> = json) =>
    inject({ method: 'POST', url: '/api/runs', headers, payload });
  const bad: [string, string, string | Buffer][] = [
    ['R1', 'empty', ''],
    ['R1', 'null', 'null'],
    ['R1', 'an array', '[]'],
    ['R2', 'truncated', '{"name": "a"'],
    ['R2', 'a trailing comma', '{"name": "a",}'],
    ['R2', 'two documents', '{}{}'],
    ['R2', 'a byte order mark', '\uFEFF{}'],
    ['R3', '__proto__', '{"__proto__": {"x": 1}}'],
    ['R3', 'escaped __proto__', '{"\\u005f_proto__": {"x": 1}}'],
    ['R3', 'constructor.prototype', '{"constructor": {"prototype": {"x": 1}}}'],
    ['R4', '__proto__ five deep', '{"a":{"a":{"a":{"a":{"__proto__":{"x":1}}}}}}'],
    ['R5', '17 deep', '['.repeat(17) + ']'.repeat(17)],
    ['R5', 'deep inside the size limit', '['.repeat(60_000)],
    ['R6', 'one long string', JSON.stringify({ name: 'x'.repeat(60_000) })],
    [
      'R7',
      'an infinite number',
      `{"name":"a","datasetId":"data_${'0'.repeat(26)}","model":"mlp","seed":1e999}`,
    ],
    ['R10', 'invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
  ];
  it.each(bad)('[%s] %s: 400', async (_id, _name, payload) => {
    const answer = await raw(payload);
    expect(answer.statusCode).toBe(400);
    expect(Value.Check(ErrorBodySchema, answer.json())).toBe(true);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('[R6] more than 64 KiB: 413', async () => {
    expect((await raw(JSON.stringify({ name: 'x'.repeat(70_000) }))).statusCode).toBe(413);
  });
  it('[R8] [R9] an unknown field is named; of duplicate keys the last one counts', async () => {
    expect((await raw('{"kind":1}')).json().code).toBe('bad-field');
    const twice = await raw(`{"name":"","name":"a","datasetId":"x","model":"mlp"}`);
    expect(twice.json().field).toBe('datasetId');
  });
  it.each(['text/plain', 'application/xml', 'application/jsonx'])(
    '[R11] content type %s: 415',
    async (type) => {
      expect((await raw('{}', { ...ADMIN, 'content-type': type })).statusCode).toBe(415);
    },
  );
  it.each(['gzip', 'br', 'x-unknown', 'gzip, gzip'])('[R12] content encoding %s: 415', async (encoding) => {
    const answer = await raw(gzipSync('{}'), { ...json, 'content-encoding': encoding });
    expect(answer.statusCode).toBe(415);
  });
});

describe('bad addresses', () => {
  it.each([
    '/blobs/..%2f..%2fcoordinator.db',
    '/blobs/%2e%2e%2f',
    '/blobs/%00',
    '/api/runs/..',
    '/api/runs/run_short',
    `/api/runs/${'x'.repeat(10_000)}`,
    '/api/runs/%zz',
    '/admin/../../coordinator.db',
    '//etc/passwd',
  ])('[R16] [R17] %s: 400 or 404, and no file', async (url) => {
    const answer = await get(url);
    expect([400, 404, 414, 503]).toContain(answer.statusCode);
    expect(answer.payload).not.toMatch(/SQLite|root:/);
  });
  it('[R17] an id that is well-formed but not there: 404', async () => {
    expect((await get(`/api/runs/run_${'0'.repeat(26)}`)).statusCode).toBe(404);
    expect((await get(`/blobs/${'0'.repeat(64)}`)).statusCode).toBe(404);
  });
  it('[R18] a method that the address does not answer: 405 with those that it does', async () => {
    const answer = await inject({ method: 'PUT', url: `/api/runs/${run.manifest.id}` });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe('GET, HEAD, DELETE');
    expect((await inject({ method: 'PUT', url: '/api/uploads' })).statusCode).toBe(405);
    expect((await inject({ method: 'DELETE', url: '/nowhere' })).statusCode).toBe(404);
  });
  it.each(['count=-1', 'count=1000000000', 'count=1&count=2', 'count=', 'limit=1', 'count=1e1'])(
    '[R19] ?%s: 400',
    async (query) => {
      expect((await get(`/api/datasets/${dataset.id}/samples?${query}`)).statusCode).toBe(400);
    },
  );
});

describe('who may', () => {
  it.each([
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer wrong-wrong-wrong-wrong' }],
    ['another scheme', { authorization: `Basic ${ADMIN_TOKEN}` }],
    ['a token of 100 KiB', { authorization: `Bearer ${'x'.repeat(100_000)}` }],
    ['a volunteer’s token', { authorization: `Bearer vol_${'0'.repeat(26)}.x` }],
  ])('[R23] %s: 401 before the body is looked at, and no change', async (_name, headers) => {
    const fresh = await TestCoordinator.start();
    for (const url of ['/api/runs', '/api/datasets', '/api/uploads']) {
      const answer = await fresh.built.app.inject({ method: 'POST', url, headers, payload: {} });
      expect(answer.statusCode).toBe(401);
    }
    expect((await fresh.inject('/api/runs')).json().items).toEqual([]);
    await fresh.stop();
  });

  it('[R25] ten wrong tokens, then 429 for that address until it has waited', async () => {
    let nowMs = 1_000_000;
    const fresh = await TestCoordinator.start({ nowMs: () => nowMs });
    const attempt = (authorization: string) =>
      fresh.built.app.inject({ method: 'POST', url: '/api/runs', headers: { authorization }, payload: {} });
    for (let i = 0; i < 10; i++) expect((await attempt('Bearer wrong')).statusCode).toBe(401);
    const refused = await attempt(ADMIN.authorization);
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '30']);
    nowMs += 31_000;
    expect((await attempt(ADMIN.authorization)).statusCode).toBe(400);
    await fresh.stop();
  });

  it('the token is drawn at the first start only, and stored as a hash', async () => {
    const first = await TestCoordinator.start({ settings: { adminToken: null } });
    const token = first.built.adminToken!;
    expect(token).toMatch(/^mur_[\w-]{43}$/);
    await first.stop({ keepData: true });
    const files = readdirSync(first.directory).filter((name) => name.startsWith('coordinator.db'));
    for (const name of files) expect(readFileSync(join(first.directory, name)).includes(token)).toBe(false);
    const second = await TestCoordinator.start({
      settings: { adminToken: null },
      directory: first.directory,
    });
    expect(second.built.adminToken).toBeNull();
    const answer = await second.built.app.inject({
      method: 'POST',
      url: '/api/runs',
      headers: { authorization: `Bearer ${token}` },
      payload: {},
    });
    expect(answer.statusCode).toBe(400);
    await second.stop();
  });

  it('a page from elsewhere can neither frame nor script us', async () => {
    const { headers } = await get('/api/health');
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['content-security-policy']).not.toContain('wasm');
    const worker = await get('/assets/worker-Bx_9-z.js');
    expect(worker.headers['content-security-policy']).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
    expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('[R34] an address in a runaway loop is slowed down', async () => {
    const fresh = await TestCoordinator.start({ nowMs: () => 1_000_000 });
    const codes: number[] = [];
    for (let i = 0; i <= 3_000; i++) codes.push((await fresh.built.app.inject('/api/health')).statusCode);
    expect(codes.indexOf(429)).toBe(3_000);
    await fresh.stop();
  });
});

describe('long texts', () => {
  const asked = (url: string, accepted: string) =>
    coordinator.built.app.inject({ url, headers: { ...ADMIN, 'accept-encoding': accepted } });

  it('leave as gzip to whoever takes it, and are the same', async () => {
    const plain = await asked('/openapi.json', 'identity');
    expect([plain.headers['content-encoding'], plain.headers.vary]).toEqual([undefined, 'accept-encoding']);
    for (const accepted of ['gzip, deflate, br, zstd', 'br;q=1, *;q=0.1', 'GZIP;q=0.5']) {
      const packed = await asked('/openapi.json', accepted);
      expect(packed.headers).toMatchObject({
        'content-encoding': 'gzip',
        'content-length': String(packed.rawPayload.length),
        vary: 'accept-encoding',
      });
      expect(packed.rawPayload.length).toBeLessThan(plain.rawPayload.length / 3);
      expect(gunzipSync(packed.rawPayload).toString()).toBe(plain.payload);
    }
    for (const accepted of ['br', 'gzip;q=0, *', ''])
      expect((await asked('/openapi.json', accepted)).payload).toBe(plain.payload);
  });

  it('short ones and weights leave as they are', async () => {
    expect((await asked('/api/runs', 'gzip')).headers['content-encoding']).toBeUndefined();
    const { manifest } = await coordinator.createRun();
    const [{ sha256 }] = (await asked(`/api/runs/${manifest.id}/checkpoints`, 'gzip')).json();
    const weights = await asked(`/blobs/${sha256}`, 'gzip');
    expect(weights.headers['content-encoding']).toBeUndefined();
    expect(weights.rawPayload.length).toBeGreaterThan(100_000);
  });
});

describe('exports', () => {
  it('are listed with size and SHA-256, and each download is exactly that', async () => {
    const { manifest } = await coordinator.createRun();
    const list = (await get(`/api/runs/${manifest.id}/export`)).json();
    expect(Value.Check(ExportListSchema, list)).toBe(true);
    expect(list.files.map(({ name }: { name: string }) => name)).toEqual([
      'tfjs/model.json',
      'tfjs/group1-shard1of1.bin',
      'model.keras',
      'model.safetensors',
    ]);
    // An hour later they are still the same bytes.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    for (const { name, byteLength, sha256 } of list.files) {
      const { rawPayload } = await get(`/api/runs/${manifest.id}/export/${name}`);
      expect([name, rawPayload.length, sha256Of(rawPayload)]).toEqual([name, byteLength, sha256]);
    }
    vi.useRealTimers();
  });
});

describe('datasets and blobs', () => {
  it('digits are cut into shards whose blobs are served by their hash, for ever', async () => {
    expect(Value.Check(DatasetManifestSchema, dataset)).toBe(true);
    const { sha256, byteLength } = dataset.validation;
    const blob = await get(`/blobs/${sha256}`);
    expect(blob.rawPayload.length).toBe(byteLength);
    expect(sha256Of(blob.rawPayload)).toBe(sha256);
    expect(blob.headers['cache-control']).toContain('immutable');
  });

  it('samples are shown with their labels', async () => {
    const samples = (await get(`/api/datasets/${dataset.id}/samples?count=3`)).json();
    expect(Value.Check(DatasetSamplesSchema, samples)).toBe(true);
    expect(samples.samples).toHaveLength(3);
    expect(Buffer.from(samples.samples[0].pixels, 'base64')).toHaveLength(28 * 28);
  });

  it('[U18] the same dataset twice is one dataset', async () => {
    const again = await post('/api/datasets', {
      kind: 'digits',
      trainSampleCount: 100,
      validationSampleCount: 100,
    });
    expect([again.statusCode, again.json().id]).toEqual([200, dataset.id]);
  });
});

describe('restart', () => {
  it('[I-4] [I-6] runs and datasets are there again; a damaged checkpoint is mended from the seed', async () => {
    const first = await TestCoordinator.start();
    const made = await first.createRun();
    const { initialCheckpoint } = first.built.grid.run(made.manifest.id)!.state.setup;
    await first.stop({ keepData: true });
    writeFileSync(
      join(first.directory, 'blobs', initialCheckpoint.slice(0, 2), initialCheckpoint),
      'damaged',
    );
    const second = await TestCoordinator.start({ directory: first.directory });
    expect((await second.inject(`/api/runs/${made.manifest.id}`)).json().manifest).toEqual(made.manifest);
    const weights = await second.inject(`/api/runs/${made.manifest.id}/export/tfjs/group1-shard1of1.bin`);
    expect(weights.statusCode).toBe(200);
    const events = (await second.inject(`/api/runs/${made.manifest.id}/events`)).json();
    expect(events.at(-1).kind).toBe('restarted');
    await second.stop();
  });
});

describe('live stream', () => {
  it('sends the whole at first and what is new after a change', async () => {
    const live = await TestCoordinator.start({ listen: true });
    const { manifest } = await live.createRun();
    const response = await fetch(`${live.url}/api/runs/${manifest.id}/live`, { headers: ADMIN });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const next = async (): Promise<RunLive> => {
      for (let end = -1; ; text += (await reader.read()).value ?? '') {
        end = text.indexOf('\n\n');
        if (end < 0) continue;
        const event = JSON.parse(text.slice('data: '.length, end));
        text = text.slice(end + 2);
        expect(Value.Check(RunLiveSchema, event)).toBe(true);
        return event;
      }
    };
    expect((await next()).run.state).toBe('waiting');
    await live.built.app.inject({ method: 'POST', url: `/api/runs/${manifest.id}/pause`, headers: ADMIN });
    let changed = await next();
    while (changed.events.length === 0) changed = await next();
    expect(changed.run.state).toBe('paused');
    expect(changed.events.map(({ kind }) => kind)).toEqual(['state']);
    await reader.cancel();
    await live.stop();
  });
});
