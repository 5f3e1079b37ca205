import { describe, expect, it } from 'vitest';
import { openRunYaml, readRunYaml, runYaml, withField, withRun } from './run-yaml.ts';

const TEXT = `# my run
name: digits # what it is called
data:
  kind: digits
model: mlp
training:
  # as the paper has it
  localSteps: 5
`;

describe('a run as YAML', () => {
  it('reads back what it writes', () => {
    const read = readRunYaml(TEXT);
    expect(read).toMatchObject({ ok: true, run: { name: 'digits', training: { localSteps: 5 } } });
    if (read.ok) expect(readRunYaml(runYaml(read.run))).toEqual(read);
  });

  it('names every fault with its line and field, not only the first', () => {
    const read = readRunYaml(`${TEXT}  batchSize: many\n  codec: gzip\ncolour: red\n`);
    expect(read.ok ? [] : read.faults.map(({ line, field }) => [line, field])).toEqual([
      [9, 'training.batchSize'],
      [10, 'training.codec'],
      [11, 'colour'],
    ]);
  });

  it('tells faults inside a model apart from the model being none', () => {
    const model = `model:
  name: m
  inputShape: [28, 28, 1]
  layers:
    - kind: flatten
    - kind: dense
      units: 0
      activation: linear
`;
    const read = readRunYaml(`name: a\ndata:\n  kind: digits\n${model}`);
    expect(read).toEqual({
      ok: false,
      faults: [{ line: 10, field: 'model.layers.1.units', message: 'must be >= 1' }],
    });
  });

  it('an edit keeps comments and order, sets what is new and removes what is gone', () => {
    const after = withRun(TEXT, {
      name: 'digits',
      data: { kind: 'digits' },
      model: 'cnn',
      training: { batchSize: 8 },
    });
    expect(after).toBe(`# my run
name: digits # what it is called
data:
  kind: digits
model: cnn
training:
  # as the paper has it
  batchSize: 8
`);
    expect(withRun('- not\n- a run\n', { name: 'x' })).toBe('name: x\n');
  });

  it('a text that is wrong is still read, with the line of every field', () => {
    const { value, run, faults, lineOf } = openRunYaml(TEXT.replace('localSteps: 5', 'localSteps: many'));
    expect(value).toMatchObject({ name: 'digits', training: { localSteps: 'many' } });
    expect([run, faults.map(({ line }) => line)]).toEqual([null, [8]]);
    expect([
      lineOf('model'),
      lineOf('training.localSteps'),
      lineOf('training.codec'),
      lineOf('seed'),
    ]).toEqual([5, 8, 6, 1]);
    expect(openRunYaml('name: [a').value).toBeNull();
  });

  it('one field is set in its place, with its comment; without a value it goes, and so does what is empty then', () => {
    expect(withField(TEXT, ['name'], 'other')).toBe(TEXT.replace('name: digits #', 'name: other #'));
    expect(withField(TEXT, ['training', 'localSteps'], 7)).toBe(
      TEXT.replace('localSteps: 5', 'localSteps: 7'),
    );
    expect(withField(TEXT, ['training', 'batchSize'], 8)).toBe(`${TEXT}  batchSize: 8\n`);
    expect(withField(TEXT, ['training', 'localSteps'], undefined)).toBe(
      TEXT.slice(0, TEXT.indexOf('training:')),
    );
    expect(withField(TEXT, ['seed'], undefined)).toBe(TEXT);
    expect(withField('', ['training', 'codec'], 'int4')).toBe('training:\n  codec: int4\n');
    expect(withField('training: none\n', ['training', 'codec'], 'int4')).toBe('training:\n  codec: int4\n');
    for (const broken of ['name: [a', '- a\n']) expect(withField(broken, ['name'], 'b')).toBe(broken);
  });
});
