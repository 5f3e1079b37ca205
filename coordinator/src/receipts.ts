/**
 * Receipts for volunteers (protocol, receipt.ts): the coordinator's Ed25519 key, which lives in its data directory and is
 * drawn at the first start, and what it signs. A receipt says what the ledger knows; it asks nobody.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { receiptBytes } from '@murmuration/protocol';
import type { Receipt, ReceiptKey, SignedReceipt, VolunteerId } from '@murmuration/protocol';
import type { RunLedger } from './ledger.ts';
import type { Store } from './store.ts';

export class Receipts {
  readonly #key: KeyObject;
  readonly publicKey: ReceiptKey;

  private constructor(key: KeyObject) {
    this.#key = key;
    const { x } = createPublicKey(key).export({ format: 'jwk' }) as { x: string };
    const kid = createHash('sha256').update(Buffer.from(x, 'base64url')).digest('hex').slice(0, 16);
    this.publicKey = { kty: 'OKP', crv: 'Ed25519', x, kid };
  }

  static async load(store: Store): Promise<Receipts> {
    let pem = await store.setting('receipt-key');
    if (pem === null) {
      pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
      await store.setSetting('receipt-key', pem);
    }
    return new Receipts(createPrivateKey(pem));
  }

  /** null: this volunteer never took part, or so long ago that the ledger lists it no more. */
  of(
    ledger: RunLedger,
    volunteer: VolunteerId,
    { coordinator, nowMs }: { readonly coordinator: string; readonly nowMs: number },
  ): SignedReceipt | null {
    const { setup, round, volunteers } = ledger.state;
    const known = volunteers.get(volunteer);
    if (known === undefined) return null;
    const { manifest } = setup;
    const totals = ledger.present.get(volunteer)?.totals ?? known.totals;
    return this.#signed({
      kind: 'murmuration-receipt',
      version: 1,
      coordinator,
      run: { id: manifest.id, name: manifest.name, dataset: manifest.dataset.name, round },
      volunteer,
      samplesConfirmed: known.confirmedSamples,
      roundsReported: totals.rounds,
      joinedAt: time(known.joinedAtMs),
      leftAt: known.leftAtMs === null ? null : time(known.leftAtMs),
      issuedAt: time(nowMs),
    });
  }

  #signed(receipt: Receipt): SignedReceipt {
    const signature = sign(null, receiptBytes(receipt), this.#key).toString('base64url');
    return { receipt, keyId: this.publicKey.kid, signature };
  }
}

const time = (atMs: number) => new Date(atMs).toISOString();
