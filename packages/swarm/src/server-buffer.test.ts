import { encodeUpdate, FOLLOWED } from '@murmuration/codec';
import { idFromRandomBytes, type FrameOf, type Head, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import type { HeldUpdate } from './held-updates.ts';
import { ServerBuffer } from './server-buffer.ts';

const COUNT = 8;
const STALENESS_MAX = 3;
const tabs = Array.from(
  { length: 6 },
  (_, n) => idFromRandomBytes('vol', new Uint8Array(26).fill(n)) as VolunteerId,
);
const [a, b, c] = tabs as [VolunteerId, VolunteerId, VolunteerId, ...VolunteerId[]];
const headOf = (round: number): Head => ({ term: 1, round, fingerprint: String(round).padStart(16, '0') });
let crcs = 0;
const updateOf = (author: VolunteerId, round: number, changes: Partial<FrameOf<'update'>> = {}) => ({
  kind: 'update' as const,
  ...{ runTag: 1, term: 1, round },
  author,
  ...{ sampleCount: 80, stepCount: 5, trainMs: 250, loss: 1 },
  anchor: headOf(round).fingerprint,
  slice: new Uint8Array(0),
  encoded: encodeUpdate('int8', new Float32Array(COUNT).fill(0.1)),
  crc: ++crcs,
  ...changes,
});
const answer = { encoded: new Uint8Array(9) } as HeldUpdate;

class Desk {
  readonly buffer = new ServerBuffer({
    rule: FOLLOWED,
    codec: 'int8',
    parameterCount: COUNT,
    stalenessMax: STALENESS_MAX,
    head: headOf(0),
  });
  nowMs = 0;
  add = (update: FrameOf<'update'>) => this.buffer.add(update.author, update, this.nowMs);
  close = (alive: readonly VolunteerId[] = tabs, tabsMin = 1) =>
    this.buffer.close(new Set(alive), tabsMin, this.nowMs);
  advance = () => this.buffer.advance(headOf(this.buffer.head.round + 1), answer);
  /** A version of these alone. */
  version(...authors: readonly VolunteerId[]): readonly HeldUpdate[] {
    for (const author of authors) expect(this.add(updateOf(author, this.buffer.head.round))).toBeNull();
    this.nowMs += 10_000;
    const closed = this.close()!;
    this.advance();
    return closed;
  }
}

describe('what a server that waits for nobody collects', () => {
  it('[A1] takes what stands on one of its last versions, and names why it refuses the rest', () => {
    const desk = new Desk();
    for (let i = 0; i < STALENESS_MAX; i++) desk.version(b);
    expect(desk.add(updateOf(a, 0))).toBeNull();
    desk.version(b);
    expect(desk.add(updateOf(a, 0))).toBe('stale');
    expect(desk.add(updateOf(a, 5))).toBe('future-round');
    expect(desk.add(updateOf(a, 3, { anchor: 'f'.repeat(16) }))).toBe('other-anchor');
    expect(desk.buffer.add(b, updateOf(a, 4), 0)).toBe('not-author');
    const encoded = encodeUpdate('int4', new Float32Array(COUNT));
    expect(desk.add(updateOf(a, 4, { encoded }))).toMatch(/^update-/);
  });

  it('[A1] knows no version from before it came: an update of one is refused', () => {
    const { add } = Object.assign(new Desk(), {});
    expect(add(updateOf(a, -1))).toBe('other-anchor');
  });

  it('[A2] closes with a quarter of those at work, or when the first has waited for half of a usual interval', () => {
    const desk = new Desk();
    desk.version(a, b);
    desk.version(a, b);
    // Two at work: one is more than a quarter.
    desk.add(updateOf(a, 2));
    expect(desk.close()).toHaveLength(1);
    desk.advance();
    desk.nowMs += 1_000;
    for (const author of tabs) desk.add(updateOf(author, 3));
    expect(desk.close()).toHaveLength(6);
    desk.advance();
    desk.nowMs += 1_000;
    desk.add(updateOf(a, 4));
    expect(desk.close()).toBeNull();
    expect(desk.buffer.nextDeadlineMs).toBeGreaterThan(desk.nowMs);
    desk.nowMs = desk.buffer.nextDeadlineMs;
    expect(desk.close()).toHaveLength(1);
    expect(desk.buffer.nextDeadlineMs).toBe(Infinity);
  });

  it('[A2] [S5] waits for nobody by name, but closes nothing with fewer tabs than the run’s minimum', () => {
    const desk = new Desk();
    desk.add(updateOf(a, 0));
    desk.nowMs = 60_000;
    expect(desk.close([a], 2)).toBeNull();
    expect(desk.buffer.nextDeadlineMs).toBe(Infinity);
    expect(desk.close([a, b], 2)).toHaveLength(1);
  });

  it('[A2] a sample moves the model by as much whether its version counts one update or everybody’s', () => {
    const desk = new Desk();
    const four = tabs.slice(0, 4);
    desk.version(...four);
    const whole = desk.buffer.gain;
    expect(whole).toBe(2);
    desk.nowMs -= 9_500;
    for (const author of four.slice(0, 2)) desk.add(updateOf(author, 1));
    expect(desk.close()).toHaveLength(2);
    expect(desk.buffer.gain).toBeCloseTo(whole / 2);
  });

  it('[A2] who is staler than usual weighs less by the root of its versions, nobody weighs more', () => {
    const desk = new Desk();
    for (let i = 0; i < STALENESS_MAX; i++) desk.version(b);
    desk.add(updateOf(a, 0));
    desk.add(updateOf(c, 3));
    const [stale, fresh] = desk.close()!;
    expect(fresh!.sampleCount).toBe(80);
    expect(stale!.sampleCount).toBeCloseTo(80 / 2);
  });

  it('[A2] a claim of many samples is worth four times the usual', () => {
    const desk = new Desk();
    desk.add(updateOf(a, 0, { sampleCount: 1_000_000 }));
    for (const author of [b, c]) desk.add(updateOf(author, 0));
    expect(desk.close()!.map(({ sampleCount }) => sampleCount)).toEqual([320, 80, 80]);
  });

  it('[A3] counts an update once, however often it is sent', () => {
    const desk = new Desk();
    const update = updateOf(a, 0);
    expect(desk.add(update)).toBeNull();
    expect(desk.add(update)).toBe('duplicate');
    expect(desk.add(updateOf(a, 0))).toBe('one-waits');
    expect(desk.close()).toHaveLength(1);
    expect(desk.add(update)).toBe('duplicate');
    expect([...desk.advance().counted]).toEqual([[a, update.crc]]);
    for (let version = 1; version <= STALENESS_MAX; version++) {
      expect(desk.add(update)).toBe('counted');
      desk.version(b);
    }
    expect(desk.add(update)).toBe('stale');
  });

  it('[A3] what cannot be combined is given back, so that its authors are told', () => {
    const desk = new Desk();
    const update = updateOf(a, 0);
    desk.add(update);
    desk.close();
    expect(desk.buffer.countNone().map(({ crc }) => crc)).toEqual([update.crc]);
    expect([...desk.advance().counted]).toEqual([]);
  });

  it('[R9] says the pace of the fastest at work, whoever is in the version', () => {
    const desk = new Desk();
    for (const author of [a, b]) desk.add(updateOf(author, 0, { trainMs: author === a ? 100 : 1_000 }));
    desk.nowMs = 1_000;
    desk.close();
    desk.advance();
    desk.nowMs = 1_500;
    desk.add(updateOf(b, 1, { trainMs: 1_000 }));
    desk.close();
    expect(desk.buffer.summary).toMatchObject({ sampleCount: 80, stepCount: 1_000, trainMs: 20_000 });
  });
});
