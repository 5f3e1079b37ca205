/**
 * The API's description of itself: each route's schema is its validation and its documentation, `/openapi.json` is made of
 * them, and `docs-page.ts` shows it. Errors are documented with examples of the very bodies that are sent.
 */
import fastifySwagger from '@fastify/swagger';
import { ErrorBodySchema, runFileJsonSchema } from '@murmuration/protocol';
import type { FastifyInstance, FastifySchema } from 'fastify';
import Type, { type TSchema } from 'typebox';
import { ApiError } from './api-error.ts';
import { docsPage, docsStyle } from './docs-page.ts';
import { door } from './doors.ts';

export const TAGS = {
  runs: 'Create, steer, watch, compare runs.',
  exports: 'Take a run away: weights, metrics, provenance.',
  data: 'Datasets and uploads.',
  models: 'Models and imports.',
  sweeps: 'Many runs that differ in some keys.',
  access: 'Sessions and tokens.',
  alerts: 'Webhooks.',
  public: 'What anybody may read.',
  volunteers: 'What a tab sends by HTTP.',
} as const;
export type Tag = keyof typeof TAGS;

const EXAMPLES = {
  'bad-field': [400, { message: 'must be > 0', field: 'training.learningRate' }],
  'bad-json': [400, { message: 'the text is not one JSON value', field: 'body' }],
  unauthorised: [
    401,
    { message: 'sign in, or send "authorization: Bearer <token>"', field: 'authorization' },
  ],
  'bad-scope': [
    403,
    { message: 'this needs the scope "write"; the token has "read"', field: 'authorization' },
  ],
  'bad-csrf': [
    403,
    { message: 'send the csrfToken of GET /api/session as x-csrf-token', field: 'x-csrf-token' },
  ],
  'not-found': [404, { message: 'no such run' }],
  'illegal-state': [409, { message: 'the run is paused; it cannot pause', field: 'state', state: 'paused' }],
  full: [409, { message: 'there are 10000 runs already' }],
  'not-exportable': [409, { message: 'tfjs has no layer for "rmsNorm"; take safetensors', field: 'model' }],
  busy: [409, { message: 'another dataset is being made; try again when it is done' }],
  'in-use': [409, { message: 'a run was made on this dataset; its export and clones need it', field: 'id' }],
  'wrong-offset': [409, { message: 'the next part begins at byte 8388608', field: 'offset' }],
  unfinished: [409, { message: '8388608 of 9000000 bytes are here', field: 'offset' }],
  'too-many-uploads': [409, { message: '32 uploads are unfinished; finish one, or delete it' }],
  'bad-hash': [400, { message: 'the part has another SHA-256; send it again', field: 'sha256' }],
  'bad-length': [400, { message: 'the part is empty', field: 'body' }],
  'too-large': [413, { message: 'the file has more than 536870912 bytes', field: 'body' }],
  'bad-type': [415, { message: 'send the file as application/octet-stream', field: 'content-type' }],
  'refused-model': [
    422,
    { message: 'layer "lstm" (LSTM): is not on the list of layers that can be trained', field: 'files' },
  ],
  'key-reused': [422, { message: 'this key was used for another request', field: 'idempotency-key' }],
  'too-many-checks': [429, { message: 'too many checks of one address; wait ten seconds' }],
  'rate-limited': [429, { message: 'more than 100 requests a second' }],
  'blob-damaged': [503, { message: 'the checkpoint of this run is missing or damaged on disk' }],
  'too-many-streams': [503, { message: 'too many live streams; read the run by polling' }],
} as const satisfies Record<string, readonly [number, object]>;
export type ErrorCode = keyof typeof EXAMPLES;

/** Every route behind a login may answer these. */
const LOGIN_ERRORS: readonly ErrorCode[] = ['unauthorised', 'bad-scope', 'rate-limited'];

interface Described {
  readonly tag: Tag;
  /** Unique; the name of the call. */
  readonly id: string;
  /** One sentence. */
  readonly summary: string;
  readonly description?: string;
  readonly errors?: readonly ErrorCode[];
  /** Status of success and its schema; a text is the media type of an answer that is no JSON, null an empty one. */
  readonly answers: Readonly<Record<number, TSchema | string | null>>;
}

/** The part of a route's schema that only documents. */
export function described({ tag, id, summary, description, errors = [], answers }: Described) {
  const response: Record<string, object> = {};
  for (const [status, answer] of Object.entries(answers))
    response[status] =
      answer === null
        ? { description: 'Done.', type: 'null' }
        : typeof answer === 'string'
          ? { description: answer, content: { [answer]: { schema: { type: 'string' } } } }
          : { description: 'Done.', content: { 'application/json': { schema: answer } } };
  for (const [status, content] of Object.entries(errorAnswers(errors))) response[status] ??= content;
  return {
    tags: [tag],
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    response,
  };
}

function errorAnswers(codes: readonly ErrorCode[]): Record<string, object> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes)
    byStatus.set(EXAMPLES[code][0], [...(byStatus.get(EXAMPLES[code][0]) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.join(', '),
        content: {
          'application/json': {
            schema: ErrorBodySchema,
            examples: Object.fromEntries(
              names.map((code) => [code, { value: { code, ...EXAMPLES[code][1] } }]),
            ),
          },
        },
      },
    ]),
  );
}

const NO_QUERY = Type.Object({}, { additionalProperties: false });
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7e]{1,200}$',
      description: 'The same key within a day is the same creation: what was made is answered again.',
    }),
  ),
});

/** Register before any route. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  app.addHook('onRoute', (route) => {
    if (!route.url.startsWith('/api/')) return;
    const schema = (route.schema ??= {}) as FastifySchema & { security?: object[] };
    if ((schema as { operationId?: string }).operationId === undefined)
      throw new Error(`${String(route.method)} ${route.url} does not describe itself; see described()`);
    schema.querystring ??= NO_QUERY;
    const access = route.config?.access;
    if (access === 'public') schema.security = [];
    else {
      const answers = (schema.response ??= {}) as Record<string, object>;
      for (const [status, content] of Object.entries(errorAnswers(LOGIN_ERRORS))) answers[status] ??= content;
      if (access === 'volunteer') schema.security = [{ volunteer: [] }];
    }
  });
  // Our own doors name the field and the fix; answers are built from typed values and need no second look.
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const check = door(schema as TSchema);
    const place = { params: '', querystring: 'query', headers: '', body: '' }[httpPart ?? 'body'] ?? '';
    return (value: unknown) => {
      const parsed = check(value);
      if (parsed.ok) return { value: parsed.value };
      const named = parsed.faults.map(({ field, message }) => ({
        field: [place, field].filter((part) => part !== '').join('.'),
        message,
      }));
      const [first] = named as [{ field: string; message: string }];
      return { error: new ApiError(400, 'bad-field', first.message, first.field, { faults: named }) };
    };
  });
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Murmuration coordinator',
        version: '1',
        description:
          'Every button of the pages is one of these calls. Errors have one shape: code, message, and the field that is at fault.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token, or the first-run token.' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'murmuration',
            description:
              'What POST /api/session sets. Requests that change something also send x-csrf-token.',
          },
          volunteer: {
            type: 'http',
            scheme: 'bearer',
            description: '`<volunteerId>.<secret>` of a welcome.',
          },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    transform: ({ schema, url }) => ({
      schema: schema === undefined ? schema : (dialect2020(schema) as FastifySchema),
      url,
    }),
  });
}

/** Register after all routes. */
export function routeDocs(app: FastifyInstance): void {
  const hidden = { schema: { hide: true } };
  app.get('/openapi.json', hidden, (_request, reply) => reply.send(app.swagger()));
  app.get('/schemas/run.json', hidden, (_request, reply) =>
    reply.type('application/schema+json').send(dialect2020(runFileJsonSchema())),
  );
  app.get('/docs', hidden, (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(docsPage(app.swagger())),
  );
  app.get('/docs/style.css', hidden, (_request, reply) =>
    reply.type('text/css; charset=utf-8').send(docsStyle),
  );
}

/** TypeBox writes tuples as drafts before 2020-12 did. */
export function dialect2020(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dialect2020);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, dialect2020(inner)] as const);
  const schema = Object.fromEntries(entries) as Record<string, unknown>;
  if (schema['type'] !== 'array' || !Array.isArray(schema['items'])) return schema;
  const { items, additionalItems: _, ...rest } = schema;
  return { ...rest, prefixItems: items, items: false };
}
