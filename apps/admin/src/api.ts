/**
 * The coordinator's REST as this page uses it. Every answer is checked against the protocol's schema at this door;
 * every failure is an `ApiError` that names the field when one field is at fault.
 */
import {
  type DatasetManifest,
  DatasetListSchema,
  DatasetManifestSchema,
  type DatasetRequest,
  type DatasetSamples,
  DatasetSamplesSchema,
  type ErrorBody,
  ErrorBodySchema,
  MetricPointSchema,
  type RunId,
  type RunRequest,
  type RunView,
  RunViewSchema,
} from '@murmuration/protocol';
import Type, { type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { session, signOut } from './session.ts';
import { strings } from './strings.ts';

export class ApiError extends Error {
  readonly body: ErrorBody;
  constructor(body: ErrorBody) {
    super(body.message);
    this.body = body;
  }
}

const RunListSchema = Type.Array(RunViewSchema);
const PointListSchema = Type.Array(MetricPointSchema);
const UploadSchema = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{64}$' }) });

/** Samples shown of a data set. */
const SAMPLE_COUNT = 50;

export type RunAction = 'pause' | 'resume' | 'stop';

export const api = {
  runs: () => ask('GET', '/api/runs', RunListSchema),
  createRun: (request: RunRequest): Promise<RunView> => ask('POST', '/api/runs', RunViewSchema, request),
  act: (runId: RunId, action: RunAction): Promise<RunView> =>
    ask('POST', `/api/runs/${runId}/${action}`, RunViewSchema, {}),
  /** The curve of a run. */
  points: (runId: RunId) => ask('GET', `/api/runs/${runId}/metrics`, PointListSchema),
  datasets: () => ask('GET', '/api/datasets', DatasetListSchema),
  createDataset: (request: DatasetRequest): Promise<DatasetManifest> =>
    ask('POST', '/api/datasets', DatasetManifestSchema, request),
  samples: (datasetId: string): Promise<DatasetSamples> =>
    ask('GET', `/api/datasets/${datasetId}/samples?count=${SAMPLE_COUNT}`, DatasetSamplesSchema),
  upload,
} as const;

/** Where the best model of a run is downloaded. */
export const exportAddress = (runId: RunId) =>
  ({
    tfjsModel: `/api/runs/${runId}/export/tfjs/model.json`,
    tfjsWeights: `/api/runs/${runId}/export/tfjs/group1-shard1of1.bin`,
    safetensors: `/api/runs/${runId}/export/model.safetensors`,
    fileName: 'model.safetensors',
  }) as const;

/** Names the first place where `value` is not what `schema` says. */
export function parsed<T extends TSchema>(schema: T, value: unknown, place: string): Static<T> {
  if (Value.Check(schema, value)) return value as Static<T>;
  const [first] = Value.Errors(schema, value);
  throw new ApiError({
    code: 'unknown-shape',
    message: strings.unknownShape(`${place}${first?.instancePath ?? ''}`),
  });
}

async function ask<T extends TSchema>(
  method: 'GET' | 'POST',
  path: string,
  schema: T,
  body?: unknown,
): Promise<Static<T>> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: { ...authorization(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError({ code: 'unreachable', message: strings.unreachable });
  }
  const text = await answer.text();
  if (!answer.ok) throw refusal(answer.status, text);
  return parsed(schema, jsonOf(text), `${method} ${path}`);
}

/** Sends one file; `progress` is told the share that has left, 0..1. fetch cannot tell it, XMLHttpRequest can. */
function upload(file: Blob, progress: (share: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', '/api/uploads');
    request.setRequestHeader('content-type', 'application/octet-stream');
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => progress(total === 0 ? 1 : loaded / total);
    request.onerror = () => reject(new ApiError({ code: 'unreachable', message: strings.unreachable }));
    request.onload = () => {
      try {
        if (request.status >= 300) throw refusal(request.status, request.responseText);
        resolve(parsed(UploadSchema, jsonOf(request.responseText), 'POST /api/uploads').id);
      } catch (reason) {
        reject(reason as ApiError);
      }
    };
    request.send(file);
  });
}

const authorization = (): Record<string, string> =>
  session.value.kind === 'signed-in' ? { authorization: `Bearer ${session.value.token}` } : {};

/** The error of a status that is not a success. A 401 ends the session, wherever it came from. */
function refusal(status: number, text: string): ApiError {
  if (status === 401) {
    signOut('refused');
    return new ApiError({ code: 'unauthorized', message: strings.notAllowed });
  }
  const body = jsonOf(text);
  return new ApiError(
    Value.Check(ErrorBodySchema, body)
      ? (body as ErrorBody)
      : { code: `http-${status}`, message: `${status}: ${text.slice(0, 120)}` },
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
