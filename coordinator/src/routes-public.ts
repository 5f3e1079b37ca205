/** REST that needs no login: what a volunteer's page shows before the click, and the public page of a run. */
import {
  DatasetSamplesSchema,
  PROTOCOL_VERSION,
  PublicCoordinatorSchema,
  PublicIceServersSchema,
  PublicRunListSchema,
  PublicRunPageSchema,
} from '@murmuration/protocol';
import type { IceServer, Operator } from '@murmuration/protocol';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { isOver } from './ledger.ts';
import { described } from './openapi.ts';
import { ledgerOf, RunParams } from './routes-runs.ts';
import { publicRun, thinnedCurve } from './run-summary.ts';
import { AddressBuckets } from './token-bucket.ts';

const POINTS_MAX = 500;
const RUNS_MAX = 100;
/** What a volunteer's page shows guesses of. */
const SAMPLES_DEFAULT = 12;

/** A connection check takes half a minute and wants few words; more is no check. Guesses. */
const CHECKS_PER_ADDRESS = { perSecond: 1 / 10, burst: 6 };
/** Of the relay's credentials for a check. */
const CHECK_MAX_MS = 10 * 60_000;

export interface PublicParts {
  readonly operator: Operator | null;
  /** Servers for a connection check, with credentials that end after so long. */
  readonly iceServersFor: (lifetimeMs: number) => IceServer[];
}

export function routePublic(app: Api, parts: AppParts, { operator, iceServersFor }: PublicParts): void {
  const { grid, datasets, nowMs } = parts;
  const checks = new AddressBuckets(CHECKS_PER_ADDRESS);
  app.get(
    '/api/health',
    {
      config: { access: 'public' },
      schema: described({
        tag: 'public',
        id: 'health',
        summary: 'The coordinator answers.',
        answers: {
          200: Type.Object({
            ok: Type.Boolean(),
            protocolVersion: Type.Integer(),
            volunteers: Type.Integer({ minimum: 0 }),
          }),
        },
      }),
    },
    () => ({ ok: true, protocolVersion: PROTOCOL_VERSION, volunteers: grid.volunteerCount }),
  );

  app.get(
    '/api/public/coordinator',
    {
      config: { access: 'public' },
      schema: described({
        tag: 'public',
        id: 'publicCoordinator',
        summary: 'Who asks for help, as far as the operator says so (--operator).',
        answers: { 200: PublicCoordinatorSchema },
      }),
    },
    () => ({ operator }),
  );

  app.get(
    '/api/public/ice-servers',
    {
      config: { access: 'public' },
      schema: described({
        tag: 'public',
        id: 'publicIceServers',
        summary:
          'The servers by which browsers find ways to each other, for a check of a connection; credentials of the relay end after ten minutes.',
        answers: { 200: PublicIceServersSchema },
        errors: ['too-many-checks'],
      }),
    },
    (request, reply) => {
      if (!checks.take(request.ip, nowMs()))
        throw new ApiError(429, 'too-many-checks', 'too many checks of one address; wait ten seconds');
      void reply.header('cache-control', 'no-store');
      return { iceServers: iceServersFor(CHECK_MAX_MS) };
    },
  );

  app.get(
    '/api/public/runs',
    {
      config: { access: 'public' },
      schema: described({
        tag: 'public',
        id: 'publicRuns',
        summary:
          'Runs that are not over, oldest first: in this order volunteers are given to them. Then the newest others.',
        answers: { 200: PublicRunListSchema },
      }),
    },
    () => {
      const open = grid.runs.filter(({ state }) => !isOver(state.state));
      const over = grid.runs.filter(({ state }) => isOver(state.state)).toReversed();
      return [...open, ...over].slice(0, RUNS_MAX).map((ledger) => publicRun(ledger, nowMs()));
    },
  );

  app.get(
    '/api/public/runs/:id',
    {
      config: { access: 'public' },
      schema: {
        ...described({
          tag: 'public',
          id: 'publicRun',
          summary: `A run and its curve (at most ${POINTS_MAX} points); nothing of anybody's device.`,
          answers: { 200: PublicRunPageSchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: RunParams,
      },
    },
    (request) => {
      const ledger = ledgerOf(parts, request.params.id);
      return {
        run: publicRun(ledger, nowMs()),
        points: thinnedCurve(ledger.state, POINTS_MAX),
      };
    },
  );

  app.get(
    '/api/public/runs/:id/samples',
    {
      config: { access: 'public' },
      schema: {
        ...described({
          tag: 'public',
          id: 'publicSamples',
          summary: 'A few training samples of the run, which every volunteer holds anyway.',
          answers: { 200: DatasetSamplesSchema },
          errors: ['bad-field', 'not-found', 'blob-damaged'],
        }),
        params: RunParams,
        querystring: Type.Object(
          { count: Type.Optional(Type.String({ pattern: '^([1-9]|1[0-9]|20)$' })) },
          { additionalProperties: false },
        ),
      },
    },
    (request) => {
      const { manifest } = ledgerOf(parts, request.params.id).state.setup;
      const dataset = datasets.get(manifest.dataset.id);
      if (dataset === null) throw new ApiError(404, 'not-found', 'the dataset of this run is gone');
      return datasets.samples(dataset, Number(request.query.count ?? SAMPLES_DEFAULT));
    },
  );
}
