/**
 * A receipt: the coordinator's signed word on what one volunteer did for one run. Whoever holds the file and the
 * coordinator's public key can check it, on any machine, without asking the coordinator.
 *
 * Signed is text, not JSON as it happens to be written: one canonical form of the receipt (keys in order, no spaces, ASCII
 * only), behind a line that no other signature of the coordinator could begin with. Pure: the Ed25519 itself comes in as a
 * function, WebCrypto's in a page (RFC 8032, keys as RFC 8037 writes them) and Node's in a command.
 */
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { RunIdSchema, VolunteerIdSchema } from './ids.ts';
import { LIMITS } from './limits.ts';

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Time = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$' });
const Strict = { additionalProperties: false } as const;

export const ReceiptSchema = Type.Object(
  {
    kind: Type.Literal('murmuration-receipt'),
    version: Type.Literal(1),
    /** The coordinator's public address when it issued this; empty: it knows none. */
    coordinator: Type.String({ maxLength: 256 }),
    run: Type.Object(
      {
        id: RunIdSchema,
        name: Type.String({ maxLength: LIMITS.nameMaxCharacters }),
        dataset: Type.String({ maxLength: LIMITS.nameMaxCharacters }),
        /** Of the whole run, when this was issued. */
        round: Count,
      },
      Strict,
    ),
    volunteer: VolunteerIdSchema,
    /** Samples of leases that a commit counted: the coordinator's own count. */
    samplesConfirmed: Count,
    /** Rounds that the volunteer said it took part in. */
    roundsReported: Count,
    joinedAt: Time,
    /** null: it was there. */
    leftAt: Type.Union([Time, Type.Null()]),
    issuedAt: Time,
  },
  Strict,
);
export type Receipt = Static<typeof ReceiptSchema>;

export const SignedReceiptSchema = Type.Object(
  {
    receipt: ReceiptSchema,
    /** Name of the key, as in its JWK. */
    keyId: Type.String({ pattern: '^[0-9a-f]{16}$' }),
    /** base64url of 64 bytes; the last character has four bits that stand for nothing and must be zero. */
    signature: Type.String({ pattern: '^[A-Za-z0-9_-]{85}[AQgw]$' }),
  },
  Strict,
);
export type SignedReceipt = Static<typeof SignedReceiptSchema>;

/** Where every coordinator shows its public key. */
export const RECEIPT_KEY_PATH = '/.well-known/murmuration-receipt-key.json';

/** An Ed25519 public key as a JWK (RFC 8037). */
export const ReceiptKeySchema = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  /** base64url of 32 bytes. */
  x: Type.String({ pattern: '^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$' }),
  kid: Type.String({ pattern: '^[0-9a-f]{16}$' }),
});
export type ReceiptKey = Static<typeof ReceiptKeySchema>;

/** What is signed. */
export function receiptBytes(receipt: Receipt): Uint8Array<ArrayBuffer> {
  const text = `murmuration-receipt-v1\n${canonical(receipt)}`;
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Whether these bytes carry this signature (base64url) by this key. */
export type VerifyEd25519 = (
  key: ReceiptKey,
  signature: string,
  bytes: Uint8Array<ArrayBuffer>,
) => Promise<boolean>;

export type ReceiptVerdict =
  | { readonly isValid: true; readonly receipt: Receipt }
  /** `why` names what is wrong, in words for people. */
  | { readonly isValid: false; readonly why: string };

/** @param file the file's JSON, @param key the key's: of a stranger, both. */
export async function verifyReceipt(
  file: unknown,
  key: unknown,
  verify: VerifyEd25519,
): Promise<ReceiptVerdict> {
  if (!Value.Check(ReceiptKeySchema, key))
    return { isValid: false, why: `the key is no Ed25519 public key as ${RECEIPT_KEY_PATH} shows it` };
  if (!Value.Check(SignedReceiptSchema, file)) {
    const [first] = Value.Errors(SignedReceiptSchema, file);
    const field = (first?.instancePath ?? '').replace(/^\//, '').replaceAll('/', '.');
    return {
      isValid: false,
      why: `the file is no receipt: ${field === '' ? 'it' : field} ${first?.message ?? ''}`,
    };
  }
  const { receipt, keyId, signature } = file as SignedReceipt;
  if (keyId !== (key as ReceiptKey).kid)
    return {
      isValid: false,
      why: `it is signed with key ${keyId}, and this is key ${(key as ReceiptKey).kid}`,
    };
  const isValid = await verify(key as ReceiptKey, signature, receiptBytes(receipt));
  return isValid
    ? { isValid, receipt }
    : { isValid, why: 'the signature does not fit: something in it was changed, or the key is another' };
}

/** JSON with sorted keys and everything beyond ASCII escaped. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null)
    return JSON.stringify(value).replaceAll(
      /[^\x20-\x7e]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${canonical(key)}:${canonical(inner)}`).join(',')}}`;
}
