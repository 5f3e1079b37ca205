/** A run as it happens: the live stream to pages and programs, and the checkpoints that volunteers store. */
import { DecisionListSchema, EventsQuerySchema, RunLiveSchema, Sha256Schema } from '@murmuration/protocol';
import type { RunLive } from '@murmuration/protocol';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { sha256Of } from './blobs.ts';
import { readBody } from './body.ts';
import { eventsAfter, pointsAfter, runView, volunteerViews } from './ledger.ts';
import type { RunLedger } from './ledger.ts';
import { described } from './openapi.ts';
import { thinnedPoints } from './downsample.ts';
import { ledgerOf, RunParams } from './routes-runs.ts';

/** The live stream speaks at least this often, and on a change at most four times a second. */
const LIVE_EVERY_MS = 1_000;
const LIVE_CHANGE_MS = 250;
const LIVE_STREAMS_MAX = 200;
const LIVE_QUEUE_MAX_BYTES = 4 * 1024 * 1024;
const LIVE_POINTS_MAX = 2_000;

export function routeRunLive(app: Api, parts: AppParts): void {
  const { grid } = parts;
  let liveStreams = 0;
  app.get(
    '/api/runs/:id/live',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'live',
          summary:
            'Server-sent events: at first the run with its curve (at most 2000 points), then what is new.',
          description: `Each event's data is JSON: ${Object.keys(RunLiveSchema.properties).join(', ')}.`,
          answers: { 200: 'text/event-stream' },
          errors: ['bad-field', 'not-found', 'too-many-streams'],
        }),
        params: RunParams,
      },
    },
    async (request, reply) => {
      const ledger = ledgerOf(parts, request.params.id);
      if (liveStreams >= LIVE_STREAMS_MAX)
        throw new ApiError(503, 'too-many-streams', 'too many live streams; read the run by polling');
      liveStreams++;
      reply.raw.once('close', () => liveStreams--);
      streamLive(ledger, reply, parts);
      return reply;
    },
  );

  app.get(
    '/api/runs/:id/decisions',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'decisions',
          summary:
            'What tabs decided by themselves (steps, kept values, the wait for who is late), and why: the latest.',
          answers: { 200: DecisionListSchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: RunParams,
        querystring: EventsQuerySchema,
      },
    },
    (request) => ledgerOf(parts, request.params.id).decisions.after(Number(request.query.after ?? '0')),
  );

  app.put(
    '/api/runs/:id/checkpoints/:sha256',
    {
      config: { access: 'volunteer' },
      schema: {
        ...described({
          tag: 'volunteers',
          id: 'storeCheckpoint',
          summary: 'The volunteer that was asked to evaluate stores the parameters: float32, little endian.',
          answers: { 201: Type.Object({ sha256: Sha256Schema, byteLength: Type.Integer() }) },
          errors: ['bad-field', 'unauthorised', 'not-found', 'rate-limited'],
        }),
        params: Type.Object({ ...RunParams.properties, sha256: Sha256Schema }),
      },
    },
    async (request, reply) => {
      const { manifest } = ledgerOf(parts, request.params.id).state.setup;
      const wanted = request.params.sha256;
      const volunteerId = request.volunteerId!;
      const noDuty = () =>
        new ApiError(403, 'no-duty', 'only the volunteer that was asked to evaluate may store a checkpoint');
      if (!grid.mayStoreCheckpoint(volunteerId, manifest.id)) throw noDuty();
      const bytes = await readBody(request, 4 * manifest.parameterCount);
      if (sha256Of(bytes) !== wanted)
        throw new ApiError(400, 'bad-hash', 'the body has another SHA-256 than the address', 'sha256');
      const answer = await grid.storeCheckpoint(volunteerId, manifest.id, bytes);
      if ('stored' in answer) return reply.status(201).send({ sha256: wanted, byteLength: bytes.length });
      if (answer.rejected === 'bad-bytes')
        throw new ApiError(400, 'not-finite', 'a parameter is NaN or infinite', 'body');
      throw noDuty();
    },
  );
}

/** Everything at first, then what is new. */
function streamLive(ledger: RunLedger, reply: FastifyReply, { grid, nowMs }: AppParts): void {
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  let version = 0;
  let sequence = 0;
  let decided = 0;
  let soon: NodeJS.Timeout | null = null;
  const speak = () => {
    if (soon !== null) clearTimeout(soon);
    soon = null;
    if (raw.writableLength > LIVE_QUEUE_MAX_BYTES) return raw.destroy();
    const fresh = pointsAfter(ledger.state, version);
    const events = eventsAfter(ledger.state, sequence);
    version = fresh.version;
    sequence = events.at(-1)?.sequence ?? sequence;
    const decisions = ledger.decisions.after(decided);
    decided = decisions.at(-1)?.sequence ?? decided;
    const now = nowMs();
    const live: RunLive = {
      run: runView(ledger, now),
      volunteers: volunteerViews(ledger, now),
      points: thinnedPoints(fresh.points, LIVE_POINTS_MAX),
      events,
      decisions,
    };
    raw.write(`data: ${JSON.stringify(live)}\n\n`);
  };
  const stopWatching = grid.watch(ledger.state.setup.manifest.id, () => {
    soon ??= setTimeout(speak, LIVE_CHANGE_MS);
  });
  const timer = setInterval(speak, LIVE_EVERY_MS);
  raw.once('close', () => {
    clearInterval(timer);
    if (soon !== null) clearTimeout(soon);
    stopWatching();
  });
  speak();
}
