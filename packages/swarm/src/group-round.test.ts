import { encodeSlice, encodeUpdate, sliceOf } from '@murmuration/codec';
import { DEFAULT_TRAINING, idFromRandomBytes, type FrameOf, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { CrewBook } from './crew-book.ts';
import { GroupRound } from './group-round.ts';
import type { RoundDecision } from './round-decision.ts';
import { RoundLength } from './round-length.ts';
import type { HeldUpdate } from './held-updates.ts';

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
  slice: new Uint8Array(0),
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
    ballot: 0,
    anchor: ANCHOR,
    included: authors.map((author) => ({ author, crc: update(author).crc })),
    members: ids,
    graceMs: 500,
    ...options,
  }) as FrameOf<'commit'>;
const groupOf = (self: VolunteerId, members: readonly VolunteerId[] = ids) =>
  new GroupRound({
    adapts: true,
    self,
    codec: 'int8',
    parameterCount: COUNT,
    head,
    members,
    company: members,
    crews: new CrewBook(self),
    nowMs: 0,
  });
/** Everybody else is alive, but for those who left (link closed) and those that only the coordinator lost. */
const others = (
  self: VolunteerId,
  left: readonly VolunteerId[] = [],
  suspects: readonly VolunteerId[] = [],
) => {
  const linked = new Set(ids.filter((id) => id !== self && !left.includes(id)));
  const alive = new Set([...linked].filter((id) => !suspects.includes(id)));
  return { linked, alive, gone: new Set([...left, ...suspects]), beyondCount: 0 };
};
const NOBODY = { ...others(a, ids), gone: new Set<VolunteerId>() };
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
    expect(decision).toMatchObject({ announce: true, own: 'counted', members: ids });
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
});

describe('closing a round in the place of its leader', () => {
  const BALLOT_OF_B = 1;
  /** `b` with everybody's update but the leader's. */
  const secondInLine = () => {
    const second = groupOf(b);
    second.addOwn(update(b), 0);
    for (const id of [c, d]) second.addUpdate(id, update(id), 1);
    return second;
  };
  const answer = (ballot: number) => ({ round: 4, ballot });

  it('[R5] when the leader dies the next one asks the others at once, and leads when all have answered', () => {
    const second = secondInLine();
    expect(second.decide(others(b), 2)).toBeNull();
    expect(second.decide(others(b, [a]), 2)).toEqual({ kind: 'elect', ballot: BALLOT_OF_B, ask: [c, d] });
    second.yielded(c, answer(BALLOT_OF_B));
    expect(second.decide(others(b, [a]), 3)).toBeNull();
    second.yielded(d, answer(BALLOT_OF_B));
    const decision = second.decide(others(b, [a]), 4);
    expect(authorsOf(decision)).toEqual([b, c, d]);
    expect(decision).toMatchObject({ announce: true, ballot: BALLOT_OF_B });
  });

  it('[R5] a leader that only the coordinator lost is asked too, and not waited for longer than a grace', () => {
    const second = secondInLine();
    const lost = others(b, [], [a]);
    expect(second.decide(lost, 2)).toEqual({ kind: 'elect', ballot: BALLOT_OF_B, ask: [a, c, d] });
    for (const id of [c, d]) second.yielded(id, answer(BALLOT_OF_B));
    expect(second.decide(lost, 3)).toBeNull();
    expect(authorsOf(second.decide(lost, second.nextDeadlineMs(lost)))).toEqual([b, c, d]);
  });

  it('[R5] a commit of the dead leader that one member has is passed on, and stands under the new ballot', () => {
    const third = groupOf(c);
    third.addOwn(update(c), 0);
    for (const id of [a, b, d]) third.addUpdate(id, update(id), 1);
    third.addCommit(a, commit(a, [a, b, c]));
    const applied = third.decide(others(c), 2);
    expect(authorsOf(applied)).toEqual([a, b, c]);
    const known = third.askedToYield(b, answer(BALLOT_OF_B), 3);
    expect(known).toMatchObject({ commit: { leader: a, ballot: 0 } });

    const second = secondInLine();
    second.decide(others(b, [a]), 2);
    expect(second.addCommit(c, commit(a, [a, b, c]))).toBeNull();
    expect(second.decide(others(b, [a]), 3)).toEqual({ kind: 'pull', wanted: [{ from: c, author: a }] });
    expect(second.addUpdate(c, update(a), 4)).toBeNull();
    const decision = second.decide(others(b, [a]), 5);
    expect(authorsOf(decision)).toEqual([a, b, c]);
    expect(decision).toMatchObject({ announce: true, ballot: BALLOT_OF_B });
  });

  it('[R5] who has yielded follows no lower ballot, and a leader that has yielded does not close', () => {
    const fourth = groupOf(d);
    fourth.addOwn(update(d), 0);
    expect(fourth.askedToYield(b, answer(BALLOT_OF_B), 3)).toEqual({ ballot: BALLOT_OF_B });
    expect(fourth.addCommit(a, commit(a, [a, d]))).toBe('old-ballot');
    expect(fourth.addCommit(b, commit(b, [b, d], { ballot: BALLOT_OF_B }))).toBeNull();

    const first = groupOf(a);
    first.addOwn(update(a), 0);
    for (const id of [b, c, d]) first.addUpdate(id, update(id), 1);
    expect(first.askedToYield(b, answer(BALLOT_OF_B), 3)).toEqual({ ballot: BALLOT_OF_B });
    expect(first.decide(others(a), 2)).toBeNull();
  });

  it('[R5] two candidates do not share a ballot; the lower one hears of the higher and yields or tries again', () => {
    const second = secondInLine();
    second.decide(others(b, [a]), 2);
    expect(second.askedToYield(c, answer(2), 3)).toEqual({ ballot: 2 });
    expect(second.decide(others(b, [a]), 3)).toBeNull();
    const again = secondInLine();
    again.decide(others(b, [a]), 2);
    again.yielded(d, answer(2));
    expect(again.decide(others(b, [a]), 3)).toEqual({ kind: 'elect', ballot: 33 + 1, ask: [c, d] });
  });

  it('[R5] who is asked a round early keeps its word when it gets there (was: forgotten, and a fork)', () => {
    const late = groupOf(b);
    const next = { round: 5, ballot: 2 };
    expect(late.askedToYield(c, next, 3)).toEqual({ ballot: 2 });
    late.addOwn(update(b), 4);
    late.addCommit(a, commit(a, [b], { members: [b, c, d] }));
    const closed = late.decide(others(b), 5);
    if (closed?.kind !== 'close') throw new Error('the commit closes the round');
    late.advance({ ...head, round: 5, fingerprint: '00000000000000bb' }, closed, 6);
    for (const id of [b, c, d]) late.addUpdate(id, update(id, { round: 5, anchor: '00000000000000bb' }), 7);
    late.addOwn(update(b, { round: 5, anchor: '00000000000000bb' }), 7);
    // Its rotation makes it wait for the candidate, and a ballot under the promised one is refused.
    expect(late.decide(others(b, [a]), 8)).toBeNull();
    expect(late.addCommit(d, commit(d, [d], { round: 5, anchor: '00000000000000bb' }))).not.toBeNull();
    expect(late.askedToYield(c, { round: 4 + 99, ballot: 2 }, 9)).toBeNull();
  });

  it('[R5] who is asked for a round to come and has its commit passes it on', () => {
    const late = groupOf(b);
    late.addCommit(a, commit(a, [c], { round: 5, anchor: '00000000000000bb' }));
    const known = late.askedToYield(c, { round: 5, ballot: 2 }, 3);
    expect(known).toMatchObject({ commit: { leader: a } });
  });

  it('[R5] a commit of the next round that comes while this one is applied is kept (was: lost, and a fork)', () => {
    const group = groupOf(b);
    group.addOwn(update(b), 1);
    group.addCommit(a, commit(a, [b]));
    const closed = group.decide(others(b), 2);
    if (closed?.kind !== 'close') throw new Error('the commit closes the round');
    const next = { round: 5, anchor: '00000000000000bb' };
    group.addUpdate(c, update(c, next), 3);
    expect(group.addCommit(c, commit(c, [c], { ...next, ballot: 0 }))).toBeNull();
    expect(group.addCommit(a, commit(a, [b]))).toBe('old-round');
    group.advance({ term: 1, round: 5, fingerprint: '00000000000000bb' }, closed, 4);
    expect(authorsOf(group.decide(others(b), 5))).toEqual([c]);
  });

  it('[R5] who has yielded gives the candidate its time before it tries itself (was: 2,000 ballots in a second)', () => {
    const third = groupOf(c);
    third.addOwn(update(c), 0);
    third.addUpdate(d, update(d), 1);
    third.decide(others(c), 1);
    const lateMs = third.nextDeadlineMs(others(c)) + 60_000;
    expect(third.askedToYield(b, answer(BALLOT_OF_B), lateMs)).toEqual({ ballot: BALLOT_OF_B });
    expect(third.decide(others(c), lateMs)).toBeNull();
    expect(third.nextDeadlineMs(others(c))).toBe(lateMs + 2 * 5_000 + 500);
  });

  it('[R5] a silent leader is replaced after its time, not before, and its late commit changes nothing', () => {
    const second = secondInLine();
    expect(second.decide(others(b), 1)).toBeNull();
    const deadline = second.nextDeadlineMs(others(b));
    expect(second.decide(others(b), deadline - 1)).toBeNull();
    expect(second.decide(others(b), deadline)).toMatchObject({ kind: 'elect', ask: [a, c, d] });
    for (const id of [c, d]) second.yielded(id, answer(BALLOT_OF_B));
    // The silent one is not needed: three of four have spoken.
    const votes = second.nextDeadlineMs(others(b));
    expect(authorsOf(second.decide(others(b), votes))).toEqual([b, c, d]);
    expect(second.addCommit(a, commit(a, [a]))).toBe('old-round');
  });

  it('[R6] without a majority it goes on after five seconds', () => {
    const second = secondInLine();
    second.decide(others(b), 1);
    const start = second.nextDeadlineMs(others(b));
    second.decide(others(b), start);
    const votes = second.nextDeadlineMs(others(b));
    expect(second.decide(others(b), votes)).toBeNull();
    expect(second.nextDeadlineMs(others(b))).toBe(start + 5_000);
    expect(authorsOf(second.decide(others(b), start + 5_000))).toEqual([b, c, d]);
  });

  it('[R6] a leader that reaches nobody all at once is more likely lost than they are: it waits for five seconds', () => {
    const thawed = groupOf(a);
    thawed.addOwn(update(a), 0);
    expect(thawed.decide(NOBODY, 10)).toEqual({ kind: 'elect', ballot: 33, ask: [] });
    expect(thawed.decide(NOBODY, 5_009)).toBeNull();
    expect(authorsOf(thawed.decide(NOBODY, 5_010))).toEqual([a]);
  });

  it('[R5] who is known to have left is not needed for a majority', () => {
    const last = groupOf(a);
    last.addOwn(update(a), 0);
    expect(authorsOf(last.decide(others(a, [b, c, d]), 10))).toEqual([a]);
  });

  it('[R4] a commit from a member whose turn it is not is refused', () => {
    expect(groupOf(d).addCommit(b, commit(b, [b]))).toBe('not-leader');
    expect(groupOf(d).addCommit(b, commit(b, [b], { ballot: 2 }))).toBe('not-leader');
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
    expect(decision).toMatchObject({ own: 'uncounted', announce: false, graceMs: 500 });
  });

  it('[R10] pulls what it lacks, from the leader first, then from the author; [R5] what nobody gives is no commit', () => {
    const follower = groupOf(b);
    follower.addOwn(update(b), 0);
    follower.addCommit(a, commit(a, [b, c]));
    expect(follower.decide(others(b), 0)).toEqual({ kind: 'pull', wanted: [{ from: a, author: c }] });
    expect(follower.decide(others(b), 999)).toBeNull();
    expect(follower.decide(others(b), 1_000)).toEqual({ kind: 'pull', wanted: [{ from: c, author: c }] });
    // The next in order asks everybody, as if the leader had been silent.
    expect(follower.decide(others(b), 2_000)).toMatchObject({ kind: 'elect', ask: [a, c, d] });
    expect(follower.askedToYield(c, { round: 4, ballot: 40 }, 2_001)).toEqual({ ballot: 40 });
  });

  it('[R10] does not pull for a usual exchange what its author may still be sending: it has sent us others', () => {
    const follower = groupOf(b);
    /** Four rounds whose updates come within 0.9 s of each other. */
    for (let round = 4; round < 8; round++) {
      const startMs = 2_000 * round;
      const sent = (author: VolunteerId) => update(author, { round });
      follower.addOwn(sent(b), startMs);
      [a, c, d].forEach((id, i) => follower.addUpdate(id, sent(id), startMs + 300 * (i + 1)));
      const leader = ids[round % 4]!;
      if (leader !== b) follower.addCommit(leader, commit(leader, ids, { round }));
      const closed = follower.decide(others(b), startMs + 1_000);
      if (closed?.kind !== 'close') throw new Error('it is not closed');
      follower.advance({ ...head, round: round + 1 }, closed, startMs + 2_000);
    }
    const now = 16_100;
    const at = { round: 8 };
    follower.addOwn(update(b, at), now);
    follower.addCommit(a, commit(a, [b, c], at));
    expect(follower.decide(others(b), now)).toBeNull();
    expect(follower.nextDeadlineMs(others(b))).toBe(now + 4 * 300);
    expect(follower.decide(others(b), now + 1_199)).toBeNull();
    // Who has gone sends nothing any more.
    const pull = { kind: 'pull', wanted: [{ from: a, author: c }] };
    expect(follower.decide(others(b, [], [c]), now + 1_199)).toEqual(pull);
    expect(follower.decide(others(b), now + 2_199)).toMatchObject({ wanted: [{ from: c }] });
  });

  it('[R4] a newcomer asks for the commit before its first round, and leads where that says so', () => {
    const newcomer = groupOf(a, []);
    const reach = { ...others(a), roundOf: (id: VolunteerId) => (id === d ? 3 : 4) };
    const wanted = [b, c].map((from) => ({ from, author: a }));
    expect(newcomer.decide(reach, 0)).toEqual({ kind: 'pull', wanted, round: 3 });
    const word = commit(c, ids, { round: 3, members: [a, b, c, d], graceMs: 300 });
    // Only of those who were asked, and only once.
    expect(newcomer.addCommit(d, { ...word, leader: d })).toBe('old-round');
    expect(newcomer.addCommit(b, word)).toBeNull();
    expect(newcomer.members).toEqual(ids);
    expect(newcomer.addCommit(c, { ...word, included: [], members: [b] })).toBe('old-round');
    expect(newcomer.members).toEqual(ids);
    newcomer.addOwn(update(a), 10);
    newcomer.addUpdate(b, update(b), 20);
    expect(newcomer.decide(reach, 30)).toBeNull();
    expect(newcomer.decide(reach, 330)).toMatchObject({ kind: 'close', announce: true });
  });

  it('[R5] who lists an update of ours that we did not send is not followed either', () => {
    const follower = groupOf(b);
    follower.addOwn(update(b, { crc: 77 }), 0);
    follower.addCommit(a, commit(a, [b]));
    expect(follower.decide(others(b), 0)).toMatchObject({ kind: 'elect' });
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
    expect(many.decide(others(b), 1)).toMatchObject({ kind: 'elect' });
    for (const id of [a, c, d]) many.yielded(id, { round: 4, ballot: 1 });
    expect(authorsOf(many.decide(others(b), 2))).toEqual([]);
    expect(authorsOf(many.decide(others(b), many.nextDeadlineMs(others(b))))).toEqual([b, c, d]);
  });

  it('[R7] [I13] what it asked for a commit of its own branch it forgets with it (was: awake for ever)', () => {
    const group = groupOf(d);
    group.addOwn(update(d), 0);
    for (const id of [a, b]) group.addUpdate(id, update(id), 0);
    group.addCommit(a, commit(a, [a, c]));
    expect(group.decide(others(d), 1)).toMatchObject({ kind: 'pull' });
    group.addCommit(b, commit(b, [b], { ballot: 1, anchor: '00000000000000bb' }));
    expect(group.decide(others(d), 2_000)).toBeNull();
    expect(group.nextDeadlineMs(others(d))).toBeGreaterThan(2_000);
  });

  it.each([
    ['a higher ballot with another list wins', commit(b, [b, c], { ballot: 34 }), true],
    ['the same list under a higher ballot is no conflict', commit(b, [a, b, c, d], { ballot: 34 }), false],
  ])('[R6] after a round was closed: %s', (_, second, conflicts) => {
    const follower = groupOf(c);
    follower.addOwn(update(c), 0);
    for (const id of [a, b, d]) follower.addUpdate(id, update(id), 0);
    follower.addCommit(a, commit(a, [a, b, c, d]));
    const decision = follower.decide(others(c), 1);
    if (decision?.kind !== 'close') throw new Error('no close');
    follower.advance({ ...head, round: 5, fingerprint: '00000000000000cc' }, decision, 2);
    expect(follower.addCommit(b, second)).toBeNull();
    const resync = { kind: 'resync', from: b, why: 'other-anchor' };
    expect(follower.decide(others(c), 3)).toEqual(conflicts ? resync : null);
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
    // An early one of a branch that its author left is replaced (was: an honest tab struck).
    const early = { round: 5, anchor: '00000000000000bb' };
    expect(group.addUpdate(d, update(d, early), 1)).toBeNull();
    expect(group.addUpdate(d, update(d, { ...early, crc: 98 }), 1)).toBe('equivocation');
    expect(group.addUpdate(d, update(d, { ...early, crc: 98, anchor: ANCHOR }), 1)).toBeNull();
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

describe('[R17] the length of a round', () => {
  const closeOf = (decision: RoundDecision | null) => decision as Extract<RoundDecision, { kind: 'close' }>;
  const withLength = (self: VolunteerId, length: RoundLength) => {
    const common = { adapts: true, self, codec: 'int8', parameterCount: COUNT, nowMs: 0 } as const;
    return new GroupRound({ ...common, head, members: ids, company: ids, crews: new CrewBook(self), length });
  };
  /** Each round takes 5 s from the members' updates, of ten steps of 10 ms, to the commit of the one whose turn it is. */
  const play = (rounds: number) => {
    const groups = ids.map((self) => withLength(self, new RoundLength(DEFAULT_TRAINING)));
    for (let nowMs = 5_000; nowMs <= 5_000 * rounds; nowMs += 5_000) {
      const { round, fingerprint: anchor } = groups[0]!.head;
      const of = (author: VolunteerId) => update(author, { round, anchor });
      for (const [i, group] of groups.entries()) group.addOwn(of(ids[i]!), nowMs - 5_000);
      for (const [i, group] of groups.entries())
        for (const id of ids) if (id !== ids[i]) group.addUpdate(id, of(id), nowMs);
      const first = round % ids.length;
      const word = closeOf(groups[first]!.decide(others(ids[first]!), nowMs));
      const included = word.updates.map(({ author, crc }) => ({ author, crc }));
      const said = {
        round,
        anchor,
        included,
        ...(word.stretch === undefined ? {} : { stretch: word.stretch }),
      };
      const next = { ...head, round: round + 1, fingerprint: String(round).padStart(16, '0') };
      for (const [i, group] of groups.entries()) {
        if (i !== first) group.addCommit(ids[first]!, commit(ids[first]!, [], said));
        group.advance(next, i === first ? word : closeOf(group.decide(others(ids[i]!), nowMs)), nowMs);
      }
    }
    return groups.map(({ stretch }) => stretch);
  };

  it('is what the last commit said, whoever closed it: all members have the same', () => {
    expect(play(5)).toEqual([1, 1, 1, 1]);
    expect(play(6)).toEqual([8, 8, 8, 8]);
  });

  it('of a replica that was fetched is the run’s own until it hears a commit', () => {
    const length = new RoundLength(DEFAULT_TRAINING);
    length.begin({ round: 4, stretch: 4 }, 0);
    expect(withLength(a, length).stretch).toBe(1);
  });
});

describe('a crew of a large swarm', () => {
  const crewOf = (self: VolunteerId) => {
    const crews = new CrewBook(self);
    for (let plane = 0; plane < 4; plane++)
      crews.introduced({
        type: 'introduce',
        runId: 'run_00000000000000000000000000',
        plane,
        planeCount: 4,
        peers: ids.filter((id) => id !== self),
        viaCoordinator: [],
      });
    const group = new GroupRound({
      adapts: true,
      self,
      codec: 'int8',
      parameterCount: COUNT,
      head,
      members: [],
      company: [],
      crews,
      nowMs: 0,
    });
    group.addOwn(update(self), 0);
    return group;
  };
  const range = sliceOf(4, COUNT);
  const fromElsewhere = (author: VolunteerId) =>
    update(author, {
      anchor: '00000000000000bb',
      slice: encodeSlice(new Float32Array(COUNT).fill(0.5), range),
    });

  it('[R13] averages updates of other anchors when everybody has come, without a leader and without a word', () => {
    const member = crewOf(c);
    for (const id of [a, b]) expect(member.addUpdate(id, fromElsewhere(id), 1)).toBeNull();
    expect(member.decide(others(c), 1)).toBeNull();
    expect(member.addUpdate(d, fromElsewhere(d), 2)).toBeNull();
    const decision = member.decide(others(c), 2);
    expect(authorsOf(decision)).toEqual([a, b, c, d]);
    expect(decision).toMatchObject({ announce: false, own: 'counted' });
    expect(member.addCommit(a, commit(a, [a]))).toBe('old-round');
  });

  it('[R13] after half and the grace it goes on without the missing, at once when most are beyond the round', () => {
    const member = crewOf(c);
    member.addUpdate(a, fromElsewhere(a), 1);
    expect(member.decide(others(c), 1)).toBeNull();
    expect(authorsOf(member.decide({ ...others(c), beyondCount: 3 }, 1))).toEqual([a, c]);
    const patient = crewOf(c);
    patient.addUpdate(a, fromElsewhere(a), 1);
    patient.decide(others(c), 1);
    expect(authorsOf(patient.decide(others(c), patient.nextDeadlineMs(others(c))))).toEqual([a, c]);
  });

  it('[R2] an update without a slice that fits the round changes nothing', () => {
    const member = crewOf(c);
    expect(member.addUpdate(a, update(a), 1)).toBe('no-slice');
    expect(member.addUpdate(a, { ...fromElsewhere(a), slice: new Uint8Array(500) }, 1)).not.toBeNull();
    expect(member.updateCount).toBe(1);
  });
});
