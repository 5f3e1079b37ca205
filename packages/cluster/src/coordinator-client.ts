/**
 * The coordinator's REST as the commands and the e2e tests use it: the typed client with a token, files from the disk, and
 * refusals as a Sentence that names the field.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { ApiClient, errorBodyOf, parsed } from '@murmuration/client';
import { DatasetManifestSchema, type DatasetManifest, type DatasetRequest } from '@murmuration/protocol';
import { uploadFile } from './file-upload.ts';
import { Sentence } from './places.ts';

export interface CoordinatorAddress {
  /** Origin without a slash at the end. */
  readonly url: string;
  readonly adminToken: string;
}

/** Files of hundreds of megabytes, on a slow machine. */
const DATASET_MAX_MS = 30 * 60_000;

export class CoordinatorClient extends ApiClient {
  constructor({ url, adminToken }: CoordinatorAddress) {
    super({ url, token: adminToken });
  }

  /** Sends a file in parts; answers its upload id. An upload of the same file that was broken off is gone on with. */
  upload(path: string, progress: (share: number) => void = () => {}): Promise<string> {
    return uploadFile(this, path, progress);
  }

  /** Without fetch: Node's gives up when an answer has not begun after 300 s, whatever its signal says. */
  override createDataset = async (request: DatasetRequest): Promise<DatasetManifest> => {
    const { status, text } = await posted(`${this.url}/api/datasets`, this.headers('POST'), request);
    const place = 'POST /api/datasets';
    if (status >= 400) throw this.refused(place, status, text);
    return parsed(DatasetManifestSchema, JSON.parse(text), place);
  };

  protected override refused(place: string, status: number, text: string): Error {
    const { field, message, faults } = errorBodyOf(status, text);
    const all = faults !== undefined && faults.length > 1 ? faults : [{ field, message }];
    return new Sentence(
      all
        .map((fault) => `${place}: ${fault.field === undefined ? '' : `${fault.field}: `}${fault.message}`)
        .join('\n'),
    );
  }
}

/** @throws TypeError when nobody answers, as fetch does */
function posted(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: object,
): Promise<{ status: number; text: string }> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(new TypeError(`POST ${url} failed: ${cause.message}`, { cause }));
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(DATASET_MAX_MS),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        answer.on('error', fail).on('end', () => resolve({ status: answer.statusCode!, text }));
      },
    );
    sent.on('error', fail).end(JSON.stringify(body));
  });
}
