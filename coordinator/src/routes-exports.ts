/** REST of what leaves: the served checkpoint's weights in several formats, the metrics, and where the model comes from. */
import {
  AUTOENCODER_PARTS,
  ExportListSchema,
  meanModelOf,
  parameterLayout,
  partOf,
  taskOf,
} from '@murmuration/protocol';
import type { AutoencoderPart, ExportList, ModelPart, RunId, Sha256, Task } from '@murmuration/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { sha256Of } from './blobs.ts';
import { TFJS_WEIGHTS_FILE, toTfjs } from './exports/tfjs.ts';
import { ExportError } from './exports/weights.ts';
import { toKeras } from './exports/keras.ts';
import { toSafetensors } from './exports/safetensors.ts';
import { servedCheckpoint } from './ledger.ts';
import type { RunLedger } from './ledger.ts';
import { described } from './openapi.ts';
import { ledgerOf, RunParams } from './routes-runs.ts';

const BYTES = 'application/octet-stream';
const JSON_TYPE = 'application/json; charset=utf-8';

type ExportRequest = FastifyRequest<{ Params: { id: RunId } }>;

export function routeExports(app: Api, parts: AppParts): void {
  /** A checkpoint of a run does not change, so neither do the files that hold it. */
  const lists = new WeakMap<RunLedger, { readonly checkpoint: Sha256; readonly list: Promise<ExportList> }>();

  const exported = async (ledger: RunLedger): Promise<Exported> => {
    const { manifest } = ledger.state.setup;
    const parameters = await parts.grid.servedParameters(ledger);
    if (parameters === null)
      throw new ApiError(503, 'blob-damaged', 'the checkpoint of this run is missing or damaged on disk');
    return { ledger, whole: { model: manifest.model, parameters }, task: taskOf(manifest) };
  };
  const describe = (id: string, summary: string, answer: TSchema | string) => ({
    ...described({
      tag: 'exports',
      id,
      summary,
      answers: { 200: answer },
      errors: ['bad-field', 'not-found', 'not-exportable', 'blob-damaged'],
    }),
    params: RunParams,
  });
  const send = (name: FileName) => async (request: ExportRequest, reply: FastifyReply) => {
    const bytes = await FILES[name](await exported(ledgerOf(parts, request.params.id)));
    return reply
      .header('cache-control', 'no-store')
      .header('content-disposition', `attachment; filename="${name.split('/').at(-1)!}"`)
      .type(name.endsWith('.json') ? JSON_TYPE : BYTES)
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  };

  app.get(
    '/api/runs/:id/export',
    { schema: describe('exports', 'Size and SHA-256 of each file that holds the model.', ExportListSchema) },
    (request) => {
      const ledger = ledgerOf(parts, request.params.id);
      const { sha256: checkpoint } = servedCheckpoint(ledger.state);
      const known = lists.get(ledger);
      if (known?.checkpoint === checkpoint) return known.list;
      const list = listOf(ledger, exported);
      lists.set(ledger, { checkpoint, list });
      list.catch(() => lists.delete(ledger));
      return list;
    },
  );
  app.get(
    '/api/runs/:id/export/tfjs/model.json',
    {
      schema: describe(
        'exportTfjsModel',
        'The model for TensorFlow.js (tf.loadLayersModel).',
        'application/json',
      ),
    },
    send('tfjs/model.json'),
  );
  app.get(
    `/api/runs/:id/export/tfjs/${TFJS_WEIGHTS_FILE}`,
    { schema: describe('exportTfjsWeights', 'The weights that model.json names.', BYTES) },
    send(`tfjs/${TFJS_WEIGHTS_FILE}`),
  );
  app.get(
    '/api/runs/:id/export/model.keras',
    { schema: describe('exportKeras', 'The model for Keras 3 (keras.saving.load_model).', BYTES) },
    send('model.keras'),
  );
  for (const part of AUTOENCODER_PARTS) {
    const id = part === 'encoder' ? 'exportEncoder' : 'exportDecoder';
    const what =
      part === 'encoder' ? 'encoder (sample to mean and log variance)' : 'decoder (code to sample)';
    app.get(
      `/api/runs/:id/export/${part}/tfjs/model.json`,
      {
        schema: describe(`${id}TfjsModel`, `An autoencoder's ${what} for TensorFlow.js.`, 'application/json'),
      },
      send(`${part}/tfjs/model.json`),
    );
    app.get(
      `/api/runs/:id/export/${part}/tfjs/${TFJS_WEIGHTS_FILE}`,
      { schema: describe(`${id}TfjsWeights`, 'The weights that its model.json names.', BYTES) },
      send(`${part}/tfjs/${TFJS_WEIGHTS_FILE}`),
    );
    app.get(
      `/api/runs/:id/export/${part}.keras`,
      { schema: describe(`${id}Keras`, `An autoencoder's ${what} for Keras 3.`, BYTES) },
      send(`${part}.keras`),
    );
  }
  app.get(
    '/api/runs/:id/export/model.safetensors',
    {
      schema: describe('exportSafetensors', 'The weights as safetensors, with where they come from.', BYTES),
    },
    send('model.safetensors'),
  );
}

/** What every file is made of. */
interface Exported {
  readonly ledger: RunLedger;
  readonly whole: ModelPart;
  readonly task: Task;
}

const tfjsJson = (made: Exported, part?: AutoencoderPart) =>
  new TextEncoder().encode(JSON.stringify(tfjsOf(made, part).modelJson));
const tfjsWeights = (made: Exported, part?: AutoencoderPart) => tfjsOf(made, part).weights;

/** The same checkpoint gives the same bytes. */
const FILES = {
  'tfjs/model.json': (made: Exported) => tfjsJson(made),
  [`tfjs/${TFJS_WEIGHTS_FILE}`]: (made: Exported) => tfjsWeights(made),
  'model.keras': (made: Exported) => kerasOf(made),
  'encoder/tfjs/model.json': (made: Exported) => tfjsJson(made, 'encoder'),
  [`encoder/tfjs/${TFJS_WEIGHTS_FILE}`]: (made: Exported) => tfjsWeights(made, 'encoder'),
  'encoder.keras': (made: Exported) => kerasOf(made, 'encoder'),
  'decoder/tfjs/model.json': (made: Exported) => tfjsJson(made, 'decoder'),
  [`decoder/tfjs/${TFJS_WEIGHTS_FILE}`]: (made: Exported) => tfjsWeights(made, 'decoder'),
  'decoder.keras': (made: Exported) => kerasOf(made, 'decoder'),
  'model.safetensors': ({ ledger, whole: { model, parameters } }: Exported) =>
    toSafetensors(parameterLayout(model), parameters, exportMetadata(ledger)),
} as const satisfies Readonly<Record<string, (made: Exported) => Uint8Array | Promise<Uint8Array>>>;
type FileName = keyof typeof FILES;

/**
 * What can be loaded without chance: the whole model, an autoencoder at the mean of its code, or one of its two parts.
 * @throws ApiError when the model has no such part
 */
function loadable({ whole: { model, parameters }, task }: Exported, part: AutoencoderPart | undefined) {
  if (task.kind === 'autoencoding')
    return {
      ...(part === undefined ? meanModelOf(model, parameters) : partOf(model, parameters, part)),
      output:
        part === 'encoder' || task.reconstruction === 'gaussian' ? ('values' as const) : ('shares' as const),
    };
  if (part !== undefined)
    throw new ApiError(409, 'not-exportable', `model: it is no autoencoder, so it has no ${part}`, 'model');
  return {
    model,
    parameters,
    output: task.kind === 'value' ? ('values' as const) : ('probabilities' as const),
  };
}

/** One after the other: the largest model takes 200 MB in each. What a format cannot say is left out. */
async function listOf(
  ledger: RunLedger,
  exported: (ledger: RunLedger) => Promise<Exported>,
): Promise<ExportList> {
  const checkpoint = servedCheckpoint(ledger.state);
  const made = await exported(ledger);
  const files: ExportList['files'] = [];
  for (const [name, bytesOf] of Object.entries(FILES))
    try {
      const bytes = await bytesOf(made);
      files.push({ name, byteLength: bytes.length, sha256: sha256Of(bytes) });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  return { checkpoint, files };
}

function tfjsOf(made: Exported, part?: AutoencoderPart): ReturnType<typeof toTfjs> {
  const { model, parameters, output } = loadable(made, part);
  try {
    return toTfjs(model, parameterLayout(model), parameters, output);
  } catch (error) {
    if (error instanceof ExportError) throw new ApiError(409, 'not-exportable', error.message, 'model');
    throw error;
  }
}

function kerasOf(made: Exported, part?: AutoencoderPart): Promise<Uint8Array> {
  const { model, parameters, output } = loadable(made, part);
  return toKeras(model, parameterLayout(model), parameters, { output, savedAt: madeAt(made.ledger) });
}

/** When the served checkpoint was measured; before that, when its run was created. */
function madeAt({ state }: RunLedger): string {
  const { round } = servedCheckpoint(state);
  const sinceMs = state.points.get(round)?.atMs ?? 0;
  return new Date(state.setup.createdAtMs + sinceMs).toISOString();
}

function exportMetadata(ledger: RunLedger): Record<string, string> {
  const { manifest } = ledger.state.setup;
  const { round, accuracy, error, parts, sha256: checkpoint } = servedCheckpoint(ledger.state);
  return {
    run: manifest.id,
    name: manifest.name,
    model: JSON.stringify(manifest.model),
    dataset: manifest.dataset.name,
    round: String(round),
    accuracy: accuracy === null ? '' : String(accuracy),
    error: error == null ? '' : String(error),
    ...(parts === undefined ? {} : { reconstruction: String(parts.reconstruction), kl: String(parts.kl) }),
    checkpoint,
  };
}
