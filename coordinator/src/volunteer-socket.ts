/**
 * One volunteer's WebSocket: from bytes to checked messages and back. Nonsense is answered with `error` and counted;
 * too much of it, too fast, too big or too silent ends the socket (RELIABILITY 5b). What the messages mean is the
 * grid's.
 */
import { LIMITS, PROTOCOL_VERSION, VolunteerMessageSchema } from '@murmuration/protocol';
import type { VolunteerId, VolunteerMessage } from '@murmuration/protocol';
import type { WebSocket } from '@fastify/websocket';
import { door, parseJson } from './doors.ts';
import type { Grid, VolunteerLink } from './grid.ts';
import { Liveness } from './liveness.ts';
import { TokenBucket } from './token-bucket.ts';

/** RFC 6455: what is wrong with the socket. */
const CLOSE_PROTOCOL = 1002;
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_POLICY = 1008;
const CLOSE_TOO_BIG = 1009;
const CLOSE_TRY_LATER = 1013;

export interface SocketLimits {
  /** `hello` must come within this. */
  readonly helloMaxMs: number;
  /** Who said nothing for so long is pinged; two in a row without an answer end the socket. */
  readonly pingEveryMs: number;
  /** Bytes that may wait for a slow reader. */
  readonly queueMaxBytes: number;
  /** Messages that were nonsense before the socket is closed. */
  readonly strikesMax: number;
}
export const SOCKET_LIMITS: SocketLimits = {
  helloMaxMs: 5_000,
  pingEveryMs: 15_000,
  queueMaxBytes: 1024 * 1024,
  strikesMax: 10,
};

const volunteerMessage = door(VolunteerMessageSchema);

/** Carries a socket until it closes. */
export function serveVolunteer(
  socket: WebSocket,
  grid: Grid,
  { nowMs, limits = SOCKET_LIMITS }: { nowMs: () => number; limits?: SocketLimits },
): void {
  const bucket = new TokenBucket(
    { perSecond: LIMITS.controlMessagesPerSecond, burst: LIMITS.controlMessagesBurst },
    nowMs(),
  );
  let volunteerId: VolunteerId | null = null;
  let strikes = 0;
  const liveness = new Liveness();

  const link: VolunteerLink = {
    send(message) {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > limits.queueMaxBytes) return socket.terminate();
      socket.send(JSON.stringify(message));
    },
    close: (code, reason) => socket.close(code, reason),
  };
  const refuse = (code: string, message: string) =>
    link.send({ type: 'error', code, message: message.slice(0, 200) });
  const end = (closeCode: number, code: string, message: string) => {
    refuse(code, message);
    socket.close(closeCode, code);
  };
  const strike = (code: string, message: string) => {
    if (++strikes >= limits.strikesMax) end(CLOSE_POLICY, code, message);
    else refuse(code, message);
  };

  const helloTimer = setTimeout(() => {
    if (volunteerId === null) end(CLOSE_POLICY, 'no-hello', `send hello within ${limits.helloMaxMs} ms`);
  }, limits.helloMaxMs);
  const pingTimer = setInterval(() => {
    const look = liveness.look();
    if (look === 'end') socket.terminate();
    else if (look === 'ping') socket.ping();
  }, limits.pingEveryMs);
  socket.on('pong', () => liveness.heard());
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    clearTimeout(helloTimer);
    clearInterval(pingTimer);
    if (volunteerId !== null) grid.disconnect(volunteerId, link, 'socket-closed');
  });

  socket.on('message', (raw: Buffer, isBinary: boolean) => {
    if (socket.readyState !== socket.OPEN) return;
    liveness.heard();
    if (!bucket.take(nowMs()))
      return end(
        CLOSE_POLICY,
        'rate-limited',
        `more than ${LIMITS.controlMessagesPerSecond} messages a second`,
      );
    if (raw.length > LIMITS.controlMessageMaxBytes)
      return end(CLOSE_TOO_BIG, 'too-big', `more than ${LIMITS.controlMessageMaxBytes} bytes in one message`);
    if (isBinary) return end(CLOSE_UNSUPPORTED, 'not-text', 'messages are JSON text, not binary');
    const json = parseJson(raw);
    if (!json.ok) return strike('bad-message', json.fault.message);
    const parsed = volunteerMessage(json.value);
    if (!parsed.ok) return strike('bad-message', `${parsed.fault.field}: ${parsed.fault.message}`);
    take(parsed.value);
  });

  function take(message: VolunteerMessage): void {
    if (message.type === 'hello') {
      if (volunteerId !== null) return strike('bad-state', 'hello was said already');
      if (message.protocolVersion !== PROTOCOL_VERSION)
        return end(
          CLOSE_PROTOCOL,
          'upgrade-required',
          `protocolVersion: this coordinator speaks ${PROTOCOL_VERSION}; reload the page`,
        );
      volunteerId = grid.connect(link, message);
      if (volunteerId === null)
        end(CLOSE_TRY_LATER, 'full', 'the coordinator has no place left; try again later');
      return;
    }
    if (volunteerId === null) return end(CLOSE_POLICY, 'bad-state', 'the first message must be hello');
    if (message.type === 'leaving') {
      grid.disconnect(volunteerId, link, 'leaving');
      socket.close(1000, 'goodbye');
      return;
    }
    const rejection = grid.hear(volunteerId, message);
    // Crossing messages are nobody's fault (a result for a run that just ended): told, not counted as a strike.
    if (rejection !== null) refuse(rejection.code, rejection.message);
  }
}
