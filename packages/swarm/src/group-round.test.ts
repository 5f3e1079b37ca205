import { encodeUpdate } from '@murmuration/codec';
import { idFromRandomBytes, type FrameOf, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { GroupRound, type HeldUpdate, type RoundDecision } from './group-round.ts';

const COUNT = 8;
const ids = [0, 1, 2, 3].map((n) => idFromRandomBytes('vol', new Uint8Array(26).fill(n)) as VolunteerId);
const [a, b, c, d] = ids as [VolunteerId, VolunteerId, VolunteerId, VolunteerId];
const ANCHOR = '00000000000000aa';
const head = { term: 1, round: 4, fingerprint: ANCHOR };

const update = (author: VolunteerId, options: Partial<FrameOf<'update'>> = {}): FrameOf<'update'> => ({
  kind: 'update',
  runTag: 1,
  term: 1,
  round: 4,
  author,
  sampleCount: 320,
  stepCount: 10,
  trainMs: 100,
  loss: 1,
  anchor: ANCHOR,
  encoded: encodeUpdate('int8', new Float32Array(COUNT).fill(0.1)),
  crc: author.charCodeAt(5),
  ...options,
});
const commit = (leader: VolunteerId, authors: VolunteerId[], options: Partial<FrameOf<'commit'>> = {}) =>
  ({
    kind: 'commit',
    runTag: 1,
    term: 1,
    round: 4,
    leader,
    anchor: ANCHOR,
    included: authors.map((author) => ({ author, crc: update(author).crc })),
    members: ids,
    graceMs: 500,
    ...options,
  }) as FrameOf<'commit'>;
const groupOf = (self: VolunteerId, members: readonly VolunteerId[] = ids) =>
  new GroupRound({ self, scheme: 'int8', parameterCount: COUNT, head, members, nowMs: 0 });
const others = (self: VolunteerId, gone: readonly VolunteerId[] = []) =>
  new Set(ids.filter((id) => id !== self && !gone.includes(id)));
const authorsOf = (decision: RoundDecision | null) =>
  decision?.kind === 'close' ? decision.updates.map((held: HeldUpdate) => held.author) : [];

describe('closing a round', () => {
  it('[R4] the leader is the members rotated by the round: round 4 of four members is led by the first', () => {
    const leader = groupOf(a);
    const follower = groupOf(b);
    for (const id of [b, c, d]) leader.addUpdate(id, update(id), 10);
    leader.addOwn(update(a), 10);
    for (const id of [a, c, d]) follower.addUpdate(id, update(id), 10);
    follower.addOwn(update(b), 10);
    const decision = leader.decide(others(a), 10);
    expect(authorsOf(decision)).toEqual([a, b, c, d]);
    expect(decision).toMatchObject({ announce: true, ownIncluded: true, members: ids });
    expect(follower.decide(others(b), 10)).toBeNull();
  });

  it('[R3] waits for everybody, closes after the grace without the missing, and never without half', () => {
    const leader = groupOf(a);
    leader.addOwn(update(a), 0);
    expect(leader.decide(others(a), 0)).toBeNull();
    leader.addUpdate(b, update(b), 100);
    expect(leader.decide(others(a), 100)).toBeNull();
    const deadline = leader.nextDeadlineMs(others(a));
    expect(deadline).toBe(100 + 5_000);
    expect(leader.decide(others(a), deadline - 1)).toBeNull();
    expect(authorsOf(leader.decide(others(a), deadline))).toEqual([a, b]);
  });

  it('[R3] a lone update among many idle members is not held up for ever', () => {
    const leader = groupOf(a);
    leader.addOwn(update(a), 0);
    leader.decide(others(a), 0);
    const patience = leader.nextDeadlineMs(others(a));
    expect(leader.decide(others(a), patience)).toBeNull();
    expect(authorsOf(leader.decide(others(a), leader.nextDeadlineMs(others(a))))).toEqual([a]);
  });

  it('[R3] a member that died is not waited for', () => {
    const leader = groupOf(a);
    leader.addOwn(update(a), 0);
    leader.addUpdate(b, update(b), 1);
    expect(authorsOf(leader.decide(others(a, [c, d]), 1))).toEqual([a, b]);
  });

  it('[R5] when the leader dies the next one in order leads at once', () => {
    const second = groupOf(b);
    second.addOwn(update(b), 0);
    for (const id of [c, d]) second.addUpdate(id, update(id), 1);
    expect(second.decide(others(b), 2)).toBeNull();
    expect(authorsOf(second.decide(others(b, [a]), 2))).toEqual([b, c, d]);
  });

  it('[R5] a silent leader is replaced after its time, not before', () => {
    const second = groupOf(b);
    second.addOwn(update(b), 0);
    for (const id of [c, d]) second.addUpdate(id, update(id), 1);
    expect(second.decide(others(b), 1)).toBeNull();
    const deadline = second.nextDeadlineMs(others(b));
    expect(second.decide(others(b), deadline - 1)).toBeNull();
    // It is the leader now and has everything but the silent one's update: its own grace has passed long ago.
    expect(authorsOf(second.decide(others(b), deadline))).toEqual([b, c, d]);
  });
});

describe('following a commit', () => {
  it('[R10] applies exactly what is listed, also without our own update', () => {
    const follower = groupOf(b);
    follower.addOwn(update(b), 0);
    for (const id of [a, c, d]) follower.addUpdate(id, update(id), 1);
    expect(follower.addCommit(a, commit(a, [a, c]))).toBeNull();
    const decision = follower.decide(others(b), 2);
    expect(authorsOf(decision)).toEqual([a, c]);
    expect(decision).toMatchObject({ ownIncluded: false, announce: false, graceMs: 500 });
  });

  it('[R10] pulls what it lacks, from the leader first, then from the author, then fetches the state', () => {
    const follower = groupOf(b);
    follower.addOwn(update(b), 0);
    follower.addCommit(a, commit(a, [b, c]));
    expect(follower.decide(others(b), 0)).toEqual({ kind: 'pull', wanted: [{ from: a, author: c }] });
    expect(follower.decide(others(b), 999)).toBeNull();
    expect(follower.decide(others(b), 1_000)).toEqual({ kind: 'pull', wanted: [{ from: c, author: c }] });
    expect(follower.decide(others(b), 2_000)).toEqual({ kind: 'resync', from: a, why: 'missing-update' });
  });

  it('[R2] a pulled update counts from anybody if its checksum is the listed one', () => {
    const follower = groupOf(b);
    follower.addOwn(update(b), 0);
    expect(follower.addUpdate(a, update(c), 0)).toBe('not-author');
    follower.addCommit(a, commit(a, [b, c]));
    expect(follower.addUpdate(a, update(c, { crc: 1 }), 0)).toBe('not-author');
    expect(follower.addUpdate(a, update(c), 0)).toBeNull();
    expect(authorsOf(follower.decide(others(b), 1))).toEqual([b, c]);
  });

  it('[R7] goes over to another anchor only if not more of us stand on ours', () => {
    const alone = groupOf(b);
    alone.addOwn(update(b), 0);
    alone.addCommit(a, commit(a, [a, c, d], { anchor: '00000000000000bb' }));
    expect(alone.decide(others(b), 1)).toEqual({ kind: 'resync', from: a, why: 'other-anchor' });
    const many = groupOf(b);
    many.addOwn(update(b), 0);
    for (const id of [c, d]) many.addUpdate(id, update(id), 0);
    many.addCommit(a, commit(a, [a], { anchor: '00000000000000bb' }));
    expect(many.decide(others(b), 1)).toBeNull();
    expect(authorsOf(many.decide(others(b), many.nextDeadlineMs(others(b))))).toEqual([b, c, d]);
  });

  it('[R6] of two commits of one round the earlier leader wins, also after the later one was applied', () => {
    const follower = groupOf(c);
    follower.addOwn(update(c), 0);
    for (const id of [a, b, d]) follower.addUpdate(id, update(id), 0);
    follower.addCommit(b, commit(b, [b, c]));
    const decision = follower.decide(others(c), 1);
    expect(authorsOf(decision)).toEqual([b, c]);
    if (decision?.kind !== 'close') throw new Error('no close');
    follower.advance({ ...head, round: 5, fingerprint: '00000000000000cc' }, decision, 2);
    expect(follower.addCommit(a, commit(a, [a, b, c, d]))).toBeNull();
    expect(follower.decide(others(c), 3)).toEqual({ kind: 'resync', from: a, why: 'other-anchor' });
  });

  it('[R6] the same list from an earlier leader is no conflict', () => {
    const follower = groupOf(c);
    follower.addOwn(update(c), 0);
    follower.addUpdate(b, update(b), 0);
    follower.addCommit(b, commit(b, [b, c]));
    const decision = follower.decide(others(c), 1);
    if (decision?.kind !== 'close') throw new Error('no close');
    follower.advance({ ...head, round: 5 }, decision, 2);
    follower.addCommit(a, commit(a, [b, c]));
    expect(follower.decide(others(c), 3)).toBeNull();
  });
});

describe('strangers', () => {
  it.each([
    ['old-round', update(c, { round: 3 })],
    ['future-round', update(c, { round: 21 })],
    ['other-anchor', update(c, { anchor: '00000000000000bb' })],
    ['not-author', update(b)],
    ['update-wrong-count', update(c, { encoded: encodeUpdate('int8', new Float32Array(COUNT + 1)) })],
    ['update-bad-scheme', update(c, { encoded: encodeUpdate('fp32', new Float32Array(COUNT)) })],
  ])('[R2] %s changes nothing', (reason, frame) => {
    const group = groupOf(b);
    expect(group.addUpdate(c, frame, 0)).toBe(reason);
    expect(group.updateCount).toBe(0);
  });

  it('[R2] an author has one update a round: the same again is a duplicate, another one equivocation', () => {
    const group = groupOf(b);
    expect(group.addUpdate(c, update(c), 0)).toBeNull();
    expect(group.addUpdate(c, update(c), 1)).toBe('duplicate');
    expect(group.addUpdate(c, update(c, { crc: 99 }), 1)).toBe('equivocation');
  });

  it('[R2] a commit counts only from the leader that signs it', () => {
    expect(groupOf(b).addCommit(c, commit(a, [a]))).toBe('not-leader');
  });

  it('an early update is kept for its round and dropped if it stands on another anchor', () => {
    const group = groupOf(b, [a, b]);
    group.addOwn(update(b), 0);
    group.addUpdate(a, update(a), 0);
    group.addCommit(a, commit(a, [a, b]));
    group.addUpdate(a, update(a, { round: 5, anchor: '00000000000000cc' }), 0);
    group.addUpdate(c, update(c, { round: 5, anchor: '00000000000000dd' }), 0);
    const decision = group.decide(others(b), 1);
    if (decision?.kind !== 'close') throw new Error('no close');
    group.advance({ ...head, round: 5, fingerprint: '00000000000000cc' }, decision, 2);
    expect(group.updateCount).toBe(1);
  });
});
