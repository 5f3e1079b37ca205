import { idFromRandomBytes, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { membersAfter } from './commit.ts';
import { NextMembers } from './next-members.ts';

const ids = [0, 1, 2, 3].map((n) => idFromRandomBytes('vol', new Uint8Array(26).fill(n)) as VolunteerId);
const [a, b, c, d] = ids as [VolunteerId, VolunteerId, VolunteerId, VolunteerId];
const NOBODY: ReadonlySet<VolunteerId> = new Set();

describe('the members of the next round', () => {
  it('[R3] who is here and sent nothing three times in a row is not waited for, until it sends again', () => {
    const members = new NextMembers();
    for (let round = 0; round < 3; round++) {
      expect(members.of([b, a], ids, NOBODY)).toEqual([a, b]);
      members.closed([a, b], (id) => id === a, false);
    }
    expect(members.of([b, a], ids, NOBODY)).toEqual([a]);
    expect([a, b, c].filter((id) => members.isSilent(id))).toEqual([b]);
    members.closed([a, b], () => true, false);
    expect(members.of([b, a], ids, NOBODY)).toEqual([a, b]);
  });

  it('[R6] a minority keeps those that it misses, but for those who left, and for twelve rounds', () => {
    const members = new NextMembers();
    for (let round = 1; round < 12; round++) {
      members.closed([a], () => true, true);
      expect(members.of([a], ids, new Set([d]))).toEqual([a, b, c]);
    }
    members.closed([a], () => true, true);
    expect(members.of([a], ids, NOBODY)).toEqual([a]);
    members.closed([a], () => true, false);
    members.closed([a], () => true, true);
    expect(members.of([a], ids, NOBODY)).toEqual(ids);
  });

  it('[R4] whose update a commit lists is a member, whatever its leader says', () => {
    const included = [a, b].map((author) => ({ author, crc: 1 }));
    expect(membersAfter({ members: [c], included })).toEqual([a, b, c]);
    expect(membersAfter({ members: [a, b, d], included })).toEqual([a, b, d]);
  });
});
