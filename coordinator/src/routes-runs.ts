/** REST of runs: create, list, show, steer, make descendants of, compare, delete. */
import {
  CloneRequestSchema,
  COMPARED_RUNS_MAX,
  CompareQuerySchema,
  ComparisonSchema,
  CheckpointListSchema,
  CURVE_POINTS_MAX,
  EventsQuerySchema,
  ForkRequestSchema,
  MetricPointSchema,
  MetricsQuerySchema,
  RUN_ORDERS,
  RunEventSchema,
  RunIdSchema,
  RunListQuerySchema,
  RunPageSchema,
  RunRequestSchema,
  RunViewSchema,
  VolunteerViewSchema,
} from '@murmuration/protocol';
import type { CheckpointView, RunManifest, RunRequest } from '@murmuration/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { thinnedPoints } from './downsample.ts';
import {
  eventsAfter,
  isOver,
  latestCheckpoint,
  metricPoints,
  runView,
  servedCheckpoint,
  volunteerViews,
} from './ledger.ts';
import type { RunLedger } from './ledger.ts';
import { described, IdempotencyHeaders } from './openapi.ts';
import { pageOfList } from './page-of-list.ts';
import { manifestOf, requestLike } from './run-manifest.ts';
import { comparison, runSummary } from './run-summary.ts';

const RUNS_MAX = 10_000;

export const RunParams = Type.Object({ id: RunIdSchema });

/** The run of the address. @throws ApiError 404 */
export function ledgerOf({ grid }: Pick<AppParts, 'grid'>, id: string): RunLedger {
  const ledger = grid.run(id);
  if (ledger === null) throw new ApiError(404, 'not-found', 'no such run');
  return ledger;
}

export function routeRuns(app: Api, parts: AppParts): void {
  routeCreation(app, parts);
  routeReading(app, parts);
  routeSteering(app, parts);
}

function routeCreation(app: Api, { grid, datasets, models, planner, creations, nowMs }: AppParts): void {
  interface Wish {
    readonly request: RunRequest;
    readonly origin?: { readonly runId: string; readonly checkpoint: CheckpointView };
  }
  const create = async (request: FastifyRequest, reply: FastifyReply, { request: wish, origin }: Wish) => {
    if (grid.runs.length >= RUNS_MAX) throw new ApiError(409, 'full', `there are ${RUNS_MAX} runs already`);
    const dataset = datasets.get(wish.datasetId);
    if (dataset === null) throw new ApiError(400, 'bad-field', 'no such dataset', 'datasetId');
    const { made, isNew } = await creations.once(request, {
      prefix: 'run',
      find: (id) => grid.run(id),
      make: (id) => {
        const manifest: RunManifest = {
          ...manifestOf(wish, { dataset, models, planner }, id),
          ...(origin === undefined
            ? {}
            : {
                forkOf: {
                  runId: origin.runId,
                  round: origin.checkpoint.round,
                  sha256: origin.checkpoint.sha256,
                },
              }),
        };
        return grid.createRun(manifest, dataset.shards);
      },
    });
    return reply.status(isNew ? 201 : 200).send(runView(made, nowMs()));
  };

  const creation = { 201: RunViewSchema, 200: RunViewSchema } as const;
  app.post(
    '/api/runs',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'createRun',
          summary: 'Creates a run; volunteers begin at once.',
          description:
            'The body is run.yaml as JSON (GET /schemas/run.json), with `datasetId` instead of `data`.',
          answers: creation,
          errors: ['bad-field', 'bad-json', 'full', 'key-reused', 'blob-damaged'],
        }),
        body: RunRequestSchema,
        headers: IdempotencyHeaders,
      },
    },
    (request, reply) => create(request, reply, { request: request.body }),
  );

  app.post(
    '/api/runs/:id/clone',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'cloneRun',
          summary: 'Creates a run with the same configuration, with what the body names changed.',
          answers: creation,
          errors: ['bad-field', 'not-found', 'full', 'key-reused', 'blob-damaged'],
        }),
        params: RunParams,
        body: CloneRequestSchema,
        headers: IdempotencyHeaders,
      },
    },
    (request, reply) => {
      const { manifest } = ledgerOf({ grid }, request.params.id).state.setup;
      return create(request, reply, { request: requestLike(manifest, request.body, 'copy') });
    },
  );

  app.post(
    '/api/runs/:id/fork',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'forkRun',
          summary: 'Creates a run that begins with a checkpoint of this one.',
          answers: creation,
          errors: ['bad-field', 'not-found', 'full', 'key-reused', 'blob-damaged'],
        }),
        params: RunParams,
        body: ForkRequestSchema,
        headers: IdempotencyHeaders,
      },
    },
    async (request, reply) => {
      const { state } = ledgerOf({ grid }, request.params.id);
      const { checkpoint: word = 'best', ...change } = request.body;
      const checkpoint =
        word === 'best'
          ? servedCheckpoint(state)
          : word === 'latest'
            ? latestCheckpoint(state)
            : keptCheckpoints(state).find(({ sha256 }) => sha256 === word);
      if (checkpoint === undefined)
        throw new ApiError(400, 'bad-field', 'the run keeps no such checkpoint', 'checkpoint');
      if (!(await grid.checkpoints.isWhole(checkpoint.sha256)))
        throw new ApiError(
          503,
          'blob-damaged',
          'this checkpoint is missing or damaged on disk',
          'checkpoint',
        );
      return create(request, reply, {
        request: requestLike(state.setup.manifest, change, 'fork'),
        origin: { runId: request.params.id, checkpoint },
      });
    },
  );
}

function routeReading(app: Api, { grid, sweeps, nowMs }: AppParts): void {
  const points = (text: string | undefined) => (text === undefined ? CURVE_POINTS_MAX : Number(text));

  app.get(
    '/api/runs',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'runs',
          summary: 'Runs, newest first, a page at a time.',
          answers: { 200: RunPageSchema },
          errors: ['bad-field'],
        }),
        querystring: RunListQuerySchema,
      },
    },
    (request) => {
      const { state: wanted } = request.query;
      const isWanted = ({ state: { state } }: RunLedger) =>
        wanted === undefined ||
        wanted === state ||
        (wanted === 'over' && isOver(state)) ||
        (wanted === 'open' && !isOver(state));
      return pageOfList(grid.runs.filter(isWanted), request.query, {
        placeOf: ({ state: { setup } }) => ({ atMs: setup.createdAtMs, id: setup.manifest.id }),
        viewOf: (ledger) => runSummary(ledger, nowMs(), sweeps.sweepOf(ledger.state.setup.manifest.id)),
      });
    },
  );

  app.get(
    '/api/runs/compare',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'compareRuns',
          summary: 'Curves side by side, and of the configurations only what differs.',
          description: `At most ${COMPARED_RUNS_MAX} runs, ${CURVE_POINTS_MAX} points each.`,
          answers: { 200: ComparisonSchema },
          errors: ['bad-field', 'not-found'],
        }),
        querystring: CompareQuerySchema,
      },
    },
    (request) => {
      const ids = [...new Set(request.query.ids.split(','))];
      const ledgers = ids.map((id) => ledgerOf({ grid }, id));
      return comparison(ledgers, points(request.query.points), nowMs());
    },
  );

  app.get(
    '/api/runs/:id',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'run',
          summary: 'A run as it stands.',
          answers: { 200: RunViewSchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: RunParams,
      },
    },
    (request) => runView(ledgerOf({ grid }, request.params.id), nowMs()),
  );

  app.get(
    '/api/runs/:id/metrics',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'metrics',
          summary: 'The curve, thinned out to at most 2000 points (largest triangle, three buckets).',
          answers: { 200: Type.Array(MetricPointSchema, { maxItems: CURVE_POINTS_MAX }) },
          errors: ['bad-field', 'not-found'],
        }),
        params: RunParams,
        querystring: MetricsQuerySchema,
      },
    },
    (request) => {
      const { from = '0', to, points: most } = request.query;
      const [first, last] = [Number(from), to === undefined ? Number.POSITIVE_INFINITY : Number(to)];
      const all = metricPoints(ledgerOf({ grid }, request.params.id).state);
      return thinnedPoints(
        all.filter(({ round }) => round >= first && round <= last),
        points(most),
      );
    },
  );

  app.get(
    '/api/runs/:id/volunteers',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'volunteers',
          summary: 'The tabs that take or took part.',
          answers: { 200: Type.Array(VolunteerViewSchema) },
          errors: ['bad-field', 'not-found'],
        }),
        params: RunParams,
      },
    },
    (request) => volunteerViews(ledgerOf({ grid }, request.params.id), nowMs()),
  );

  app.get(
    '/api/runs/:id/events',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'events',
          summary: 'The log: joins, leaves, state changes, evaluations that failed.',
          answers: { 200: Type.Array(RunEventSchema) },
          errors: ['bad-field', 'not-found'],
        }),
        params: RunParams,
        querystring: EventsQuerySchema,
      },
    },
    (request) => eventsAfter(ledgerOf({ grid }, request.params.id).state, Number(request.query.after ?? '0')),
  );

  app.get(
    '/api/runs/:id/checkpoints',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'checkpoints',
          summary: 'The checkpoints that are kept: the first, the best, and the last three.',
          answers: { 200: CheckpointListSchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: RunParams,
      },
    },
    (request) => {
      const { state } = ledgerOf({ grid }, request.params.id);
      const byteLength = 4 * state.setup.manifest.parameterCount;
      const best = servedCheckpoint(state).sha256;
      return keptCheckpoints(state).map((each) => ({ ...each, isBest: each.sha256 === best, byteLength }));
    },
  );
}

function routeSteering(app: Api, { grid, sweeps, nowMs }: AppParts): void {
  const SUMMARIES = {
    pause: 'Volunteers keep their replicas and wait.',
    resume: 'A paused run goes on.',
    finish: 'The model is measured once more, then the run ends.',
    stop: 'The run ends now, with the best checkpoint there is.',
  } as const;
  for (const order of RUN_ORDERS)
    app.post(
      `/api/runs/:id/${order}`,
      {
        schema: {
          ...described({
            tag: 'runs',
            id: `${order}Run`,
            summary: SUMMARIES[order],
            answers: { 200: RunViewSchema },
            errors: ['bad-field', 'not-found', 'illegal-state'],
          }),
          params: RunParams,
        },
      },
      async (request) => {
        const ledger = ledgerOf({ grid }, request.params.id);
        const rejected = await grid.order(request.params.id, order);
        if (rejected !== null)
          throw new ApiError(409, rejected.code, rejected.message, 'state', { state: ledger.state.state });
        return runView(ledger, nowMs());
      },
    );

  app.delete(
    '/api/runs/:id',
    {
      schema: {
        ...described({
          tag: 'runs',
          id: 'deleteRun',
          summary: 'A run that is over goes for good, with its checkpoints.',
          answers: { 204: null },
          errors: ['bad-field', 'not-found', 'illegal-state'],
        }),
        params: RunParams,
      },
    },
    async (request, reply) => {
      const { state } = ledgerOf({ grid }, request.params.id).state;
      if (!isOver(state))
        throw new ApiError(409, 'illegal-state', `the run is ${state}; stop it first`, 'state', { state });
      // A sweep keeps what its trial came to.
      await sweeps.advance();
      await grid.deleteRun(request.params.id);
      return reply.status(204).send();
    },
  );
}

/** By age, the best among them. */
function keptCheckpoints({ checkpoints, best }: RunLedger['state']): CheckpointView[] {
  const kept = [...checkpoints];
  if (best !== null && !kept.some(({ sha256 }) => sha256 === best.sha256)) kept.splice(1, 0, best);
  return kept;
}
