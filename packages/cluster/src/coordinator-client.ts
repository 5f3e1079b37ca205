/**
 * The coordinator's REST as the commands and the e2e tests use it: the typed client with a token, files from the disk, and
 * refusals as a Sentence that names the field.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { ApiClient, errorBodyOf } from '@murmuration/client';
import { Sentence } from './places.ts';

export interface CoordinatorAddress {
  /** Origin without a slash at the end. */
  readonly url: string;
  readonly adminToken: string;
}

export class CoordinatorClient extends ApiClient {
  constructor({ url, adminToken }: CoordinatorAddress) {
    super({ url, token: adminToken });
  }

  /** Sends a file of a dataset; answers its upload id. */
  async upload(path: string): Promise<string> {
    const { size } = await stat(path);
    const body = Readable.toWeb(createReadStream(path)) as ReadableStream;
    return this.uploadBytes(body, size, { duplex: 'half' });
  }

  protected override refused(place: string, status: number, text: string): Error {
    const { field, message } = errorBodyOf(status, text);
    return new Sentence(`${place}: ${field === undefined ? message : `${field}: ${message}`}`);
  }
}
