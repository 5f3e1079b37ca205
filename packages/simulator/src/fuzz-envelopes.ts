/**
 * Hostile bytes for the relay's door: envelopes for one and for several, with a list that lies, a message that is cut or
 * bytes that are anything. What must hold: nothing throws; what is accepted has one encoding; receivers are as many as the
 * limits allow, no two alike; the message lies within its bytes and its bound.
 */
import {
  decodeEnvelope,
  decodeFanOut,
  encodeEnvelope,
  encodeFanOut,
  FAN_OUT_KIND,
  FAN_OUT_RECEIVER_BYTES,
  idFromRandomBytes,
  LIMITS,
  type VolunteerId,
} from '@murmuration/protocol';

type Random = () => number;
const below = (random: Random, n: number) => Math.floor(random() * n);
const idOf = (n: number): VolunteerId =>
  idFromRandomBytes(
    'vol',
    Uint8Array.from({ length: 26 }, (_, i) => (n * 11 + i * n) & 0xff),
  );

/** Draws one envelope, changes it and gives it to the relay's parsers. @throws Error that says what does not hold */
export function fuzzEnvelope(message: Uint8Array, random: Random, met: (outcome: string) => void): void {
  const bytes = changed(drawn(message.subarray(0, 1 + below(random, message.length)), random), random);
  if (bytes[0] === FAN_OUT_KIND) judgeFanOut(bytes, met);
  else judgeEnvelope(bytes, met);
}

function drawn(message: Uint8Array, random: Random): Uint8Array {
  const channel = below(random, 2 ** 32);
  if (random() < 0.3) return encodeEnvelope({ kind: 'data', peer: idOf(1), channel, message });
  // One in a few lists is longer than allowed, and one in a few names somebody twice.
  const count = 2 + below(random, random() < 0.2 ? 2 * LIMITS.fanOutMaxReceivers : 6);
  const kinds = random() < 0.2 ? Math.max(1, count - 1) : count;
  const receivers = Array.from({ length: count }, (_, i) => ({ peer: idOf(1 + (i % kinds)), channel }));
  return encodeFanOut({ receivers, message });
}

function changed(bytes: Uint8Array, random: Random): Uint8Array {
  switch (below(random, 5)) {
    case 0:
      bytes[below(random, bytes.length)]! ^= 1 << below(random, 8);
      return bytes;
    case 1:
      bytes[1] = below(random, 256);
      return bytes;
    case 2:
      return bytes.slice(0, below(random, bytes.length));
    case 3: {
      // Two receivers change places.
      const [from, to] = [2 + FAN_OUT_RECEIVER_BYTES * below(random, 4), 2 + FAN_OUT_RECEIVER_BYTES];
      if (Math.max(from, to) + FAN_OUT_RECEIVER_BYTES > bytes.length) return bytes;
      const receiver = bytes.slice(from, from + FAN_OUT_RECEIVER_BYTES);
      bytes.copyWithin(from, to, to + FAN_OUT_RECEIVER_BYTES);
      bytes.set(receiver, to);
      return bytes;
    }
    default:
      return bytes;
  }
}

function judgeFanOut(bytes: Uint8Array, met: (outcome: string) => void): void {
  const decoded = decodeFanOut(bytes);
  if ('rejected' in decoded) return met(`relay:${decoded.rejected}`);
  met('relay:fan-out');
  const { receivers, message } = decoded;
  if (receivers.length > LIMITS.fanOutMaxReceivers || message.length > LIMITS.peerMessageMaxBytes)
    throw new Error('a fan-out was accepted that is beyond the limits');
  if (new Set(receivers.map(({ peer }) => peer)).size !== receivers.length)
    throw new Error('a fan-out was accepted that names one twice');
  if (!isSame(encodeFanOut(decoded), bytes))
    throw new Error('a fan-out was accepted that is not how it is written');
}

function judgeEnvelope(bytes: Uint8Array, met: (outcome: string) => void): void {
  const envelope = decodeEnvelope(bytes);
  met(`relay:${envelope?.kind ?? 'not-an-envelope'}`);
  if (envelope !== null && !isSame(encodeEnvelope(envelope), bytes))
    throw new Error(`a ${envelope.kind} envelope was accepted that is not how it is written`);
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
