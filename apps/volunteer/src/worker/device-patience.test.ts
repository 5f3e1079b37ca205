import { describe, expect, it } from 'vitest';
import { nextAskMs, Patience } from './device-patience.ts';

describe('a device that is away', () => {
  it('is asked for again, less and less often, for half a minute, and then no more', () => {
    const waits: number[] = [];
    let nowMs = 1_000;
    for (let failures = 1; ; failures++) {
      const atMs = nextAskMs(failures, nowMs);
      if (atMs === null) break;
      waits.push(atMs - nowMs);
      nowMs = atMs;
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits[0]).toBeLessThanOrEqual(1_000);
    expect(nowMs - 1_000).toBe(30_000);
  });

  it('is given up at once when nobody wants it any more: leaving does not wait for it', async () => {
    const awaited: number[] = [];
    const patience = new Patience((nextAtMs) => awaited.push(nextAtMs));
    const answer = patience.again();
    expect(awaited).toHaveLength(1);
    patience.giveUp();
    expect(await answer).toBe(false);
    expect(await patience.again()).toBe(false);
    expect(awaited).toHaveLength(1);
  });
});
