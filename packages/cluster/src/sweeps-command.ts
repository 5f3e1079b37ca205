/** `murmur sweeps`: many runs that differ in some keys. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SweepOrder, SweepRequest, SweepView, Trial } from '@murmuration/protocol';
import { parse } from 'yaml';
import { runVerb, tableLines, verb, type Verb } from './api-command.ts';
import { Sentence } from './places.ts';
import { percentText } from './progress-lines.ts';

const ONE_SWEEP = { words: 'SWEEP', wordsMin: 1, wordsMax: 1 } as const;

const order = (name: SweepOrder, help: string): Verb =>
  verb({
    ...ONE_SWEEP,
    help,
    flags: {},
    run: async ({ client, words, say }) => {
      const sweep = await client.orderSweep(words[0]!, name);
      say(line(sweep).join('  '));
      return sweep;
    },
  });

const VERBS: Readonly<Record<string, Verb>> = {
  create: verb({
    words: 'FILE.yaml',
    wordsMin: 1,
    wordsMax: 1,
    help: 'create a sweep: the body of POST /api/sweeps as YAML (name, base, search, metric)',
    flags: {},
    run: async ({ client, words, say }) => {
      const text = await readFile(resolve(words[0]!), 'utf8').catch(() => {
        throw new Sentence(`${words[0]} cannot be read.`);
      });
      let request: SweepRequest;
      try {
        request = parse(text, { maxAliasCount: 0 }) as SweepRequest;
      } catch (error) {
        throw new Sentence(`${words[0]}: ${(error as Error).message.split('\n')[0]}`);
      }
      const sweep = await client.createSweep(request);
      say(line(sweep).join('  '));
      return sweep;
    },
  }),
  list: verb({
    words: '',
    wordsMin: 0,
    wordsMax: 0,
    help: 'all sweeps, newest first',
    flags: {},
    run: async ({ client, say }) => {
      const sweeps = await client.sweeps();
      for (const each of tableLines(['SWEEP', 'NAME', 'STATE', 'OVER', 'BEST TRIAL'], sweeps.map(line)))
        say(each);
      return sweeps;
    },
  }),
  show: verb({
    ...ONE_SWEEP,
    help: 'its table of results',
    flags: {},
    run: async ({ client, words, say }) => {
      const table = await client.sweep(words[0]!);
      const keys = [...new Set(table.trials.flatMap(({ assignment }) => Object.keys(assignment)))];
      const rows = table.trials.map((trial) => row(trial, keys));
      for (const each of tableLines(['TRIAL', 'STATE', ...keys, 'ACCURACY', 'LOSS', 'SAMPLES', 'RUN'], rows))
        say(each);
      return table;
    },
  }),
  pause: order('pause', 'begin no more trials, pause those that are open'),
  resume: order('resume', 'go on'),
  stop: order('stop', 'stop open trials; what was measured stays'),
  delete: verb({
    ...ONE_SWEEP,
    help: 'a sweep that is not running goes; its runs stay',
    flags: {},
    run: async ({ client, words, say }) => {
      await client.deleteSweep(words[0]!);
      say(`${words[0]!} is deleted.`);
      return null;
    },
  }),
};

export const run = (argv: readonly string[]): Promise<number> => runVerb('sweeps', VERBS, argv);

const line = ({ id, name, state, trialsOver, trialCount, bestTrial }: SweepView): string[] => [
  id,
  name,
  state,
  `${trialsOver}/${trialCount}`,
  bestTrial === null ? '-' : String(bestTrial),
];

const row = (
  { index, state, assignment, best, samples, runId }: Trial,
  keys: readonly string[],
): string[] => [
  String(index),
  state,
  ...keys.map((key) => JSON.stringify(assignment[key]) ?? '-'),
  best?.accuracy == null ? '-' : percentText(best.accuracy),
  best?.loss?.toPrecision(4) ?? '-',
  String(samples),
  runId ?? '-',
];
