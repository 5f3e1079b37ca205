/**
 * The coordinator's REST, typed: the admin page, the cluster and the `murmur` command ask through this. Every answer is
 * checked against protocol's schema at this door; a refusal becomes an `ApiRefusal` with status, code and field.
 *
 * It knows neither pages nor Node: it wants `fetch` and nothing else. In a page the session's cookie goes by itself and
 * `csrfToken` proves that the page is ours; a program gives a token.
 */
import {
  CheckpointListSchema,
  ComparisonSchema,
  DatasetListSchema,
  DatasetManifestSchema,
  DatasetSamplesSchema,
  DecisionListSchema,
  DeliveryListSchema,
  DeliverySchema,
  ErrorBodySchema,
  ExportListSchema,
  MetricPointSchema,
  ModelCheckSchema,
  ModelListSchema,
  ModelViewSchema,
  NewTokenSchema,
  NewWebhookSchema,
  PreflightSchema,
  PreprocessingSchema,
  PreviewSchema,
  PublicRunPageSchema,
  RunEventSchema,
  RunLiveSchema,
  RunPageSchema,
  RunViewSchema,
  SessionSchema,
  SweepListSchema,
  SweepTableSchema,
  SweepViewSchema,
  TokenListSchema,
  UploadListSchema,
  UploadSchema,
  UploadStateSchema,
  VolunteerViewSchema,
  WebhookListSchema,
  type CloneRequest,
  type DatasetRequest,
  type ErrorBody,
  type ForkRequest,
  type ModelImport,
  type PreflightRequest,
  type RunListQuery,
  type RunLive,
  type RunOrderName,
  type RunRequest,
  type RunSummary,
  type SweepOrder,
  type SweepRequest,
  type TokenRequest,
  type UploadBegin,
  type UploadState,
  type WebhookRequest,
} from '@murmuration/protocol';
import Type, { type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';

export interface ClientOptions {
  /** Origin without a slash at the end; empty: the page's own. */
  readonly url: string;
  /** An API token, or the first-run token; null: the cookie. */
  readonly token?: string | null;
  /** Asked before every request that changes something. */
  readonly csrfToken?: () => string | null;
  /** Milliseconds until an answer must have begun. */
  readonly answerMaxMs?: number;
  /** Told when the coordinator does not know the cookie or token any more. */
  readonly onUnauthorised?: () => void;
}

/** The coordinator said no. */
export class ApiRefusal extends Error {
  override readonly name: string = 'ApiRefusal';
  readonly status: number;
  readonly body: ErrorBody;
  constructor(place: string, status: number, body: ErrorBody) {
    super(`${place}: ${body.field === undefined ? body.message : `${body.field}: ${body.message}`}`);
    this.status = status;
    this.body = body;
  }
}

/** The coordinator answered something else than this client's schema says: one of them is older. */
export class UnknownShape extends Error {
  override readonly name: string = 'UnknownShape';
  readonly place: string;
  constructor(place: string, message: string) {
    super(`${place} answered another shape: ${message}`);
    this.place = place;
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Query = Readonly<Record<string, string | number | undefined>>;
interface Asked {
  readonly query?: Query | undefined;
  readonly body?: unknown;
  /** The same key again is the same creation. */
  readonly idempotencyKey?: string | undefined;
  /** When it takes longer than other requests. */
  readonly answerMaxMs?: number;
}
export interface Creation {
  readonly idempotencyKey?: string;
}

const ANSWER_MAX_MS = 120_000;
/** Files of hundreds of megabytes are read twice and written twice. */
const DATASET_MAX_MS = 30 * 60_000;
/** One event holds the whole run's new points; more without a line's end is not our server. */
const EVENT_MAX_CHARACTERS = 32 * 1024 * 1024;

export class ApiClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#options.url;
  }

  signIn = (token: string) => this.ask('POST', '/api/session', SessionSchema, { body: { token } });
  session = () => this.ask('GET', '/api/session', SessionSchema);
  signOut = () => this.tell('DELETE', '/api/session');
  tokens = () => this.ask('GET', '/api/tokens', TokenListSchema);
  createToken = (request: TokenRequest) => this.ask('POST', '/api/tokens', NewTokenSchema, { body: request });
  revokeToken = (id: string) => this.tell('DELETE', `/api/tokens/${id}`);

  runs = (query: RunListQuery = {}) => this.ask('GET', '/api/runs', RunPageSchema, { query });
  /** Every run, page after page. */
  async *allRuns(query: RunListQuery = {}): AsyncGenerator<RunSummary, void, void> {
    for (let cursor = query.cursor; ;) {
      const page = await this.runs({ ...query, ...(cursor === undefined ? {} : { cursor }) });
      yield* page.items;
      if (page.next === null) return;
      cursor = page.next;
    }
  }
  preflight = (request: PreflightRequest) =>
    this.ask('POST', '/api/preflight', PreflightSchema, { body: request });
  createRun = (request: RunRequest, creation: Creation = {}) =>
    this.ask('POST', '/api/runs', RunViewSchema, { body: request, ...creation });
  run = (id: string) => this.ask('GET', `/api/runs/${id}`, RunViewSchema);
  order = (id: string, order: RunOrderName) => this.ask('POST', `/api/runs/${id}/${order}`, RunViewSchema);
  cloneRun = (id: string, request: CloneRequest = {}, creation: Creation = {}) =>
    this.ask('POST', `/api/runs/${id}/clone`, RunViewSchema, { body: request, ...creation });
  forkRun = (id: string, request: ForkRequest = {}, creation: Creation = {}) =>
    this.ask('POST', `/api/runs/${id}/fork`, RunViewSchema, { body: request, ...creation });
  deleteRun = (id: string) => this.tell('DELETE', `/api/runs/${id}`);
  checkpoints = (id: string) => this.ask('GET', `/api/runs/${id}/checkpoints`, CheckpointListSchema);
  exports = (id: string) => this.ask('GET', `/api/runs/${id}/export`, ExportListSchema);
  metrics = (id: string, query: { points?: number; from?: number; to?: number } = {}) =>
    this.ask('GET', `/api/runs/${id}/metrics`, Type.Array(MetricPointSchema), { query });
  volunteers = (id: string) => this.ask('GET', `/api/runs/${id}/volunteers`, Type.Array(VolunteerViewSchema));
  decisions = (id: string, after = 0) =>
    this.ask('GET', `/api/runs/${id}/decisions`, DecisionListSchema, { query: { after } });
  events = (id: string, after = 0) =>
    this.ask('GET', `/api/runs/${id}/events`, Type.Array(RunEventSchema), { query: { after } });
  compare = (ids: readonly string[], points?: number) =>
    this.ask('GET', '/api/runs/compare', ComparisonSchema, { query: { ids: ids.join(), points } });
  publicRun = (id: string) => this.ask('GET', `/api/public/runs/${id}`, PublicRunPageSchema);

  datasets = () => this.ask('GET', '/api/datasets', DatasetListSchema);
  createDataset = (request: DatasetRequest) =>
    this.ask('POST', '/api/datasets', DatasetManifestSchema, {
      body: request,
      answerMaxMs: DATASET_MAX_MS,
    });
  dataset = (id: string) => this.ask('GET', `/api/datasets/${id}`, DatasetManifestSchema);
  preview = (id: string) => this.ask('GET', `/api/datasets/${id}/preview`, PreviewSchema);
  preprocessing = (id: string) =>
    this.ask('GET', `/api/datasets/${id}/preprocessing.json`, PreprocessingSchema);
  deleteDataset = (id: string) => this.tell('DELETE', `/api/datasets/${id}`);
  samples = (id: string, count: number) =>
    this.ask('GET', `/api/datasets/${id}/samples`, DatasetSamplesSchema, { query: { count } });

  models = () => this.ask('GET', '/api/models', ModelListSchema);
  /** The same model under the same name is kept once. */
  importModel = (request: ModelImport) => this.ask('POST', '/api/models', ModelViewSchema, { body: request });
  /** What becomes of each layer; stores nothing. */
  checkModel = (request: ModelImport) =>
    this.ask('POST', '/api/models/check', ModelCheckSchema, { body: request });
  model = (id: string) => this.ask('GET', `/api/models/${id}`, ModelViewSchema);
  deleteModel = (id: string) => this.tell('DELETE', `/api/models/${id}`);

  sweeps = () => this.ask('GET', '/api/sweeps', SweepListSchema);
  createSweep = (request: SweepRequest, creation: Creation = {}) =>
    this.ask('POST', '/api/sweeps', SweepViewSchema, { body: request, ...creation });
  sweep = (id: string) => this.ask('GET', `/api/sweeps/${id}`, SweepTableSchema);
  orderSweep = (id: string, order: SweepOrder) =>
    this.ask('POST', `/api/sweeps/${id}/${order}`, SweepViewSchema);
  deleteSweep = (id: string) => this.tell('DELETE', `/api/sweeps/${id}`);

  webhooks = () => this.ask('GET', '/api/webhooks', WebhookListSchema);
  createWebhook = (request: WebhookRequest) =>
    this.ask('POST', '/api/webhooks', NewWebhookSchema, { body: request });
  deleteWebhook = (id: string) => this.tell('DELETE', `/api/webhooks/${id}`);
  testWebhook = (id: string) => this.ask('POST', `/api/webhooks/${id}/test`, DeliverySchema);
  deliveries = (id: string) => this.ask('GET', `/api/webhooks/${id}/deliveries`, DeliveryListSchema);

  /** The bytes of a blob or an export. */
  async bytes(path: string): Promise<Uint8Array> {
    const answer = await this.fetch('GET', path, {});
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** Stores one file; answers its upload id. `body` is anything that fetch sends. */
  async uploadBytes(
    body: BodyInit,
    byteLength: number,
    extra: RequestInit & { duplex?: 'half' } = {},
  ): Promise<string> {
    const answer = await this.fetch('POST', '/api/uploads', {
      ...extra,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(byteLength) },
      body,
    });
    return parsed(UploadSchema, await answer.json(), 'POST /api/uploads').id;
  }

  uploads = () => this.ask('GET', '/api/uploads', UploadListSchema);
  deleteUpload = (id: string) => this.tell('DELETE', `/api/uploads/${id}`);
  /** An upload in parts, which survives either side: begin, append at each offset, finish. */
  beginUpload = (wish: UploadBegin) =>
    this.ask('POST', '/api/uploads/parts', UploadStateSchema, { body: wish });
  uploadState = (id: string) => this.ask('GET', `/api/uploads/parts/${id}`, UploadStateSchema);
  finishUpload = (id: string) => this.ask('POST', `/api/uploads/parts/${id}/finish`, UploadSchema);
  deletePartialUpload = (id: string) => this.tell('DELETE', `/api/uploads/parts/${id}`);
  async appendPart(
    id: string,
    { offset, sha256, bytes }: { offset: number; sha256: string; bytes: Uint8Array<ArrayBuffer> },
  ): Promise<UploadState> {
    const path = `/api/uploads/parts/${id}?offset=${offset}&sha256=${sha256}`;
    const headers = { 'content-type': 'application/octet-stream' };
    const answer = await this.fetch('PUT', path, { headers, body: bytes });
    return parsed(UploadStateSchema, await answer.json(), `PUT /api/uploads/parts/${id}`);
  }

  /**
   * The run as it happens, an item an event. Ends when the connection does (the coordinator may have died); calling
   * again goes on. The first item tells everything there is.
   */
  async *live(runId: string, signal: AbortSignal): AsyncGenerator<RunLive, void, void> {
    const path = `/api/runs/${runId}/live`;
    const answer = await this.fetch('GET', path, { signal });
    let text = '';
    for await (const piece of decoded(answer.body!)) {
      text += piece.replaceAll('\r', '');
      if (text.length > EVENT_MAX_CHARACTERS)
        throw new Error(`GET ${path}: an event is longer than ${EVENT_MAX_CHARACTERS}`);
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const event = text.slice(0, end);
        text = text.slice(end + 2);
        const lines = event.split('\n').filter((line) => line.startsWith('data:'));
        const json = lines.map((line) => line.slice('data:'.length).trimStart()).join('\n');
        if (json !== '') yield parsed(RunLiveSchema, JSON.parse(json), `GET ${path}`);
      }
    }
  }

  /** Everything about the run as it stands now. */
  async snapshot(runId: string): Promise<RunLive> {
    const stop = new AbortController();
    try {
      for await (const live of this.live(runId, stop.signal)) return live;
    } finally {
      stop.abort();
    }
    throw new Error(`the stream of ${runId} ended before its first event`);
  }

  /** Any route: what it answers, checked. */
  async ask<T extends TSchema>(
    method: Method,
    path: string,
    schema: T,
    asked: Asked = {},
  ): Promise<Static<T>> {
    const answer = await this.#send(method, path, asked);
    return parsed(schema, await answer.json(), `${method} ${path}`);
  }

  /** Any route that answers nothing. */
  async tell(method: Method, path: string, asked: Asked = {}): Promise<void> {
    await this.#send(method, path, asked);
  }

  #send(
    method: Method,
    path: string,
    { query = {}, body, idempotencyKey, answerMaxMs }: Asked,
  ): Promise<Response> {
    const words = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]],
    );
    const headers: Record<string, string> = {};
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
    return this.fetch(method, words.length === 0 ? path : `${path}?${new URLSearchParams(words)}`, {
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(answerMaxMs === undefined ? {} : { signal: AbortSignal.timeout(answerMaxMs) }),
    });
  }

  /** Headers of a request that is made by other means than fetch (an upload with progress). */
  headers(method: Method): Record<string, string> {
    const { token, csrfToken } = this.#options;
    const csrf = method === 'GET' ? null : (csrfToken?.() ?? null);
    return {
      ...(token == null ? {} : { authorization: `Bearer ${token}` }),
      ...(csrf === null ? {} : { 'x-csrf-token': csrf }),
    };
  }

  /** @throws what `refused` makes of an answer that is no success; whatever fetch throws when nobody answers */
  protected async fetch(
    method: Method,
    path: string,
    init: RequestInit & { duplex?: 'half' },
  ): Promise<Response> {
    const { url, answerMaxMs = ANSWER_MAX_MS } = this.#options;
    const answer = await fetch(`${url}${path}`, {
      signal: AbortSignal.timeout(answerMaxMs),
      ...init,
      method,
      headers: { ...(init.headers as Record<string, string> | undefined), ...this.headers(method) },
    });
    if (answer.ok) return answer;
    if (answer.status === 401) this.#options.onUnauthorised?.();
    throw this.refused(`${method} ${path}`, answer.status, await answer.text());
  }

  protected refused(place: string, status: number, text: string): Error {
    return new ApiRefusal(place, status, errorBodyOf(status, text));
  }
}

/** @throws UnknownShape naming the first place where `value` is not what `schema` says */
export function parsed<T extends TSchema>(schema: T, value: unknown, place: string): Static<T> {
  if (Value.Check(schema, value)) return value as Static<T>;
  const wrong = Value.Errors(schema, value)[0];
  throw new UnknownShape(`${place}${wrong?.instancePath ?? ''}`, wrong?.message ?? '');
}

/** The error of an answer, whoever gave it: a proxy in between speaks HTML. */
export function errorBodyOf(status: number, text: string): ErrorBody {
  try {
    const body: unknown = JSON.parse(text);
    if (Value.Check(ErrorBodySchema, body)) return body as ErrorBody;
  } catch {
    // Not JSON: the bare text below says what there is.
  }
  return { code: `http-${status}`, message: `${status} ${text.slice(0, 150)}` };
}

async function* decoded(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
