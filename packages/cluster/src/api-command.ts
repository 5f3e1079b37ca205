/**
 * What `murmur runs`, `data`, `models` and `sweeps` have in common: `murmur <subject> <verb> [words] [flags]`, the
 * coordinator's address and token, and what is printed. Every verb is one call of the API; `--json` prints its answer as it is.
 */
import { CoordinatorClient } from './coordinator-client.ts';
import { parseFlags, type Flags, type FlagTable } from './flags.ts';
import { Sentence } from './places.ts';

const COMMON = {
  url: {
    kind: 'text',
    placeholder: 'URL',
    help: 'the coordinator (default: MURMURATION_URL, else http://localhost:8080)',
  },
  token: { kind: 'text', placeholder: 'TOKEN', help: 'an API token (default: MURMURATION_TOKEN)' },
  json: { kind: 'switch', help: 'print the answer as JSON' },
} as const;

/** What a verb is given. */
export interface Asked<T extends FlagTable> {
  readonly client: CoordinatorClient;
  readonly words: readonly string[];
  readonly flags: Flags<T & typeof COMMON>;
  readonly say: (line: string) => void;
}
export interface Verb<T extends FlagTable = FlagTable> {
  /** Words after the verb, for people: `RUN [RUN ...]`. */
  readonly words: string;
  readonly wordsMin: number;
  readonly wordsMax: number;
  readonly help: string;
  readonly flags: T;
  /** What is answered, for --json; it has said the rest. */
  readonly run: (asked: Asked<T>) => Promise<unknown>;
}

/** Keeps the flags' types of a verb in a table. */
export const verb = <T extends FlagTable>(each: Verb<T>): Verb => each as unknown as Verb;

/** Exit codes: 0 done, 1 the coordinator refused or is not there, 2 wrong use. */
export async function runVerb(
  subject: string,
  verbs: Readonly<Record<string, Verb>>,
  argv: readonly string[],
): Promise<number> {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const [name = '--help', ...rest] = argv;
  if (name === '--help' || name === 'help') {
    print(subjectHelp(subject, verbs));
    return 0;
  }
  const chosen = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (chosen === undefined) {
    print(`murmur ${subject}: there is no "${name}".\n\n${subjectHelp(subject, verbs)}`);
    return 2;
  }
  const flagsAt = rest.findIndex((word) => word.startsWith('-'));
  const words = flagsAt === -1 ? rest : rest.slice(0, flagsAt);
  const command = `murmur ${subject} ${name}${chosen.words === '' ? '' : ` ${chosen.words}`}`;
  const parsed = parseFlags(
    command,
    { ...chosen.flags, ...COMMON },
    flagsAt === -1 ? [] : rest.slice(flagsAt),
  );
  if (parsed.kind !== 'flags') {
    print(parsed.kind === 'help' ? parsed.text : parsed.message);
    return parsed.kind === 'help' ? 0 : 2;
  }
  if (words.length < chosen.wordsMin || words.length > chosen.wordsMax) {
    print(`Wrong use; it is: ${command}`);
    return 2;
  }
  const { url, token, json } = parsed.flags;
  const client = new CoordinatorClient({
    url: (url ?? process.env['MURMURATION_URL'] ?? 'http://localhost:8080').replace(/\/+$/, ''),
    adminToken: token ?? process.env['MURMURATION_TOKEN'] ?? '',
  });
  try {
    const say = json ? () => {} : print;
    const answer = await chosen.run({ client, words, flags: parsed.flags as never, say });
    if (json) print(JSON.stringify(answer ?? null, null, 2));
    return 0;
  } catch (error) {
    if (error instanceof Sentence) {
      process.stderr.write(`${error.message}\n`);
      return 1;
    }
    // fetch's own failure: nobody listens there.
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(
      `No coordinator answers at ${client.url}; --url or MURMURATION_URL says where it is.\n`,
    );
    return 1;
  }
}

function subjectHelp(subject: string, verbs: Readonly<Record<string, Verb>>): string {
  const rows = Object.entries(verbs).map(
    ([name, { words, help }]) => [`${name} ${words}`.trim(), help] as const,
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `murmur ${subject} <verb> [flags]`,
    '',
    ...rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`),
  ].join('\n');
}

/** Rows under a head, in columns as wide as they must be. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}

/** `key=value` words as an object; values are JSON where they can be, else texts. @throws Sentence */
export function settings(words: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw new Sentence(`--set: write key=value, not "${word}".`);
      const text = word.slice(at + 1);
      try {
        return [word.slice(0, at), JSON.parse(text) as unknown];
      } catch {
        return [word.slice(0, at), text];
      }
    }),
  );
}
