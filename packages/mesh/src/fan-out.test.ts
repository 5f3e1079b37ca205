import { LIMITS } from '@murmuration/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FanOut, PATIENCE_MS } from './fan-out.ts';
import type { QueuedFrame } from './send-queue.ts';

const MESSAGE_BYTES = 65_536;
const WINDOW = LIMITS.relayWindowBytes;
const PLENTY = Infinity;

class Reader {
  readonly name: string;
  untakenBytes = 0;
  /** Frame and message, as they came. */
  readonly got: string[] = [];
  constructor(name: string) {
    this.name = name;
  }
  take(): boolean {
    const had = this.untakenBytes > 0;
    this.untakenBytes = Math.max(0, this.untakenBytes - MESSAGE_BYTES);
    return had;
  }
}

/** A frame of so many messages; the first two bytes of each say which it is. */
function frameOf(number: number, messageCount: number): QueuedFrame {
  const messages = Array.from({ length: messageCount }, (_, i) => {
    const message = new Uint8Array(MESSAGE_BYTES);
    message[0] = number;
    message[1] = i;
    return message;
  });
  return { kind: 'update', messages };
}

/** Sends what can be sent. Who got each envelope, in order. */
function pump(fanOut: FanOut<Reader>, nowMs = 0): string[] {
  const envelopes: string[] = [];
  for (let next = fanOut.next(nowMs); next !== null; next = fanOut.next(nowMs)) {
    for (const end of next.ends) {
      expect(end.untakenBytes === 0 || end.untakenBytes + next.message.length <= WINDOW).toBe(true);
      end.untakenBytes += next.message.length;
      end.got.push(`${next.message[0]}.${next.message[1]}`);
    }
    envelopes.push(next.ends.map(({ name }) => name).join(''));
  }
  return envelopes;
}

const readers = (names: string) => [...names].map((name) => new Reader(name));
function give(fanOut: FanOut<Reader>, frame: QueuedFrame, ends: readonly Reader[]): void {
  for (const end of ends) expect(fanOut.add(frame, end, PLENTY)).toBe(true);
}

describe('[T7] one uplink for several receivers', () => {
  it('sends each message once, to all of them', () => {
    const fanOut = new FanOut<Reader>();
    const all = readers('abc');
    give(fanOut, frameOf(1, 3), all);
    expect(fanOut.backlogBytes).toBe(3 * MESSAGE_BYTES);
    expect(pump(fanOut)).toEqual(['abc', 'abc', 'abc']);
    for (const { got } of all) expect(got).toEqual(['1.0', '1.1', '1.2']);
    expect(fanOut.backlogBytes).toBe(0);
  });

  it('stays together while readers take at different moments', () => {
    const fanOut = new FanOut<Reader>();
    const [a, b] = readers('ab') as [Reader, Reader];
    give(fanOut, frameOf(1, 8), [a, b]);
    expect(pump(fanOut)).toEqual(['ab', 'ab', 'ab', 'ab']);
    for (let i = 0; i < 4; i++) {
      a.take();
      expect(pump(fanOut)).toEqual([]);
      b.take();
      expect(pump(fanOut)).toEqual(['ab']);
    }
  });

  it('stays together while readers take in bursts, as long as the frame has patience', () => {
    const fanOut = new FanOut<Reader>();
    const [a, b] = readers('ab') as [Reader, Reader];
    give(fanOut, frameOf(1, 12), [a, b]);
    pump(fanOut);
    for (const burstMs of [100, 200]) {
      for (let i = 0; i < 4; i++) a.take();
      expect(pump(fanOut, burstMs)).toEqual([]);
      for (let i = 0; i < 4; i++) b.take();
      expect(pump(fanOut, burstMs + PATIENCE_MS / 2 - 1)).toEqual(Array(4).fill('ab'));
    }
    expect(fanOut.backlogBytes).toBe(0);
  });

  it('a reader that takes nothing holds the others up once, for the patience of a frame, and follows alone', () => {
    const fanOut = new FanOut<Reader>();
    const [a, b, slow] = readers('abs') as [Reader, Reader, Reader];
    give(fanOut, frameOf(1, 12), [a, b, slow]);
    expect(pump(fanOut)).toEqual(Array(4).fill('abs'));
    for (let i = 0; i < 3; i++) expect([a.take(), b.take()]).toEqual([true, true]);
    expect(pump(fanOut, 1)).toEqual([]);
    expect(pump(fanOut, PATIENCE_MS)).toEqual([]);
    expect(pump(fanOut, 1 + PATIENCE_MS)).toEqual(Array(3).fill('ab'));
    while (a.got.length < 12 || b.got.length < 12) {
      a.take();
      b.take();
      expect(pump(fanOut, 1 + PATIENCE_MS).every((names) => names === 'ab')).toBe(true);
    }
    slow.take();
    expect(pump(fanOut, 2 + PATIENCE_MS)).toEqual(['s']);
    expect(fanOut.waitingBytes(slow)).toBe(7 * MESSAGE_BYTES);
    // Of the next frame it is behind from the start, and nobody waits for it.
    give(fanOut, frameOf(2, 4), [a, b, slow]);
    for (const end of [a, b]) while (end.take());
    expect(pump(fanOut, 3 + PATIENCE_MS)).toEqual(Array(4).fill('ab'));
  });

  it('those left behind at one place go on together, and with the others again in the next frame', () => {
    const fanOut = new FanOut<Reader>();
    const [a, b, c] = readers('abc') as [Reader, Reader, Reader];
    give(fanOut, frameOf(1, 6), [a, b, c]);
    pump(fanOut);
    while (a.take());
    expect(pump(fanOut, 0)).toEqual([]);
    expect(pump(fanOut, PATIENCE_MS)).toEqual(['a', 'a']);
    for (const end of [b, c]) while (end.take());
    expect(pump(fanOut, PATIENCE_MS)).toEqual(['bc', 'bc']);
    give(fanOut, frameOf(2, 1), [a, b, c]);
    expect(pump(fanOut, PATIENCE_MS)).toEqual(['abc']);
  });

  it('who has an earlier frame to come gets it first', () => {
    const fanOut = new FanOut<Reader>();
    const [a, slow] = readers('as') as [Reader, Reader];
    slow.untakenBytes = WINDOW;
    give(fanOut, frameOf(1, 1), [a, slow]);
    give(fanOut, frameOf(2, 1), [a, slow]);
    expect(pump(fanOut)).toEqual(['a', 'a']);
    slow.untakenBytes = 0;
    expect(pump(fanOut)).toEqual(['s', 's']);
    expect(slow.got).toEqual(['1.0', '2.0']);
  });

  it('who is dropped is waited for no longer', () => {
    const fanOut = new FanOut<Reader>();
    const [a, gone] = readers('ag') as [Reader, Reader];
    give(fanOut, frameOf(1, 5), [a, gone]);
    pump(fanOut);
    a.take();
    expect(pump(fanOut)).toEqual([]);
    fanOut.drop(gone);
    expect(pump(fanOut)).toEqual(['a']);
    expect(fanOut.backlogBytes).toBe(0);
  });

  it('refuses a frame that would make more than its bound wait for one receiver', () => {
    const fanOut = new FanOut<Reader>();
    const [a] = readers('a') as [Reader];
    expect(fanOut.add(frameOf(1, 2), a, 3 * MESSAGE_BYTES)).toBe(true);
    expect(fanOut.add(frameOf(2, 2), a, 3 * MESSAGE_BYTES)).toBe(false);
    expect(pump(fanOut)).toEqual(['a', 'a']);
  });

  it('whatever is taken when, each gets every frame whole and in order, within its window', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 15 })), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.array(fc.nat({ max: 3 }), { maxLength: 80 }),
        (frames, takes) => {
          const fanOut = new FanOut<Reader>();
          const all = readers('abcd');
          const due = all.map((): string[] => []);
          let envelopes = 0;
          let nowMs = 0;
          for (const [number, [messageCount, mask]] of frames.entries()) {
            const frame = frameOf(number, messageCount);
            for (const [i, end] of all.entries()) {
              if ((mask & (1 << i)) === 0) continue;
              fanOut.add(frame, end, PLENTY);
              for (let m = 0; m < messageCount; m++) due[i]!.push(`${number}.${m}`);
            }
            envelopes += pump(fanOut, (nowMs += 7)).length;
            const turn = takes[number];
            if (turn !== undefined) all[turn]!.take();
          }
          for (const turn of takes) {
            all[turn]!.take();
            envelopes += pump(fanOut, (nowMs += 7)).length;
          }
          while (all.map((end) => end.take()).includes(true)) envelopes += pump(fanOut, (nowMs += 7)).length;
          expect(all.map(({ got }) => got)).toEqual(due);
          expect(envelopes).toBeLessThanOrEqual(due.flat().length);
          expect(fanOut.backlogBytes).toBe(0);
        },
      ),
    );
  });
});
