import { CHUNK_VALUES, encodeState } from '@murmuration/codec';
import { idFromRandomBytes, type FrameOf, type RunManifest, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { SoloFetch } from './solo-fetch.ts';

const COUNT = 2 * CHUNK_VALUES + 7;
const [self, a, b] = [0, 1, 2].map((n) => idFromRandomBytes('vol', new Uint8Array(26).fill(n))) as [
  VolunteerId,
  VolunteerId,
  VolunteerId,
];
const donors = [a, b].map((id) => ({ id, term: 1, round: 7 }));
const chunks = encodeState({
  anchor: new Float32Array(COUNT).fill(0.25),
  secondMoment: new Float32Array(COUNT),
  stepCount: 3,
});
const state = (chunk: number, round: number): FrameOf<'state'> => ({
  kind: 'state',
  runTag: 1,
  term: 1,
  round,
  anchor: '00000000000000aa',
  chunk,
  bytes: chunks[chunk]!,
});
const fetchOf = () =>
  new SoloFetch({
    self,
    manifest: { id: 'run_00000000000000000000000000', parameterCount: COUNT } as RunManifest,
    first: a,
    nowMs: 0,
  });
const asked = (fetch: SoloFetch, nowMs: number, among = donors) =>
  fetch.next(among, nowMs).flatMap((wish) => (wish.kind === 'ask' ? [`${wish.donor}.${wish.chunk}`] : []));

describe('the state from one donor', () => {
  it('[R13] every chunk is asked of one donor, two at a time, and loaded when all are of one round', () => {
    const fetch = fetchOf();
    expect(asked(fetch, 0)).toEqual([`${a}.0`, `${a}.1`]);
    expect(fetch.answered(b, state(0, 7), 1)).toBe('late-state');
    expect(fetch.answered(a, state(0, 7), 1)).toBeNull();
    expect(asked(fetch, 1)).toEqual([`${a}.2`]);
    // A newer copy: what came of the older one is asked again.
    fetch.answered(a, state(1, 8), 2);
    fetch.answered(a, state(2, 8), 3);
    expect(asked(fetch, 3)).toEqual([`${a}.0`]);
    fetch.answered(a, state(0, 8), 4);
    expect(fetch.next(donors, 4)).toMatchObject([{ kind: 'load', term: 1, round: 8, commits: [] }]);
    fetch.loadingAs({ term: 1, round: 8, ticket: 5 });
    expect(fetch.loaded({ ticket: 5, anchor: '00000000000000aa' })).toEqual({ isProven: true, liars: [] });
  });

  it('a donor that dies, refuses or falls silent is left for the next one', () => {
    const dead = fetchOf();
    asked(dead, 0);
    dead.lost(a);
    expect(asked(dead, 1)).toEqual([`${b}.0`, `${b}.1`]);
    const refused = fetchOf();
    asked(refused, 0);
    refused.answered(a, { kind: 'state-denied', runTag: 1, term: 0, round: 0, chunk: 0 }, 1);
    expect(asked(refused, 1)).toEqual([`${b}.0`, `${b}.1`]);
    const silent = fetchOf();
    asked(silent, 0);
    expect(asked(silent, silent.nextDeadlineMs)).toEqual([`${b}.0`, `${b}.1`]);
  });

  it('a donor whose chunks do not give what it said is named as a liar', () => {
    const fetch = fetchOf();
    asked(fetch, 0);
    for (const chunk of [0, 1]) fetch.answered(a, state(chunk, 7), 1);
    asked(fetch, 1);
    fetch.answered(a, state(2, 7), 1);
    fetch.next(donors, 1);
    fetch.loadingAs({ term: 1, round: 7, ticket: 9 });
    expect(fetch.loaded({ ticket: 9, anchor: '00000000000000cc' })).toEqual({ isProven: false, liars: [a] });
    expect(asked(fetch, 2)).toEqual([`${b}.0`, `${b}.1`]);
  });

  it('a donor that dies while its chunks are loaded takes nothing away', () => {
    const fetch = fetchOf();
    asked(fetch, 0);
    for (const chunk of [0, 1]) fetch.answered(a, state(chunk, 7), 1);
    asked(fetch, 1);
    fetch.answered(a, state(2, 7), 1);
    fetch.next(donors, 1);
    fetch.loadingAs({ term: 1, round: 7, ticket: 9 });
    fetch.lost(a);
    expect(fetch.loaded({ ticket: 9, anchor: '00000000000000aa' })).toEqual({ isProven: true, liars: [] });
  });

  it('without any donor the coordinator is told', () => {
    const fetch = fetchOf();
    expect(fetch.next([], 7_999)).toEqual([]);
    expect(fetch.next([], 8_000)).toEqual([{ kind: 'stranded' }]);
  });
});
