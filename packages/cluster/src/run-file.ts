/**
 * A run from a YAML file (protocol `RunFileSchema`): read, checked, and told apart by line when something is wrong.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { door, type Fault } from '@murmuration/coordinator/doors';
import { RunFileDataSchema, RunFileSchema, type RunFile } from '@murmuration/protocol';
import { isCollection, isMap, LineCounter, parseDocument, type Document } from 'yaml';
import { Sentence } from './places.ts';

/** A run is some dozens of lines. */
const FILE_MAX_BYTES = 256 * 1024;

const wholeDoor = door(RunFileSchema);
const dataDoor = door(RunFileDataSchema);

/** @throws Sentence with file, line and field. Data paths come back absolute. */
export async function readRunFile(path: string): Promise<RunFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Sentence(
      error.code === 'ENOENT'
        ? `--run: there is no file ${path}; examples/digits.yaml is one to begin with.`
        : `--run: ${path} cannot be read (${error.code ?? error.message}).`,
    );
  });
  const run = parseRunFile(text, path);
  if (run.data.kind === 'digits') return run;
  const { images, labels } = run.data;
  const beside = (file: string) => resolve(dirname(path), file);
  return { ...run, data: { ...run.data, images: beside(images), labels: beside(labels) } };
}

/** `place` stands before the line's number in errors. */
export function parseRunFile(text: string, place: string): RunFile {
  if (text.length > FILE_MAX_BYTES)
    throw new Sentence(`${place}: ${text.length} bytes; a run is at most ${FILE_MAX_BYTES}.`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, maxAliasCount: 0 } as object);
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new Sentence(`${place}:${line}:${col}: ${broken.message.split('\n')[0]}`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch {
    throw new Sentence(`${place}: aliases (*name) are not read; write the value again.`);
  }
  const refuse = ({ field, message }: Fault): never => {
    const at = lines.linePos(offsetOf(document, field)).line;
    throw new Sentence(`${place}:${at}: ${field === '' ? 'the file' : field} ${message}`);
  };
  if (!isMap(document.contents))
    return refuse({ field: '', message: 'must be a mapping with name, data and model' });
  // The data's kind decides which fields it has; the union as a whole would only say that nothing fits.
  const { data } = value as { data?: unknown };
  const ofData = data === undefined ? null : dataDoor(data);
  if (ofData?.ok === false)
    return refuse({ ...ofData.fault, field: ['data', ofData.fault.field].filter(Boolean).join('.') });
  const parsed = wholeDoor(value);
  return parsed.ok ? parsed.value : refuse(parsed.fault);
}

/** Where the field, or the nearest thing around it that is there, begins in the text. */
function offsetOf(document: Document, field: string): number {
  const path = field === '' ? [] : field.split('.');
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (!isCollection(parent)) continue;
    if (isMap(parent)) {
      const pair = parent.items.find(
        ({ key }) => String((key as { value?: unknown }).value) === path[length - 1],
      );
      const range = (pair?.key as { range?: readonly number[] } | undefined)?.range;
      if (range !== undefined) return range[0]!;
    }
    const { range } = parent;
    if (length < path.length && range) return range[0];
  }
  return 0;
}
