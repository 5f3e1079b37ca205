import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { RunFile } from '@murmuration/protocol';
import { commandLine, curlCommands } from './run-commands.ts';

const ORIGIN = 'http://localhost:1';
const RUN: RunFile = {
  name: 'penguins',
  data: {
    kind: 'csv',
    file: "it's; a $FILE.csv",
    target: 'species',
    licence: `CC0 "file":"it's; a $FILE.csv"`,
    sharedWithVolunteers: true,
  },
  model: 'mlp',
  training: { targetAccuracy: null },
};

/** What a shell makes of the commands: curl is one that prints its words as JSON and answers an id. */
function asked(commands: string): { url: string; body: unknown }[] {
  const curl = `curl() {
  printf '%s\\0' "$@" >> "$SEEN"; printf '\\n' >> "$SEEN"
  printf '{"id":"id_%s"}' "$(wc -l < "$SEEN" | tr -d ' ')"
}
SEEN=$(mktemp)
${commands}
cat "$SEEN"; rm "$SEEN"`;
  const said = execFileSync('sh', ['-euc', curl], {
    env: { PATH: process.env['PATH'], MURMURATION_TOKEN: 'secret' },
  }).toString();
  return said
    .slice(said.indexOf('}') + 1)
    .split('\0\n')
    .filter((line) => line !== '')
    .map((line) => {
      const words = line.split('\0');
      const body = words.at(-2)!;
      return { url: words.at(-1)!, body: body.startsWith('{') ? JSON.parse(body) : body };
    });
}

describe('a draft as commands', () => {
  it('curl sends the file, makes the dataset and creates the run, with the ids of the answers', () => {
    const { data, ...request } = RUN;
    expect(asked(curlCommands(RUN, ORIGIN, 'penguins'))).toEqual([
      { url: `${ORIGIN}/api/uploads`, body: `@it's; a $FILE.csv` },
      { url: `${ORIGIN}/api/datasets`, body: { ...data, file: 'id_1', name: 'penguins' } },
      { url: `${ORIGIN}/api/runs`, body: { ...request, datasetId: 'id_2' } },
    ]);
  });

  it('data that is there needs one request, drawn data two', () => {
    const stored = { ...RUN, data: { kind: 'stored', id: `data_${'a'.repeat(26)}` } } as const;
    expect(asked(curlCommands(stored, ORIGIN, ''))).toMatchObject([
      { url: `${ORIGIN}/api/runs`, body: { datasetId: stored.data.id } },
    ]);
    const digits = { ...RUN, data: { kind: 'digits', seed: 3 } } as const;
    expect(asked(curlCommands(digits, ORIGIN, ''))).toMatchObject([
      { url: `${ORIGIN}/api/datasets`, body: { kind: 'digits', seed: 3 } },
      { url: `${ORIGIN}/api/runs`, body: { datasetId: 'id_1' } },
    ]);
  });

  it('a model’s files are sent and imported first', () => {
    const data = { kind: 'digits' } as const;
    const model = { file: 'a/model.json', weightsFiles: ["a/w'@.bin"], weights: 'drawn' } as const;
    expect(
      asked(
        curlCommands(
          { name: '@model@', data, model: { ...model, weightsFiles: [...model.weightsFiles] } },
          ORIGIN,
          '',
        ),
      ),
    ).toEqual([
      { url: `${ORIGIN}/api/uploads`, body: '@a/model.json' },
      { url: `${ORIGIN}/api/uploads`, body: "@a/w'@.bin" },
      {
        url: `${ORIGIN}/api/models`,
        body: {
          files: [
            { name: 'model.json', upload: 'id_1' },
            { name: "w'@.bin", upload: 'id_2' },
          ],
        },
      },
      { url: `${ORIGIN}/api/datasets`, body: data },
      {
        url: `${ORIGIN}/api/runs`,
        body: { name: '@model@', model: { imported: 'id_3', weights: 'drawn' }, datasetId: 'id_4' },
      },
    ]);
  });

  it('the command line carries the text as it is', () => {
    const text = 'name: "$x"\n# YAML\nYAML\n';
    const commands = commandLine(text, ORIGIN).replace('npm run murmur', 'cat run.yaml; : npm');
    const said = execFileSync('sh', ['-euc', `cd "$(mktemp -d)"\n${commands}`]).toString();
    expect(said).toBe(text);
  });
});
