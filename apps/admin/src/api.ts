/**
 * The coordinator's API as this page asks it: the typed client with the page's cookie, words for people when nobody
 * answers, and uploads that tell their progress. A 401 ends the session, wherever it came from.
 */
import { ApiClient, ApiRefusal, errorBodyOf } from '@murmuration/client';
import type { RunId } from '@murmuration/protocol';
import Type, { type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { csrfToken, sessionLost } from './session.ts';
import { strings } from './strings.ts';

export { ApiRefusal };

const UploadSchema = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{64}$' }) });

class PageClient extends ApiClient {
  constructor() {
    super({ url: '', csrfToken });
  }

  protected override async fetch(...asked: Parameters<ApiClient['fetch']>): Promise<Response> {
    try {
      return await super.fetch(...asked);
    } catch (reason) {
      if (reason instanceof ApiRefusal) throw reason;
      throw new ApiRefusal('', 0, { code: 'unreachable', message: strings.unreachable });
    }
  }

  protected override refused(place: string, status: number, text: string): Error {
    if (status !== 401) return super.refused(place, status, text);
    sessionLost();
    return new ApiRefusal(place, status, { code: 'unauthorised', message: strings.notAllowed });
  }

  protected override parsed<T extends TSchema>(schema: T, value: unknown, place: string): Static<T> {
    return parsed(schema, value, place);
  }

  /** Sends one file; `progress` is told the share that has left, 0..1. fetch cannot tell it, XMLHttpRequest can. */
  upload(file: Blob, progress: (share: number) => void): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('POST', '/api/uploads');
      request.setRequestHeader('content-type', 'application/octet-stream');
      for (const [name, value] of Object.entries(this.headers('POST'))) request.setRequestHeader(name, value);
      request.upload.onprogress = ({ loaded, total }) => progress(total === 0 ? 1 : loaded / total);
      request.onerror = () =>
        reject(new ApiRefusal('', 0, { code: 'unreachable', message: strings.unreachable }));
      request.onload = () => {
        const { status, responseText } = request;
        try {
          if (status >= 300) throw this.refused('POST /api/uploads', status, responseText);
          resolve(parsed(UploadSchema, JSON.parse(responseText), 'POST /api/uploads').id);
        } catch (reason) {
          reject(
            reason instanceof ApiRefusal
              ? reason
              : new ApiRefusal('POST /api/uploads', status, errorBodyOf(status, responseText)),
          );
        }
      };
      request.send(file);
    });
  }
}

export const api = new PageClient();

/** Where the best model of a run, its curve and its papers are downloaded. */
export const exportAddress = (runId: RunId) =>
  ({
    tfjsModel: `/api/runs/${runId}/export/tfjs/model.json`,
    tfjsWeights: `/api/runs/${runId}/export/tfjs/group1-shard1of1.bin`,
    keras: `/api/runs/${runId}/export/model.keras`,
    safetensors: `/api/runs/${runId}/export/model.safetensors`,
    metricsCsv: `/api/runs/${runId}/export/metrics.csv`,
    metricsJson: `/api/runs/${runId}/export/metrics.json`,
    manifest: `/api/runs/${runId}/export/manifest.json`,
    card: `/api/runs/${runId}/export/README.md`,
    fileName: 'model.safetensors',
  }) as const;

/** Names the first place where `value` is not what `schema` says. */
export function parsed<T extends TSchema>(schema: T, value: unknown, place: string): Static<T> {
  if (Value.Check(schema, value)) return value as Static<T>;
  const [first] = Value.Errors(schema, value);
  const message = strings.unknownShape(`${place}${first?.instancePath ?? ''}`);
  throw new ApiRefusal(place, 0, { code: 'unknown-shape', message });
}
