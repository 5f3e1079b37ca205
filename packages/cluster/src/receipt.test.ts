/** The command that checks receipts, as a person types it. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { receiptBytes, type Receipt } from '@murmuration/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from './receipt.ts';

const RECEIPT: Receipt = {
  kind: 'murmuration-receipt',
  version: 1,
  coordinator: 'https://grid.example',
  run: { id: `run_${'a'.repeat(26)}`, name: 'Ziffern für alle', dataset: 'digits', round: 40 },
  volunteer: `vol_${'b'.repeat(26)}`,
  samplesConfirmed: 1_280,
  roundsReported: 39,
  joinedAt: '2026-01-02T03:04:05.678Z',
  leftAt: null,
  issuedAt: '2026-01-02T03:14:05.678Z',
};

let directory: string;
const place = (name: string) => join(directory, name);
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'murmuration-receipt-'));
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const kid = 'ab'.repeat(8);
  const signature = sign(null, receiptBytes(RECEIPT), privateKey).toString('base64url');
  const signed = { receipt: RECEIPT, keyId: kid, signature };
  const forged = { ...signed, receipt: { ...RECEIPT, samplesConfirmed: 12_800 } };
  await writeFile(place('key.json'), JSON.stringify({ ...publicKey.export({ format: 'jwk' }), kid }));
  await writeFile(place('receipt.json'), JSON.stringify(signed, null, 2));
  await writeFile(place('forged.json'), JSON.stringify(forged));
  await writeFile(place('text.json'), 'thanks');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function murmur(...argv: string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  const code = await run(argv);
  spy.mockRestore();
  return { code, text };
}

describe('murmur receipt verify', () => {
  it('says that a receipt is valid, and what it says', async () => {
    const { code, text } = await murmur('verify', place('receipt.json'), '--key', place('key.json'));
    expect(code).toBe(0);
    expect(text).toContain('VALID: signed by https://grid.example');
    expect(text).toContain('1280 confirmed');
    expect(text).toContain('Ziffern für alle');
  });

  it('leaves with 1 when something in it was changed', async () => {
    const { code, text } = await murmur('verify', place('forged.json'), '--key', place('key.json'));
    expect([code, text.startsWith('NOT VALID: the signature does not fit')]).toEqual([1, true]);
  });

  it('leaves with 2 and the fix when it is used wrongly', async () => {
    const of = async (...argv: string[]) => {
      const { code, text } = await murmur(...argv);
      expect([argv, code]).toEqual([argv, 2]);
      return text;
    };
    expect(await of('verify')).toContain('FILE');
    expect(await of('sign', place('receipt.json'))).toContain('FILE');
    expect(await of('verify', place('receipt.json'))).toContain('--key: is missing');
    expect(await of('verify', place('none.json'), '--key', place('key.json'))).toContain(
      'none.json cannot be read',
    );
    expect(await of('verify', place('text.json'), '--key', place('key.json'))).toContain('is no JSON');
  });
});
