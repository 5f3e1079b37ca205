/**
 * The coordinator's REST as the commands and the e2e tests use it: the typed client with a token, files from the disk, and
 * refusals as a Sentence that names the field.
 */
import { ApiClient, errorBodyOf } from '@murmuration/client';
import { uploadFile } from './file-upload.ts';
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

  /** Sends a file in parts; answers its upload id. An upload of the same file that was broken off is gone on with. */
  upload(path: string, progress: (share: number) => void = () => {}): Promise<string> {
    return uploadFile(this, path, progress);
  }

  protected override refused(place: string, status: number, text: string): Error {
    const { field, message } = errorBodyOf(status, text);
    return new Sentence(`${place}: ${field === undefined ? message : `${field}: ${message}`}`);
  }
}
