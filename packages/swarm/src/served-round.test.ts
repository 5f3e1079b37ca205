import { encodeUpdate } from '@murmuration/codec';
import { idFromRandomBytes, type FrameOf, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import type { RoundDecision } from './round-decision.ts';
import { ofServerAlone, ServedRound } from './served-round.ts';

const COUNT = 8;
const [self, server, stranger] = [0, 1, 2].map(
  (n) => idFromRandomBytes('vol', new Uint8Array(26).fill(n)) as VolunteerId,
) as [VolunteerId, VolunteerId, VolunteerId];
const ANCHOR = '00000000000000aa';
const head = { term: 1, round: 4, fingerprint: ANCHOR };
const base = { runTag: 1, term: 1, round: 4 };
const update = (author: VolunteerId, changes: Partial<FrameOf<'update'>> = {}): FrameOf<'update'> => ({
  kind: 'update',
  ...base,
  author,
  sampleCount: 64,
  stepCount: 4,
  trainMs: 80,
  loss: 1,
  anchor: ANCHOR,
  slice: new Uint8Array(0),
  encoded: encodeUpdate('int8', new Float32Array(COUNT).fill(0.1)),
  crc: author === server ? 7 : 9,
  ...changes,
});
const commit = (changes: Partial<FrameOf<'commit'>> = {}): FrameOf<'commit'> => ({
  kind: 'commit',
  ...base,
  leader: server,
  ballot: 0,
  anchor: ANCHOR,
  included: [
    { author: self, crc: 9 },
    { author: server, crc: 7 },
  ],
  members: [self, server],
  graceMs: 300,
  ...changes,
});
const round = (isAsynchronous = false) =>
  new ServedRound({ self, server, codec: 'int8', parameterCount: COUNT, head, isAsynchronous });

describe('a round that a server closes', () => {
  it('[S1] [S2] is closed by the server’s one update; ours is settled if its commit lists it', () => {
    const served = round();
    served.addOwn(update(self));
    expect(served.decide()).toBeNull();
    expect(served.addUpdate(server, update(server))).toBeNull();
    expect(served.decide()).toBeNull();
    expect(served.addCommit(server, commit())).toBeNull();
    expect(served.decide()).toMatchObject({
      kind: 'close',
      round: 4,
      own: 'counted',
      updates: [{ author: server }],
    });
    expect(served.closing).toBe(true);
    served.advance({ ...head, round: 5, fingerprint: 'b'.repeat(16) }, { own: 'counted' });
    expect(served.ownUpdate).toBeUndefined();
  });

  it.each([
    ['lists another', [{ author: self, crc: 8 }]],
    ['does not list it', []],
  ])('[R11] ours stays in the residual if the commit %s', (_, own) => {
    const served = round();
    served.addOwn(update(self));
    served.addUpdate(server, update(server));
    served.addCommit(server, commit({ included: [...own, { author: server, crc: 7 }] }));
    expect(served.decide()).toMatchObject({ kind: 'close', own: 'uncounted' });
  });

  it('[S1] takes nothing of anybody else: no update, no commit', () => {
    const served = round();
    expect(served.addUpdate(stranger, update(stranger))).toBe('not-author');
    expect(served.addUpdate(server, update(stranger))).toBe('not-author');
    expect(served.addUpdate(stranger, update(server))).toBe('not-author');
    expect(served.addCommit(stranger, commit({ leader: stranger }))).toBe('not-leader');
    expect(served.addCommit(server, commit({ leader: stranger }))).toBe('not-leader');
    expect(served.decide()).toBeNull();
  });

  it('[P4] refuses an answer that is none of the run’s codec, and then has to fetch the state', () => {
    const served = round();
    const encoded = encodeUpdate('int4', new Float32Array(COUNT));
    expect(served.addUpdate(server, update(server, { encoded }))).toMatch(/^update-/);
    served.addCommit(server, commit());
    expect(served.decide()).toEqual({ kind: 'resync', from: server, why: 'other-anchor' });
  });

  it('[S3] a commit of another anchor than ours: the server is right', () => {
    const served = round();
    served.addUpdate(server, update(server));
    served.addCommit(server, commit({ anchor: 'c'.repeat(16) }));
    expect(served.decide()).toMatchObject({ kind: 'resync', from: server });
  });

  it('[R17] has the length that the server’s last word gave it', () => {
    const served = round();
    served.addUpdate(server, update(server));
    served.addCommit(server, commit({ stretch: 3 }));
    const decision = served.decide() as Extract<RoundDecision, { kind: 'close' }>;
    expect(served.stretch).toBe(1);
    served.advance({ ...head, round: 5, fingerprint: 'b'.repeat(16) }, decision);
    expect(served.stretch).toBe(3);
  });

  it('[S4] is brought forward round by round by what it has missed', () => {
    const served = round();
    for (const n of [4, 5, 6]) {
      const anchor = n === 4 ? ANCHOR : String(n).repeat(16);
      served.addUpdate(server, update(server, { round: n, anchor }));
      served.addCommit(server, commit({ round: n, anchor, included: [{ author: server, crc: 7 }] }));
    }
    for (const n of [4, 5, 6]) {
      expect(served.catchingUp).toBe(true);
      expect(served.decide()).toMatchObject({ kind: 'close', round: n, own: 'uncounted' });
      served.advance({ ...head, round: n + 1, fingerprint: String(n + 1).repeat(16) }, { own: 'uncounted' });
    }
    expect(served.decide()).toBeNull();
  });

  it('[S4] keeps no more than a limit of what lies ahead', () => {
    const served = round();
    expect(served.addUpdate(server, update(server, { round: 36 }))).toBeNull();
    expect(served.addUpdate(server, update(server, { round: 37 }))).toBe('future-round');
    expect(served.addCommit(server, commit({ round: 37 }))).toBe('future-round');
  });

  describe('in an asynchronous run', () => {
    const sent = (crc = 9) => {
      const served = round(true);
      served.addOwn(update(self, { crc }));
      return served;
    };
    const answered = (served: ServedRound, own: { author: VolunteerId; crc: number }[], n = 4) => {
      const anchor = served.head.fingerprint;
      served.addUpdate(server, update(server, { round: n, anchor }));
      served.addCommit(server, commit({ round: n, anchor, included: [...own, { author: server, crc: 7 }] }));
    };
    const closed = (served: ServedRound) => {
      const decision = served.decide();
      if (decision?.kind !== 'close') throw new Error(`decided ${decision?.kind}`);
      const next = served.head.round + 1;
      served.advance({ ...head, round: next, fingerprint: String(next).repeat(16) }, decision);
      return decision.own;
    };
    const refusal = { kind: 'refusal' as const, ...base, crc: 9 };

    it('[A3] our update is pending from commit to commit, until one lists it', () => {
      const served = sent();
      answered(served, []);
      expect(closed(served)).toBe('pending');
      expect(served.ownUpdate).toBeDefined();
      answered(served, [{ author: self, crc: 8 }], 5);
      expect(closed(served)).toBe('pending');
      answered(served, [{ author: self, crc: 9 }], 6);
      expect(closed(served)).toBe('counted');
      expect(served.ownUpdate).toBeUndefined();
    });

    it('[A3] when the server refuses it, it is settled as one that nobody counted', () => {
      const served = sent();
      expect(served.addRefusal(stranger, refusal)).toBe('not-leader');
      expect(served.addRefusal(server, { ...refusal, crc: 8 })).toBeNull();
      expect(served.ownUpdate).toBeDefined();
      expect(served.addRefusal(server, refusal)).toBeNull();
      expect(served.ownUpdate).toBeUndefined();
      answered(served, []);
      expect(closed(served)).toBe('uncounted');
    });

    it('[A3] a commit that lists it stands against a refusal that comes before it is applied', () => {
      const served = sent();
      answered(served, [{ author: self, crc: 9 }]);
      served.addRefusal(server, refusal);
      expect(closed(served)).toBe('counted');
    });

    it('[A3] is sent again, as of its own version, whenever the server says where it stands', () => {
      const served = sent();
      answered(served, []);
      closed(served);
      const again = { round: 4, update: { author: self, crc: 9 } };
      expect(served.unanswered({ round: 5 })).toMatchObject(again);
      expect(served.unanswered({ round: 9 })).toMatchObject(again);
      expect(round().unanswered({ round: 4 })).toBeNull();
      const inStep = round();
      inStep.addOwn(update(self));
      expect(inStep.unanswered({ round: 4 })).toMatchObject(again);
      expect(inStep.unanswered({ round: 5 })).toBeNull();
    });
  });

  it('[S3] a newcomer sees the server’s update alone in a commit', () => {
    expect(ofServerAlone(server, commit()).included).toEqual([{ author: server, crc: 7 }]);
  });
});
