import { encodeUpdate } from '@murmuration/codec';
import { idFromRandomBytes, type FrameOf, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { EARLY_ROUNDS, EarlyFrames } from './early-frames.ts';

const COUNT = 1_000;
const idOf = (n: number) => idFromRandomBytes('vol', new Uint8Array(26).fill(n)) as VolunteerId;
const base = { runTag: 1, term: 1, anchor: '00000000000000aa' };
const update = (author: VolunteerId, round: number, crc = 5): FrameOf<'update'> => ({
  ...base,
  kind: 'update',
  round,
  author,
  ...{ sampleCount: 8, stepCount: 1, trainMs: 1, loss: 1, crc, slice: new Uint8Array(0) },
  encoded: encodeUpdate('int8', new Float32Array(COUNT)),
});
const commit = (leader: VolunteerId, round: number, crc = 5) =>
  ({
    ...base,
    kind: 'commit',
    ballot: 0,
    round,
    leader,
    included: [{ author: idOf(1), crc }],
    members: [idOf(1)],
    graceMs: 1,
  }) as FrameOf<'commit'>;
const early = () => new EarlyFrames({ codec: 'int8', parameterCount: COUNT });

describe('[J3] what is kept for a newcomer', () => {
  it('an update from its author, or one that a commit lists from anybody', () => {
    const frames = early();
    expect(frames.keep(idOf(2), update(idOf(1), 4))).toBe('not-author');
    expect(frames.keep(idOf(2), commit(idOf(2), 4))).toBeNull();
    expect(frames.keep(idOf(2), update(idOf(1), 4, 6))).toBe('not-author');
    expect(frames.keep(idOf(2), update(idOf(1), 4))).toBeNull();
    expect(frames.update(1, 4, { author: idOf(1), crc: 5 })).toBeDefined();
    expect(frames.since(1, 4).map(({ peer }) => peer)).toEqual([idOf(2), idOf(1)]);
  });

  it("the first of two updates of an author, unless the group's commit lists the other", () => {
    const frames = early();
    frames.keep(idOf(1), update(idOf(1), 4, 7));
    frames.keep(idOf(1), update(idOf(1), 4, 5));
    expect(frames.update(1, 4, { author: idOf(1), crc: 5 })).toBeUndefined();
    frames.keep(idOf(2), commit(idOf(2), 4));
    frames.keep(idOf(1), update(idOf(1), 4, 5));
    expect(frames.update(1, 4, { author: idOf(1), crc: 5 })).toBeDefined();
  });

  it('[J5] a commit that its leader did not send itself only from who was asked for it, and as its own word', () => {
    const frames = early();
    expect(frames.keep(idOf(2), commit(idOf(3), 4))).toBe('not-leader');
    frames.asked(idOf(2), 1, 4);
    expect(frames.keep(idOf(2), commit(idOf(3), 4))).toBeNull();
    expect(frames.commit(1, 4, base.anchor)?.leader).toBe(idOf(3));
    expect(frames.keep(idOf(2), commit(idOf(3), 5))).toBe('not-leader');
    expect(frames.since(1, 4).map(({ peer }) => peer)).toEqual([idOf(2)]);
  });

  it('nothing that the codec refuses', () => {
    const broken = { ...update(idOf(1), 4), encoded: new Uint8Array(9) };
    expect(early().keep(idOf(1), broken)).not.toBeNull();
  });

  it('256 rounds of each: who claims a distant round pushes out only its own words', () => {
    const frames = early();
    for (let round = 1; round <= 300; round++) frames.keep(idOf(1), update(idOf(1), round));
    frames.keep(idOf(2), update(idOf(2), 4_000_000_000));
    const rounds = frames.since(1, 0).map(({ frame }) => frame.round);
    expect(rounds.filter((round) => round <= 300).length).toBe(EARLY_ROUNDS);
    expect(rounds).toContain(300);
  });

  it('the anchor of a round is what most say; among equals the word of the donor that we were sent to', () => {
    const frames = early();
    frames.keep(idOf(1), update(idOf(1), 4));
    frames.heard(idOf(2), 1, 4, 'bb');
    expect(frames.anchorOf(1, 4, null)).toBe(base.anchor);
    expect(frames.anchorOf(1, 4, idOf(2))).toBe('bb');
    frames.heard(idOf(3), 1, 4, base.anchor);
    expect(frames.anchorOf(1, 4, idOf(2))).toBe(base.anchor);
    expect(frames.anchorOf(1, 5, null)).toBeNull();
  });
});
