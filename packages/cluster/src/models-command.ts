/** `murmur models`: what a model from elsewhere becomes here, layer by layer, before anybody trains it. */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ImportError, importModel } from '@murmuration/coordinator/imports';
import { parameterLayout, PRESET_NAMES } from '@murmuration/protocol';
import { stringify } from 'yaml';
import { runVerb, tableLines, verb, type Verb } from './api-command.ts';
import { Sentence } from './places.ts';

const VERBS: Readonly<Record<string, Verb>> = {
  check: verb({
    words: 'FILE [WEIGHTS ...]',
    wordsMin: 1,
    wordsMax: 100,
    help: 'a .keras file, a Keras model.to_json(), or a tfjs model.json with its weights: what is taken, and what is not',
    flags: {
      out: {
        kind: 'text',
        placeholder: 'MODEL.yaml',
        help: 'write the description, for `model:` of a run file',
      },
    },
    run: async ({ words, flags, say }) => {
      const files = new Map<string, Uint8Array>();
      for (const path of words)
        files.set(
          basename(path),
          await readFile(resolve(path)).catch(() => {
            throw new Sentence(`${path} cannot be read.`);
          }),
        );
      const imported = await importModel(files).catch((error: unknown) => {
        throw error instanceof ImportError ? new Sentence(error.message) : error;
      });
      const { report, model } = imported;
      const rows = report.map(({ layer, className, outcome, note }) => [layer, className, outcome, note]);
      for (const line of tableLines(['LAYER', 'CLASS', 'OUTCOME', 'NOTE'], rows)) say(line);
      if (model === null) throw new Sentence('This model is refused; the report says why.');
      say(
        `${parameterLayout(model).parameterCount} parameters; weights: ${imported.parameters === null ? 'none' : 'read'}`,
      );
      if (flags.out !== undefined) {
        await writeFile(resolve(flags.out), stringify({ model }));
        say(resolve(flags.out));
      }
      return { report, model };
    },
  }),
  presets: verb({
    words: '',
    wordsMin: 0,
    wordsMax: 0,
    help: 'the names that `model:` of a run file may be',
    flags: {},
    run: ({ say }) => {
      for (const name of PRESET_NAMES) say(name);
      return Promise.resolve(PRESET_NAMES);
    },
  }),
};

export const run = (argv: readonly string[]): Promise<number> => runVerb('models', VERBS, argv);
