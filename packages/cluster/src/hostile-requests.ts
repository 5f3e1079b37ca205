/**
 * Hostile requests, drawn from an OpenAPI document and a seed: what the document allows, bent in a few places. Most are
 * nearly right, because what is plainly wrong is refused at the first look and reaches nothing. Pure.
 */

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface HostileRequest {
  readonly operationId: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
}

/** Ids of things that are there, by the prefix that their pattern begins with: run_, data_, sweep_ ... */
export type KnownIds = Readonly<Record<string, readonly string[]>>;

type Random = () => number;
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const chance = (random: Random, share: number) => random() < share;

const HOSTILE_TEXTS = [
  '',
  ' ',
  '\0',
  '..',
  '../../coordinator.db',
  '%2e%2e%2f',
  "' or 1=1; drop table runs; --",
  '<script>alert(1)</script>',
  '=cmd|calc',
  '\u202Eexe.run',
  '\uD800',
  '__proto__',
  'constructor',
  'null',
  'NaN',
  '-0',
  '1e999',
  'x'.repeat(5_000),
  '💥'.repeat(40),
  `run_${'0'.repeat(26)}`,
  'https://169.254.169.254/latest/meta-data',
] as const;
const HOSTILE_VALUES: readonly unknown[] = [
  null,
  true,
  [],
  {},
  -1,
  0.5,
  Number.MAX_SAFE_INTEGER,
  -1e308,
  1e-320,
  [[[[[[[[[[[[]]]]]]]]]]]],
  { __proto__: null, toString: 1, constructor: { prototype: {} } },
  Array.from({ length: 300 }, (_, i) => i),
];
const RAW_BODIES = [
  '',
  '{',
  '[]',
  'null',
  '"text"',
  '{"a":1}{"b":2}',
  '{"__proto__":{"x":1}}',
  '{"name":"\\ud800"}',
  `{"a":${'['.repeat(500)}${']'.repeat(500)}}`,
  '{"a":1e999}',
  '\uFEFF{}',
  'x'.repeat(70_000),
] as const;

/** @param random uniform in [0, 1); the same draws and ids give the same request */
export function hostileRequest(document: ApiDocument, known: KnownIds, random: Random): HostileRequest {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  const { path, method, operation } = pick(random, operations);
  const parameters = operation.parameters ?? [];
  const wordOf = (schema: Schema | undefined) =>
    chance(random, 0.8) ? String(valueOf(schema ?? {}, known, random)) : pick(random, HOSTILE_TEXTS);

  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const { schema } = parameters.find((each) => each.in === 'path' && each.name === name) ?? {};
    // A live stream never ends: only those that are refused can be waited for.
    if (operation.operationId === 'live') return pick(random, ['x', `run_${'0'.repeat(26)}`, '%00']);
    const word = wordOf(schema);
    return chance(random, 0.05) ? word : encoded(word);
  });
  const query = parameters
    .filter((each) => each.in === 'query' && chance(random, 0.6))
    .map(({ name, schema }) => `${name}=${encoded(wordOf(schema))}`);
  if (chance(random, 0.1))
    query.push(
      `${pick(random, ['limit', 'x', '__proto__', 'count'])}=${encoded(pick(random, HOSTILE_TEXTS))}`,
    );
  const url = `${filled}${query.length === 0 ? '' : `?${query.join('&')}`}`;

  const headers: Record<string, string> = {};
  if (chance(random, 0.1)) headers['idempotency-key'] = pick(random, ['k', 'k2', 'x'.repeat(300), 'ü']);
  if (chance(random, 0.03)) headers['content-encoding'] = 'gzip';
  if (chance(random, 0.03))
    headers['cookie'] = `murmuration=${pick(random, ['x', '%', 'A'.repeat(43), ';;='])}`;
  if (method === 'get')
    return { operationId: operation.operationId, method: 'GET', url, headers, body: null };
  headers['content-type'] = chance(random, 0.95)
    ? operation.operationId === 'upload' || operation.operationId === 'storeCheckpoint'
      ? 'application/octet-stream'
      : 'application/json'
    : pick(random, ['text/plain', 'application/jsonx', 'multipart/form-data', '']);
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  return {
    operationId: operation.operationId,
    method: method.toUpperCase(),
    url,
    headers,
    body: bodyOf(schema, known, random),
  };
}

function bodyOf(schema: Schema | undefined, known: KnownIds, random: Random): Uint8Array {
  const bytes = (text: string) => new TextEncoder().encode(text);
  if (schema === undefined || chance(random, 0.08)) return bytes(pick(random, RAW_BODIES));
  let value = valueOf(schema, known, random);
  const bendings = Math.floor(random() * 4);
  for (let i = 0; i < bendings; i++) value = bent(value, random);
  const text = JSON.stringify(value) ?? 'null';
  const made = bytes(text);
  if (chance(random, 0.04) && made.length > 0) made[Math.floor(random() * made.length)] = 0xff;
  return chance(random, 0.03) ? made.subarray(0, Math.floor(random() * made.length)) : made;
}

/** Something that the schema allows, or nearly. */
function valueOf(schema: Schema, known: KnownIds, random: Random): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return pick(random, schema.enum);
  if (schema.anyOf !== undefined) return valueOf(pick(random, schema.anyOf), known, random);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          // What is small is made quickly: numbers of samples are always given.
          .filter(
            ([name]) => schema.required?.includes(name) || name.endsWith('Count') || chance(random, 0.4),
          )
          .map(([name, inner]) => [name, valueOf(inner, known, random)]),
      );
    case 'array': {
      if (schema.prefixItems !== undefined)
        return schema.prefixItems.map((inner) => valueOf(inner, known, random));
      const { items } = schema;
      return typeof items === 'object'
        ? Array.from({ length: 1 + Math.floor(random() * 3) }, () => valueOf(items, known, random))
        : [];
    }
    case 'integer':
    case 'number': {
      const least = schema.minimum ?? schema.exclusiveMinimum ?? 0;
      const value = pick(random, [
        least,
        least + 1,
        (schema.exclusiveMinimum ?? least) + 0.01,
        schema.maximum ?? 10,
      ]);
      // The largest allowed data set takes half a minute to draw; its limits are tried with the small ones.
      const small = Math.min(value, 400);
      return schema.type === 'integer' ? Math.round(small) : small;
    }
    case 'boolean':
      return chance(random, 0.5);
    case 'null':
      return null;
    default:
      return textOf(schema.pattern, known, random);
  }
}

function textOf(pattern: string | undefined, known: KnownIds, random: Random): string {
  const prefix = /^\^([a-z]+_)/.exec(pattern ?? '')?.[1];
  if (prefix !== undefined) {
    const there = known[prefix] ?? [];
    return there.length > 0 && chance(random, 0.9) ? pick(random, there) : `${prefix}${'0'.repeat(26)}`;
  }
  if (pattern?.includes('[0-9a-f]{64}')) return pick(random, [...(known['sha256'] ?? []), '0'.repeat(64)]);
  if (pattern?.includes('https?'))
    return pick(random, ['https://example.com/hook', 'http://10.0.0.1/', 'https://[::1]/']);
  return pick(random, ['name', '7', '20', 'a b', 'training.learningRate', 'mlp']);
}

/** The value with one place in it made hostile. */
function bent(value: unknown, random: Random): unknown {
  if (typeof value === 'object' && value !== null && chance(random, 0.75)) {
    const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
    const keys = Object.keys(copy);
    if (keys.length === 0) return pick(random, HOSTILE_VALUES);
    const key = pick(random, keys);
    if (!Array.isArray(value) && chance(random, 0.2)) {
      if (chance(random, 0.5)) delete copy[key];
      else copy[pick(random, ['extra', 'toString', 'kind', 'id'])] = pick(random, HOSTILE_VALUES);
    } else copy[key] = bent(copy[key], random);
    return copy;
  }
  return chance(random, 0.5) ? pick(random, HOSTILE_VALUES) : pick(random, HOSTILE_TEXTS);
}

const encoded = (word: string) => encodeURIComponent(word.toWellFormed());
