/** `murmur models`: what a model from elsewhere becomes here, layer by layer, and the models that a coordinator keeps. */
import { access, readFile, writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ImportError, importModel } from '@murmuration/coordinator/imports';
import {
  parameterLayout,
  PRESET_NAMES,
  type ImportReport,
  type ModelImport,
  type ModelLine,
} from '@murmuration/protocol';
import { stringify } from 'yaml';
import { runVerb, tableLines, verb, type Verb } from './api-command.ts';
import { Sentence } from './places.ts';

const FILES = { words: 'FILE [WEIGHTS ...]', wordsMin: 1, wordsMax: 100 } as const;
const ONE_MODEL = { words: 'MODEL', wordsMin: 1, wordsMax: 1 } as const;
const NONE = { words: '', wordsMin: 0, wordsMax: 0, flags: {} } as const;

const VERBS: Readonly<Record<string, Verb>> = {
  add: verb({
    ...FILES,
    help: 'send a .keras file, a Keras model.to_json(), or a tfjs model.json with its weights; a run names its id',
    flags: {
      name: { kind: 'text', placeholder: 'TEXT', help: "what the list calls it (default: the file's)" },
    },
    run: async ({ client, words, flags, say }) => {
      // None is sent before all can be read.
      for (const path of words) await access(resolve(path)).catch(() => unreadable(path));
      const files: ModelImport['files'] = [];
      for (const path of words)
        files.push({ name: basename(path), upload: await client.upload(resolve(path)) });
      const { report, model } = await client.checkModel({ files });
      sayReport(report, say);
      if (model === null) throw new Sentence('This model is refused; the report says why.');
      const view = await client.importModel({
        files,
        ...(flags.name === undefined ? {} : { name: flags.name }),
      });
      say(line(view).join('  '));
      say(`In a run file: model: {imported: ${view.id}}`);
      return view;
    },
  }),
  list: verb({
    ...NONE,
    help: 'all models that were added',
    run: async ({ client, say }) => {
      const models = await client.models();
      for (const each of tableLines(
        ['MODEL', 'NAME', 'PARAMETERS', 'WEIGHTS', 'INPUT', 'OUTPUT'],
        models.map(line),
      ))
        say(each);
      return models;
    },
  }),
  show: verb({
    ...ONE_MODEL,
    help: 'one model: the report of its import, and its description',
    flags: {},
    run: async ({ client, words, say }) => {
      const view = await client.model(words[0]!);
      sayReport(view.report, say);
      say(line(view).join('  '));
      say(JSON.stringify(view.model));
      return view;
    },
  }),
  delete: verb({
    ...ONE_MODEL,
    help: 'remove a model that no run was made of',
    flags: {},
    run: async ({ client, words }) => {
      await client.deleteModel(words[0]!);
    },
  }),
  check: verb({
    ...FILES,
    help: 'the same report without a coordinator: what is taken, and what is not',
    flags: {
      out: {
        kind: 'text',
        placeholder: 'MODEL.yaml',
        help: 'write the description, for `model:` of a run file',
      },
    },
    run: async ({ words, flags, say }) => {
      const files = new Map<string, Uint8Array>();
      for (const path of words) files.set(basename(path), await bytesOf(path));
      const imported = await importModel(files).catch((error: unknown) => {
        throw error instanceof ImportError ? new Sentence(error.message) : error;
      });
      const { report, model } = imported;
      sayReport(report, say);
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
    ...NONE,
    help: 'the names that `model:` of a run file may be',
    run: ({ say }) => {
      for (const name of PRESET_NAMES) say(name);
      return Promise.resolve(PRESET_NAMES);
    },
  }),
};

export const run = (argv: readonly string[]): Promise<number> => runVerb('models', VERBS, argv);

const bytesOf = (path: string): Promise<Uint8Array> => readFile(resolve(path)).catch(() => unreadable(path));
const unreadable = (path: string): never => {
  throw new Sentence(`${path} cannot be read.`);
};

function sayReport(report: Readonly<ImportReport>, say: (line: string) => void): void {
  const rows = report.map(({ layer, className, outcome, note }) => [layer, className, outcome, note]);
  for (const each of tableLines(['LAYER', 'CLASS', 'OUTCOME', 'NOTE'], rows)) say(each);
}

const line = ({ id, name, parameterCount, hasWeights, inputShape, outputShape }: ModelLine): string[] => [
  id,
  name,
  String(parameterCount),
  hasWeights ? 'yes' : 'no',
  `[${inputShape}]`,
  `[${outputShape}]`,
];
