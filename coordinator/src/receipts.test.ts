/** Receipts: asked for over HTTP, checked with the public key, and refused after every single change. */
import { createPublicKey, verify } from 'node:crypto';
import { verifyReceipt } from '@murmuration/protocol';
import type { ReceiptKey, SignedReceipt, VerifyEd25519 } from '@murmuration/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TestCoordinator } from '../testing/grid.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const byNode: VerifyEd25519 = async ({ kty, crv, x }, signature, bytes) =>
  verify(
    null,
    bytes,
    createPublicKey({ key: { kty, crv, x }, format: 'jwk' }),
    Buffer.from(signature, 'base64url'),
  );
const byWebCrypto: VerifyEd25519 = async ({ kty, crv, x }, signature, bytes) => {
  const key = await crypto.subtle.importKey('jwk', { kty, crv, x }, 'Ed25519', false, ['verify']);
  return crypto.subtle.verify('Ed25519', key, Buffer.from(signature, 'base64url'), bytes);
};

let coordinator: TestCoordinator;
let runId: string;
let volunteerId: string;
let bearer: string;
let signed: SignedReceipt;
let key: ReceiptKey;

const get = (url: string, authorization?: string) =>
  coordinator.built.app.inject({ url, headers: authorization === undefined ? {} : { authorization } });

beforeAll(async () => {
  coordinator = await TestCoordinator.start({
    listen: true,
    settings: { publicUrl: 'https://grid.example' },
  });
  const run = await coordinator.createRun();
  runId = run.manifest.id;
  const socket = coordinator.open();
  await socket.hello();
  const welcome = await socket.next('welcome');
  volunteerId = welcome.volunteerId;
  bearer = `Bearer ${welcome.volunteerId}.${welcome.secret}`;
  await socket.say({ type: 'ready', runId });
  await socket.next('found');
  await socket.say({ type: 'lease-request', runId, held: 0 });
  const { shard, generation } = await socket.next('lease');
  const { index: shardIndex, sampleCount } = shard;
  await socket.say({ type: 'lease-result', runId, shardIndex, generation, sampleCount });
  await socket.next('lease-ack');
  signed = (await get(`/api/runs/${runId}/receipt`, bearer)).json();
  key = (await get('/.well-known/murmuration-receipt-key.json')).json();
  expect(signed.receipt).toMatchObject({
    coordinator: 'https://grid.example',
    run: { id: runId, name: 'rehearsal' },
    volunteer: volunteerId,
    samplesConfirmed: sampleCount,
    leftAt: null,
  });
});
afterAll(() => coordinator.stop());

describe('a receipt', () => {
  it.each([
    ['Node', byNode],
    ['WebCrypto', byWebCrypto],
  ] as const)('is valid under the coordinator’s public key, by %s', async (_, verifier) => {
    expect(await verifyReceipt(signed, key, verifier)).toEqual({ isValid: true, receipt: signed.receipt });
    // Through a file, and written by somebody with other habits.
    const { receipt, ...rest } = JSON.parse(JSON.stringify(signed)) as SignedReceipt;
    const reversed = Object.fromEntries(Object.entries(receipt).toReversed());
    expect((await verifyReceipt({ ...rest, receipt: reversed }, key, verifier)).isValid).toBe(true);
  });

  it('is refused when any one of its fields is another', async () => {
    const { receipt } = signed;
    const changes: Partial<SignedReceipt['receipt']>[] = [
      { coordinator: 'https://other.example' },
      { volunteer: `vol_${'z'.repeat(26)}` },
      { samplesConfirmed: receipt.samplesConfirmed + 1 },
      { roundsReported: receipt.roundsReported + 1 },
      { joinedAt: '2020-01-01T00:00:00.000Z' },
      { leftAt: '2020-01-01T00:00:00.000Z' },
      { issuedAt: '2020-01-01T00:00:00.000Z' },
      ...(['id', 'name', 'dataset', 'round'] as const).map((field) => ({
        run: {
          ...receipt.run,
          [field]: { id: `run_${'z'.repeat(26)}`, name: 'x', dataset: 'x', round: 99 }[field],
        },
      })),
    ];
    const touched = new Set(changes.flatMap((change) => Object.keys(change)));
    expect([...touched, 'kind', 'version'].sort()).toEqual(Object.keys(receipt).sort());
    for (const change of changes) {
      const verdict = await verifyReceipt({ ...signed, receipt: { ...receipt, ...change } }, key, byNode);
      expect(verdict, JSON.stringify(change)).toMatchObject({ isValid: false });
    }
    // The last character too: bits of it that stand for nothing must not make a second writing of one signature.
    for (let at = 0; at < 86; at += 17) {
      const other = signed.signature[at] === 'A' ? 'B' : 'A';
      const signature = signed.signature.slice(0, at) + other + signed.signature.slice(at + 1);
      expect((await verifyReceipt({ ...signed, signature }, key, byNode)).isValid).toBe(false);
    }
  });

  it('is refused with words that name the field, or the key', async () => {
    const why = async (file: unknown, other: unknown = key) => {
      const verdict = await verifyReceipt(file, other, byNode);
      return verdict.isValid ? '' : verdict.why;
    };
    expect(await why({ ...signed, receipt: { ...signed.receipt, samplesConfirmed: -1 } })).toContain(
      'receipt.samplesConfirmed',
    );
    expect(await why({ ...signed, receipt: { ...signed.receipt, thanks: 1 } })).toContain('no receipt');
    expect(await why('text')).toContain('no receipt');
    expect(await why(signed, { ...key, kid: '0'.repeat(16) })).toContain('0000000000000000');
    expect(await why(signed, { ...key, kty: 'RSA' })).toContain('no Ed25519 public key');
  });

  it('is given to its own volunteer only', async () => {
    const url = `/api/runs/${runId}/receipt`;
    expect((await get(url)).statusCode).toBe(401);
    expect((await get(url, `${bearer}x`)).statusCode).toBe(401);
    expect((await get(`/api/runs/run_${'q'.repeat(26)}/receipt`, bearer)).statusCode).toBe(404);
  });

  it('is signed with the same key after a restart', async () => {
    const { directory } = coordinator;
    await coordinator.stop({ keepData: true });
    coordinator = await TestCoordinator.start({ listen: true, directory });
    expect((await get('/.well-known/murmuration-receipt-key.json')).json()).toEqual(key);
    const later = (await get(`/api/runs/${runId}/receipt`, bearer)).json();
    expect((await verifyReceipt(later, key, byNode)).isValid).toBe(true);
    expect(later.receipt.samplesConfirmed).toBe(signed.receipt.samplesConfirmed);
  });
});
