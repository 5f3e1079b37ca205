/**
 * Files that somebody chose in this page, sent in parts. A file is sent once; what was broken off, here or by the `murmur`
 * command, is gone on with. Hashes are computed here because a page that is not secure has no `crypto.subtle`.
 */
import { type FileToSend, type Hash, sendInParts } from '@murmuration/client/file-parts';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { api } from './session.ts';

/** Upload ids of files that have been sent. */
const sent = new WeakMap<File, string>();

/** @param progress is told the share that has arrived, 0..1 */
export async function uploadOf(file: File, progress: (share: number) => void): Promise<string> {
  const known = sent.get(file);
  if (known !== undefined) return known;
  const id = await sendInParts(api, fileToSend(file), progress);
  sent.set(file, id);
  return id;
}

/** Its upload is not there any more, or is wanted anew. */
export const forgetUpload = (file: File): boolean => sent.delete(file);

function fileToSend(file: File): FileToSend {
  return {
    name: file.name,
    byteLength: file.size,
    modifiedAtMs: file.lastModified,
    read: async (offset, byteLength) =>
      new Uint8Array(await file.slice(offset, offset + byteLength).arrayBuffer()),
    hash: sha256Hash,
  };
}

function sha256Hash(): Hash {
  const hash = sha256.create();
  return { add: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
}
