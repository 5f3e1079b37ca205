/**
 * One message for several receivers, in one envelope (SPEC T6): a tab of a hybrid run sends its update up once, and the
 * coordinator makes a `data` envelope (relay-envelope.ts) of it for each. It goes up only; what comes down is ordinary.
 *
 *   0  u8   kind: 6, after the five of relay-envelope.ts
 *   1  u8   number of receivers, 2 to 64
 *   2  34   of each: volunteer id, 30 ASCII; channel, u32 little-endian. Ids are strictly ascending
 *   .       the message of a bulk channel
 *
 * A channel's number alone would do between honest tabs; with the id beside it nobody is reached by a guessed number. Pure.
 */
import { isVolunteerId, VOLUNTEER_ID_BYTES, type VolunteerId } from './ids.ts';
import { LIMITS } from './limits.ts';

export const FAN_OUT_KIND = 6;
const HEADER_BYTES = 2;
/** What each receiver adds to the envelope. */
export const FAN_OUT_RECEIVER_BYTES = VOLUNTEER_ID_BYTES + 4;
const RECEIVERS_MIN = 2;
export const FAN_OUT_MAX_BYTES =
  HEADER_BYTES + LIMITS.fanOutMaxReceivers * FAN_OUT_RECEIVER_BYTES + LIMITS.peerMessageMaxBytes;

export interface FanOutReceiver {
  readonly peer: VolunteerId;
  readonly channel: number;
}
export interface FanOutEnvelope {
  readonly receivers: readonly FanOutReceiver[];
  readonly message: Uint8Array;
}

export const FAN_OUT_REJECTIONS = [
  /** Fewer than two (that is an ordinary envelope), or more than a tab has links. */
  'fan-out-receiver-count',
  'fan-out-bad-receiver',
  /** One named twice, or out of order. */
  'fan-out-not-ascending',
  'fan-out-no-message',
  'fan-out-too-large',
] as const;
export type FanOutRejection = (typeof FAN_OUT_REJECTIONS)[number];

/** The message is copied; receivers in any order. */
export function encodeFanOut({ receivers, message }: FanOutEnvelope): Uint8Array<ArrayBuffer> {
  const messageAt = HEADER_BYTES + receivers.length * FAN_OUT_RECEIVER_BYTES;
  const bytes = new Uint8Array(messageAt + message.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = FAN_OUT_KIND;
  bytes[1] = receivers.length;
  const ascending = receivers.toSorted((a, b) => (a.peer < b.peer ? -1 : 1));
  for (const [i, { peer, channel }] of ascending.entries()) {
    const at = HEADER_BYTES + i * FAN_OUT_RECEIVER_BYTES;
    for (let c = 0; c < VOLUNTEER_ID_BYTES; c++) bytes[at + c] = peer.charCodeAt(c);
    view.setUint32(at + VOLUNTEER_ID_BYTES, channel, true);
  }
  bytes.set(message, messageAt);
  return bytes;
}

/** The message is a view into `bytes`. */
export function decodeFanOut(bytes: Uint8Array): FanOutEnvelope | { readonly rejected: FanOutRejection } {
  const count = bytes[1] ?? 0;
  if (bytes[0] !== FAN_OUT_KIND || count < RECEIVERS_MIN || count > LIMITS.fanOutMaxReceivers)
    return { rejected: 'fan-out-receiver-count' };
  const messageAt = HEADER_BYTES + count * FAN_OUT_RECEIVER_BYTES;
  if (bytes.length <= messageAt) return { rejected: 'fan-out-no-message' };
  if (bytes.length - messageAt > LIMITS.peerMessageMaxBytes) return { rejected: 'fan-out-too-large' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const receivers: FanOutReceiver[] = [];
  for (let at = HEADER_BYTES; at < messageAt; at += FAN_OUT_RECEIVER_BYTES) {
    const peer = String.fromCharCode(...bytes.subarray(at, at + VOLUNTEER_ID_BYTES));
    if (!isVolunteerId(peer)) return { rejected: 'fan-out-bad-receiver' };
    if (peer <= (receivers.at(-1)?.peer ?? '')) return { rejected: 'fan-out-not-ascending' };
    receivers.push({ peer, channel: view.getUint32(at + VOLUNTEER_ID_BYTES, true) });
  }
  return { receivers, message: bytes.subarray(messageAt) };
}
