import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeFanOut,
  encodeFanOut,
  FAN_OUT_MAX_BYTES,
  FAN_OUT_RECEIVER_BYTES,
  type FanOutEnvelope,
} from './fan-out-envelope.ts';
import { idFromRandomBytes } from './ids.ts';
import { LIMITS } from './limits.ts';
import { decodeEnvelope } from './relay-envelope.ts';

const idOf = (n: number) =>
  idFromRandomBytes(
    'vol',
    Uint8Array.from({ length: 26 }, (_, i) => (i === 25 ? n & 31 : i === 24 ? n >> 5 : 0)),
  );
const receiversOf = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ peer: idOf(n), channel: n * 3 })).sort((a, b) =>
    a.peer < b.peer ? -1 : 1,
  );
const envelopes: fc.Arbitrary<FanOutEnvelope> = fc
  .tuple(
    fc.integer({ min: 2, max: LIMITS.fanOutMaxReceivers }),
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
  )
  .map(([count, message]) => ({ receivers: receiversOf(count), message }));
const mutate = (at: number, value: number) => {
  const bytes = encodeFanOut({ receivers: receiversOf(3), message: Uint8Array.of(1, 2, 3) });
  bytes[at] = value;
  return bytes;
};

describe('[T6] an envelope for several receivers', () => {
  it('is read as it was written, in whatever order its receivers were named', () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        const shuffled = { ...envelope, receivers: [...envelope.receivers].reverse() };
        expect(decodeFanOut(encodeFanOut(shuffled))).toEqual(envelope);
      }),
    );
  });

  it('[P3] has one encoding for one meaning, however its bytes are changed', () => {
    fc.assert(
      fc.property(envelopes, fc.nat(), fc.integer({ min: 1, max: 255 }), (envelope, at, change) => {
        const bytes = encodeFanOut(envelope);
        bytes[at % bytes.length]! ^= change;
        const decoded = decodeFanOut(bytes);
        if (!('rejected' in decoded)) expect(encodeFanOut(decoded)).toEqual(bytes);
      }),
    );
  });

  it('is no ordinary envelope, and none of these is one of several receivers', () => {
    expect(decodeEnvelope(mutate(0, 6))).toBeNull();
    expect(decodeFanOut(mutate(0, 3))).toEqual({ rejected: 'fan-out-receiver-count' });
  });

  it.each([
    ['no receiver', mutate(1, 0), 'fan-out-receiver-count'],
    ['one receiver', mutate(1, 1), 'fan-out-receiver-count'],
    ['more receivers than a tab has links', mutate(1, 65), 'fan-out-receiver-count'],
    ['receivers that are not all there', mutate(1, 4), 'fan-out-no-message'],
    ['an id that is none', mutate(2, 0), 'fan-out-bad-receiver'],
    ['nothing', new Uint8Array(0), 'fan-out-receiver-count'],
  ])('[P1] %s is refused by name', (_, bytes, rejected) => {
    expect(decodeFanOut(bytes)).toEqual({ rejected });
  });

  it('[P3] a receiver that is named twice is refused by name, and so is one out of order', () => {
    const twice = encodeFanOut({ receivers: receiversOf(3), message: Uint8Array.of(1) });
    twice.copyWithin(2 + FAN_OUT_RECEIVER_BYTES, 2, 2 + FAN_OUT_RECEIVER_BYTES);
    expect(decodeFanOut(twice)).toEqual({ rejected: 'fan-out-not-ascending' });
    const swapped = encodeFanOut({ receivers: receiversOf(2), message: Uint8Array.of(1) });
    const first = swapped.slice(2, 2 + FAN_OUT_RECEIVER_BYTES);
    swapped.copyWithin(2, 2 + FAN_OUT_RECEIVER_BYTES, 2 + 2 * FAN_OUT_RECEIVER_BYTES);
    swapped.set(first, 2 + FAN_OUT_RECEIVER_BYTES);
    expect(decodeFanOut(swapped)).toEqual({ rejected: 'fan-out-not-ascending' });
  });

  it('is no longer than 64 receivers and one bulk message', () => {
    const receivers = receiversOf(LIMITS.fanOutMaxReceivers);
    const whole = encodeFanOut({ receivers, message: new Uint8Array(LIMITS.peerMessageMaxBytes) });
    expect(whole.length).toBe(FAN_OUT_MAX_BYTES);
    expect(decodeFanOut(whole)).toMatchObject({ receivers });
    const longer = encodeFanOut({ receivers, message: new Uint8Array(LIMITS.peerMessageMaxBytes + 1) });
    expect(decodeFanOut(longer)).toEqual({ rejected: 'fan-out-too-large' });
  });
});
