/**
 * The coordinator's Fastify application: doors, guards, routes, pages. Builds everything and listens to nothing, so
 * tests inject requests without a port; `server.ts` runs it.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastifyWebsocket from '@fastify/websocket';
import type { WebSocket } from '@fastify/websocket';
import { ENVELOPE_MAX_BYTES, FAN_OUT_MAX_BYTES, isVolunteerId, LIMITS } from '@murmuration/protocol';
import Fastify from 'fastify';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import { AccessGuard } from './access-guard.ts';
import { Access } from './access.ts';
import { Alerts } from './alerts.ts';
import { ApiError } from './api-error.ts';
import { Averaging } from './averaging.ts';
import { BlobShelf } from './blobs.ts';
import { compressAnswers } from './compression.ts';
import { Creations } from './creations.ts';
import { DatasetShelf } from './dataset-shelf.ts';
import { parseJson } from './doors.ts';
import { Grid } from './grid.ts';
import { ModelShelf } from './model-shelf.ts';
import { describeApi, routeDocs } from './openapi.ts';
import { Receipts } from './receipts.ts';
import { Planner } from './planner.ts';
import { Relay } from './relay.ts';
import { routeAccess } from './routes-access.ts';
import { routeAlerts } from './routes-alerts.ts';
import { routeDatasets } from './routes-datasets.ts';
import { routeExports } from './routes-exports.ts';
import { routeModels } from './routes-models.ts';
import { routePapers } from './routes-papers.ts';
import { routePreflight } from './routes-preflight.ts';
import { routePublic } from './routes-public.ts';
import { routeReceipts } from './routes-receipts.ts';
import { routeSweeps } from './routes-sweeps.ts';
import { routeRunLive } from './routes-run-live.ts';
import { routeRuns } from './routes-runs.ts';
import { iceServersFor, Secrets } from './secrets.ts';
import { servePages } from './serve-pages.ts';
import type { CoordinatorSettings } from './settings.ts';
import { Switchboard } from './signalling.ts';
import { Store } from './store.ts';
import { Sweeps } from './sweeps.ts';
import { AddressBuckets } from './token-bucket.ts';
import { serveVolunteer, SOCKET_LIMITS } from './volunteer-socket.ts';
import type { SocketLimits } from './volunteer-socket.ts';

/** JSON bodies. The largest honest one describes a model of 200 layers. */
const BODY_MAX_BYTES = 65_536;
/** An address is a household, a school or a demo with forty tabs: generous, against runaway loops only. */
const REQUESTS_PER_ADDRESS = { perSecond: 100, burst: 3_000 };
const TICK_MS = 1_000;

/** Routes are typed by their schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface AppParts {
  readonly grid: Grid;
  readonly datasets: DatasetShelf;
  readonly models: ModelShelf;
  readonly blobs: BlobShelf;
  readonly creations: Creations;
  readonly sweeps: Sweeps;
  readonly planner: Planner;
  readonly alerts: Alerts;
  readonly access: Access;
  readonly guard: AccessGuard;
  readonly nowMs: () => number;
}

export interface AppOptions {
  /** The journal cannot be written: the process must end. */
  readonly onFatal: (error: Error) => void;
  readonly nowMs?: () => number;
  readonly socketLimits?: SocketLimits;
}

export interface BuiltApp {
  readonly app: FastifyInstance;
  readonly grid: Grid;
  readonly switchboard: Switchboard;
  readonly sweeps: Sweeps;
  readonly alerts: Alerts;
  readonly relay: Relay;
  /** In clear only at the first start or when it was given. */
  readonly adminToken: string | null;
}

/** Since 1970, from the monotonic clock: a clock that is set back or forward during the run moves no deadline. */
export function steadyClock(): () => number {
  const startMs = Date.now() - performance.now();
  return () => startMs + performance.now();
}

/** @throws StoreError when the data directory cannot be used */
export async function buildApp(settings: CoordinatorSettings, options: AppOptions): Promise<BuiltApp> {
  const { nowMs = steadyClock(), onFatal, socketLimits = SOCKET_LIMITS } = options;
  const store = await Store.open(settings.dataDirectory);
  const blobs = new BlobShelf(settings.dataDirectory);
  const { secrets, adminToken } = await Secrets.load(store, settings.adminToken);
  const receipts = await Receipts.load(store);
  const datasets = await DatasetShelf.open(store, blobs, settings.dataDirectory, nowMs);
  const models = await ModelShelf.open({
    db: store.db,
    blobs,
    uploadByteLength: (sha256) => datasets.uploadByteLength(sha256),
    nowMs,
  });
  const alerts = new Alerts({
    db: store.db,
    nowMs,
    arePrivateAllowed: settings.arePrivateWebhooksAllowed,
  });
  const averaging = new Averaging(settings.averaging, {
    happened: (runId, event) => grid.hearServer(runId, event),
    relay: (socket, id) => relay.serve(socket, id, nowMs() / 1_000, true),
    isRelayOn: () => relay.isOn,
    blob: (sha256) => blobs.read(sha256),
  });
  const grid = await Grid.open({
    store,
    blobs,
    secrets,
    nowMs,
    silenceMaxMs: LIMITS.volunteerSilenceMaxMs,
    isImported: (sha256) => models.holds(sha256),
    iceServers: (id) => iceServersFor(settings, id, nowMs()),
    onFatal,
    averaging,
    onRecord: (ledger, record) => alerts.notice(ledger, record),
  });
  const switchboard = new Switchboard({ areIntroduced: (a, b) => grid.routeOf(a, b) === 'peers', nowMs });
  const relay = new Relay(settings.relay, { routeOf: (a, b) => grid.routeOf(a, b), nowMs });

  const app = Fastify({
    logger: false,
    bodyLimit: BODY_MAX_BYTES,
    routerOptions: { maxParamLength: 100 },
    requestTimeout: 120_000,
    keepAliveTimeout: 72_000,
    trustProxy: settings.trustedProxies.length > 0 ? [...settings.trustedProxies] : false,
    forceCloseConnections: true,
    ...(settings.tls === null
      ? { http: { headersTimeout: 10_000 } }
      : { https: { cert: settings.tls.cert, key: settings.tls.key, headersTimeout: 10_000 } }),
  }) as unknown as FastifyInstance;
  const isHttps = settings.tls !== null || settings.publicUrl?.startsWith('https:') === true;
  protect(app, { isHttps, nowMs });
  answerErrors(app);
  compressAnswers(app);
  readBodies(app);
  const access = new Access(store.db, secrets, nowMs);
  const guard = new AccessGuard({ access, secrets, nowMs, isHttps });
  guard.register(app);
  await describeApi(app);

  const creations = new Creations(store.db, nowMs);
  const planner = new Planner({ grid, relay: settings.relay, averaging });
  const sweeps = await Sweeps.open({ db: store.db, grid, datasets, models, planner, nowMs });
  const parts: AppParts = {
    ...{ grid, datasets, models, blobs, creations, sweeps, planner, alerts, access, guard, nowMs },
  };
  let isClosing = false;
  // The store is closed under what is still on its way at the end; that is no failure.
  const inBackground = (work: Promise<void>) =>
    void work.catch((error: Error) => {
      if (!isClosing) onFatal(error);
    });
  const ticker = setInterval(() => {
    grid.tick();
    inBackground(sweeps.advance());
    inBackground(alerts.deliverDue());
  }, TICK_MS);
  // Before the plugin that closes all sockets.
  app.addHook('preClose', async () => {
    isClosing = true;
    clearInterval(ticker);
    averaging.stop();
    await grid.stop();
  });
  await app.register(fastifyWebsocket, {
    options: {
      // Of the largest message of any route; the others look at the length themselves.
      maxPayload: Math.max(ENVELOPE_MAX_BYTES, FAN_OUT_MAX_BYTES),
      maxFragments: 256,
      maxBufferedChunks: 4_096,
      perMessageDeflate: false,
    },
    errorHandler: (_error, socket) => socket.terminate(),
  });
  const api: Api = app.withTypeProvider<TypeBoxTypeProvider>();
  routePublic(api, parts, {
    operator: settings.operator,
    iceServersFor: (lifetimeMs) => iceServersFor(settings, secrets.drawVolunteerId(), nowMs(), lifetimeMs),
  });
  routeAccess(api, parts);
  routeRuns(api, parts);
  routeRunLive(api, parts);
  routeExports(api, parts);
  routePapers(api, parts);
  routeDatasets(api, parts);
  routeModels(api, parts);
  routePreflight(api, parts);
  routeSweeps(api, parts);
  routeAlerts(api, parts);
  routeReceipts(api, parts, { receipts, publicUrl: settings.publicUrl });
  routeDocs(app);

  const sameOrigin = async (request: FastifyRequest) => {
    if (!isAllowedOrigin(request, settings))
      throw new ApiError(
        403,
        'foreign-origin',
        'this page may not open a socket here; see --allowed-origin',
        'origin',
      );
  };
  app.get('/ws/volunteer', { websocket: true, preValidation: sameOrigin, schema: { hide: true } }, (socket) =>
    serveVolunteer(socket, grid, { nowMs, limits: socketLimits }),
  );
  /** Signalling and relay are for volunteers that were welcomed. */
  const ticketOf = (request: FastifyRequest) => {
    const { key, id = '', token = '' } = request.query as Record<string, string | string[] | undefined>;
    if (key !== undefined && key !== 'peerjs') return null;
    if (typeof id !== 'string' || typeof token !== 'string' || !isVolunteerId(id)) return null;
    const expirySeconds = secrets.signalTokenExpiry(id, token, nowMs());
    return expirySeconds === null ? null : { id, expirySeconds };
  };
  const ticketed = async (request: FastifyRequest) => {
    if (ticketOf(request) === null)
      throw new ApiError(
        401,
        'unauthorised',
        'the signalling token is wrong or expired; say hello again',
        'token',
      );
  };
  const carry = (carrier: Switchboard | Relay) => (socket: WebSocket, request: FastifyRequest) => {
    const ticket = ticketOf(request);
    if (ticket === null) return socket.terminate();
    carrier.serve(socket, ticket.id, ticket.expirySeconds);
  };
  app.get(
    '/signal/peerjs',
    { websocket: true, preValidation: [sameOrigin, ticketed], schema: { hide: true } },
    carry(switchboard),
  );
  const relaying = async () => {
    if (!relay.isOn)
      throw new ApiError(503, 'no-relay', 'this coordinator passes no frames on; see --relay-volunteer-mbit');
  };
  app.get(
    '/ws/relay',
    { websocket: true, preValidation: [sameOrigin, ticketed, relaying], schema: { hide: true } },
    carry(relay),
  );
  await servePages(app, settings.pagesDirectory);

  app.addHook('onClose', () => store.close());
  return { app, grid, switchboard, relay, sweeps, alerts, adminToken };
}

/** Browsers always say where a page came from. Ours, or one that the operator named. */
function isAllowedOrigin({ headers, host }: FastifyRequest, settings: CoordinatorSettings): boolean {
  const { origin } = headers;
  if (origin === undefined || !URL.canParse(origin)) return false;
  if (origin === settings.publicUrl || settings.allowedOrigins.includes(origin)) return true;
  return new URL(origin).host === host;
}

/** As Vite names it. */
const WORKER_SCRIPT = /^\/assets\/worker-[\w-]+\.js(?:\?|$)/;

/** Before a route is even looked up: rate, encodings, headers that keep a browser safe. */
function protect(app: FastifyInstance, { isHttps, nowMs }: { isHttps: boolean; nowMs: () => number }): void {
  const requests = new AddressBuckets(REQUESTS_PER_ADDRESS);
  const policy = (scripts: string) =>
    [
      "default-src 'none'",
      `script-src ${scripts}`,
      "worker-src 'self'",
      "connect-src 'self' ws: wss:",
      "img-src 'self' data:",
      "style-src 'self'",
      "font-src 'self'",
      "manifest-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; ');
  const headers: Record<string, string> = {
    'content-security-policy': policy("'self'"),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=()',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    ...(isHttps ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers);
    // A worker is under the policy that came with its script; the pages themselves run no WebAssembly.
    if (WORKER_SCRIPT.test(request.url))
      reply.header('content-security-policy', policy("'self' 'wasm-unsafe-eval'"));
    if (!requests.take(request.ip, nowMs()))
      throw new ApiError(
        429,
        'rate-limited',
        `more than ${REQUESTS_PER_ADDRESS.perSecond} requests a second`,
      );
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity')
      throw new ApiError(415, 'bad-encoding', 'send the body without content-encoding', 'content-encoding');
  });
}

function answerErrors(app: FastifyInstance): void {
  const routes: { readonly method: string | string[]; readonly pattern: RegExp }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({
      method,
      pattern: new RegExp(`^${url.replaceAll('*', '.*').replace(/:[a-z0-9]+/gi, '[^/]+')}$`),
    });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!;
    const methods = routes
      .filter(({ pattern }) => pattern.source !== '^\\/.*$' && pattern.test(path))
      .flatMap((r) => r.method);
    if (methods.includes(request.method) || methods.length === 0)
      return reply.status(404).send({ code: 'not-found', message: 'there is nothing at this address' });
    return reply
      .status(405)
      .header('allow', [...new Set(methods)].join(', '))
      .send({
        code: 'bad-method',
        message: `this address answers ${[...new Set(methods)].join(', ')}`,
        field: 'method',
      });
  });
  app.setErrorHandler(
    (error: Error & { statusCode?: number; code?: string }, _request, reply: FastifyReply) => {
      if (error instanceof ApiError) {
        if (error.status === 429) void reply.header('retry-after', '30');
        return reply.status(error.status).send(error.body);
      }
      const status = error.statusCode ?? 500;
      // Fastify's own refusals (body too large, wrong type, bad address) are safe to show; anything else is our fault.
      if (status < 500)
        return reply
          .status(status)
          .send({ code: error.code ?? 'bad-request', message: error.message.slice(0, 200) });
      console.error(error);
      if (error.code === 'ENOSPC')
        return reply.status(507).send({ code: 'disk-full', message: 'the disk of the coordinator is full' });
      return reply
        .status(500)
        .send({ code: 'internal', message: 'the coordinator failed; its log says why' });
    },
  );
}

/** JSON is parsed by our own door; bytes pass on as a stream. Anything else is 415. */
function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    const json = parseJson(body as Buffer);
    if (json.ok) done(null, json.value);
    else done(new ApiError(400, 'bad-json', json.fault.message, 'body'));
  });
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
}
