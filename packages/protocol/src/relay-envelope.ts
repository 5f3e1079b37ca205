/**
 * The envelope in which peer frames travel through the coordinator, for tabs that have no way to each other (SPEC T).
 * One WebSocket message is one envelope: 40 bytes of header and, for `data`, one message of a bulk channel.
 *
 *   0  u8   kind
 *   1  u8   zero
 *   2  30   volunteer id, ASCII: on the way up whom it is for, on the way down who sent it
 *  32  u32  channel, little-endian: drawn by the end that dials, so that a late word about a former channel changes nothing
 *  36  u32  value: bytes taken (`taken`), reason (`close`), else 0
 *
 * The coordinator reads the header and never the message. Pure.
 */
import { isVolunteerId, VOLUNTEER_ID_BYTES, type VolunteerId } from './ids.ts';
import { LIMITS } from './limits.ts';

export const ENVELOPE_HEADER_BYTES = 40;
export const ENVELOPE_MAX_BYTES = ENVELOPE_HEADER_BYTES + LIMITS.peerMessageMaxBytes;
const ID_AT = 2;

/** Why a channel ended; its place in the list is its number on the wire. */
export const ENVELOPE_CLOSE_REASONS = [
  /** The other end closed it, or its socket ended. */
  'closed',
  /** The other end has no socket, does not want us, or was not introduced to us for this route. */
  'absent',
  /** An end sent more than its window allows. */
  'overrun',
] as const;
export type EnvelopeCloseReason = (typeof ENVELOPE_CLOSE_REASONS)[number];

/** `peer`: the other end. */
export type Envelope = { readonly peer: VolunteerId; readonly channel: number } & (
  | { readonly kind: 'open' }
  | { readonly kind: 'accept' }
  | { readonly kind: 'data'; readonly message: Uint8Array }
  /** So many bytes of messages were taken since the last such word: the window moves on. */
  | { readonly kind: 'taken'; readonly bytes: number }
  | { readonly kind: 'close'; readonly reason: EnvelopeCloseReason }
);
const KINDS = ['open', 'accept', 'data', 'taken', 'close'] as const satisfies readonly Envelope['kind'][];

/** The message is copied. */
export function encodeEnvelope(envelope: Envelope): Uint8Array<ArrayBuffer> {
  const { peer, channel, kind } = envelope;
  const message = kind === 'data' ? envelope.message : null;
  const bytes = new Uint8Array(ENVELOPE_HEADER_BYTES + (message?.length ?? 0));
  const view = new DataView(bytes.buffer);
  bytes[0] = 1 + KINDS.indexOf(kind);
  addressEnvelope(bytes, peer);
  view.setUint32(32, channel, true);
  if (kind === 'taken') view.setUint32(36, envelope.bytes, true);
  if (kind === 'close') view.setUint32(36, ENVELOPE_CLOSE_REASONS.indexOf(envelope.reason), true);
  if (message !== null) bytes.set(message, ENVELOPE_HEADER_BYTES);
  return bytes;
}

/** Puts another id into a header: what the coordinator does to pass an envelope on. */
export function addressEnvelope(bytes: Uint8Array, peer: VolunteerId): void {
  for (let i = 0; i < VOLUNTEER_ID_BYTES; i++) bytes[ID_AT + i] = peer.charCodeAt(i);
}

/** null: it is none. A `data` envelope's message is a view into `bytes`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | null {
  if (bytes.length < ENVELOPE_HEADER_BYTES || bytes.length > ENVELOPE_MAX_BYTES || bytes[1] !== 0)
    return null;
  const kind = KINDS[bytes[0]! - 1];
  const peer = String.fromCharCode(...bytes.subarray(ID_AT, ID_AT + VOLUNTEER_ID_BYTES));
  if (kind === undefined || !isVolunteerId(peer)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channel = view.getUint32(32, true);
  const value = view.getUint32(36, true);
  if (bytes.length > ENVELOPE_HEADER_BYTES !== (kind === 'data')) return null;
  switch (kind) {
    case 'data':
      return value === 0 ? { kind, peer, channel, message: bytes.subarray(ENVELOPE_HEADER_BYTES) } : null;
    case 'taken':
      return value > 0 ? { kind, peer, channel, bytes: value } : null;
    case 'close': {
      const reason = ENVELOPE_CLOSE_REASONS[value];
      return reason === undefined ? null : { kind, peer, channel, reason };
    }
    case 'open':
    case 'accept':
      return value === 0 ? { kind, peer, channel } : null;
    default:
      return kind satisfies never;
  }
}
