/** `murmur data`: datasets of a coordinator. */
import { resolve } from 'node:path';
import type { DatasetManifest } from '@murmuration/protocol';
import { runVerb, tableLines, verb, type Verb } from './api-command.ts';
import { Sentence } from './places.ts';
import { datasetOfRunFile, readRunFile } from './run-file.ts';

const VERBS: Readonly<Record<string, Verb>> = {
  add: verb({
    words: 'FILE.yaml',
    wordsMin: 1,
    wordsMax: 1,
    help: 'send the data that a run file describes; the same content is kept once',
    flags: {},
    run: async ({ client, words, say }) => {
      const dataset = await datasetOfRunFile(client, await readRunFile(resolve(words[0]!)));
      say(line(dataset).join('  '));
      return dataset;
    },
  }),
  list: verb({
    words: '',
    wordsMin: 0,
    wordsMax: 0,
    help: 'all datasets',
    flags: {},
    run: async ({ client, say }) => {
      const datasets = await client.datasets();
      for (const each of tableLines(
        ['DATASET', 'NAME', 'KIND', 'SAMPLES', 'HELD OUT', 'LICENCE'],
        datasets.map(line),
      ))
        say(each);
      return datasets;
    },
  }),
  show: verb({
    words: 'DATASET',
    wordsMin: 1,
    wordsMax: 1,
    help: 'one dataset',
    flags: {},
    run: async ({ client, words, say }) => {
      const dataset = (await client.datasets()).find(({ id }) => id === words[0]);
      if (dataset === undefined) throw new Sentence(`${client.url} has no dataset ${words[0]}.`);
      say(JSON.stringify(dataset, null, 2));
      return dataset;
    },
  }),
};

export const run = (argv: readonly string[]): Promise<number> => runVerb('data', VERBS, argv);

const line = ({ id, name, kind, trainSampleCount, validation, licence }: DatasetManifest): string[] => [
  id,
  name,
  kind,
  String(trainSampleCount),
  String(validation.sampleCount),
  licence === '' ? '-' : licence,
];
