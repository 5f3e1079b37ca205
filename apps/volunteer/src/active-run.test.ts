import { describe, expect, it } from 'vitest';
import { activeRunOf, dataPerHour, hasAnswers } from './active-run.ts';

const run = (changes: Record<string, unknown> = {}) => ({
  name: 'digits',
  parameterCount: 100_000,
  roundBytes: 321_000,
  targetAccuracy: 0.95,
  datasetName: 'Digits',
  licence: 'CC0',
  task: 'class',
  shardBytes: 26_000,
  state: 'training',
  volunteersConnected: 3,
  round: 60,
  trainingMs: 60_000,
  accuracy: 0.9,
  ...changes,
});

describe('the run that a newcomer would help', () => {
  it('is the oldest that is open for work; a paused one only when there is no other', () => {
    const waiting = run({ state: 'waiting', volunteersConnected: 0 });
    expect(activeRunOf([run({ state: 'paused' }), waiting, run()])?.state).toBe('waiting');
    expect(activeRunOf([run({ state: 'finished' }), run({ state: 'paused' })])?.state).toBe('paused');
  });

  it('says what its model is to learn, as far as this page knows', () => {
    const of = (task: unknown) => activeRunOf([run({ task })])?.task;
    const known = ['class', 'value', 'next-token', 'autoencoding'] as const;
    expect(known.map(of)).toEqual(known);
    expect(known.map(hasAnswers)).toEqual([true, false, true, false]);
    expect(['dream', null, undefined].map(of)).toEqual(['other', 'other', 'other']);
  });

  it('is none when all are over', () => {
    expect(activeRunOf([])).toBeNull();
    expect(
      activeRunOf([run({ state: 'finished' }), run({ state: 'failed' }), run({ state: 'finishing' })]),
    ).toBeNull();
  });

  it('keeps an unknown accuracy and a missing aim as null', () => {
    const found = activeRunOf([run({ accuracy: null, targetAccuracy: null })]);
    expect(found).toMatchObject({ accuracy: null, targetAccuracy: null });
  });

  it('an answer of another shape is refused with the name of the place', () => {
    expect(() => activeRunOf({})).toThrow('answer: not a list');
    expect(() => activeRunOf([run({ volunteersConnected: '3' })])).toThrow(
      'volunteersConnected: not a number',
    );
    expect(() => activeRunOf([run({ name: null })])).toThrow('name: not a text');
  });
});

describe('data an hour', () => {
  const base = { roundBytes: 321_000, volunteers: 3, roundCount: 60, trainingMs: 60_000 };

  it('is what a round takes, by the coordinator’s word, at the pace so far', () => {
    // A round in two seconds: 1800 rounds of 321,000 bytes.
    expect(dataPerHour({ ...base, trainingMs: 120_000 })).toEqual({
      measured: true,
      bytesEachWay: 1800 * 321_000,
    });
  });

  it('supposes a round a second before a pace is known or while nobody is there', () => {
    const supposed = { measured: false, bytesEachWay: 3600 * 321_000 };
    expect(dataPerHour({ ...base, roundCount: 4, trainingMs: 1 })).toEqual(supposed);
    expect(dataPerHour({ ...base, volunteers: 0, trainingMs: 1 })).toEqual(supposed);
    expect(dataPerHour({ ...base, trainingMs: 0 })).toEqual(supposed);
  });
});
