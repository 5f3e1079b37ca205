/**
 * `murmur receipt verify FILE --key KEY`: whether a receipt is what its coordinator signed. Exit codes: 0 it is, 1 it is
 * not, 2 it was used wrongly. It asks nobody but the address that `--key` names, if that is one.
 */
import { createPublicKey, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { RECEIPT_KEY_PATH, verifyReceipt, type Receipt, type VerifyEd25519 } from '@murmuration/protocol';
import { parseFlags } from './flags.ts';

const FETCH_MAX_MS = 15_000;
const FILE_MAX_BYTES = 65_536;
const COMMAND = 'murmur receipt verify FILE';
const TABLE = {
  key: {
    kind: 'text',
    placeholder: 'FILE|URL',
    help: `the coordinator's public key: a file, or its address (${RECEIPT_KEY_PATH} is added to a bare one)`,
  },
} as const;

export async function run(argv: readonly string[]): Promise<number> {
  const [word, file, ...rest] = argv;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const isUsable = word === 'verify' && file !== undefined && !file.startsWith('-');
  const parsed = parseFlags(COMMAND, TABLE, isUsable ? rest : argv);
  if (parsed.kind === 'help') {
    say(parsed.text);
    return 0;
  }
  if (!isUsable || parsed.kind === 'wrong') {
    say(parsed.kind === 'wrong' ? parsed.message : `say what to verify: ${COMMAND} --key FILE|URL`);
    return 2;
  }
  const { key: place } = parsed.flags;
  if (place === undefined) {
    say(`--key: is missing; give the coordinator's key, for example --key https://grid.example`);
    return 2;
  }
  let read: readonly [unknown, unknown];
  try {
    read = [await json(file, 'the receipt'), await json(addressOf(place), '--key')];
  } catch (error) {
    say((error as Error).message);
    return 2;
  }
  const verdict = await verifyReceipt(...read, byNode);
  if (!verdict.isValid) {
    say(`NOT VALID: ${verdict.why}`);
    return 1;
  }
  for (const line of receiptLines(verdict.receipt)) say(line);
  return 0;
}

export function receiptLines(receipt: Receipt): string[] {
  const { run: about, volunteer, samplesConfirmed, roundsReported, joinedAt, leftAt, coordinator } = receipt;
  return [
    `VALID: signed by ${coordinator === '' ? 'the holder of this key' : coordinator} at ${receipt.issuedAt}`,
    `  run        ${about.name} (${about.id}), data ${about.dataset}, at round ${about.round}`,
    `  volunteer  ${volunteer}, from ${joinedAt} ${leftAt === null ? 'on' : `to ${leftAt}`}`,
    `  samples    ${samplesConfirmed} confirmed by the coordinator, in ${roundsReported} rounds as the volunteer said`,
  ];
}

const byNode: VerifyEd25519 = async ({ kty, crv, x }, signature, bytes) =>
  verify(
    null,
    bytes,
    createPublicKey({ key: { kty, crv, x }, format: 'jwk' }),
    Buffer.from(signature, 'base64url'),
  );

const isUrl = (place: string) => /^https?:\/\//.test(place);
function addressOf(place: string): string {
  if (!isUrl(place) || !URL.canParse(place)) return place;
  const url = new URL(place);
  return url.pathname === '/' ? new URL(RECEIPT_KEY_PATH, url).href : place;
}

/** @throws Error in words that name the place */
async function json(place: string, name: string): Promise<unknown> {
  let text: string;
  try {
    text = isUrl(place) ? await fetched(place) : await readFile(place, 'utf8');
  } catch (error) {
    throw new Error(`${name}: ${place} cannot be read (${(error as Error).message})`, { cause: error });
  }
  if (text.length > FILE_MAX_BYTES)
    throw new Error(`${name}: ${place} is longer than ${FILE_MAX_BYTES} bytes`);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`${name}: ${place} is no JSON`, { cause: error });
  }
}

async function fetched(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_MAX_MS) });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  return response.text();
}
