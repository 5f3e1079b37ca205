import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { UploadState } from '@murmuration/protocol';
import { sendInParts, uploadName, type FileToSend, type PartsPort } from './file-parts.ts';

const PART_MAX_BYTES = 10;

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function fileOf(text: string): FileToSend {
  const bytes = new TextEncoder().encode(text);
  return {
    name: 'table.csv',
    byteLength: bytes.length,
    modifiedAtMs: 7.4,
    read: (offset, byteLength) => Promise.resolve(bytes.slice(offset, offset + byteLength)),
    hash: () => {
      const hash = createHash('sha256');
      return { add: (more) => void hash.update(more), hex: () => hash.digest('hex') };
    },
  };
}

/** A far side that keeps parts as the coordinator does, and a line on which what `loses` names is lost. */
class FarSide implements PartsPort {
  readonly sent: number[] = [];
  readonly #loses: (send: number) => 'part' | 'answer' | null;
  #bytes: Uint8Array = new Uint8Array();
  #state: UploadState | null = null;

  constructor(loses: (send: number) => 'part' | 'answer' | null = () => null) {
    this.#loses = loses;
  }
  uploads = () => Promise.resolve({ finished: [], unfinished: this.#state === null ? [] : [this.#now()] });
  beginUpload = ({ byteLength, name = '' }: { byteLength: number; name?: string }) => {
    this.#state = { id: 'part_x', name, byteLength, offset: 0, partMaxBytes: PART_MAX_BYTES };
    return Promise.resolve(this.#now());
  };
  uploadState = () => Promise.resolve(this.#now());
  appendPart = (_: string, part: { offset: number; sha256: string; bytes: Uint8Array }) => {
    const lost = this.#loses(this.sent.push(part.offset));
    if (lost === 'part') return Promise.reject(new Error('the line broke'));
    expect([part.offset, part.sha256]).toEqual([this.#bytes.length, hashOf(part.bytes)]);
    this.#bytes = Uint8Array.from([...this.#bytes, ...part.bytes]);
    return lost === null ? Promise.resolve(this.#now()) : Promise.reject(new Error('the answer was lost'));
  };
  finishUpload = () => {
    this.#state = null;
    return Promise.resolve({ id: hashOf(this.#bytes), byteLength: this.#bytes.length });
  };
  #now = (): UploadState => ({ ...this.#state!, offset: this.#bytes.length });
}

const TEXT = 'a,b\n1,2\n3,4\n5,6\n7,8\n9,0\n';
const send = (far: FarSide, text = TEXT, progress: (share: number) => void = () => {}) =>
  sendInParts(far, fileOf(text), progress, 0);

describe('a file in parts', () => {
  it('arrives whole, and tells how far it is', async () => {
    const shares: number[] = [];
    const far = new FarSide();
    expect(await send(far, TEXT, (share) => shares.push(share))).toBe(hashOf(new TextEncoder().encode(TEXT)));
    expect(far.sent).toEqual([0, 10, 20]);
    expect(shares).toEqual([10 / 24, 20 / 24, 1]);
  });

  it('a lost part is sent again; when only its answer was lost, the next one is', async () => {
    const far = new FarSide((sent) => (sent === 2 ? 'part' : sent === 4 ? 'answer' : null));
    await send(far);
    expect(far.sent).toEqual([0, 10, 10, 20]);
  });

  it('what was broken off goes on where it stopped, and a changed file is told from its beginning', async () => {
    for (const [again, isSame] of [
      [TEXT, true],
      [TEXT.replace('1,2', '2,1'), false],
    ] as const) {
      let isBroken = true;
      const far = new FarSide((sent) => (isBroken && sent > 1 ? 'part' : null));
      await expect(send(far)).rejects.toThrow('the line broke');
      isBroken = false;
      const sent = far.sent.length;
      if (isSame) expect(await send(far, again)).toBe(hashOf(new TextEncoder().encode(TEXT)));
      else await expect(send(far, again)).rejects.toThrow('table.csv is not what arrived');
      expect(far.sent.slice(sent)).toEqual([10, 20]);
    }
  });

  it('files of one name are told apart by when they were changed, as programs and pages count it', () => {
    expect(uploadName({ name: 'table.csv', modifiedAtMs: 7.4 })).toBe('table.csv 7');
  });
});
