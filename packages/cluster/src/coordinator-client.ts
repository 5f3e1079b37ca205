/**
 * The coordinator's REST as the commands and the e2e tests use it. Every answer is checked against the protocol's
 * schema at this door; a refusal becomes a Sentence that names the field.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import {
  DatasetManifestSchema,
  ErrorBodySchema,
  RunLiveSchema,
  RunViewSchema,
  type DatasetManifest,
  type DatasetRequest,
  type RunLive,
  type RunRequest,
  type RunView,
} from '@murmuration/protocol';
import Type, { type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { Sentence } from './places.ts';

export interface CoordinatorAddress {
  /** Origin without a slash at the end. */
  readonly url: string;
  readonly adminToken: string;
}

const UploadSchema = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{64}$' }) });
const ANSWER_MAX_MS = 120_000;
/** One event holds the whole run's new points; more without a line's end is not our server. */
const EVENT_MAX_CHARACTERS = 32 * 1024 * 1024;

export class CoordinatorClient {
  readonly #address: CoordinatorAddress;

  constructor(address: CoordinatorAddress) {
    this.#address = address;
  }

  createDataset(request: DatasetRequest): Promise<DatasetManifest> {
    return this.#ask('POST', '/api/datasets', DatasetManifestSchema, request);
  }
  createRun(request: RunRequest): Promise<RunView> {
    return this.#ask('POST', '/api/runs', RunViewSchema, request);
  }
  run(runId: string): Promise<RunView> {
    return this.#ask('GET', `/api/runs/${runId}`, RunViewSchema);
  }
  stop(runId: string): Promise<RunView> {
    return this.#ask('POST', `/api/runs/${runId}/stop`, RunViewSchema, {});
  }

  /** Sends a file of an IDX dataset; answers its upload id. */
  async upload(path: string): Promise<string> {
    const { size } = await stat(path);
    const answer = await this.#fetch('POST', '/api/uploads', {
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
      body: Readable.toWeb(createReadStream(path)) as ReadableStream,
      duplex: 'half',
    });
    return this.#parsed(UploadSchema, await answer.json(), 'POST /api/uploads').id;
  }

  /** The bytes of a blob or an export. */
  async bytes(path: string): Promise<Uint8Array> {
    const answer = await this.#fetch('GET', path, {});
    return new Uint8Array(await answer.arrayBuffer());
  }

  /**
   * The run as it happens, an item an event. Ends when the connection does (the coordinator may have died); calling
   * again goes on. The first item tells everything there is.
   */
  async *live(runId: string, signal: AbortSignal): AsyncGenerator<RunLive, void, void> {
    const path = `/api/runs/${runId}/live`;
    const answer = await this.#fetch('GET', path, { signal });
    let text = '';
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += piece.replaceAll('\r', '');
      if (text.length > EVENT_MAX_CHARACTERS)
        throw new Error(`GET ${path}: an event is longer than ${EVENT_MAX_CHARACTERS}`);
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const data = text
          .slice(0, end)
          .split('\n')
          .filter((line) => line.startsWith('data:'))
          .map((line) => line.slice('data:'.length).trimStart())
          .join('\n');
        text = text.slice(end + 2);
        if (data !== '') yield this.#parsed(RunLiveSchema, JSON.parse(data), `GET ${path}`);
      }
    }
  }

  /** Everything about the run as it stands now. */
  async snapshot(runId: string): Promise<RunLive> {
    const stop = new AbortController();
    try {
      for await (const live of this.live(runId, stop.signal)) return live;
    } finally {
      stop.abort();
    }
    throw new Sentence(`${this.#address.url} ended the stream of ${runId} before its first event`);
  }

  async #ask<T extends TSchema>(
    method: 'GET' | 'POST',
    path: string,
    schema: T,
    body?: unknown,
  ): Promise<Static<T>> {
    const answer = await this.#fetch(
      method,
      path,
      body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    );
    return this.#parsed(schema, await answer.json(), `${method} ${path}`);
  }

  /** @throws Sentence for an answer that is no success; whatever fetch throws when nobody answers. */
  async #fetch(method: string, path: string, init: RequestInit & { duplex?: 'half' }): Promise<Response> {
    const answer = await fetch(`${this.#address.url}${path}`, {
      signal: AbortSignal.timeout(ANSWER_MAX_MS),
      ...init,
      method,
      headers: {
        ...(init.headers as Record<string, string> | undefined),
        authorization: `Bearer ${this.#address.adminToken}`,
      },
    });
    if (answer.ok) return answer;
    const text = await answer.text();
    throw new Sentence(`${method} ${path}: ${refusalText(answer.status, text)}`);
  }

  #parsed<T extends TSchema>(schema: T, value: unknown, place: string): Static<T> {
    if (Value.Check(schema, value)) return value as Static<T>;
    const wrong = Value.Errors(schema, value)[0];
    throw new Error(`${place} answered another shape at ${wrong?.instancePath}: ${wrong?.message}`);
  }
}

function refusalText(status: number, text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    if (Value.Check(ErrorBodySchema, body)) {
      const { field, message } = body as Static<typeof ErrorBodySchema>;
      return field === undefined ? message : `${field}: ${message}`;
    }
  } catch {
    // Not JSON: the bare text below says what there is.
  }
  return `${status} ${text.slice(0, 200)}`;
}
