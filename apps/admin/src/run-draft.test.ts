import { openRunYaml } from '@murmuration/client/run-yaml';
import { describe, expect, it } from 'vitest';
import {
  DECISIONS,
  draftFields,
  fileKindOf,
  FIRST_DRAFT,
  LICENCE_DEFAULT,
  nameOfFile,
  sourceOf,
  withDigits,
  withFiles,
  withKind,
  withModelFiles,
  withStored,
  withWritten,
} from './run-draft.ts';

const valueOf = (text: string) => openRunYaml(text).value;
const choose = (text: string, ...names: string[]) => withFiles(text, valueOf(text), names);

describe('the draft of a run', () => {
  it('begins as a run that can be launched', () => {
    expect(openRunYaml(FIRST_DRAFT)).toMatchObject({ run: { data: { kind: 'digits' } }, faults: [] });
  });

  it('asks a newcomer at most 6 decisions, whatever the data', () => {
    expect(Object.keys(DECISIONS)).toHaveLength(6);
    for (const kind of ['digits', 'stored', 'idx', 'csv', 'parquet', 'npz', 'images', 'text']) {
      const { decisions, rest } = draftFields({ data: { kind } });
      expect(Object.values(decisions).flat().length, kind).toBeLessThanOrEqual(11);
      // What must be said is never folded away.
      expect(rest.filter(({ isRequired }) => isRequired)).toEqual([]);
    }
  });

  it('a table needs nothing more than the tick; its terms are the narrowest until somebody gives more', () => {
    const text = choose(FIRST_DRAFT, 'Palmer penguins (2020).csv')!;
    expect(valueOf(text)).toMatchObject({
      name: 'Palmer penguins 2020',
      data: { kind: 'csv', file: 'Palmer penguins (2020).csv', licence: LICENCE_DEFAULT },
      model: 'mlp',
    });
    expect(openRunYaml(text).faults.map(({ field }) => field)).toEqual(['data.sharedWithVolunteers']);
    expect(text).toContain('# It ends at');
  });

  it('a name that somebody gave stays, and so do terms; the tick was for the file before', () => {
    const mine = FIRST_DRAFT.replace('my first run', 'mine');
    const first = choose(mine, 'a.csv')!.replace(LICENCE_DEFAULT, 'CC0-1.0\n  sharedWithVolunteers: true');
    const second = choose(first, 'b.parquet')!;
    expect(valueOf(second)).toMatchObject({ name: 'mine' });
    expect(valueOf(second)?.['data']).toEqual({ kind: 'parquet', file: 'b.parquet', licence: 'CC0-1.0' });
    expect(valueOf(choose(choose(FIRST_DRAFT, 'a.csv')!, 'b.csv')!)?.['name']).toBe('b');
  });

  it('the model follows the data, unless it fits or is written out', () => {
    expect(valueOf(choose(FIRST_DRAFT, 'plays.txt')!)?.['model']).toBe('gpt');
    expect(valueOf(choose(FIRST_DRAFT, 'cats.zip')!)?.['model']).toBe('mlp');
    const text = choose(FIRST_DRAFT, 'plays.txt')!;
    expect(valueOf(withDigits(text, valueOf(text)))?.['model']).toBe('mlp');
    const full = FIRST_DRAFT.replace('model: mlp', 'model: { name: m, inputShape: [4], layers: [] }');
    expect(valueOf(choose(full, 'plays.txt')!)?.['model']).toMatchObject({ name: 'm' });
  });

  it('what a file holds is told by its ending, whatever its case', () => {
    const names = ['a.b.TSV', 'x.csv.gz', 'x.npy', 'cats.zip', 'book.txt', 't10k-images-idx3-ubyte.gz'];
    expect(names.map(fileKindOf)).toEqual(['csv', 'csv', 'npz', 'images', 'text', 'idx']);
    expect(['x.doc', 'constructor', 'x.constructor', ''].map(fileKindOf)).toEqual([null, null, null, null]);
    expect(choose(FIRST_DRAFT, 'x.doc')).toBeNull();
    const pair = choose(FIRST_DRAFT, 't10k-labels-idx1-ubyte.gz', 't10k-images-idx3-ubyte.gz')!;
    expect(valueOf(pair)?.['data']).toMatchObject({
      kind: 'idx',
      images: 't10k-images-idx3-ubyte.gz',
      labels: 't10k-labels-idx1-ubyte.gz',
    });
  });

  it('another kind keeps what it knows', () => {
    const text = choose(FIRST_DRAFT, 'a.csv')!.replace(
      'file: a.csv',
      'file: a.csv\n  target: y\n  delimiter: ";"',
    );
    expect(valueOf(withKind(text, valueOf(text), 'parquet'))?.['data']).toEqual({
      kind: 'parquet',
      file: 'a.csv',
      target: 'y',
      licence: LICENCE_DEFAULT,
    });
  });

  it('a model’s description is found among its files, the rest are weights', () => {
    const model = (...names: string[]) => {
      const text = withModelFiles(FIRST_DRAFT, names);
      return text === null ? null : valueOf(text)?.['model'];
    };
    expect(model('w.bin', 'model.json', 'x.bin')).toEqual({
      file: 'model.json',
      weightsFiles: ['w.bin', 'x.bin'],
    });
    expect(model('net.keras')).toEqual({ file: 'net.keras' });
    expect(model('w.bin')).toBeNull();
  });

  it('an autoencoder has no accuracy to end at', () => {
    const written = valueOf(withWritten(FIRST_DRAFT, ['model'], 'vae'));
    expect(written).toMatchObject({ model: 'vae', training: { targetAccuracy: null, roundsMax: 1_000 } });
    expect(valueOf(withWritten(FIRST_DRAFT, ['model'], 'cnn'))).toMatchObject({
      training: { targetAccuracy: 0.95 },
    });
  });

  it('a source is told from the text alone', () => {
    expect(
      [FIRST_DRAFT, withStored(FIRST_DRAFT, valueOf(FIRST_DRAFT), null), 'name: a\n']
        .map(valueOf)
        .map(sourceOf),
    ).toEqual(['digits', 'stored', 'file']);
  });

  it('names of files become names that a run may have', () => {
    expect(['--x!.csv', 'é.tar', '???.csv', `${'a'.repeat(80)}.csv`].map(nameOfFile)).toEqual([
      'x',
      'é',
      'data',
      'a'.repeat(64),
    ]);
  });
});
