import { decodeUpdate, encodeUpdate, inspectUpdate, mulberry, type Scheme } from '@murmuration/codec';
import { decodeFrame, encodeFrame, fragment, frameLimits, Reassembler } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { Twister, type Hostility } from './hostility.ts';

const COUNT = 70_000;
const AUTHOR = `vol_${'a'.repeat(26)}`;
const OTHER = `vol_${'b'.repeat(26)}`;
const LIMITS = frameLimits(4 * COUNT + 1_000, 1_000);
const random = mulberry(7);
const VALUES = Float32Array.from({ length: COUNT }, () => random() - 0.5);

function updateOf(author: string, scheme: Scheme): Uint8Array {
  return encodeFrame({
    kind: 'update',
    ...{ runTag: 1, term: 0, round: 3, author, sampleCount: 8, stepCount: 1, trainMs: 5, loss: 0.5 },
    ...{ anchor: '00000000000000ff', slice: new Uint8Array(0), encoded: encodeUpdate(scheme, VALUES) },
  });
}

/** What the other end makes of a frame that goes through a twister: the frame, or why it is refused. */
function heard(frame: Uint8Array, hostility: Hostility, author: string | null = AUTHOR) {
  const twister = new Twister(mulberry(1));
  const joined = new Reassembler(8 * COUNT);
  let twistedCount = 0;
  let last = null;
  for (const message of fragment(frame, 9)) {
    const { messages, isTwisted } = twister.twist(message, { hostility, author, nowMs: 1 });
    if (isTwisted) twistedCount++;
    for (const out of messages) {
      const pushed = joined.push(out, 1);
      if ('frame' in pushed) last = decodeFrame(pushed.frame, LIMITS);
    }
  }
  return { twistedCount, last };
}

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
const encodedOf = (heardOf: ReturnType<typeof heard>): Uint8Array => {
  const { last } = heardOf;
  if (last === null || !('frame' in last) || last.frame.kind !== 'update') throw new Error('no update came');
  return last.frame.encoded;
};

describe('hostile frames', () => {
  for (const scheme of ['int8', 'int4', 'fp16', 'topk-64'] as const) {
    it(`${scheme}: a flipped update is well formed, and the opposite up to rounding`, () => {
      const frame = updateOf(AUTHOR, scheme);
      const answer = heard(frame, 'sign-flip');
      expect(answer.twistedCount).toBe(1);
      const encoded = encodedOf(answer);
      expect(inspectUpdate(encoded, scheme, COUNT)).toBeNull();
      const honest = decodeUpdate(encodeUpdate(scheme, VALUES));
      const flipped = decodeUpdate(encoded);
      const dot = honest.reduce((sum, value, i) => sum + value * flipped[i]!, 0);
      expect(dot / norm(honest) / norm(flipped)).toBeLessThan(-0.99);
    });

    it(`${scheme}: an update that is no number is refused by who looks`, () => {
      const { last, twistedCount } = heard(updateOf(AUTHOR, scheme), 'nan');
      expect(twistedCount).toBe(1);
      const isRefused =
        last !== null &&
        ('rejected' in last ||
          (last.frame.kind === 'update' && inspectUpdate(last.frame.encoded, scheme, COUNT) !== null));
      expect(isRefused).toBe(true);
    });
  }

  it("others' updates, and words that are no updates, pass as they are", () => {
    const frame = updateOf(OTHER, 'int8');
    const answer = heard(frame, 'sign-flip');
    expect(answer.twistedCount).toBe(0);
    expect(Buffer.compare(encodedOf(answer), encodeUpdate('int8', VALUES))).toBe(0);
    const beat = encodeFrame({ kind: 'heartbeat', runTag: 1, term: 0, round: 3 });
    expect(heard(beat, 'nan')).toMatchObject({ twistedCount: 0, last: { frame: { kind: 'heartbeat' } } });
  });

  it('garbage is noise in every message, and no frame', () => {
    const { twistedCount, last } = heard(updateOf(AUTHOR, 'int8'), 'garbage');
    expect(twistedCount).toBe(2);
    expect(last).toHaveProperty('rejected');
  });

  it('a transfer that began before goes on as it was', () => {
    const [, second] = fragment(updateOf(AUTHOR, 'int8'), 4);
    const { messages } = new Twister(mulberry(1)).twist(second!, {
      hostility: 'sign-flip',
      author: null,
      nowMs: 1,
    });
    expect(messages).toHaveLength(1);
    expect(messages[0]).toBe(second);
  });
});
