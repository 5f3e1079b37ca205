/**
 * A run as YAML text (protocol's `RunFileSchema`) and back: every fault with its line, and edits that keep the comments.
 * The page, the cluster and the `murmur` command read run files through here and nowhere else. No disk: paths in the
 * file stay as they are written.
 */
import { door, refusal, RunFileSchema, wishFault, type Parsed, type RunFile } from '@murmuration/protocol';
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

/** A text as somebody edits it: what can be read of it, and what is wrong. */
export interface RunText {
  /** What the text says, right or wrong; null: it is no mapping, or its syntax is broken. */
  readonly value: Readonly<Record<string, unknown>> | null;
  /** null as long as there is a fault. */
  readonly run: RunFile | null;
  readonly faults: readonly LineFault[];
  /** The line of a field, or of the nearest thing around it that is there. */
  readonly lineOf: (field: string) => number;
}

const runDoor = door(RunFileSchema);
// Aliases can make a small text a huge value.
const READING = { uniqueKeys: true, maxAliasCount: 0 } as const;
const WRITING = { lineWidth: 100 } as const;

export function readRunYaml(text: string): ReadRun {
  const { run, faults } = openRunYaml(text);
  return run === null ? { ok: false, faults } : { ok: true, run };
}

export function openRunYaml(text: string): RunText {
  const refused = (...faults: LineFault[]): RunText => ({ value: null, run: null, faults, lineOf: () => 1 });
  if (text.length > RUN_FILE_MAX_CHARACTERS)
    return refused({
      line: 1,
      field: '',
      message: `the file has ${text.length} characters; a run has at most ${RUN_FILE_MAX_CHARACTERS}`,
    });
  const lines = new LineCounter();
  const document = parseDocument(text, { ...READING, lineCounter: lines });
  if (document.errors.length > 0)
    return refused(
      ...document.errors.map(({ pos, message }) => ({
        line: lines.linePos(pos[0]).line,
        field: '',
        message: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
      })),
    );
  if (!isMap(document.contents))
    return refused({ line: 1, field: '', message: 'the file must be a mapping with name, data and model' });
  let value: Readonly<Record<string, unknown>>;
  try {
    value = document.toJS({ maxAliasCount: 0 }) as Readonly<Record<string, unknown>>;
  } catch {
    return refused({ line: 1, field: '', message: 'aliases (*name) are not read; write the value again' });
  }
  const lineOf = (field: string) => lines.linePos(offsetOf(document, field)).line;
  const parsed = runOf(value);
  return {
    value,
    run: parsed.ok ? parsed.value : null,
    faults: parsed.ok
      ? []
      : parsed.faults.map(({ field, message }) => ({ line: lineOf(field), field, message })),
    lineOf,
  };
}

/** What contradicts itself is known before data are sent, pages built or browsers opened. */
function runOf(value: unknown): Parsed<RunFile> {
  const parsed = runDoor(value);
  const fault = parsed.ok ? wishFault(parsed.value.training ?? {}) : null;
  return fault === null ? parsed : refusal([fault]);
}

/** The run as YAML. */
export const runYaml = (run: Readonly<Partial<RunFile>>): string => stringify(run, WRITING);

/** `text` with the values of `run`: comments and order stay where a key stays. A text that is no mapping is replaced. */
export function withRun(text: string, run: Readonly<Partial<RunFile>>): string {
  const document = parseDocument(text, READING);
  if (document.errors.length > 0 || !isMap(document.contents)) return runYaml(run);
  adopt(document, [], run as Readonly<Record<string, unknown>>);
  return document.toString(WRITING);
}

/**
 * `text` with one field set; undefined removes it, and what is empty without it. Everything else stays as it is written.
 * A text whose syntax is broken comes back as it is.
 */
export function withField(text: string, path: readonly string[], value: unknown): string {
  const document = parseDocument(text, READING);
  if (document.errors.length > 0 || (document.contents !== null && !isMap(document.contents))) return text;
  const parent = path.slice(0, -1);
  if (value === undefined) {
    document.deleteIn(path);
    const left = parent.length === 0 ? undefined : document.getIn(parent, true);
    if (isMap(left) && left.items.length === 0) document.deleteIn(parent);
  } else {
    // A scalar where a mapping belongs gives way.
    if (parent.length > 0 && !isMap(document.getIn(parent, true)))
      document.setIn(parent, document.createNode({}));
    document.setIn(path, value);
  }
  return document.toString(WRITING);
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
