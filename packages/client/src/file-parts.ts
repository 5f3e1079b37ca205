/**
 * Sends a file in parts, each with its SHA-256. A part that is lost is sent again; an upload of the same file that was
 * left unfinished, by whichever program, is gone on with, and is refused at its end when its bytes turn out to be others.
 * Where the bytes and the hashes come from is the caller's business: a disk, or a file that somebody chose in a page.
 */
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

export interface Hash {
  readonly add: (bytes: Uint8Array) => void;
  /** SHA-256 of everything that was added, in hex. Asked once. */
  readonly hex: () => string;
}

export interface FileToSend {
  /** For people. */
  readonly name: string;
  readonly byteLength: number;
  /** Together with name and length it tells two files apart. */
  readonly modifiedAtMs: number;
  /** Exactly these bytes. @throws when the file does not have them any more */
  readonly read: (offset: number, byteLength: number) => Promise<Uint8Array<ArrayBuffer>>;
  readonly hash: () => Hash;
}

/** Times that one part is tried; a coordinator that restarts is back within some seconds. */
const TRIES_MAX = 5;
const WAIT_MS = 1_000;
const NAME_MAX_CHARACTERS = 150;

/** The name under which an unfinished upload of this file is found again. */
export const uploadName = ({ name, modifiedAtMs }: Pick<FileToSend, 'name' | 'modifiedAtMs'>): string =>
  `${name.slice(-NAME_MAX_CHARACTERS)} ${Math.round(modifiedAtMs)}`;

/** @returns the id of the finished upload @throws whatever the port throws when a part failed five times */
export async function sendInParts(
  port: PartsPort,
  file: FileToSend,
  progress: (share: number) => void,
  waitMs = WAIT_MS,
): Promise<string> {
  const { byteLength } = file;
  const name = uploadName(file);
  const begun = (await port.uploads()).unfinished.find(
    (other) => other.name === name && other.byteLength === byteLength,
  );
  let state = begun ?? (await port.beginUpload({ name, byteLength }));
  const whole = file.hash();
  for (let at = 0; at < byteLength;) {
    const part = await file.read(at, Math.min(state.partMaxBytes, byteLength - at));
    whole.add(part);
    at += part.length;
    // What the coordinator has of this file already is only hashed, and compared at the end.
    while (state.offset < at) {
      const missing = part.subarray(part.length - (at - state.offset));
      state = await tried(port, state, missing, file, waitMs);
    }
    progress(at / byteLength);
  }
  const { id } = await port.finishUpload(state.id);
  if (id === whole.hex()) return id;
  throw new Error(`${file.name} is not what arrived: it was changed while it was sent; send it again`);
}

async function tried(
  port: PartsPort,
  { id, offset }: UploadState,
  bytes: Uint8Array<ArrayBuffer>,
  { hash: hashOf }: FileToSend,
  waitMs: number,
): Promise<UploadState> {
  const hash = hashOf();
  hash.add(bytes);
  const sha256 = hash.hex();
  for (let tries = 1; ; tries++)
    try {
      return await port.appendPart(id, { offset, sha256, bytes });
    } catch (error) {
      if (tries >= TRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      // The answer may have been lost, not the part.
      const now = await port.uploadState(id).catch(() => null);
      if (now !== null && now.offset > offset) return now;
    }
}
