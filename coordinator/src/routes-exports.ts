/** REST of what leaves: the served checkpoint's weights in several formats, the metrics, and where the model comes from. */
import { parameterLayout } from '@murmuration/protocol';
import type { FastifyReply } from 'fastify';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { TFJS_WEIGHTS_FILE, toTfjs } from './exports/tfjs.ts';
import { ExportError } from './exports/weights.ts';
import { toKeras } from './exports/keras.ts';
import { toSafetensors } from './exports/safetensors.ts';
import { servedCheckpoint } from './ledger.ts';
import type { RunLedger } from './ledger.ts';
import { described } from './openapi.ts';
import { ledgerOf, RunParams } from './routes-runs.ts';

const BYTES = 'application/octet-stream';

export function routeExports(app: Api, parts: AppParts): void {
  const exported = async (id: string) => {
    const ledger = ledgerOf(parts, id);
    const { model, dataset } = ledger.state.setup.manifest;
    const output = dataset.target.kind === 'value' ? ('values' as const) : ('probabilities' as const);
    const parameters = await parts.grid.servedParameters(ledger);
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
  const schemaOf = (id: string, summary: string, type: string) => ({
    ...described({
      tag: 'exports',
      id,
      summary,
      answers: { 200: type },
      errors: ['bad-field', 'not-found', 'not-exportable', 'blob-damaged'],
    }),
    params: RunParams,
  });

  app.get(
    '/api/runs/:id/export/tfjs/model.json',
    {
      schema: schemaOf(
        'exportTfjsModel',
        'The model for TensorFlow.js (tf.loadLayersModel).',
        'application/json',
      ),
    },
    async (request, reply) => {
      const { modelJson } = tfjsOf(await exported(request.params.id));
      return reply.header('cache-control', 'no-store').send(modelJson);
    },
  );
  app.get(
    `/api/runs/:id/export/tfjs/${TFJS_WEIGHTS_FILE}`,
    { schema: schemaOf('exportTfjsWeights', 'The weights that model.json names.', BYTES) },
    async (request, reply) => {
      return sendFile(reply, TFJS_WEIGHTS_FILE, tfjsOf(await exported(request.params.id)).weights);
    },
  );
  app.get(
    '/api/runs/:id/export/model.keras',
    { schema: schemaOf('exportKeras', 'The model for Keras 3 (keras.saving.load_model).', BYTES) },
    async (request, reply) => {
      const { model, layout, parameters, output } = await exported(request.params.id);
      const savedAt = new Date(parts.nowMs()).toISOString();
      return sendFile(reply, 'model.keras', await toKeras(model, layout, parameters, { output, savedAt }));
    },
  );
  app.get(
    '/api/runs/:id/export/model.safetensors',
    {
      schema: schemaOf('exportSafetensors', 'The weights as safetensors, with where they come from.', BYTES),
    },
    async (request, reply) => {
      const { ledger, layout, parameters } = await exported(request.params.id);
      return sendFile(reply, 'model.safetensors', toSafetensors(layout, parameters, exportMetadata(ledger)));
    },
  );
}

function sendFile(reply: FastifyReply, name: string, bytes: Uint8Array): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('content-disposition', `attachment; filename="${name}"`)
    .type(BYTES)
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
