/**
 * Sends a file in parts, each with its SHA-256. A part that is lost is sent again; an upload of the same file that an
 * earlier command left unfinished is gone on with, and is begun anew when its bytes turn out to be others.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Upload, UploadBegin, UploadList, UploadState } from '@murmuration/protocol';

/** The coordinator's side, as this needs it (ApiClient). */
export interface PartsPort {
  readonly uploads: () => Promise<UploadList>;
  readonly beginUpload: (wish: UploadBegin) => Promise<UploadState>;
  readonly uploadState: (id: string) => Promise<UploadState>;
  readonly appendPart: (
    id: string,
    part: { readonly offset: number; readonly sha256: string; readonly bytes: Uint8Array<ArrayBuffer> },
  ) => Promise<UploadState>;
  readonly finishUpload: (id: string) => Promise<Upload>;
}

/** Times that one part is tried; a coordinator that restarts is back within some seconds. */
const TRIES_MAX = 5;
const WAIT_MS = 1_000;

/** @returns the id of the finished upload @throws whatever the port throws when a part failed five times */
export async function uploadFile(
  port: PartsPort,
  path: string,
  progress: (share: number) => void,
  waitMs = WAIT_MS,
): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size, mtimeMs } = await file.stat();
    const name = `${basename(path).slice(-150)} ${Math.round(mtimeMs)}`;
    const begun = (await port.uploads()).unfinished.find(
      (other) => other.name === name && other.byteLength === size,
    );
    let state = begun ?? (await port.beginUpload({ name, byteLength: size }));
    const hash = createHash('sha256');
    const bytes = new Uint8Array(state.partMaxBytes);
    for (let at = 0; at < size;) {
      const { bytesRead } = await file.read(bytes, 0, Math.min(bytes.length, size - at), at);
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was sent`);
      const part = bytes.subarray(0, bytesRead);
      hash.update(part);
      at += bytesRead;
      // What the coordinator has of this file already is only hashed, and compared at the end.
      while (state.offset < at) {
        const missing = part.subarray(bytesRead - (at - state.offset));
        state = await tried(port, state, missing, waitMs);
      }
      progress(at / size);
    }
    const { id } = await port.finishUpload(state.id);
    if (id === hash.digest('hex')) return id;
    throw new Error(`${path} is not what arrived: it was changed while it was sent; send it again`);
  } finally {
    await file.close();
  }
}

async function tried(
  port: PartsPort,
  { id, offset }: UploadState,
  bytes: Uint8Array<ArrayBuffer>,
  waitMs: number,
): Promise<UploadState> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  for (let tries = 1; ; tries++)
    try {
      return await port.appendPart(id, { offset, sha256, bytes });
    } catch (error) {
      if (tries >= TRIES_MAX) throw error;
      await wait(waitMs);
      // The answer may have been lost, not the part.
      const now = await port.uploadState(id).catch(() => null);
      if (now !== null && now.offset > offset) return now;
    }
}
