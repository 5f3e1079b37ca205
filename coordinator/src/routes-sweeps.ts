/** REST of sweeps. */
import {
  SWEEP_ORDERS,
  SweepIdSchema,
  SweepListSchema,
  SweepRequestSchema,
  SweepTableSchema,
  SweepViewSchema,
} from '@murmuration/protocol';
import type { SweepTable } from '@murmuration/protocol';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { csvText } from './csv-text.ts';
import { described, IdempotencyHeaders } from './openapi.ts';

const SweepParams = Type.Object({ id: SweepIdSchema });

export function routeSweeps(app: Api, { sweeps, creations }: AppParts): void {
  const found = <T>(value: T | null): T => {
    if (value === null) throw new ApiError(404, 'not-found', 'no such sweep');
    return value;
  };

  app.post(
    '/api/sweeps',
    {
      schema: {
        ...described({
          tag: 'sweeps',
          id: 'createSweep',
          summary: 'Creates a sweep: a grid, or draws from a seed, over any keys of the run request.',
          description: 'Every trial is checked first; a fault is named `trials.<index>.<field>`.',
          answers: { 201: SweepViewSchema, 200: SweepViewSchema },
          errors: ['bad-field', 'bad-json', 'full', 'key-reused'],
        }),
        body: SweepRequestSchema,
        headers: IdempotencyHeaders,
      },
    },
    async (request, reply) => {
      const { made, isNew } = await creations.once(request, {
        prefix: 'sweep',
        find: (id) => sweeps.view(id),
        make: (id) => sweeps.create(id, request.body),
      });
      return reply.status(isNew ? 201 : 200).send(made);
    },
  );

  app.get(
    '/api/sweeps',
    {
      schema: described({
        tag: 'sweeps',
        id: 'sweeps',
        summary: 'All sweeps, newest first.',
        answers: { 200: SweepListSchema },
      }),
    },
    () => sweeps.list(),
  );

  app.get(
    '/api/sweeps/:id',
    {
      schema: {
        ...described({
          tag: 'sweeps',
          id: 'sweep',
          summary: 'A sweep and its table of results.',
          answers: { 200: SweepTableSchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: SweepParams,
      },
    },
    (request) => found(sweeps.table(request.params.id)),
  );

  app.get(
    '/api/sweeps/:id/table.csv',
    {
      schema: {
        ...described({
          tag: 'sweeps',
          id: 'sweepCsv',
          summary: 'The table of results as CSV.',
          answers: { 200: 'text/csv' },
          errors: ['bad-field', 'not-found'],
        }),
        params: SweepParams,
      },
    },
    (request, reply) =>
      reply.type('text/csv; charset=utf-8').send(tableCsv(found(sweeps.table(request.params.id)))),
  );

  for (const order of SWEEP_ORDERS)
    app.post(
      `/api/sweeps/:id/${order}`,
      {
        schema: {
          ...described({
            tag: 'sweeps',
            id: `${order}Sweep`,
            summary: {
              pause: 'Begins no more trials and pauses those that are open.',
              resume: 'Goes on.',
              stop: 'Stops open trials; what was measured stays.',
            }[order],
            answers: { 200: SweepViewSchema },
            errors: ['bad-field', 'not-found', 'illegal-state'],
          }),
          params: SweepParams,
        },
      },
      async (request) => {
        const { id } = request.params;
        found(sweeps.view(id));
        const state = await sweeps.order(id, order);
        if (state !== null)
          throw new ApiError(409, 'illegal-state', `the sweep is ${state}; it cannot ${order}`, 'state', {
            state,
          });
        return found(sweeps.view(id));
      },
    );

  app.delete(
    '/api/sweeps/:id',
    {
      schema: {
        ...described({
          tag: 'sweeps',
          id: 'deleteSweep',
          summary: 'A sweep that is not running goes; its runs stay.',
          answers: { 204: null },
          errors: ['bad-field', 'not-found', 'illegal-state'],
        }),
        params: SweepParams,
      },
    },
    async (request, reply) => {
      const { state } = found(sweeps.view(request.params.id));
      if (state === 'running')
        throw new ApiError(409, 'illegal-state', 'the sweep is running; stop it first', 'state', { state });
      await sweeps.delete(request.params.id);
      return reply.status(204).send();
    },
  );
}

function tableCsv({ trials }: SweepTable): string {
  const keys = [...new Set(trials.flatMap(({ assignment }) => Object.keys(assignment)))];
  return csvText(
    ['trial', 'runId', 'state', ...keys, 'accuracy', 'loss', 'error', 'rounds', 'samples', 'trainingMs'],
    trials.map((trial) => [
      trial.index,
      trial.runId,
      trial.state,
      ...keys.map((key) => trial.assignment[key]),
      trial.best?.accuracy,
      trial.best?.loss,
      trial.best?.error,
      trial.rounds,
      trial.samples,
      trial.trainingMs,
    ]),
  );
}
