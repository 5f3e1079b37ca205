/**
 * Signalling for PeerJS 1.5: its server's small protocol, spoken on our own route. Two tabs that the ledger introduced
 * to each other exchange one offer, one answer and some ICE candidates; nobody else can reach anybody.
 *
 * A message that is malformed, too fast or not for an introduced peer is dropped and counted. An unknown peer is
 * answered with EXPIRE at once, so that the dialling tab need not wait for its own timeout. Only data connections in
 * PeerJS's `raw` serialisation pass: an offer with another name throws inside the receiving PeerJS, and its own
 * `binary` codec can be frozen with five bytes.
 */
import type { WebSocket } from '@fastify/websocket';
import { LIMITS, VolunteerIdSchema } from '@murmuration/protocol';
import type { VolunteerId } from '@murmuration/protocol';
import Type from 'typebox';
import { door, parseJson } from './doors.ts';
import { TokenBucket } from './token-bucket.ts';
import type { Rate } from './token-bucket.ts';

/** A tab that joins a full group sends 31 offers with about ten candidates each within a second. */
const SIGNAL_RATE: Rate = { perSecond: 50, burst: 500 };
/** PeerJS beats every 5 s, but once a minute in a hidden tab without links. */
const SILENCE_MAX_MS = 90_000;
const QUEUE_MAX_BYTES = 1024 * 1024;
/** A description of one data channel is about 1 KiB; with many candidates in it a few more. */
const SDP_MAX_CHARACTERS = 8_192;
const CLOSE_TOO_BIG = 1009;
const CLOSE_POLICY = 1008;

const Name = Type.String({ maxLength: 128 });
const description = (type: 'offer' | 'answer') =>
  Type.Object(
    { type: Type.Literal(type), sdp: Type.String({ maxLength: SDP_MAX_CHARACTERS }) },
    { additionalProperties: false },
  );
const transmission = <T extends string, P extends Type.TSchema>(type: T, payload: P) =>
  Type.Object({ type: Type.Literal(type), dst: VolunteerIdSchema, payload }, { additionalProperties: false });

const SignalSchema = Type.Union([
  Type.Object({ type: Type.Literal('HEARTBEAT') }, { additionalProperties: false }),
  transmission(
    'OFFER',
    Type.Object(
      {
        sdp: description('offer'),
        type: Type.Literal('data'),
        connectionId: Name,
        label: Name,
        reliable: Type.Optional(Type.Boolean()),
        serialization: Type.Literal('raw'),
        metadata: Type.Optional(Type.String({ maxLength: 256 })),
      },
      { additionalProperties: false },
    ),
  ),
  transmission(
    'ANSWER',
    Type.Object(
      { sdp: description('answer'), type: Type.Literal('data'), connectionId: Name },
      { additionalProperties: false },
    ),
  ),
  transmission(
    'CANDIDATE',
    Type.Object(
      {
        candidate: Type.Object(
          {
            candidate: Type.String({ maxLength: 1_024 }),
            sdpMid: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
            sdpMLineIndex: Type.Optional(
              Type.Union([Type.Integer({ minimum: 0, maximum: 64 }), Type.Null()]),
            ),
            usernameFragment: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
          },
          { additionalProperties: false },
        ),
        type: Type.Literal('data'),
        connectionId: Name,
      },
      { additionalProperties: false },
    ),
  ),
  Type.Object({ type: Type.Literal('LEAVE'), dst: VolunteerIdSchema }, { additionalProperties: false }),
]);
const signal = door(SignalSchema);

/** One data channel and nothing else: no audio, no video, no second section. */
export function isDataChannelOnly(sdp: string): boolean {
  const sections = sdp.split('\n').filter((line) => line.startsWith('m='));
  return (
    sections.length === 1 && /^m=application \d+ UDP\/DTLS\/SCTP webrtc-datachannel\r?$/.test(sections[0]!)
  );
}

export interface SwitchboardPorts {
  readonly areIntroduced: (a: VolunteerId, b: VolunteerId) => boolean;
  readonly nowMs: () => number;
}

export class Switchboard {
  readonly #ports: SwitchboardPorts;
  readonly #sockets = new Map<
    VolunteerId,
    { readonly socket: WebSocket; readonly tokenExpirySeconds: number }
  >();
  /** Messages that were dropped: malformed, or not for an introduced peer. */
  droppedCount = 0;

  constructor(ports: SwitchboardPorts) {
    this.#ports = ports;
  }

  /**
   * Carries one socket. `tokenExpirySeconds` of its (verified) token tells which of two sockets with one id is newer:
   * the newer one wins, an older one is told ID-TAKEN.
   */
  serve(socket: WebSocket, id: VolunteerId, tokenExpirySeconds: number): void {
    const known = this.#sockets.get(id);
    if (known !== undefined && known.tokenExpirySeconds > tokenExpirySeconds) {
      send(socket, { type: 'ID-TAKEN', payload: { msg: 'ID is taken' } });
      return socket.close(CLOSE_POLICY, 'id taken');
    }
    known?.socket.close(CLOSE_POLICY, 'replaced by a newer socket');
    this.#sockets.set(id, { socket, tokenExpirySeconds });

    const { nowMs } = this.#ports;
    const bucket = new TokenBucket(SIGNAL_RATE, nowMs());
    let heardAtMs = nowMs();
    const silenceTimer = setInterval(() => {
      if (nowMs() >= heardAtMs + SILENCE_MAX_MS) socket.terminate();
    }, SILENCE_MAX_MS / 6);
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      clearInterval(silenceTimer);
      if (this.#sockets.get(id)?.socket === socket) this.#sockets.delete(id);
    });
    socket.on('message', (raw: Buffer, isBinary: boolean) => {
      heardAtMs = nowMs();
      if (raw.length > LIMITS.signalMessageMaxBytes) return socket.close(CLOSE_TOO_BIG, 'too big');
      if (!bucket.take(heardAtMs)) return socket.close(CLOSE_POLICY, 'rate limited');
      if (isBinary || !this.#pass(socket, id, raw)) this.droppedCount++;
    });
    send(socket, { type: 'OPEN' });
  }

  /** false: dropped. */
  #pass(socket: WebSocket, src: VolunteerId, raw: Buffer): boolean {
    const json = parseJson(raw);
    const parsed = json.ok ? signal(json.value) : json;
    if (!parsed.ok) return false;
    const message = parsed.value;
    if (message.type === 'HEARTBEAT') return true;
    if (
      (message.type === 'OFFER' || message.type === 'ANSWER') &&
      !isDataChannelOnly(message.payload.sdp.sdp)
    )
      return false;
    const { dst } = message;
    const target = src !== dst && this.#ports.areIntroduced(src, dst) ? this.#sockets.get(dst) : undefined;
    if (target === undefined) {
      if (message.type !== 'LEAVE') send(socket, { type: 'EXPIRE', src: dst, dst: src });
      return this.#ports.areIntroduced(src, dst);
    }
    send(target.socket, { ...message, src });
    return true;
  }
}

function send(socket: WebSocket, message: object): void {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > QUEUE_MAX_BYTES) return socket.terminate();
  socket.send(JSON.stringify(message));
}
