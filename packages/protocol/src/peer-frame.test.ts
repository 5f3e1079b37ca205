import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32 } from './bytes.ts';
import { fragment, Reassembler } from './fragments.ts';
import { idFromRandomBytes, type VolunteerId } from './ids.ts';
import { LIMITS } from './limits.ts';
import {
  decodeFrame,
  encodeFrame,
  frameCrc,
  frameLimits,
  frameMaxBytes,
  type OutgoingFrame,
} from './peer-frame.ts';
import { STRETCHES } from './run.ts';

const limits = frameLimits(2_000, 200_000);
const idOf = (n: number) =>
  idFromRandomBytes(
    'vol',
    new Uint8Array(26).map((_, i) => (n * 7 + i * n) & 0xff),
  ) as VolunteerId;
const ids = fc.uniqueArray(fc.integer({ min: 0, max: 250 }).map(idOf), { minLength: 1, maxLength: 32 });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const print = fc
  .tuple(u32, u32)
  .map(([a, b]) => a.toString(16).padStart(8, '0') + b.toString(16).padStart(8, '0'));
const base = { runTag: u32, term: u32, round: u32 };

const frames: fc.Arbitrary<OutgoingFrame> = fc.oneof(
  fc.record({
    ...base,
    kind: fc.constant('hello' as const),
    hasReplica: fc.boolean(),
    wantsUpdates: fc.boolean(),
    anchor: print,
  }),
  fc.record({
    ...base,
    kind: fc.constant('update' as const),
    author: fc.constant(idOf(3)),
    sampleCount: fc.integer({ min: 1, max: 100_000 }),
    stepCount: fc.integer({ min: 1, max: 1_000 }),
    trainMs: u32,
    loss: fc.float({ noNaN: true, noDefaultInfinity: true }),
    anchor: print,
    slice: fc.uint8Array({ minLength: 0, maxLength: 500 }),
    encoded: fc.uint8Array({ minLength: 1, maxLength: 1_500 }),
  }),
  fc
    .tuple(
      ids,
      ids,
      fc.record(
        {
          ...base,
          anchor: print,
          graceMs: fc.integer({ min: 0, max: 65_535 }),
          stretch: fc.constantFrom(...STRETCHES.slice(1)),
          endsCycle: fc.constant(true as const),
        },
        { requiredKeys: ['runTag', 'term', 'round', 'anchor', 'graceMs'] },
      ),
    )
    .map(([included, members, rest]) => ({
      ...rest,
      kind: 'commit' as const,
      leader: idOf(9),
      ballot: 7,
      included: [...included].sort().map((author, crc) => ({ author, crc })),
      members: [...members].sort(),
    })),
  fc.record({ ...base, kind: fc.constant('pull' as const), author: fc.constant(idOf(4)) }),
  fc.record({
    ...base,
    kind: fc.constantFrom('take-over' as const, 'yield' as const),
    ballot: fc.integer({ min: 0, max: 65_535 }),
  }),
  fc.record({ ...base, kind: fc.constant('state-request' as const), chunk: fc.nat(1_023) }),
  fc.record({ ...base, kind: fc.constant('state-denied' as const), chunk: fc.nat(1_023) }),
  fc.record({
    ...base,
    kind: fc.constant('state' as const),
    anchor: print,
    chunk: fc.nat(1_023),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 3_000 }),
  }),
  fc.record({ ...base, kind: fc.constant('refusal' as const), crc: u32 }),
  fc.record({ ...base, kind: fc.constant('heartbeat' as const) }),
  fc.record({ ...base, kind: fc.constant('bye' as const) }),
);

describe('peer frames', () => {
  it('[P1] every frame comes back as it went', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const bytes = encodeFrame(frame);
        const decoded = decodeFrame(bytes, limits);
        expect(decoded).toEqual({
          frame: frame.kind === 'update' ? { ...frame, crc: frameCrc(bytes) } : frame,
        });
      }),
      { numRuns: 500 },
    );
  });

  it('[P1] [P3] mutated, truncated and extended frames never throw, and a changed payload is never accepted', () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(40), (frame, at, xor, cut) => {
        const bytes = encodeFrame(frame);
        const mutated = bytes.slice();
        mutated[at % bytes.length]! ^= xor;
        const decoded = decodeFrame(mutated, limits);
        if (at % bytes.length >= 24) expect(decoded).toHaveProperty('rejected');
        expect(decodeFrame(bytes.subarray(0, Math.max(0, bytes.length - 1 - cut)), limits)).toHaveProperty(
          'rejected',
        );
        expect(decodeFrame(Uint8Array.of(...bytes, 0), limits)).toHaveProperty('rejected');
      }),
      { numRuns: 1_000 },
    );
  });

  it('[P1] names what is wrong: magic, version, kind, length, checksum, size', () => {
    const good = encodeFrame({ kind: 'pull', runTag: 1, term: 2, round: 3, author: idOf(1) });
    const broken = (change: (bytes: Uint8Array) => void) => {
      const bytes = good.slice();
      change(bytes);
      return decodeFrame(bytes, limits);
    };
    expect(decodeFrame(new Uint8Array(10), limits)).toEqual({ rejected: 'too-short' });
    expect(broken((bytes) => (bytes[0] = 0))).toEqual({ rejected: 'bad-magic' });
    expect(broken((bytes) => (bytes[2] = 9))).toEqual({ rejected: 'bad-version' });
    expect(broken((bytes) => (bytes[3] = 99))).toEqual({ rejected: 'bad-kind' });
    expect(broken((bytes) => (bytes[16] = 5))).toEqual({ rejected: 'bad-length' });
    expect(broken((bytes) => (bytes[30]! ^= 1))).toEqual({ rejected: 'bad-checksum' });
    expect(broken((bytes) => (bytes[18] = 0xff))).toEqual({ rejected: 'too-large' });
  });

  it('[P3] refuses a commit whose lists repeat an author, with a valid checksum', () => {
    const entry = { author: idOf(1), crc: 1 };
    const frame = {
      kind: 'commit',
      runTag: 1,
      term: 1,
      round: 1,
      leader: idOf(1),
      ballot: 0,
      anchor: '0'.repeat(16),
    } as const;
    const bytes = encodeFrame({ ...frame, included: [entry, entry], members: [], graceMs: 0 });
    expect(decodeFrame(bytes, limits)).toEqual({ rejected: 'bad-payload' });
  });

  it('[P1] [R17] refuses a round of a length that there is not; of the run’s own length, a commit is what it always was', () => {
    const base = { kind: 'commit', runTag: 1, term: 1, round: 1, leader: idOf(1), ballot: 0 } as const;
    const included = [{ author: idOf(1), crc: 1 }];
    const frame = { ...base, anchor: '0'.repeat(16), included, members: [], graceMs: 0 };
    const own = encodeFrame(frame);
    expect(encodeFrame({ ...frame, stretch: 1 })).toEqual(own);
    const longest = encodeFrame({ ...frame, stretch: 8 });
    const flagsAt = own.findIndex((byte, i) => i >= 24 && byte !== longest[i]);
    longest[flagsAt]! += 2;
    new DataView(longest.buffer).setUint32(20, crc32(longest.subarray(24)), true);
    expect(decodeFrame(longest, limits)).toEqual({ rejected: 'bad-payload' });
  });

  it('[P1] [J3] refuses a chunk that no model has, asked for, given or denied', () => {
    const base = { runTag: 1, term: 2, round: 3 };
    const chunk = LIMITS.stateChunksMax;
    const given = { anchor: '0'.repeat(16), bytes: new Uint8Array(9) };
    const refused = { rejected: 'bad-payload' };
    expect(decodeFrame(encodeFrame({ ...base, kind: 'state-request', chunk }), limits)).toEqual(refused);
    expect(decodeFrame(encodeFrame({ ...base, kind: 'state-denied', chunk }), limits)).toEqual(refused);
    expect(decodeFrame(encodeFrame({ ...base, kind: 'state', chunk, ...given }), limits)).toEqual(refused);
  });

  it('crc32 is the standard one', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    const bitByBit = (bytes: Uint8Array) => {
      let c = -1;
      for (const byte of bytes) {
        c ^= byte;
        for (let bit = 0; bit < 8; bit++) c = (c >>> 1) ^ (c & 1 ? 0xedb88320 : 0);
      }
      return ~c >>> 0;
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 99 }), (bytes) => crc32(bytes) === bitByBit(bytes)));
  });
});

describe('fragments', () => {
  const frame = Uint8Array.from({ length: 150_000 }, (_, i) => i & 0xff);

  it('[P2] pieces in any order, some of them twice, give the frame exactly once', () => {
    const pieces = fragment(frame, 7);
    expect(pieces.length).toBe(3);
    fc.assert(
      fc.property(fc.shuffledSubarray([...pieces, ...pieces], { minLength: 6 }), (shuffled) => {
        const reassembler = new Reassembler(frameMaxBytes(limits));
        const whole = shuffled.flatMap((piece) => {
          const result = reassembler.push(piece, 0);
          return 'frame' in result ? [result.frame] : [];
        });
        expect(whole.length).toBeGreaterThanOrEqual(1);
        expect(crc32(whole[0]!)).toBe(crc32(frame));
      }),
    );
  });

  it('[P2] [P5] refuses what is too large, out of range or inconsistent, and reserves nothing for it', () => {
    const reassembler = new Reassembler(200_000);
    const message = (transfer: number, total: number, offset: number, length: number) => {
      const bytes = new Uint8Array(12 + length);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, transfer, true);
      view.setUint32(4, total, true);
      view.setUint32(8, offset, true);
      return bytes;
    };
    expect(reassembler.push(message(1, 0xffffffff, 0, 10), 0)).toEqual({ rejected: 'frame-too-large' });
    expect(reassembler.push(message(1, 100, 95, 10), 0)).toEqual({ rejected: 'fragment-out-of-range' });
    expect(reassembler.push(new Uint8Array(12), 0)).toEqual({ rejected: 'fragment-too-short' });
    expect(reassembler.push(new Uint8Array(70_000), 0)).toEqual({ rejected: 'fragment-too-large' });
    expect(reassembler.reservedBytes).toBe(0);
    expect(reassembler.push(message(2, 1_000, 0, 100), 0)).toEqual({ pending: true });
    expect(reassembler.push(message(2, 1_001, 100, 100), 0)).toEqual({ rejected: 'fragment-inconsistent' });
    expect(reassembler.reservedBytes).toBe(0);
  });

  it('[P5] holds a bounded number of unfinished frames and forgets the silent ones', () => {
    const reassembler = new Reassembler(200_000);
    const first = (transfer: number) => fragment(frame, transfer)[0]!;
    for (let i = 0; i < LIMITS.peerTransfersMax; i++)
      expect(reassembler.push(first(i), 0)).toEqual({ pending: true });
    expect(reassembler.push(first(99), 0)).toEqual({ rejected: 'too-many-transfers' });
    expect(reassembler.push(first(99), LIMITS.peerTransferSilenceMaxMs)).toEqual({ pending: true });
    expect(reassembler.reservedBytes).toBe(frame.length);
  });
});
