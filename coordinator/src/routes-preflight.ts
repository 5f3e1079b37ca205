/** POST /api/preflight: what a run would cost, and everything that stands in its way, without creating anything. */
import { PreflightRequestSchema, PreflightSchema, preflightOf } from '@murmuration/protocol';
import type { Preflight, RunManifest } from '@murmuration/protocol';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { digitsPlan } from './datasets/sources.ts';
import { door } from './doors.ts';
import { isOver } from './ledger.ts';
import { described } from './openapi.ts';
import { manifestOf } from './run-manifest.ts';

const preflightRequest = door(PreflightRequestSchema);
/** Rounds before a pace counts as known. */
const MEASURED_ROUNDS_MIN = 20;
const PREFLIGHT_ID = `run_${'0'.repeat(26)}`;

export function routePreflight(app: Api, { grid, datasets, models }: AppParts): void {
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
        manifest = manifestOf({ ...run, datasetId: dataset.manifest.id }, { dataset, models }, PREFLIGHT_ID);
        grid.admit(manifest);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        return refused([{ field: error.body.field ?? '', message: error.body.message }]);
      }
      return preflightOf({
        model: manifest.model,
        training: manifest.training,
        dataset: dataset.manifest,
        tabs: grid.volunteerCount,
        measuredRoundMs: measuredRoundMs(manifest),
      });
    },
  );

  /** Of the newest run with as many parameters and the same steps. */
  function measuredRoundMs({ parameterCount, training }: RunManifest): number | null {
    const alike = grid.runs.findLast(({ state }) => {
      const { manifest } = state.setup;
      return (
        manifest.parameterCount === parameterCount &&
        manifest.training.localSteps === training.localSteps &&
        manifest.training.batchSize === training.batchSize &&
        manifest.training.codec === training.codec &&
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
