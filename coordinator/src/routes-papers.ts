/** REST of what goes with a model: its metrics as CSV and JSON, `manifest.json`, the model card. */
import { MetricPointSchema, ProvenanceSchema } from '@murmuration/protocol';
import Type, { type TSchema } from 'typebox';
import type { Api, AppParts } from './app.ts';
import { csvText } from './csv-text.ts';
import { codeSha256, modelCard, provenanceOf } from './exports/provenance.ts';
import { metricPoints } from './ledger.ts';
import { described } from './openapi.ts';
import { ledgerOf, RunParams } from './routes-runs.ts';

/** Columns of metrics.csv, in this order; new ones are added at the end. */
const COLUMNS = [
  'round',
  'atMs',
  'loss',
  'lossMin',
  'lossMax',
  'valLoss',
  'valAccuracy',
  'valError',
  'volunteers',
  'valReconstruction',
  'valKl',
] as const;

export function routePapers(app: Api, parts: AppParts): void {
  const schemaOf = (id: string, summary: string, answer: TSchema | string) => ({
    ...described({
      tag: 'exports',
      id,
      summary,
      answers: { 200: answer },
      errors: ['bad-field', 'not-found'],
    }),
    params: RunParams,
  });
  const file = (name: string) => ({
    'cache-control': 'no-store',
    'content-disposition': `attachment; filename="${name}"`,
  });

  app.get(
    '/api/runs/:id/export/metrics.json',
    {
      schema: schemaOf(
        'exportMetricsJson',
        'Every point of the curve that is kept.',
        Type.Array(MetricPointSchema),
      ),
    },
    (request, reply) =>
      reply.headers(file('metrics.json')).send(metricPoints(ledgerOf(parts, request.params.id).state)),
  );
  app.get(
    '/api/runs/:id/export/metrics.csv',
    { schema: schemaOf('exportMetricsCsv', 'The same as CSV.', 'text/csv') },
    (request, reply) => {
      const points = metricPoints(ledgerOf(parts, request.params.id).state);
      return reply
        .headers(file('metrics.csv'))
        .type('text/csv; charset=utf-8')
        .send(
          csvText(
            COLUMNS,
            points.map((point) => COLUMNS.map((column) => point[column])),
          ),
        );
    },
  );
  app.get(
    '/api/runs/:id/export/manifest.json',
    {
      schema: schemaOf(
        'exportManifest',
        'Where the model comes from: seed, hashes of configuration, data and code, devices, churn.',
        ProvenanceSchema,
      ),
    },
    (request, reply) =>
      reply
        .headers(file('manifest.json'))
        .send(provenanceOf(ledgerOf(parts, request.params.id), codeSha256())),
  );
  app.get(
    '/api/runs/:id/export/README.md',
    { schema: schemaOf('exportModelCard', 'The model card.', 'text/markdown') },
    (request, reply) =>
      reply
        .headers(file('README.md'))
        .type('text/markdown; charset=utf-8')
        .send(modelCard(provenanceOf(ledgerOf(parts, request.params.id), codeSha256()))),
  );
}
