import { createHash } from 'node:crypto';
import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  DatasetManifestSchema,
  PreprocessingSchema,
  PreviewSchema,
  UploadListSchema,
  UploadStateSchema,
  type UploadState,
} from '@murmuration/protocol';
import type { InjectOptions } from 'fastify';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, TestCoordinator } from '../testing/grid.ts';
import { UploadParts } from './upload-parts.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const BYTES = { ...ADMIN, 'content-type': 'application/octet-stream' };
const CONSENT = { licence: 'CC0', sharedWithVolunteers: true };
const CSV = `x,colour,kind\n${Array.from({ length: 200 }, (_, i) => `${(i * 7) % 23},${['red', 'blue'][i % 2]},${['a', 'b', 'c'][i % 3]}`).join('\n')}\n`;

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await TestCoordinator.start();
});
afterAll(() => coordinator.stop());

const inject = (request: InjectOptions) => coordinator.built.app.inject(request);
const get = (url: string, headers: Record<string, string> = ADMIN) => inject({ method: 'GET', url, headers });
const remove = (url: string) => inject({ method: 'DELETE', url, headers: ADMIN });
const post = (url: string, payload: object = {}) => inject({ method: 'POST', url, headers: ADMIN, payload });
const upload = async (bytes: Buffer | string): Promise<string> =>
  (await inject({ method: 'POST', url: '/api/uploads', headers: BYTES, payload: bytes })).json().id;
const makeCsv = async (more: object = {}) =>
  post('/api/datasets', { kind: 'csv', name: 'table', file: await upload(CSV), ...CONSENT, ...more });
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('datasets from files', () => {
  it('a CSV becomes a dataset with a preview and a preprocessing, both deterministic', async () => {
    const made = await makeCsv();
    expect(made.statusCode).toBe(201);
    const manifest = made.json();
    expect(Value.Check(DatasetManifestSchema, manifest)).toBe(true);
    expect(manifest).toMatchObject({
      kind: 'csv',
      licence: 'CC0',
      encoding: 'float32',
      sampleShape: [3],
      target: { kind: 'class', classNames: ['a', 'b', 'c'] },
    });
    const preview = await get(`/api/datasets/${manifest.id}/preview`);
    expect(Value.Check(PreviewSchema, preview.json())).toBe(true);
    expect((await get(`/api/datasets/${manifest.id}/preview`)).payload).toBe(preview.payload);
    const preprocessing = (await get(`/api/datasets/${manifest.id}/preprocessing.json`)).json();
    expect(Value.Check(PreprocessingSchema, preprocessing)).toBe(true);
    expect(preprocessing).toMatchObject({
      version: 1,
      name: 'table',
      target: { classNames: ['a', 'b', 'c'] },
    });
    expect((await get(`/api/datasets/${manifest.id}`)).json()).toEqual(manifest);
    const again = await makeCsv();
    expect([again.statusCode, again.json().id]).toEqual([200, manifest.id]);
    expect(readdirSync(join(coordinator.directory, 'making'))).toEqual([]);
  });

  it('IDX files become a dataset; an upload is not public', async () => {
    const idx = (dimensions: number[], values: Uint8Array) => {
      const header = Buffer.alloc(4 + 4 * dimensions.length);
      header.set([0, 0, 8, dimensions.length]);
      dimensions.forEach((n, i) => header.writeUInt32BE(n, 4 + 4 * i));
      return Buffer.concat([header, values]);
    };
    const labels = await upload(
      idx(
        [100],
        Uint8Array.from({ length: 100 }, (_, i) => i % 4),
      ),
    );
    const images = await upload(gzipSync(idx([100, 6, 5], new Uint8Array(3_000).fill(9))));
    const wish = { kind: 'idx', name: 'tiny', images, labels, trainSampleCount: 70, ...CONSENT };
    expect((await post('/api/datasets', wish)).json()).toMatchObject({
      target: { kind: 'class', classCount: 4 },
      trainSampleCount: 70,
      validation: { sampleCount: 30 },
    });
    expect((await get(`/blobs/${labels}`)).statusCode).toBe(404);
  });

  it('[U10] what is wrong is refused by its field: licence, tick, kind, an upload that is not there, a bad file', async () => {
    const file = await upload(CSV);
    const refused = async (wish: object) => {
      const answer = await post('/api/datasets', { name: 'x', ...wish });
      return [answer.statusCode, answer.json().field];
    };
    expect(await refused({ kind: 'csv', file, sharedWithVolunteers: true })).toEqual([400, 'licence']);
    expect(await refused({ kind: 'csv', file, licence: '', sharedWithVolunteers: true })).toEqual([
      400,
      'licence',
    ]);
    expect(await refused({ kind: 'csv', file, licence: 'CC0' })).toEqual([400, 'sharedWithVolunteers']);
    expect(await refused({ kind: 'csv', file, licence: 'CC0', sharedWithVolunteers: false })).toEqual([
      400,
      'sharedWithVolunteers',
    ]);
    expect(await refused({ kind: 'xml', file, ...CONSENT })).toEqual([400, 'kind']);
    expect(await refused({ kind: 'csv', file: '0'.repeat(64), ...CONSENT })).toEqual([400, 'file']);
    const broken = await upload(`${CSV}1,2\n`);
    const answer = await post('/api/datasets', { kind: 'csv', name: 'x', file: broken, ...CONSENT });
    expect(answer.json()).toEqual({
      code: 'bad-field',
      field: 'file',
      message: 'file: row 201 has 2 cells, the header 3',
    });
  });

  it('a run on values is refused when it is made, with the reason', async () => {
    const made = (await makeCsv({ target: 'x', task: 'values' })).json();
    expect(made.target).toMatchObject({ kind: 'value', size: 1 });
    const run = await post('/api/runs', { name: 'r', datasetId: made.id, model: 'mlp' });
    if (run.statusCode !== 201) expect(run.json().field).toBe('datasetId');
  });

  it('is removed with its blobs when no run needs it, and kept when one does', async () => {
    const made = (await makeCsv({ seed: 77 })).json();
    const { sha256: blob } = made.validation;
    expect((await get(`/blobs/${blob}`)).statusCode).toBe(200);
    expect((await inject({ method: 'DELETE', url: `/api/datasets/${made.id}` })).statusCode).toBe(401);
    expect((await remove(`/api/datasets/${made.id}`)).statusCode).toBe(204);
    expect((await get(`/api/datasets/${made.id}`)).statusCode).toBe(404);
    expect((await get(`/blobs/${blob}`)).statusCode).toBe(404);
    const { manifest } = await coordinator.createRun();
    const kept = await remove(`/api/datasets/${manifest.dataset.id}`);
    expect([kept.statusCode, kept.json().code]).toEqual([409, 'in-use']);
  });

  it('two datasets that share a blob both keep it until the last is removed', async () => {
    const first = (await makeCsv({ seed: 5 })).json();
    const second = (await makeCsv({ seed: 5, name: 'another name' })).json();
    expect(second.id).not.toBe(first.id);
    expect(second.validation.sha256).toBe(first.validation.sha256);
    await remove(`/api/datasets/${first.id}`);
    expect((await get(`/blobs/${first.validation.sha256}`)).statusCode).toBe(200);
    await remove(`/api/datasets/${second.id}`);
    expect((await get(`/blobs/${first.validation.sha256}`)).statusCode).toBe(404);
  });
});

describe('uploads in parts', () => {
  const bytes = Buffer.from(CSV);
  const begin = async (byteLength = bytes.length): Promise<UploadState> =>
    (await post('/api/uploads/parts', { byteLength, name: 'table.csv' })).json();
  const send = (id: string, offset: number, part: Buffer, hash = sha256(part)) =>
    inject({
      method: 'PUT',
      url: `/api/uploads/parts/${id}?offset=${offset}&sha256=${hash}`,
      headers: BYTES,
      payload: part,
    });

  it('part after part, each at its offset, gives the same upload as the whole file', async () => {
    const state = await begin();
    expect(Value.Check(UploadStateSchema, state)).toBe(true);
    for (let at = 0; at < bytes.length; at += 500)
      expect((await send(state.id, at, bytes.subarray(at, at + 500))).json().offset).toBe(
        Math.min(bytes.length, at + 500),
      );
    const done = await post(`/api/uploads/parts/${state.id}/finish`);
    expect(done.json()).toEqual({ id: sha256(bytes), byteLength: bytes.length });
    expect(done.json().id).toBe(await upload(CSV));
    expect((await get(`/api/uploads/parts/${state.id}`, ADMIN)).statusCode).toBe(404);
    const list = (await get('/api/uploads', ADMIN)).json();
    expect(Value.Check(UploadListSchema, list)).toBe(true);
    expect(list.finished).toContainEqual({ id: sha256(bytes), byteLength: bytes.length });
  });

  it('a part at another offset, with another hash, too long or empty changes nothing', async () => {
    const { id } = await begin();
    await send(id, 0, bytes.subarray(0, 100));
    const wrong = async (...part: Parameters<typeof send>) => {
      const answer = await send(...part);
      return [answer.statusCode, answer.json().code];
    };
    expect(await wrong(id, 50, bytes.subarray(50, 60))).toEqual([409, 'wrong-offset']);
    expect(await wrong(id, 100, bytes.subarray(100, 200), sha256(Buffer.of(1)))).toEqual([400, 'bad-hash']);
    expect(await wrong(id, 100, Buffer.alloc(bytes.length))).toEqual([413, 'too-large']);
    expect(await wrong(id, 100, Buffer.alloc(0))).toEqual([400, 'bad-length']);
    expect((await post(`/api/uploads/parts/${id}/finish`)).json().code).toBe('unfinished');
    expect((await get(`/api/uploads/parts/${id}`, ADMIN)).json().offset).toBe(100);
    await send(id, 100, bytes.subarray(100));
    expect((await post(`/api/uploads/parts/${id}/finish`)).json().id).toBe(sha256(bytes));
  });

  it('survives a restart, and what a crash left behind the offset is cut off', async () => {
    const first = await TestCoordinator.start();
    const parts = (method: 'POST' | 'PUT' | 'GET', url: string, payload: object | Buffer = {}) =>
      first.built.app.inject({
        method,
        url,
        headers: Buffer.isBuffer(payload) ? BYTES : ADMIN,
        ...(method === 'GET' ? {} : { payload }),
      });
    const { id } = (await parts('POST', '/api/uploads/parts', { byteLength: bytes.length })).json();
    const head = bytes.subarray(0, 700);
    await parts('PUT', `/api/uploads/parts/${id}?offset=0&sha256=${sha256(head)}`, head);
    await first.stop({ keepData: true });
    appendFileSync(join(first.directory, 'uploads', `${id}.part`), 'half a part');
    const second = await TestCoordinator.start({ directory: first.directory });
    const state = await second.built.app.inject({
      method: 'GET',
      url: `/api/uploads/parts/${id}`,
      headers: ADMIN,
    });
    expect(state.json()).toMatchObject({ offset: 700, byteLength: bytes.length });
    const rest = bytes.subarray(700);
    await second.built.app.inject({
      method: 'PUT',
      url: `/api/uploads/parts/${id}?offset=700&sha256=${sha256(rest)}`,
      headers: BYTES,
      payload: rest,
    });
    const done = await second.built.app.inject({
      method: 'POST',
      url: `/api/uploads/parts/${id}/finish`,
      headers: ADMIN,
      payload: {},
    });
    expect(done.json().id).toBe(sha256(bytes));
    await second.stop();
  });

  it('an unfinished upload is removed on request, and forgotten at a start a week later', async () => {
    const { id } = await begin();
    expect((await remove(`/api/uploads/parts/${id}`)).statusCode).toBe(204);
    expect((await remove(`/api/uploads/parts/${id}`)).statusCode).toBe(404);
    const late = await begin();
    const day = 24 * 60 * 60 * 1000;
    const at = (days: number) => new UploadParts(coordinator.directory, () => Date.now() + days * day).list();
    expect(at(6).map(({ id }) => id)).toEqual([late.id]);
    expect(at(8)).toEqual([]);
  });

  it('there is an end to what may be announced, and to how many', async () => {
    const fresh = await TestCoordinator.start();
    const announce = (byteLength: number) =>
      fresh.built.app.inject({
        method: 'POST',
        url: '/api/uploads/parts',
        headers: ADMIN,
        payload: { byteLength },
      });
    const gigabyte = 1024 * 1024 * 1024;
    expect((await announce(gigabyte + 1)).json().field).toBe('byteLength');
    const codes: number[] = [];
    for (let i = 0; i < 5; i++) codes.push((await announce(gigabyte)).statusCode);
    expect(codes).toEqual([201, 201, 201, 201, 413]);
    await fresh.stop();
  });

  it('a finished upload is removed; a dataset that was made of it stays', async () => {
    const text = `${CSV}1,red,a\n`;
    const id = await upload(text);
    const made = (await post('/api/datasets', { kind: 'csv', name: 'kept', file: id, ...CONSENT })).json();
    expect((await remove(`/api/uploads/${id}`)).statusCode).toBe(204);
    expect((await remove(`/api/uploads/${id}`)).statusCode).toBe(404);
    expect((await get(`/blobs/${made.validation.sha256}`)).statusCode).toBe(200);
  });
});
