/** A file of this machine, sent in parts by the client. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Hash, type PartsPort, sendInParts } from '@murmuration/client/file-parts';

/** @returns the id of the finished upload @throws whatever the port throws when a part failed five times */
export async function uploadFile(
  port: PartsPort,
  path: string,
  progress: (share: number) => void,
): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size, mtimeMs } = await file.stat();
    const read = async (offset: number, byteLength: number) => {
      const bytes = new Uint8Array(byteLength);
      for (let filled = 0; filled < byteLength;) {
        const { bytesRead } = await file.read(bytes, filled, byteLength - filled, offset + filled);
        if (bytesRead === 0) throw new Error(`${path} became shorter while it was sent`);
        filled += bytesRead;
      }
      return bytes;
    };
    return await sendInParts(
      port,
      { name: basename(path), byteLength: size, modifiedAtMs: mtimeMs, read, hash: sha256 },
      progress,
    );
  } finally {
    await file.close();
  }
}

function sha256(): Hash {
  const hash = createHash('sha256');
  return { add: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
}
