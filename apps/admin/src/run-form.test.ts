import { DEFAULT_TRAINING } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { fileKindOf, KNOB_NAMES, wishOf } from './run-form.ts';

function form(fields: Readonly<Record<string, string | File>>): FormData {
  const filled = new FormData();
  const defaults = Object.fromEntries(
    KNOB_NAMES.map((name) => [`training.${name}`, String(DEFAULT_TRAINING[name])]),
  );
  const all = {
    name: 'a run',
    kind: 'digits',
    model: 'mlp',
    'training.targetAccuracy': '95',
    ...defaults,
    ...fields,
  };
  for (const [name, value] of Object.entries(all)) filled.set(name, value);
  return filled;
}

describe('the form of a new run', () => {
  it('left as it is, asks for the defaults and leaves the seed to the coordinator', () => {
    expect(wishOf(form({}))).toEqual({
      wish: { dataset: { kind: 'digits' }, run: { name: 'a run', model: 'mlp', training: DEFAULT_TRAINING } },
    });
  });

  it('an empty aim means that only the last round ends the run', () => {
    const wish = wishOf(form({ 'training.targetAccuracy': '' }));
    expect(wish).toMatchObject({ wish: { run: { training: { targetAccuracy: null } } } });
  });

  it('a chosen optimiser and codec are asked for', () => {
    const chosen = { optimiser: 'rmsprop-floored', codec: 'topk-128' };
    const fields = { 'training.optimiser': chosen.optimiser, 'training.codec': chosen.codec };
    expect(wishOf(form(fields))).toMatchObject({ wish: { run: { training: chosen } } });
  });

  it('a decimal comma is a decimal point; what is no number is named at its field', () => {
    expect(wishOf(form({ 'training.learningRate': '0,01' }))).toMatchObject({
      wish: { run: { training: { learningRate: 0.01 } } },
    });
    expect(wishOf(form({ 'training.learningRate': 'fast', seed: '1e' }))).toEqual({
      errors: { 'training.learningRate': expect.any(String), seed: expect.any(String) },
    });
  });

  it('files that are missing or empty are named before anything is uploaded', () => {
    const empty = new File([], '');
    expect(wishOf(form({ kind: 'idx', images: empty, labels: empty }))).toEqual({
      errors: {
        images: expect.any(String),
        labels: expect.any(String),
        licence: expect.any(String),
        sharedWithVolunteers: expect.any(String),
      },
    });
  });

  it('a table of one file needs the file, a licence and the tick, and nothing else', () => {
    const file = new File(['a,b\n1,2\n'], 'penguins.CSV');
    const fields = { kind: 'file', file, licence: 'CC0', sharedWithVolunteers: 'on' };
    const request = { kind: 'csv', name: 'a run', licence: 'CC0', sharedWithVolunteers: true };
    expect(wishOf(form(fields))).toMatchObject({ wish: { dataset: { kind: 'file', file, request } } });
    expect(wishOf(form({ ...fields, target: 'b' }))).toMatchObject({
      wish: { dataset: { request: { ...request, target: 'b' } } },
    });
    expect(wishOf(form({ kind: 'file', file: new File(['x'], 'x.doc') }))).toEqual({
      errors: {
        file: expect.stringContaining('x.doc'),
        licence: expect.any(String),
        sharedWithVolunteers: expect.any(String),
      },
    });
  });

  it('what a file holds is told by its ending, whatever its case', () => {
    expect(
      ['a.b.TSV', 'x.npy', 'cats.zip', 'book.txt', 'constructor', 'x.constructor'].map(fileKindOf),
    ).toEqual(['csv', 'npz', 'images', 'text', null, null]);
  });

  it('an upload without a name of its own is called like the run', () => {
    const file = new File([new Uint8Array(4)], 'x-idx3-ubyte');
    const consent = { licence: 'CC0', sharedWithVolunteers: 'on' };
    const wish = { kind: 'idx', images: file, labels: file, trainSampleCount: '8000', ...consent };
    expect(wishOf(form(wish))).toMatchObject({
      wish: {
        dataset: {
          kind: 'idx',
          request: { name: 'a run', licence: 'CC0', sharedWithVolunteers: true, trainSampleCount: 8000 },
        },
      },
    });
  });

  it('a run without a name is refused at the name', () => {
    expect(wishOf(form({ name: '  ' }))).toEqual({ errors: { name: expect.any(String) } });
  });
});
