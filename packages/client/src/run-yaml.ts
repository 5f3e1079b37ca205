/**
 * A run as YAML text (protocol's `RunFileSchema`) and back: every fault with its line, and edits that keep the comments.
 * The page, the cluster and the `murmur` command read run files through here and nowhere else. No disk: paths in the
 * file stay as they are written.
 */
import { door, RunFileSchema, type RunFile } from '@murmuration/protocol';
import { type Document, isCollection, isMap, LineCounter, parseDocument, stringify } from 'yaml';

/** A run is some dozens of lines. */
export const RUN_FILE_MAX_CHARACTERS = 256 * 1024;

export interface LineFault {
  /** From 1. */
  readonly line: number;
  /** Dotted path; empty: the file as a whole. */
  readonly field: string;
  readonly message: string;
}
export type ReadRun =
  | { readonly ok: true; readonly run: RunFile }
  | { readonly ok: false; readonly faults: readonly LineFault[] };

const runDoor = door(RunFileSchema);
// Aliases can make a small text a huge value.
const READING = { uniqueKeys: true, maxAliasCount: 0 } as const;

export function readRunYaml(text: string): ReadRun {
  const refuse = (line: number, field: string, message: string): ReadRun => ({
    ok: false,
    faults: [{ line, field, message }],
  });
  if (text.length > RUN_FILE_MAX_CHARACTERS)
    return refuse(
      1,
      '',
      `the file has ${text.length} characters; a run has at most ${RUN_FILE_MAX_CHARACTERS}`,
    );
  const lines = new LineCounter();
  const document = parseDocument(text, { ...READING, lineCounter: lines });
  if (document.errors.length > 0)
    return {
      ok: false,
      faults: document.errors.map(({ pos, message }) => ({
        line: lines.linePos(pos[0]).line,
        field: '',
        message: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
      })),
    };
  if (!isMap(document.contents)) return refuse(1, '', 'the file must be a mapping with name, data and model');
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch {
    return refuse(1, '', 'aliases (*name) are not read; write the value again');
  }
  const parsed = runDoor(value);
  if (parsed.ok) return { ok: true, run: parsed.value };
  return {
    ok: false,
    faults: parsed.faults.map(({ field, message }) => ({
      line: lines.linePos(offsetOf(document, field)).line,
      field,
      message,
    })),
  };
}

/** The run as YAML. */
export const runYaml = (run: Readonly<Partial<RunFile>>): string => stringify(run, { lineWidth: 100 });

/** `text` with the values of `run`: comments and order stay where a key stays. A text that is no mapping is replaced. */
export function withRun(text: string, run: Readonly<Partial<RunFile>>): string {
  const document = parseDocument(text, READING);
  if (document.errors.length > 0 || !isMap(document.contents)) return runYaml(run);
  adopt(document, [], run as Readonly<Record<string, unknown>>);
  return document.toString({ lineWidth: 100 });
}

function adopt(document: Document, path: readonly string[], wanted: Readonly<Record<string, unknown>>): void {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(node)) return void document.setIn(path, wanted);
  for (const key of node.items.map((pair) => String((pair.key as { value?: unknown }).value)))
    if (wanted[key] === undefined) document.deleteIn([...path, key]);
  for (const [key, value] of Object.entries(wanted)) {
    if (value === undefined) continue;
    const place = [...path, key];
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isRecord && isMap(document.getIn(place, true)))
      adopt(document, place, value as Readonly<Record<string, unknown>>);
    else if (JSON.stringify(plain(document, place)) !== JSON.stringify(value)) document.setIn(place, value);
  }
}

function plain(document: Document, path: readonly string[]): unknown {
  const found = document.getIn(path);
  return isCollection(found) ? found.toJSON() : found;
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
    } else {
      const range = (parent.items[Number(path[length - 1])] as { range?: readonly number[] } | undefined)
        ?.range;
      if (range !== undefined) return range[0]!;
    }
    const { range } = parent;
    if (length < path.length && range) return range[0];
  }
  return 0;
}
