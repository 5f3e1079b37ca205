/** Models from elsewhere over the API: taken, listed, named by runs, and what is wrong with those that are not. */
import { parametersFromBytes } from '@murmuration/codec';
import {
  ModelCheckSchema,
  ModelListSchema,
  ModelViewSchema,
  parameterLayout,
  presetModel,
  RunViewSchema,
  type ModelView,
} from '@murmuration/protocol';
import type { InjectOptions } from 'fastify';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, TestCoordinator } from '../testing/grid.ts';
import { toKeras } from './exports/keras.ts';
import { TFJS_WEIGHTS_FILE, toTfjs } from './exports/tfjs.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MODEL = presetModel('mlp', [28, 28, 1], 10);
const LAYOUT = parameterLayout(MODEL);
const WEIGHTS = Float32Array.from({ length: LAYOUT.parameterCount }, (_, i) => Math.sin(i) / 8);
const LSTM = {
  class_name: 'Sequential',
  config: {
    name: 'memory',
    layers: [
      { class_name: 'InputLayer', config: { name: 'in', batch_shape: [null, 8, 4] } },
      { class_name: 'LSTM', config: { name: 'lstm', units: 3 } },
    ],
  },
};

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await TestCoordinator.start();
});
afterAll(() => coordinator.stop());

const inject = (request: InjectOptions) => coordinator.built.app.inject(request);
const get = (url: string) => inject({ method: 'GET', url, headers: ADMIN });
const remove = (url: string) => inject({ method: 'DELETE', url, headers: ADMIN });
const post = (url: string, payload: object = {}) => inject({ method: 'POST', url, headers: ADMIN, payload });
const upload = async (name: string, bytes: Uint8Array | string) => {
  const headers = { ...ADMIN, 'content-type': 'application/octet-stream' };
  const payload = Buffer.from(bytes as Uint8Array);
  return {
    name,
    upload: (await inject({ method: 'POST', url: '/api/uploads', headers, payload })).json().id as string,
  };
};
const kerasFile = async () =>
  upload(
    'digits.keras',
    await toKeras(MODEL, LAYOUT, WEIGHTS, { output: 'probabilities', savedAt: '2026-01-01T00:00:00.000Z' }),
  );
const added = async (name: string): Promise<ModelView> =>
  (await post('/api/models', { name, files: [await kerasFile()] })).json();
const createRun = async (model: object) => {
  const { id: datasetId } = await coordinator.createDataset();
  return post('/api/runs', { name: 'begun', datasetId, model, seed: 3 });
};
const firstWeights = async (runId: string) => {
  const [{ sha256 }] = (await get(`/api/runs/${runId}/checkpoints`)).json();
  return parametersFromBytes((await get(`/blobs/${sha256}`)).rawPayload, LAYOUT.parameterCount)!;
};

describe('a model from elsewhere', () => {
  it('is taken from a .keras file with its weights, once, and is listed with its report', async () => {
    const answer = await post('/api/models', { files: [await kerasFile()] });
    const view = answer.json();
    expect([answer.statusCode, Value.Check(ModelViewSchema, view)]).toEqual([201, true]);
    expect(view).toMatchObject({
      name: 'mlp',
      parameterCount: LAYOUT.parameterCount,
      hasWeights: true,
      givesProbabilities: true,
      inputShape: [28, 28, 1],
      outputShape: [10],
    });
    expect(view.report.map(({ outcome }: { outcome: string }) => outcome)).toContain('taken');
    const again = await post('/api/models', { files: [await kerasFile()] });
    expect([again.statusCode, again.json().id]).toEqual([200, view.id]);
    const list = (await get('/api/models')).json();
    expect(Value.Check(ModelListSchema, list)).toBe(true);
    expect(list.filter(({ id }: { id: string }) => id === view.id)).toHaveLength(1);
    expect((await get(`/api/models/${view.id}`)).json()).toEqual(view);
  });

  it('begins a run with its weights, or with drawn ones; a clone does the same, a fork goes on', async () => {
    const { id } = await added('begins');
    const answer = await createRun({ imported: id });
    const run = answer.json();
    expect([answer.statusCode, Value.Check(RunViewSchema, run)]).toEqual([201, true]);
    expect(run.manifest).toMatchObject({ parameterCount: LAYOUT.parameterCount, importOf: { modelId: id } });
    expect(await firstWeights(run.manifest.id)).toEqual(WEIGHTS);
    const clone = (await post(`/api/runs/${run.manifest.id}/clone`)).json();
    expect(clone.manifest.importOf).toEqual(run.manifest.importOf);
    expect(await firstWeights(clone.manifest.id)).toEqual(WEIGHTS);
    const fork = (await post(`/api/runs/${run.manifest.id}/fork`)).json();
    expect(fork.manifest.importOf).toEqual({ modelId: id, sha256: null });
    expect(await firstWeights(fork.manifest.id)).toEqual(WEIGHTS);
    const drawn = (await createRun({ imported: id, weights: 'drawn' })).json();
    expect(drawn.manifest.importOf).toEqual({ modelId: id, sha256: null });
    expect(await firstWeights(drawn.manifest.id)).not.toEqual(WEIGHTS);
  });

  it('outlives a restart, and its weights outlive the runs', async () => {
    const first = coordinator;
    const { id } = await added('stays');
    const run = (await createRun({ imported: id })).json().manifest.id;
    await post(`/api/runs/${run}/stop`);
    expect((await remove(`/api/runs/${run}`)).statusCode).toBe(204);
    await first.stop({ keepData: true });
    coordinator = await TestCoordinator.start({ directory: first.directory });
    const next = (await createRun({ imported: id })).json().manifest.id;
    expect(await firstWeights(next)).toEqual(WEIGHTS);
  });

  it('is removed when no run was made of it', async () => {
    const { id } = await added('goes');
    const run = (await createRun({ imported: id })).json().manifest.id;
    expect((await remove(`/api/models/${id}`)).json().code).toBe('in-use');
    await post(`/api/runs/${run}/stop`);
    await remove(`/api/runs/${run}`);
    expect((await remove(`/api/models/${id}`)).statusCode).toBe(204);
    expect((await get(`/api/models/${id}`)).statusCode).toBe(404);
    expect((await createRun({ imported: id })).json()).toMatchObject({
      code: 'bad-field',
      field: 'model.imported',
    });
  });

  it('comes from tfjs with its weights files, and without weights from model.to_json()', async () => {
    const { modelJson, weights } = toTfjs(MODEL, LAYOUT, WEIGHTS);
    const json = await upload('model.json', JSON.stringify(modelJson));
    const pair = await post('/api/models', {
      name: 'tfjs',
      files: [json, await upload(TFJS_WEIGHTS_FILE, weights)],
    });
    expect(pair.json()).toMatchObject({ name: 'tfjs', hasWeights: true });
    const { modelTopology } = modelJson as { modelTopology: object };
    const bare = await post('/api/models', {
      files: [await upload('bare.json', JSON.stringify(modelTopology))],
    });
    expect(bare.json()).toMatchObject({ hasWeights: false });
    expect((await createRun({ imported: bare.json().id })).json().manifest.importOf.sha256).toBeNull();
    expect((await createRun({ imported: bare.json().id, weights: 'file' })).json().field).toBe(
      'model.weights',
    );
  });
});

describe('a model that is not taken', () => {
  it('is refused with the layer and the reason; the check says what became of every layer', async () => {
    const files = [await upload('memory.json', JSON.stringify(LSTM))];
    const answer = await post('/api/models', { files });
    expect([answer.statusCode, answer.json()]).toMatchObject([
      422,
      { code: 'refused-model', field: 'files' },
    ]);
    expect(answer.json().message).toContain('layer "lstm" (LSTM)');
    const check = await post('/api/models/check', { files });
    expect(Value.Check(ModelCheckSchema, check.json())).toBe(true);
    expect(check.json()).toMatchObject({ model: null, report: [{ layer: 'lstm', outcome: 'refused' }] });
  });

  it.each([
    ['no JSON', 'model.json', '{', 'files', 'no JSON'],
    ['another JSON', 'model.json', '{"a": 1}', 'files', 'no Keras model'],
    ['no zip', 'model.keras', 'PK?', 'files', 'no zip'],
    ['another file', 'model.onnx', 'x', 'files', '.keras'],
    ['a description without end', 'model.json', `"${'x'.repeat(5_000_000)}"`, 'files', 'at most'],
  ])('%s', async (_, name, text, field, says) => {
    const answer = await post('/api/models', { files: [await upload(name, text)] });
    expect([answer.statusCode, answer.json()]).toMatchObject([400, { code: 'bad-field', field }]);
    expect(answer.json().message).toContain(says);
  });

  it('names the file that is not there, or is there twice, and the dataset that does not fit', async () => {
    const missing = await post('/api/models', { files: [{ name: 'model.json', upload: '0'.repeat(64) }] });
    expect(missing.json()).toMatchObject({ code: 'bad-field', field: 'files.0.upload' });
    const file = await upload('model.json', '{}');
    expect((await post('/api/models', { files: [file, file] })).json().field).toBe('files.1.name');
    expect((await post('/api/models', { files: [{ ...file, name: '../x.json' }] })).json().field).toBe(
      'files.0.name',
    );
    const small = presetModel('mlp', [4], 10);
    const layout = parameterLayout(small);
    const keras = await toKeras(small, layout, new Float32Array(layout.parameterCount), {
      output: 'probabilities',
      savedAt: '2026-01-01T00:00:00.000Z',
    });
    const { id } = (await post('/api/models', { files: [await upload('small.keras', keras)] })).json();
    expect((await createRun({ imported: id })).json()).toMatchObject({ code: 'bad-field', field: 'model' });
    expect((await createRun({ imported: id, weight: 'file' })).json()).toMatchObject({
      code: 'bad-field',
      field: 'model.weight',
    });
  });
});
