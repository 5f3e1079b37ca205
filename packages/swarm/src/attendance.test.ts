import { idFromRandomBytes, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { Attendance } from './attendance.ts';

const ids = [0, 1, 2, 3].map((n) => idFromRandomBytes('vol', new Uint8Array(26).fill(n)) as VolunteerId);
const [a, b, c, d] = ids as [VolunteerId, VolunteerId, VolunteerId, VolunteerId];
const NOBODY: ReadonlySet<VolunteerId> = new Set();

describe('the members of the next round', () => {
  it('[R3] who is here and sent nothing three times in a row is not waited for, until it sends again', () => {
    const attendance = new Attendance();
    for (let round = 0; round < 3; round++) {
      expect(attendance.next([b, a], ids, NOBODY)).toEqual([a, b]);
      attendance.closed([a, b], (id) => id === a, false);
    }
    expect(attendance.next([b, a], ids, NOBODY)).toEqual([a]);
    attendance.closed([a, b], () => true, false);
    expect(attendance.next([b, a], ids, NOBODY)).toEqual([a, b]);
  });

  it('[R6] a minority keeps those that it misses, but for those who left, and for twelve rounds', () => {
    const attendance = new Attendance();
    for (let round = 1; round < 12; round++) {
      attendance.closed([a], () => true, true);
      expect(attendance.next([a], ids, new Set([d]))).toEqual([a, b, c]);
    }
    attendance.closed([a], () => true, true);
    expect(attendance.next([a], ids, NOBODY)).toEqual([a]);
    attendance.closed([a], () => true, false);
    attendance.closed([a], () => true, true);
    expect(attendance.next([a], ids, NOBODY)).toEqual(ids);
  });
});
