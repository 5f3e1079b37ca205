/**
 * Flags of a command: a table says what is allowed, `parseFlags` reads an argument list against it. A wrong flag is
 * answered with its name and the fix; nothing is guessed.
 */

export type FlagSpec =
  | { kind: 'integer'; min: number; max: number; placeholder: string; help: string }
  | { kind: 'number'; min: number; max: number; placeholder: string; help: string }
  | {
      kind: 'text';
      placeholder: string;
      help: string;
      /** Returns the fix when the text is wrong. */ refuse?: (text: string) => string | null;
    }
  /** May be given again and again; the values in order. */
  | { kind: 'list'; placeholder: string; help: string; refuse?: (text: string) => string | null }
  | { kind: 'choice'; choices: readonly string[]; help: string }
  | { kind: 'switch'; help: string };
export type FlagTable = Readonly<Record<string, FlagSpec>>;

type FlagValue<S extends FlagSpec> = S extends { kind: 'integer' | 'number' }
  ? number | undefined
  : S extends { kind: 'choice'; choices: readonly (infer C)[] }
    ? C | undefined
    : S extends { kind: 'switch' }
      ? boolean
      : S extends { kind: 'list' }
        ? readonly string[]
        : string | undefined;
export type Flags<T extends FlagTable> = { readonly [K in keyof T]: FlagValue<T[K]> };

export type ParsedFlags<T extends FlagTable> =
  | { kind: 'flags'; flags: Flags<T> }
  | { kind: 'help'; text: string }
  /** Wrong use: print the message and leave with exit code 2. */
  | { kind: 'wrong'; message: string };

/** `command` is what a person types, for example `npm run demo --`; it stands in messages and in the help. */
export function parseFlags<T extends FlagTable>(
  command: string,
  table: T,
  argv: readonly string[],
): ParsedFlags<T> {
  const values: Record<string, number | string | boolean | string[] | undefined> = {};
  for (const [name, spec] of Object.entries(table))
    values[name] = spec.kind === 'switch' ? false : spec.kind === 'list' ? [] : undefined;
  const wrong = (message: string): ParsedFlags<T> => ({
    kind: 'wrong',
    message: `${message}\n\`${command} --help\` lists all flags.`,
  });
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]!;
    if (argument === '--help' || argument === '-h') return { kind: 'help', text: flagHelp(command, table) };
    if (!argument.startsWith('--'))
      return wrong(
        `"${argument}" is not a flag; flags begin with -- and follow the command: ${example(command, table)}`,
      );
    const [name, inline] = split(argument.slice(2));
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (spec === undefined) {
      const near = nearest(name, Object.keys(table));
      return wrong(`--${name}: there is no such flag${near === null ? '' : `; did you mean --${near}?`}`);
    }
    if (spec.kind === 'switch') {
      if (inline !== null) return wrong(`--${name}: takes no value; write --${name} alone`);
      values[name] = true;
      continue;
    }
    const next = argv[index + 1];
    const text = inline ?? (next !== undefined && !next.startsWith('--') ? next : null);
    if (text === null) return wrong(`--${name}: needs a value; write --${name} ${placeholder(spec)}`);
    if (inline === null) index++;
    switch (spec.kind) {
      case 'integer': {
        const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
        if (!(number >= spec.min && number <= spec.max))
          return wrong(`--${name}: needs a whole number from ${spec.min} to ${spec.max}, not "${text}"`);
        values[name] = number;
        break;
      }
      case 'number': {
        const number = /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN;
        if (!(number >= spec.min && number <= spec.max))
          return wrong(`--${name}: needs a number from ${spec.min} to ${spec.max}, not "${text}"`);
        values[name] = number;
        break;
      }
      case 'choice':
        if (!spec.choices.includes(text))
          return wrong(`--${name}: must be one of ${spec.choices.join(', ')}, not "${text}"`);
        values[name] = text;
        break;
      case 'list':
      case 'text': {
        const fix =
          text === '' ? `needs a value; write --${name} ${spec.placeholder}` : (spec.refuse?.(text) ?? null);
        if (fix !== null) return wrong(`--${name}: ${fix}`);
        if (spec.kind === 'list') (values[name] as string[]).push(text);
        else values[name] = text;
        break;
      }
      default:
        spec satisfies never;
    }
  }
  return { kind: 'flags', flags: values as Flags<T> };
}

function split(argument: string): [name: string, inline: string | null] {
  const equals = argument.indexOf('=');
  return equals === -1 ? [argument, null] : [argument.slice(0, equals), argument.slice(equals + 1)];
}

const placeholder = (spec: FlagSpec) =>
  spec.kind === 'choice' ? spec.choices.join('|') : spec.kind === 'switch' ? '' : spec.placeholder;

function example(command: string, table: FlagTable): string {
  const [name, spec] =
    Object.entries(table).find(([, each]) => each.kind === 'integer') ?? Object.entries(table)[0]!;
  return `${command} --${name} ${spec.kind === 'integer' ? spec.min : placeholder(spec)}`.trim();
}

/** Characters. */
const FLAG_COLUMN_MAX = 44;

function flagHelp(command: string, table: FlagTable): string {
  const rows = Object.entries(table).map(
    ([name, spec]) => [`--${name} ${placeholder(spec)}`.trim(), spec.help] as const,
  );
  // One flag with many choices does not push all help out of sight: its own stands on the next line.
  const isShort = ([left]: readonly [string, string]) => left.length <= FLAG_COLUMN_MAX;
  const width = Math.max(0, ...rows.filter(isShort).map(([left]) => left.length));
  const lines = rows.map((row) =>
    isShort(row) ? `  ${row[0].padEnd(width)}  ${row[1]}` : `  ${row[0]}\n  ${' '.repeat(width)}  ${row[1]}`,
  );
  return [`${command} [flags]`, '', ...lines].join('\n');
}

/** The flag that differs by at most two edits, or null. */
function nearest(name: string, names: readonly string[]): string | null {
  const ranked = names
    .map((each) => ({ each, edits: editDistance(name, each) }))
    .toSorted((a, b) => a.edits - b.edits);
  return ranked[0] !== undefined && ranked[0].edits <= 2 ? ranked[0].each : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
