import {
  DEFAULT_TRAINING,
  RunFileDataSchema,
  runFileJsonSchema,
  TrainingSchema,
} from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { BY_HAND, fieldsOf, shownIn, writtenIn, type FormField, type Schema } from './schema-fields.ts';

const SCHEMA = runFileJsonSchema() as Schema;
const KINDS = RunFileDataSchema.anyOf.map(({ properties }) => properties.kind.const);
const of = (value: unknown) => fieldsOf(SCHEMA, value);
const named = (name: string, value: unknown = { data: { kind: 'csv' } }): FormField => {
  const found = of(value).find((field) => field.name === name);
  if (found === undefined) throw new Error(`no field ${name}`);
  return found;
};

describe('the form of a run, from its published schema', () => {
  it('has a field with title and description for every key of every kind of data', () => {
    expect(KINDS.length).toBeGreaterThan(5);
    for (const [at, kind] of KINDS.entries()) {
      const fields = of({ data: { kind } });
      expect(fields.filter(({ title, description }) => title === '' || description === '')).toEqual([]);
      expect(fields.filter(({ title, path }) => title === path.at(-1)).map(({ name }) => name)).toEqual([]);
      const keys = Object.keys(RunFileDataSchema.anyOf[at]!.properties).map((key) => `data.${key}`);
      // And the strategy, which is a wish and no knob of the run that comes of it.
      const training = [...Object.keys(TrainingSchema.properties), 'strategy'].map(
        (key) => `training.${key}`,
      );
      expect(fields.map(({ name }) => name).toSorted()).toEqual(
        ['name', 'model', 'seed', ...keys, ...training].toSorted(),
      );
    }
  });

  it('takes bounds and defaults from the schema, and shows the branch that the value names', () => {
    expect(named('training.batchSize')).toMatchObject({
      default: DEFAULT_TRAINING.batchSize,
      isRequired: false,
      input: { kind: 'number', isInteger: true, minimum: 1, isOpen: false, maximum: 4_096 },
    });
    expect(named('training.learningRate').input).toMatchObject({ minimum: 0, isOpen: true, maximum: 1 });
    expect(named('data.sharedWithVolunteers')).toMatchObject({ isRequired: true, input: { kind: 'tick' } });
    expect(named('data.kind', { data: { kind: 'nonsense' } }).input).toMatchObject({ choices: KINDS });
    expect(of({ data: { kind: 'nonsense' } }).filter(({ path }) => path[0] === 'data')).toHaveLength(1);
  });

  it('a model in full and a list of targets are shown as what they are', () => {
    expect(named('model').input.kind).toBe('choice');
    expect(named('model', { model: { layers: [] } }).input.kind).toBe('elsewhere');
    expect(named('data.target').input.kind).toBe('text');
    expect(named('data.target', { data: { kind: 'csv', target: ['a', 'b'] } }).input.kind).toBe('names');
  });

  it('words or an object: choosing the object by hand opens a field for each of its keys, with its defaults', () => {
    const tiers = named('training.tiers');
    expect(tiers.input).toMatchObject({ kind: 'choice', choices: ['off', 'auto', BY_HAND] });
    expect(shownIn(tiers, 'auto')).toBe('auto');
    const byHand = writtenIn(tiers, BY_HAND);
    expect(byHand).toEqual({ insideEvery: DEFAULT_TRAINING.localSteps, betweenEvery: 10 });
    expect(shownIn(tiers, byHand)).toBe(BY_HAND);
    const written = { data: { kind: 'csv' }, training: { tiers: byHand } };
    for (const key of ['insideEvery', 'betweenEvery'])
      expect(named(`training.tiers.${key}`, written)).toMatchObject({
        isRequired: true,
        input: { kind: 'number', isInteger: true, minimum: 1 },
      });
    // What was cleared is still a field.
    expect(
      named('training.tiers.insideEvery', { training: { tiers: { betweenEvery: 4 } } }).name,
    ).toBeDefined();
    expect(of({ training: { tiers: 'auto' } }).some(({ name }) => name.includes('betweenEvery'))).toBe(false);
  });

  it('what is written comes back as it was; nothing means the default, or null where that is something else', () => {
    const cases: readonly [string, unknown, string][] = [
      ['training.batchSize', 8, '8'],
      ['training.codec', 'int4', 'int4'],
      ['training.batchSize', 'many', 'many'],
      ['training.batchSize', undefined, ''],
      ['training.targetAccuracy', null, ''],
      ['training.targetError', undefined, ''],
      ['data.leaveOut', ['id', 'a, b'], 'id\na, b'],
      ['data.rename', { 'P. papa': 'P. papua' }, 'P. papa = P. papua'],
    ];
    for (const [name, value, text] of cases) {
      expect(shownIn(named(name), value), name).toBe(text);
      expect(writtenIn(named(name), text), name).toEqual(value);
    }
    expect(writtenIn(named('training.learningRate'), '0,01')).toBe(0.01);
    expect(writtenIn(named('data.channels', { data: { kind: 'images' } }), '3')).toBe(3);
  });
});
