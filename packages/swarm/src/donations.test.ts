import { CHUNK_VALUES, encodeState } from '@murmuration/codec';
import { idFromRandomBytes, type FrameOf, type RunManifest, type VolunteerId } from '@murmuration/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { Donations, REQUESTS_MAX } from './donations.ts';
import { Outbox } from './outbox.ts';

const COUNT = 6 * CHUNK_VALUES;
const idOf = (n: number) => idFromRandomBytes('vol', new Uint8Array(26).fill(n)) as VolunteerId;
const chunks = encodeState({
  anchor: new Float32Array(COUNT),
  secondMoment: new Float32Array(COUNT),
  stepCount: 1,
});
const head = (round: number) => ({ term: 2, round, fingerprint: `${round}`.padStart(16, '0') });
const request = (chunk: number, round = 7): FrameOf<'state-request'> => ({
  kind: 'state-request',
  runTag: 1,
  term: 2,
  round,
  chunk,
});

let outbox: Outbox;
let donations: Donations;
beforeEach(() => {
  outbox = new Outbox();
  donations = new Donations({ outbox, runTag: 1, manifest: { parameterCount: COUNT } as RunManifest });
});
/** What left since the last look: frames by kind and chunk, and captures. */
const left = (): string[] =>
  outbox.take().map((effect) => {
    if (effect.kind === 'send' && 'chunk' in effect.frame)
      return `${effect.frame.kind} ${effect.frame.chunk} of ${effect.frame.round}`;
    return effect.kind === 'train' ? effect.command.kind : effect.kind;
  });
const capture = (round: number, nowMs: number) => {
  outbox.forgetTickets();
  const { fingerprint: anchor } = head(round);
  donations.captured({ kind: 'captured', ticket: 1, round, anchor, chunks }, head(round), nowMs);
};

describe('[J7] a donor', () => {
  it('copies its replica once for all who ask, and gives the same copy while it is new enough for them', () => {
    donations.asked(idOf(1), request(0), head(7), 0);
    donations.asked(idOf(2), request(3), head(7), 0);
    donations.advance(head(7), 0);
    donations.advance(head(7), 1);
    expect(left()).toEqual(['capture']);
    capture(7, 5);
    donations.advance(head(8), 5);
    expect(left()).toEqual(['state 0 of 7', 'state 3 of 7']);
    donations.asked(idOf(3), request(1, 7), head(8), 20);
    donations.advance(head(8), 20);
    expect(left()).toEqual(['state 1 of 7']);
    donations.asked(idOf(3), request(2, 8), head(8), 30);
    donations.advance(head(8), 30);
    donations.advance(head(8), 31);
    expect(left()).toEqual(['capture']);
  });

  it('waits for the round that it will be at in a moment, and refuses what lies further ahead', () => {
    donations.asked(idOf(1), request(0, 8), head(7), 0);
    donations.asked(idOf(2), request(0, 9), head(7), 0);
    donations.advance(head(7), 0);
    expect(left()).toEqual(['state-denied 0 of 0']);
    donations.advance(head(8), 40);
    expect(left()).toEqual(['capture']);
  });

  it('serves few newcomers at a time, few chunks each, and refuses the others at once', () => {
    for (let n = 0; n < 4; n++)
      for (let chunk = 0; chunk < REQUESTS_MAX; chunk++) donations.asked(idOf(n), request(chunk), head(7), 0);
    expect(left()).toEqual([]);
    donations.asked(idOf(1), request(5), head(7), 0);
    donations.asked(idOf(9), request(4), head(7), 0);
    expect(left()).toEqual(['state-denied 5 of 0', 'state-denied 4 of 0']);
    // Whoever is gone, or asks no more, makes room.
    donations.lost(idOf(1));
    donations.asked(idOf(9), request(4), head(7), 10);
    expect(left()).toEqual([]);
  });

  it('gives no more bytes a second than a home line takes, and says when it goes on', () => {
    capture(7, 0);
    for (let n = 0; n < 4; n++)
      for (let chunk = 0; chunk < REQUESTS_MAX; chunk++) donations.asked(idOf(n), request(chunk), head(7), 0);
    donations.advance(head(7), 0);
    const [burst, size] = [1024 * 1024, chunks[0]!.length];
    let given = left().length;
    expect(given).toBe(Math.floor(burst / size));
    let nowMs = 0;
    while (given < 8) {
      expect(donations.nextDeadlineMs).toBeGreaterThan(nowMs);
      nowMs = Math.max(donations.nextDeadlineMs, nowMs + 1);
      donations.advance(head(7), nowMs);
      given += left().length;
    }
    expect(nowMs).toBeGreaterThan((8 * size - burst) / 2_500 - 1);
    expect(nowMs).toBeLessThan((8 * size - burst) / 2_500 + 10);
  });

  it('without a replica refuses; of another term too; a copy that nobody wants is freed', () => {
    donations.asked(idOf(1), request(0), null, 0);
    donations.asked(idOf(1), { ...request(1), term: 1 }, head(7), 0);
    expect(left()).toEqual(['state-denied 0 of 0', 'state-denied 1 of 0']);
    expect(donations.asked(idOf(1), request(6), head(7), 0)).toBe('bad-request');
    donations.asked(idOf(1), request(2), head(7), 0);
    donations.advance(null, 1);
    expect(left()).toEqual(['state-denied 2 of 0']);
    capture(7, 100);
    expect(donations.nextDeadlineMs).toBe(10_100);
    donations.advance(head(7), 10_100);
    expect(donations.nextDeadlineMs).toBe(Infinity);
  });
});
