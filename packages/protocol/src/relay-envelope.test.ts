import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressEnvelope,
  decodeEnvelope,
  encodeEnvelope,
  ENVELOPE_CLOSE_REASONS,
  ENVELOPE_HEADER_BYTES,
  ENVELOPE_MAX_BYTES,
  type Envelope,
} from './relay-envelope.ts';

const A = `vol_${'a'.repeat(26)}`;
const B = `vol_${'b'.repeat(26)}`;
const counter = fc.integer({ min: 0, max: 4_294_967_295 });
const bytesOf = (lengths: { minLength: number; maxLength: number }) => fc.uint8Array(lengths);
const envelopes: fc.Arbitrary<Envelope> = fc.oneof(
  counter.map((channel) => ({ kind: 'open' as const, peer: A, channel })),
  counter.map((channel) => ({ kind: 'accept' as const, peer: A, channel })),
  fc
    .tuple(counter, bytesOf({ minLength: 1, maxLength: 300 }))
    .map(([channel, message]) => ({ kind: 'data' as const, peer: A, channel, message })),
  fc
    .tuple(counter, fc.integer({ min: 1, max: 4_294_967_295 }))
    .map(([channel, bytes]) => ({ kind: 'taken' as const, peer: A, channel, bytes })),
  fc
    .tuple(counter, fc.constantFrom(...ENVELOPE_CLOSE_REASONS))
    .map(([channel, reason]) => ({ kind: 'close' as const, peer: A, channel, reason })),
);

describe('[T1] an envelope', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
      }),
    );
  });

  it('has one encoding for one meaning, and nothing else is one', () => {
    fc.assert(
      fc.property(bytesOf({ minLength: 0, maxLength: 60 }), (bytes) => {
        const envelope = decodeEnvelope(bytes);
        if (envelope === null) return;
        expect(encodeEnvelope(envelope)).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(envelopes, fc.nat(), fc.integer({ min: 1, max: 255 }), (envelope, at, change) => {
        const bytes = encodeEnvelope(envelope);
        bytes[at % bytes.length]! ^= change;
        const mutated = decodeEnvelope(bytes);
        if (mutated !== null) expect(encodeEnvelope(mutated)).toEqual(bytes);
      }),
    );
  });

  it('is addressed anew without a look at its message', () => {
    const message = Uint8Array.of(1, 2, 3);
    const bytes = encodeEnvelope({ kind: 'data', peer: A, channel: 7, message });
    addressEnvelope(bytes, B);
    expect(decodeEnvelope(bytes)).toEqual({ kind: 'data', peer: B, channel: 7, message });
  });

  it('is no longer than its header and one bulk message', () => {
    const whole = encodeEnvelope({ kind: 'data', peer: A, channel: 1, message: new Uint8Array(65_536) });
    expect(whole.length).toBe(ENVELOPE_MAX_BYTES);
    expect(decodeEnvelope(whole)).not.toBeNull();
    expect(decodeEnvelope(Uint8Array.of(...whole.subarray(0, 40)))).toBeNull();
    const longer = new Uint8Array(ENVELOPE_MAX_BYTES + 1);
    longer.set(whole);
    expect(decodeEnvelope(longer)).toBeNull();
    expect(decodeEnvelope(whole.subarray(0, ENVELOPE_HEADER_BYTES - 1))).toBeNull();
  });
});
