/** Sends one file and tells its progress: fetch cannot tell it, XMLHttpRequest can. */
import { ApiRefusal, errorBodyOf, parsed } from '@murmuration/client';
import { UploadSchema } from '@murmuration/protocol';
import { api, sessionLost } from './session.ts';

const PLACE = 'POST /api/uploads';

/**
 * @param progress is told the share that has left, 0..1
 * @returns the upload's id
 * @throws TypeError when nobody answers, as fetch does
 */
export const uploadFile = (file: Blob, progress: (share: number) => void): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', '/api/uploads');
    request.setRequestHeader('content-type', 'application/octet-stream');
    for (const [name, value] of Object.entries(api.headers('POST'))) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => progress(total === 0 ? 1 : loaded / total);
    request.onerror = () => reject(new TypeError('the connection was lost'));
    request.onload = () => {
      const { status, responseText } = request;
      if (status === 401) sessionLost();
      if (status >= 300) return reject(new ApiRefusal(PLACE, status, errorBodyOf(status, responseText)));
      try {
        resolve(parsed(UploadSchema, JSON.parse(responseText), PLACE).id);
      } catch (reason) {
        reject(reason as Error);
      }
    };
    request.send(file);
  });
