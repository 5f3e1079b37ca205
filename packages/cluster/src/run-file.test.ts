import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRESET_NAMES } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { ROOT_DIRECTORY } from './places.ts';
import { parseRunFile, readRunFile } from './run-file.ts';

const parse = (text: string) => parseRunFile(text, 'run.yaml');
const HEAD = 'name: digits\ndata:\n  kind: digits\nmodel: mlp\n';

describe('a run as a file', () => {
  it('reads the example', async () => {
    const path = join(ROOT_DIRECTORY, 'examples', 'digits.yaml');
    expect(parse(await readFile(path, 'utf8'))).toMatchObject({ name: 'digits', data: { kind: 'digits' } });
  });

  it.each(['penguins', 'mnist', 'shakespeare'])(
    'reads the example of %s, whose data the reader brings',
    async (name) => {
      const { data } = await readRunFile(join(ROOT_DIRECTORY, 'examples', `${name}.yaml`));
      expect(data).toMatchObject({ sharedWithVolunteers: true });
    },
  );

  it('takes paths from the place of the file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'murmuration-run-'));
    const path = join(directory, 'mnist.yaml');
    const consent = '  licence: CC0\n  sharedWithVolunteers: true\n';
    await writeFile(
      path,
      `name: x\nmodel: cnn\ndata:\n  kind: idx\n  images: a.gz\n  labels: ../b.gz\n${consent}`,
    );
    const { data } = await readRunFile(path);
    await rm(directory, { recursive: true });
    expect(data).toEqual({
      kind: 'idx',
      images: join(directory, 'a.gz'),
      labels: join(directory, '..', 'b.gz'),
      licence: 'CC0',
      sharedWithVolunteers: true,
    });
  });

  it('takes the files of a model from the place of the file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'murmuration-run-'));
    const path = join(directory, 'run.yaml');
    await writeFile(
      path,
      'name: x\ndata: {kind: digits}\nmodel: {file: a/model.json, weightsFiles: [a/w.bin]}\n',
    );
    const { model } = await readRunFile(path);
    await rm(directory, { recursive: true });
    expect(model).toEqual({
      file: join(directory, 'a', 'model.json'),
      weightsFiles: [join(directory, 'a', 'w.bin')],
    });
  });

  it.each([
    ['bad indent', 'name: x\n data: y\n', 'run.yaml:1: Nested'],
    ['an unknown field', `${HEAD}colour: red\n`, 'run.yaml:5: colour: unknown field; remove it'],
    [
      'an unknown training field',
      `${HEAD}training:\n  localStep: 5\n`,
      'run.yaml:6: training.localStep: unknown field',
    ],
    [
      'a number too large',
      `${HEAD}training:\n  localSteps: 5\n  batchSize: 99999999\n`,
      'run.yaml:7: training.batchSize: must be <=',
    ],
    [
      'a number too small, where a word may be',
      `${HEAD}training:\n  group: 1\n`,
      'run.yaml:6: training.group: must be >= 2, or auto',
    ],
    ['a text for a number', `${HEAD}seed: often\n`, 'run.yaml:5: seed: must be a whole number'],
    [
      'tiers that are none',
      `${HEAD}training:\n  tiers: on\n`,
      'run.yaml:6: training.tiers: must be one of off, auto, or an object with insideEvery and betweenEvery',
    ],
    [
      'a central run with groups, before anything is built for it',
      `${HEAD}training:\n  architecture: central\n  group: 4\n`,
      'run.yaml:7: training.group: a central run has no groups',
    ],
    ['half a step', `${HEAD}training:\n  localSteps: 2.5\n`, 'training.localSteps: must be a whole number'],
    ['no model', 'name: x\ndata:\n  kind: digits\n', 'run.yaml:1: model: is missing'],
    [
      'another model',
      `name: x\ndata:\n  kind: digits\nmodel: gpt9\n`,
      `run.yaml:4: model: must be one of ${PRESET_NAMES.join(', ')}, or a full description`,
    ],
    [
      'data of no kind',
      'name: x\nmodel: mlp\ndata:\n  kind: pictures\n',
      'run.yaml:4: data.kind: must be one of stored, digits, idx',
    ],
    [
      'data that lack a file',
      'name: x\nmodel: mlp\ndata:\n  kind: idx\n  images: a\n',
      'data.labels: is missing',
    ],
    ['a key twice', `${HEAD}model: cnn\n`, 'run.yaml:5:'],
    ['a list', '- a\n- b\n', 'run.yaml:1: the file must be a mapping'],
    ['nothing', '', 'the file must be a mapping'],
    ['an alias', `name: &x digits\ndata:\n  kind: *x\nmodel: mlp\n`, 'aliases'],
  ])('%s: the error names file, line and field', (_, text, error) => {
    expect(() => parse(text)).toThrow(error);
  });

  it('a file that is not there is said so', async () => {
    await expect(readRunFile('/nowhere/run.yaml')).rejects.toThrow(
      '--run: there is no file /nowhere/run.yaml',
    );
  });
});
