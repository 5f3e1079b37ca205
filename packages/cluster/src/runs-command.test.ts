/** The `murmur` command against a real coordinator on a port: every verb is a call, refusals are sentences with an exit code. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCoordinator, type Coordinator } from '@murmuration/coordinator';
import type { RunView } from '@murmuration/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { settings, tableLines } from './api-command.ts';
import { run as runData } from './data-command.ts';
import { run as runModels } from './models-command.ts';
import { run as runRuns } from './runs-command.ts';
import { run as runSweeps } from './sweeps-command.ts';

const TOKEN = 'a-token-for-the-commands';
const directory = mkdtempSync(join(tmpdir(), 'murmuration-commands-'));
const file = join(directory, 'run.yaml');
const UNKNOWN_LAYERS = {
  class_name: 'Sequential',
  config: {
    name: 'odd',
    layers: [
      { class_name: 'InputLayer', config: { name: 'in', batch_shape: [null, 8, 4] } },
      { class_name: 'Unheard', config: { name: 'first' } },
      { class_name: 'LSTM', config: { name: 'second', units: 3 } },
    ],
  },
};
let coordinator: Coordinator;
beforeAll(async () => {
  coordinator = await startCoordinator({
    port: 0,
    dataDirectory: join(directory, 'data'),
    adminToken: TOKEN,
  });
  writeFileSync(
    file,
    'name: command\nmodel: mlp\nseed: 3\ndata:\n  kind: digits\n  trainSampleCount: 100\n  validationSampleCount: 100\n',
  );
});
afterAll(async () => {
  await coordinator.stop();
  rmSync(directory, { recursive: true });
});

/** What a command printed, and its exit code. */
async function ran(command: (argv: readonly string[]) => Promise<number>, ...argv: string[]) {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const code = await command(argv);
    const text = (spy: typeof out) => spy.mock.calls.map(([piece]) => String(piece)).join('');
    return { code, out: text(out), err: text(err as typeof out) };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
const at = (...argv: string[]) => [...argv, '--url', coordinator.url, '--token', TOKEN];
const json = async (...argv: string[]) => JSON.parse((await ran(runRuns, ...at(...argv, '--json'))).out);

describe('murmur', () => {
  it('runs: created from a file, steered, copied, compared, taken away, deleted', async () => {
    const made: RunView = await json('create', file, '--key', 'once');
    expect(made.manifest).toMatchObject({ name: 'command', seed: 3 });
    expect((await json('create', file, '--key', 'once')).manifest.id).toBe(made.manifest.id);
    const { id } = made.manifest;
    expect((await ran(runRuns, ...at('list'))).out).toMatch(new RegExp(`${id}  command +waiting`));
    const preflight = (await ran(runRuns, ...at('preflight', file))).out;
    expect(preflight).toContain('It would be created.');
    expect(preflight).toContain('needs one tab, none is connected; until then it waits');
    expect((await ran(runRuns, ...at('pause', id))).code).toBe(0);
    expect(await ran(runRuns, ...at('pause', id))).toMatchObject({
      code: 1,
      err: expect.stringContaining('the run is paused; it cannot pause'),
    });
    const clone: RunView = await json('clone', id, '--set', 'learningRate=0.1', '--name', 'other');
    expect(clone.manifest.training.learningRate).toBe(0.1);
    const compared = (await ran(runRuns, ...at('compare', id, clone.manifest.id))).out;
    expect(compared).toMatch(/training\.learningRate +0\.004 +0\.1/);
    const fork: RunView = await json('fork', id);
    expect(fork.manifest.forkOf).toMatchObject({ runId: id, round: 0 });
    const out = join(directory, 'export');
    expect((await ran(runRuns, ...at('export', id, '--out', out))).code).toBe(0);
    expect(readdirSync(out).toSorted()).toEqual([
      'README.md',
      'group1-shard1of1.bin',
      'manifest.json',
      'metrics.csv',
      'metrics.json',
      'model.json',
      'model.keras',
      'model.safetensors',
    ]);
    expect((await ran(runRuns, ...at('delete', id))).err).toContain('stop it first');
    expect((await json('stop', id)).state).toBe('finished');
    expect((await ran(runRuns, ...at('watch', id))).out).toContain('finished');
    expect((await ran(runRuns, ...at('delete', id))).code).toBe(0);
    expect((await ran(runRuns, ...at('show', id))).err).toContain('no such run');
  });

  it('data, sweeps and models', async () => {
    const added = await ran(runData, ...at('add', file, '--json'));
    const dataset = JSON.parse(added.out);
    expect((await ran(runData, ...at('list'))).out).toContain(dataset.id);
    const sweepFile = join(directory, 'sweep.yaml');
    writeFileSync(
      sweepFile,
      `name: rates\nmetric: accuracy\nbase:\n  name: base\n  datasetId: ${dataset.id}\n  model: mlp\nsearch:\n  kind: grid\n  parameters:\n    - key: training.learningRate\n      values: [0.01, 0.1]\n`,
    );
    const sweep = JSON.parse((await ran(runSweeps, ...at('create', sweepFile, '--json'))).out);
    expect((await ran(runSweeps, ...at('show', sweep.id))).out).toMatch(/1 +pending +0\.1/);
    expect((await ran(runSweeps, ...at('stop', sweep.id))).code).toBe(0);
    expect((await ran(runModels, 'presets')).out).toContain('mlp');
    expect(await ran(runModels, 'check', file)).toMatchObject({ code: 1 });
  });

  it('models: what a run gave away is added again, named by a run, listed, and kept while the run is there', async () => {
    const { manifest }: RunView = await json('create', file);
    await ran(runRuns, ...at('export', manifest.id, '--out', join(directory, 'given')));
    const given = (name: string) => join(directory, 'given', name);
    const models = async (...argv: string[]) =>
      JSON.parse((await ran(runModels, ...at(...argv, '--json'))).out);
    const model = await models('add', given('model.keras'), '--name', 'digits again');
    expect(model).toMatchObject({ name: 'digits again', hasWeights: true });
    const pair = [
      'model.json',
      ...readdirSync(join(directory, 'given')).filter((name) => name.endsWith('.bin')),
    ];
    expect(await models('add', ...pair.map(given))).toMatchObject({ hasWeights: true });
    expect(await models('list')).toHaveLength(2);
    const named = join(directory, 'named.yaml');
    writeFileSync(
      named,
      `name: again\nmodel: {imported: ${model.id}}\ndata:\n  kind: digits\n  trainSampleCount: 100\n  validationSampleCount: 100\n`,
    );
    const again: RunView = await json('create', named);
    expect(again.manifest.importOf).toMatchObject({ modelId: model.id, sha256: expect.any(String) });
    expect((await ran(runModels, ...at('show', model.id))).out).toContain('taken');
    expect(await ran(runModels, ...at('delete', model.id))).toMatchObject({
      code: 1,
      err: expect.stringContaining('its clones need it'),
    });
    const refused = join(directory, 'refused.json');
    writeFileSync(refused, JSON.stringify(UNKNOWN_LAYERS));
    const fromFile = join(directory, 'given', 'from-file.yaml');
    const withModel = (model: string) =>
      writeFileSync(
        fromFile,
        `name: from a file\nmodel: ${model}\ndata: {kind: digits, trainSampleCount: 100}\n`,
      );
    withModel('{file: ./model.keras}');
    expect((await ran(runRuns, ...at('preflight', fromFile))).out).toContain('101770 parameters');
    const begun: RunView = await json('create', fromFile);
    expect(begun.manifest).toMatchObject({
      parameterCount: 101_770,
      importOf: { sha256: expect.any(String) },
    });
    withModel(`{file: model.json, weightsFiles: [${pair[1]}], weights: drawn}`);
    expect((await json('create', fromFile)).manifest.importOf).toMatchObject({ sha256: null });
    withModel('{file: gone.keras}');
    expect((await ran(runRuns, ...at('create', fromFile))).err).toContain('there is no file');
    withModel('{file: ../refused.json}');
    expect((await ran(runRuns, ...at('create', fromFile))).err).toMatch(
      /layer "first" \(Unheard\).*\n.*layer "second" \(LSTM\)/,
    );
    expect(await ran(runModels, ...at('add', given('README.md')))).toMatchObject({
      code: 1,
      err: expect.stringContaining('give a .keras file'),
    });
  });

  it('wrong use is 2, a wrong token or nobody there is 1, with a sentence', async () => {
    expect((await ran(runRuns, 'fly')).code).toBe(2);
    expect((await ran(runRuns, 'show')).out).toContain('murmur runs show RUN');
    expect((await ran(runRuns, 'list', '--url', coordinator.url, '--token', 'wrong')).code).toBe(1);
    const nobody = await ran(runRuns, 'list', '--url', 'http://127.0.0.1:1', '--token', TOKEN);
    expect(nobody).toMatchObject({ code: 1, err: expect.stringContaining('No coordinator answers') });
  });

  it('settings are JSON where they can be; tables are as wide as they must be', () => {
    expect(settings(['a=1', 'b=null', 'c=int8'])).toEqual({ a: 1, b: null, c: 'int8' });
    expect(() => settings(['nonsense'])).toThrow('key=value');
    expect(tableLines(['A', 'B'], [['long', 'x']])).toEqual(['A     B', 'long  x']);
  });
});
