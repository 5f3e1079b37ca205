/** REST of runs: create, list, steer, watch, export, and the checkpoints that volunteers store. */
import { randomBytes } from 'node:crypto';
import {
  DEFAULT_TRAINING,
  idFromRandomBytes,
  ModelError,
  misfit,
  parameterLayout,
  outputSizeOf,
  presetModel,
  RunIdSchema,
  RunRequestSchema,
  Sha256Schema,
} from '@murmuration/protocol';
import type {
  ModelSpec,
  ParameterLayout,
  RunId,
  RunLive,
  RunManifest,
  RunRequest,
} from '@murmuration/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { AppParts } from './app.ts';
import { readBody } from './body.ts';
import { sha256Of } from './blobs.ts';
import { door } from './doors.ts';
import { TFJS_WEIGHTS_FILE, toTfjs } from './exports/tfjs.ts';
import { ExportError } from './exports/weights.ts';
import { toSafetensors } from './exports/safetensors.ts';
import {
  eventsAfter,
  metricPoints,
  pointsAfter,
  runView,
  servedCheckpoint,
  volunteerViews,
} from './ledger.ts';
import type { RunLedger, RunOrder } from './ledger.ts';
import type { StoredDataset } from './store.ts';

/** The live stream speaks at least this often, and on a change at most four times a second. */
const LIVE_EVERY_MS = 1_000;
const LIVE_CHANGE_MS = 250;
const LIVE_STREAMS_MAX = 200;
const LIVE_QUEUE_MAX_BYTES = 4 * 1024 * 1024;
const RUNS_MAX = 10_000;

const runRequest = door(RunRequestSchema);
const runId = door(RunIdSchema);
const sha256 = door(Sha256Schema);
/** Strings only: nothing is coerced. */
export const noQuery = door(Type.Object({}, { additionalProperties: false }));

export function parsed<T>(
  result: { ok: true; value: T } | { ok: false; fault: { field: string; message: string } },
  field = '',
): T {
  if (result.ok) return result.value;
  const name = [field, result.fault.field].filter((part) => part !== '').join('.');
  throw new ApiError(400, 'bad-field', result.fault.message, name);
}

export function routeRuns(app: FastifyInstance, parts: AppParts): void {
  const { grid, datasets, nowMs, adminOnly, volunteerOnly } = parts;
  let liveStreams = 0;

  const ledgerOf = (request: FastifyRequest): RunLedger => {
    const id = parsed(runId((request.params as { id: string }).id), 'id');
    parsed(noQuery(request.query), 'query');
    const ledger = grid.run(id);
    if (ledger === null) throw new ApiError(404, 'not-found', 'no such run');
    return ledger;
  };

  app.post('/api/runs', { onRequest: adminOnly }, async (request, reply) => {
    const wish = parsed(runRequest(request.body));
    if (grid.runs.length >= RUNS_MAX) throw new ApiError(409, 'full', `there are ${RUNS_MAX} runs already`);
    const dataset = datasets.get(wish.datasetId);
    if (dataset === null) throw new ApiError(400, 'bad-field', 'no such dataset', 'datasetId');
    const ledger = await grid.createRun(manifestOf(wish, dataset), dataset.shards);
    return reply.status(201).send(runView(ledger, nowMs()));
  });

  app.get('/api/runs', (request) => {
    parsed(noQuery(request.query), 'query');
    return grid.runs.map((ledger) => runView(ledger, nowMs()));
  });
  app.get('/api/runs/:id', (request) => runView(ledgerOf(request), nowMs()));
  app.get('/api/runs/:id/metrics', (request) => metricPoints(ledgerOf(request).state));
  app.get('/api/runs/:id/volunteers', (request) => volunteerViews(ledgerOf(request), nowMs()));
  app.get('/api/runs/:id/events', (request) => eventsAfter(ledgerOf(request).state, 0));

  for (const order of ['pause', 'resume', 'stop'] as const satisfies readonly RunOrder[])
    app.post(`/api/runs/:id/${order}`, { onRequest: adminOnly }, async (request) => {
      const ledger = ledgerOf(request);
      const rejected = await grid.order(ledger.state.setup.manifest.id, order);
      if (rejected !== null) throw new ApiError(409, rejected.code, rejected.message, 'state');
      return runView(ledger, nowMs());
    });

  app.get('/api/runs/:id/live', async (request, reply) => {
    const ledger = ledgerOf(request);
    if (liveStreams >= LIVE_STREAMS_MAX)
      throw new ApiError(503, 'busy', 'too many live streams; read the run by polling');
    liveStreams++;
    reply.raw.once('close', () => liveStreams--);
    streamLive(ledger, reply, parts);
    return reply;
  });

  app.put('/api/runs/:id/checkpoints/:sha256', { onRequest: volunteerOnly }, async (request, reply) => {
    const ledger = ledgerOf(request);
    const { manifest } = ledger.state.setup;
    const wanted = parsed(sha256((request.params as { sha256: string }).sha256), 'sha256');
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
  });

  const exported = async (request: FastifyRequest) => {
    const ledger = ledgerOf(request);
    const { model, dataset } = ledger.state.setup.manifest;
    const output = dataset.target.kind === 'value' ? ('values' as const) : ('probabilities' as const);
    const parameters = await grid.servedParameters(ledger);
    if (parameters === null)
      throw new ApiError(503, 'blob-damaged', 'the checkpoint of this run is missing or damaged on disk');
    return { ledger, model, layout: parameterLayout(model), parameters, output };
  };
  const tfjsOf = ({ model, layout, parameters, output }: Awaited<ReturnType<typeof exported>>) => {
    try {
      return toTfjs(model, layout, parameters, output);
    } catch (error) {
      if (error instanceof ExportError) throw new ApiError(409, 'not-exportable', error.message, 'model');
      throw error;
    }
  };
  app.get('/api/runs/:id/export/tfjs/model.json', async (request, reply) => {
    const { modelJson } = tfjsOf(await exported(request));
    return reply.header('cache-control', 'no-store').send(modelJson);
  });
  app.get(`/api/runs/:id/export/tfjs/${TFJS_WEIGHTS_FILE}`, async (request, reply) => {
    return sendFile(reply, TFJS_WEIGHTS_FILE, tfjsOf(await exported(request)).weights);
  });
  app.get('/api/runs/:id/export/model.safetensors', async (request, reply) => {
    const { ledger, layout, parameters } = await exported(request);
    return sendFile(reply, 'model.safetensors', toSafetensors(layout, parameters, exportMetadata(ledger)));
  });
}

function sendFile(reply: FastifyReply, name: string, bytes: Uint8Array): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('content-disposition', `attachment; filename="${name}"`)
    .type('application/octet-stream')
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

function exportMetadata(ledger: RunLedger): Record<string, string> {
  const { manifest } = ledger.state.setup;
  const { round, accuracy, error, sha256: checkpoint } = servedCheckpoint(ledger.state);
  return {
    run: manifest.id,
    name: manifest.name,
    model: JSON.stringify(manifest.model),
    dataset: manifest.dataset.name,
    round: String(round),
    accuracy: accuracy === null ? '' : String(accuracy),
    error: error == null ? '' : String(error),
    checkpoint,
  };
}

/** Fixes what the researcher left open and checks that model, data and training fit. @throws ApiError naming the field */
function manifestOf(wish: RunRequest, dataset: StoredDataset): RunManifest {
  const { manifest: data, shards } = dataset;
  const refuse = (field: string, message: string): never => {
    throw new ApiError(400, 'bad-field', message, field);
  };
  const model =
    typeof wish.model === 'string'
      ? presetModel(wish.model, data.sampleShape, outputSizeOf(data.target))
      : wish.model;
  const isPreset = typeof wish.model === 'string';
  const layout = checkedLayout(model, isPreset ? 'model' : 'model.layers');
  const problem = misfit(model, data);
  if (problem !== null) refuse(isPreset ? 'model' : problem.field, problem.message);
  const training = { ...DEFAULT_TRAINING, ...wish.training };
  const smallest = Math.min(...shards.map((shard) => shard.sampleCount));
  if (training.batchSize > smallest)
    refuse('training.batchSize', `the smallest shard has ${smallest} samples; a batch must fit into it`);
  return {
    id: idFromRandomBytes('run', randomBytes(26)) as RunId,
    name: wish.name.normalize('NFC'),
    seed: wish.seed ?? randomBytes(4).readUInt32LE(),
    model,
    parameterCount: layout.parameterCount,
    training,
    dataset: data,
  };
}

function checkedLayout(model: ModelSpec, field: string): ParameterLayout {
  try {
    return parameterLayout(model);
  } catch (error) {
    if (error instanceof ModelError) throw new ApiError(400, 'bad-field', error.message, field);
    throw error;
  }
}

/** Server-sent events: everything at first, then what is new. */
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
  let soon: NodeJS.Timeout | null = null;
  const speak = () => {
    if (soon !== null) clearTimeout(soon);
    soon = null;
    if (raw.writableLength > LIVE_QUEUE_MAX_BYTES) return raw.destroy();
    const fresh = pointsAfter(ledger.state, version);
    const events = eventsAfter(ledger.state, sequence);
    version = fresh.version;
    sequence = events.at(-1)?.sequence ?? sequence;
    const now = nowMs();
    const live: RunLive = {
      run: runView(ledger, now),
      volunteers: volunteerViews(ledger, now),
      points: fresh.points,
      events,
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
