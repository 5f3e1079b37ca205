/** POST /api/preflight: what a run would cost, and everything that stands in its way, without creating anything. */
import { isDeepStrictEqual } from 'node:util';
import { planRun, planView, type PlannedRun } from '@murmuration/plan';
import {
  boundedReasons,
  exchangeOf,
  groupOf,
  isAdaptive,
  PreflightRequestSchema,
  PreflightSchema,
  preflightOf,
  tiersOf,
} from '@murmuration/protocol';
import type { Preflight, RunManifest, Training } from '@murmuration/protocol';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { digitsPlan } from './datasets/sources.ts';
import { door } from './doors.ts';
import { isOver } from './ledger.ts';
import { described } from './openapi.ts';
import { manifestOf } from './run-manifest.ts';

/** What the plan says of the run, or why it says nothing. */
function foretold(run: PlannedRun): Pick<Preflight, 'plan' | 'unplanned'> {
  const plan = planRun(run);
  if ('refused' in plan) return { plan: null, unplanned: plan.refused.slice(0, REASONS_MAX).join('; ') };
  const view = planView(run, plan);
  return { plan: { ...view, why: boundedReasons(view.why) }, unplanned: '' };
}

const preflightRequest = door(PreflightRequestSchema);
/** Rounds before a pace counts as known. */
const MEASURED_ROUNDS_MIN = 20;
const REASONS_MAX = 3;
/** What the length of a round follows from, the crowd aside. */
const roundOf = (training: Training) => {
  const { localSteps, batchSize, codec, architecture = 'decentralised', schedule = 'synchronous' } = training;
  const [exchange, group, tiers] = [exchangeOf(training), groupOf(training), tiersOf(training)];
  return {
    ...{ localSteps, batchSize, codec, architecture, schedule, exchange, group, tiers },
    adapts: isAdaptive(training),
  };
};
const PREFLIGHT_ID = `run_${'0'.repeat(26)}`;

export function routePreflight(app: Api, { grid, datasets, models, planner }: AppParts): void {
  app.post(
    '/api/preflight',
    {
      config: { access: 'read' },
      // Wrong fields are the answer here, not an error.
      validatorCompiler: () => (value: unknown) => ({ value }),
      schema: {
        ...described({
          tag: 'runs',
          id: 'preflight',
          summary: 'What a run would cost and need, and what would be refused; creates nothing.',
          answers: { 200: PreflightSchema },
          errors: ['bad-json'],
        }),
        body: PreflightRequestSchema,
      },
    },
    (request): Preflight => {
      const refused = (refusals: Preflight['refusals']): Preflight => ({
        ok: false,
        refusals,
        warnings: [],
        estimate: null,
        plan: null,
        unplanned: '',
      });
      const wish = preflightRequest(request.body);
      if (!wish.ok) return refused([...wish.faults]);
      const { data, datasetId = '', ...run } = wish.value;
      if ((data === undefined) === (datasetId === ''))
        return refused([
          { field: 'datasetId', message: datasetId === '' ? 'is missing' : 'remove it, or data' },
        ]);
      const dataset = data === undefined ? datasets.get(datasetId) : digitsPlan(data);
      if (dataset === null) return refused([{ field: 'datasetId', message: 'no such dataset' }]);
      let manifest: RunManifest;
      try {
        manifest = manifestOf(
          { ...run, datasetId: dataset.manifest.id },
          { dataset, models, planner },
          PREFLIGHT_ID,
        );
        grid.admit(manifest);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        return refused([{ field: error.body.field ?? '', message: error.body.message }]);
      }
      const { model, training } = manifest;
      return {
        ...preflightOf({
          model,
          training,
          dataset: dataset.manifest,
          tabs: grid.volunteerCount,
          measuredRoundMs: measuredRoundMs(manifest),
        }),
        ...foretold(
          planner.factsOf({ model, training, wish: run.training ?? {}, dataset: dataset.manifest }),
        ),
      };
    },
  );

  /** Of the newest run with as many parameters whose rounds are of the same kind. */
  function measuredRoundMs({ parameterCount, training }: RunManifest): number | null {
    const alike = grid.runs.findLast(({ state }) => {
      const { manifest } = state.setup;
      return (
        manifest.parameterCount === parameterCount &&
        isDeepStrictEqual(roundOf(manifest.training), roundOf(training)) &&
        state.round >= MEASURED_ROUNDS_MIN &&
        state.trainingStartedAtMs !== null
      );
    });
    if (alike === undefined) return null;
    const { state } = alike;
    const endMs = isOver(state.state) ? state.endedAtMs! : state.lastAtMs;
    return Math.max(1, (endMs - state.trainingStartedAtMs!) / state.round);
  }
}
