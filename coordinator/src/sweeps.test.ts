/** Sweeps: the plan is pure; the running of it goes on after a restart and keeps its table. */
import { SweepRequestSchema, SweepTableSchema } from '@murmuration/protocol';
import type { Search, SweepTable } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { ADMIN, TestCoordinator } from '../testing/grid.ts';
import { assigned, planFault, trialsOf, trialsToBegin } from './sweep-plan.ts';

const RANDOM: Search = {
  kind: 'random',
  seed: 7,
  trials: 200,
  parameters: [
    { key: 'training.learningRate', min: 0.0001, max: 0.1, scale: 'log' },
    { key: 'training.localSteps', min: 2, max: 4, scale: 'linear', integer: true },
    { key: 'model', values: ['mlp', 'cnn'] },
  ],
};

describe('the plan of a sweep', () => {
  it('a grid is every combination, the last key changing fastest', () => {
    const search: Search = {
      kind: 'grid',
      parameters: [
        { key: 'model', values: ['mlp', 'cnn'] },
        { key: 'seed', values: [1, 2] },
      ],
    };
    expect(trialsOf(search)).toEqual([
      { model: 'mlp', seed: 1 },
      { model: 'mlp', seed: 2 },
      { model: 'cnn', seed: 1 },
      { model: 'cnn', seed: 2 },
    ]);
  });

  it('draws follow the seed alone, stay in their ranges, and cover them on their scale', () => {
    const trials = trialsOf(RANDOM);
    expect(trialsOf(RANDOM)).toEqual(trials);
    expect(trialsOf({ ...RANDOM, seed: 8 })).not.toEqual(trials);
    const rates = trials.map((trial) => trial['training.learningRate'] as number);
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(0.0001);
    expect(Math.max(...rates)).toBeLessThanOrEqual(0.1);
    // Logarithmic: a third of the draws lies in the lowest of three decades.
    const lowest = rates.filter((rate) => rate < 0.001).length;
    expect(lowest).toBeGreaterThan(40);
    expect(lowest).toBeLessThan(95);
    expect(new Set(trials.map((trial) => trial['training.localSteps']))).toEqual(new Set([2, 3, 4]));
    // More trials begin with the same ones.
    expect(trialsOf({ ...RANDOM, trials: 3 })).toEqual(trials.slice(0, 3));
  });

  it('sets nested keys without touching the base', () => {
    const base = { name: 'x', training: { batchSize: 8 } };
    expect(assigned(base, { 'training.localSteps': 3, seed: 1 })).toEqual({
      name: 'x',
      seed: 1,
      training: { batchSize: 8, localSteps: 3 },
    });
    expect(base).toEqual({ name: 'x', training: { batchSize: 8 } });
  });

  it('begins the first pending trials, as many as are missing', () => {
    expect(trialsToBegin(['over', 'open', 'pending', 'pending'], 2)).toEqual([2]);
    expect(trialsToBegin(['pending', 'pending', 'pending'], 2)).toEqual([0, 1]);
    expect(trialsToBegin(['open', 'open', 'pending'], 1)).toEqual([]);
  });

  it('refuses what cannot be tried', () => {
    const values = Array.from({ length: 30 }, (_, i) => i);
    const grid = (...keys: string[]): Search => ({
      kind: 'grid',
      parameters: keys.map((key) => ({ key, values })),
    });
    expect(planFault(grid('a', 'b'))).toContain('900 combinations');
    expect(planFault(grid('a', 'a'))).toBe('a is named twice');
    expect(
      planFault({ ...RANDOM, parameters: [{ key: 'seed', min: 0, max: 1, scale: 'log' }] } as Search),
    ).toContain('above 0');
  });
});

describe('a sweep', () => {
  const request = (datasetId: string) => ({
    name: 'rates',
    base: { name: 'base', datasetId, model: 'mlp', training: { targetAccuracy: null } },
    search: { kind: 'grid', parameters: [{ key: 'training.learningRate', values: [0.001, 0.01, 0.1] }] },
    metric: 'accuracy',
  });

  it('opens one trial after the other, survives a restart, and keeps the results of deleted runs', async () => {
    let coordinator = await TestCoordinator.start();
    const post = (url: string, payload?: object) =>
      coordinator.built.app.inject({ method: 'POST', url, headers: ADMIN, ...(payload ? { payload } : {}) });
    const { id: datasetId } = await coordinator.createDataset();
    const made = await post('/api/sweeps', request(datasetId));
    expect([made.statusCode, made.json().trialCount]).toEqual([201, 3]);
    const { id } = made.json();
    const table = async (): Promise<SweepTable> => (await coordinator.inject(`/api/sweeps/${id}`)).json();
    const states = async () => (await table()).trials.map(({ state }) => state);
    expect(Value.Check(SweepTableSchema, await table())).toBe(true);
    expect(Value.Check(SweepRequestSchema, (await table()).sweep.request)).toBe(true);
    expect(await states()).toEqual(['waiting', 'pending', 'pending']);
    const [first] = (await table()).trials;
    const run = (await coordinator.inject(`/api/runs/${first!.runId}`)).json();
    expect([run.manifest.name, run.manifest.training.learningRate]).toEqual(['rates 1', 0.001]);
    expect((await coordinator.inject('/api/runs')).json().items[0].sweepId).toBe(id);

    await post(`/api/runs/${first!.runId}/stop`);
    await coordinator.stop({ keepData: true });
    coordinator = await TestCoordinator.start({ directory: coordinator.directory });
    await coordinator.built.sweeps.advance();
    expect(await states()).toEqual(['finished', 'waiting', 'pending']);

    const gone = await coordinator.built.app.inject({
      method: 'DELETE',
      url: `/api/runs/${first!.runId}`,
      headers: ADMIN,
    });
    expect(gone.statusCode).toBe(204);
    expect((await table()).trials[0]).toMatchObject({ state: 'deleted', runId: null });

    expect((await post(`/api/sweeps/${id}/pause`)).json().state).toBe('paused');
    expect((await post(`/api/sweeps/${id}/pause`)).json()).toMatchObject({
      code: 'illegal-state',
      state: 'paused',
    });
    expect(await states()).toEqual(['deleted', 'paused', 'pending']);
    expect((await post(`/api/sweeps/${id}/resume`)).json().state).toBe('running');
    expect((await post(`/api/sweeps/${id}/stop`)).json().state).toBe('stopped');
    expect(await states()).toEqual(['deleted', 'finished', 'pending']);
    const csv = (await coordinator.inject(`/api/sweeps/${id}/table.csv`)).payload.split('\r\n');
    expect(csv[0]).toContain('training.learningRate,accuracy,loss');
    expect(csv).toHaveLength(5);
    await coordinator.stop();
  });

  it('a trial that would be refused is named before anything begins; the same key is the same sweep', async () => {
    const coordinator = await TestCoordinator.start();
    const { id: datasetId } = await coordinator.createDataset();
    const post = (payload: object, headers: object = {}) =>
      coordinator.built.app.inject({
        method: 'POST',
        url: '/api/sweeps',
        headers: { ...ADMIN, ...headers },
        payload,
      });
    const bad = request(datasetId);
    bad.search.parameters[0]!.values = [0.001, 7];
    expect((await post(bad)).json()).toMatchObject({ field: 'trials.1.training.learningRate' });
    expect((await coordinator.inject('/api/runs')).json().items).toEqual([]);
    const key = { 'idempotency-key': 'once' };
    const [one, two] = await Promise.all([post(request(datasetId), key), post(request(datasetId), key)]);
    expect(two.json().id).toBe(one.json().id);
    expect([one.statusCode, two.statusCode].toSorted()).toEqual([200, 201]);
    expect((await coordinator.inject('/api/sweeps')).json()).toHaveLength(1);
    await coordinator.stop();
  });
});
