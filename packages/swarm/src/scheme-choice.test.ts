import {
  CODEC_BYTES_PER_PARAMETER,
  DEFAULT_TRAINING,
  type Codec,
  type RunManifest,
} from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { SchemeChoice } from './scheme-choice.ts';

const PARAMETERS = 1_000_000;
const MATES = 7;

const manifestOf = (codec: Codec) =>
  ({ parameterCount: PARAMETERS, training: { ...DEFAULT_TRAINING, codec } }) as RunManifest;

/** A tab whose uplink carries so many bytes a millisecond, in rounds of one length. */
class Uplink {
  nowMs = 0;
  bytesPerMs: number;
  #leftBytes = 0;
  #waitingBytes = 0;
  readonly choice: SchemeChoice;

  constructor(codec: Codec, mbit: number) {
    this.bytesPerMs = 125 * mbit;
    this.choice = new SchemeChoice(manifestOf(codec), () => ({
      leftBytes: this.#leftBytes,
      waitingBytes: this.#waitingBytes,
    }));
  }

  pass(ms: number): void {
    const bytes = Math.min(this.#waitingBytes, ms * this.bytesPerMs);
    this.nowMs += ms;
    this.#leftBytes += bytes;
    this.#waitingBytes -= bytes;
    this.choice.look(this.nowMs);
  }

  /** One round; returns what its update was formed in, and how long it took to leave. */
  round(number: number, roundMs: number): { scheme: string; exchangeMs: number } {
    const startMs = this.nowMs;
    const scheme = this.choice.next({ round: number, copyCount: MATES, withSlice: false });
    expect(this.choice.next({ round: number, copyCount: 1, withSlice: false })).toBe(scheme);
    this.choice.sent(this.nowMs);
    this.#waitingBytes += MATES * PARAMETERS * CODEC_BYTES_PER_PARAMETER[scheme];
    while (this.#waitingBytes > 0) this.pass(this.choice.nextLookMs - this.nowMs);
    const exchangeMs = this.nowMs - startMs;
    this.pass(Math.max(0, roundMs - exchangeMs));
    this.choice.committed(this.nowMs);
    return { scheme, exchangeMs };
  }

  settled(roundMs: number): { scheme: string; exchangeMs: number } {
    let last = { scheme: '', exchangeMs: 0 };
    for (let number = 0; number < 20; number++) last = this.round(number, roundMs);
    return last;
  }
}

describe('scheme choice', () => {
  it('[R14] a run with one scheme has one, and nobody wakes up to look at the line', () => {
    const uplink = new Uplink('int8', 1);
    expect(uplink.choice.next({ round: 0, copyCount: MATES, withSlice: false })).toBe('int8');
    uplink.choice.sent(0);
    expect(uplink.choice.nextLookMs).toBe(Infinity);
  });

  it.each([
    [0.6, 'topk-16'],
    [1, 'topk-32'],
    [5, 'topk-128'],
    [12, 'topk-512'],
    [50, 'topk-1024'],
  ])('[R14] %d Mbit/s and rounds of two seconds: %s, and the exchange takes 30 % at most', (mbit, scheme) => {
    const found = new Uplink('topk-auto', mbit).settled(2_000);
    expect(found.scheme).toBe(scheme);
    expect(found.exchangeMs).toBeLessThanOrEqual(600 * 1.1);
  });

  it('[R14] a line that gets thin is followed down within three rounds, and up again a step a round', () => {
    const uplink = new Uplink('topk-auto', 50);
    uplink.settled(2_000);
    uplink.bytesPerMs = 125;
    const down = [20, 21, 22, 23].map((round) => uplink.round(round, 2_000).scheme);
    expect(down.at(-1)).not.toBe('topk-1024');
    uplink.bytesPerMs = 125 * 50;
    const up = Array.from({ length: 10 }, (_, i) => uplink.round(24 + i, 2_000).scheme);
    const ks = up.map((scheme) => Number(scheme.slice(5)));
    for (const [i, k] of ks.entries()) if (i > 0) expect(k).toBeLessThanOrEqual(2 * ks[i - 1]!);
    expect(ks.at(-1)).toBe(1024);
  });

  it('[R14] the smallest when nothing fits, and the first when nothing was measured', () => {
    expect(new Uplink('topk-auto', 50).round(0, 2_000).scheme).toBe('topk-64');
    expect(new Uplink('topk-auto', 0.01).settled(1_000).scheme).toBe('topk-16');
  });

  it('[R14] one burst in which the tab was frozen moves nothing', () => {
    const uplink = new Uplink('topk-auto', 50);
    uplink.settled(2_000);
    uplink.choice.next({ round: 20, copyCount: MATES, withSlice: false });
    uplink.choice.sent(uplink.nowMs);
    uplink.pass(60_000);
    expect(uplink.round(21, 2_000).scheme).toBe('topk-1024');
  });
});
