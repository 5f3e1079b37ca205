import { describe, expect, it } from 'vitest';
import { readRunYaml, runYaml, withRun } from './run-yaml.ts';

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
});
