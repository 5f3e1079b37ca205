import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Attendance } from './attendance.ts';
import { NO_TOTALS } from './ledger-state.ts';

const IDS = ['a', 'b', 'c', 'd'];
const FINGERPRINT = '0'.repeat(16);

type Step = readonly [what: number, who: number, term: number, round: number];
const anyStep = fc.tuple(fc.nat(7), fc.nat(IDS.length - 1), fc.nat(2), fc.nat(3));

function take(attendance: Attendance, [what, who, term, round]: Step): void {
  const id = IDS[who]!;
  switch (what) {
    case 0:
      attendance.enter(id, NO_TOTALS, 0);
      return;
    case 1:
      attendance.leave(id);
      return;
    case 2:
      attendance.becomeReady(id);
      return;
    case 3:
      attendance.stand(id, { term, round, fingerprint: FINGERPRINT });
      return;
    case 4:
      attendance.stand(id, null);
      return;
    case 5:
      attendance.toldToJoin(id, round === 0 ? null : term);
      return;
    case 6:
      if (!attendance.present.has(id)) attendance.expect(id);
      return;
    default:
      attendance.judge(term, round);
  }
}

describe('attendance', () => {
  it('[C2] what is kept up to date is what looking at everybody would give', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const attendance = new Attendance();
        const members = new Set<string>();
        let term = 0;
        for (const step of steps) {
          take(attendance, step);
          if (step[0] === 7) term = step[2];
          const all = [...attendance.present].map(([id, presence]) => ({ id, presence }));
          const holders = all.filter(({ presence }) => attendance.isHolder(presence));
          const strangers = all.filter(({ presence }) => presence.ready && !attendance.isHolder(presence));
          expect(attendance.readyCount).toBe(all.filter(({ presence }) => presence.ready).length);
          expect(attendance.holderCount).toBe(holders.length);
          expect(attendance.holders().map(({ id }) => id)).toEqual(holders.map(({ id }) => id));
          expect(attendance.front).toBe(Math.max(0, ...holders.map(({ presence }) => presence.head!.round)));
          expect(attendance.strangers()).toEqual(strangers);
          expect(attendance.untold()).toEqual(strangers.filter(({ presence }) => presence.joinTold !== term));
          const { gone, come } = attendance.takeMoved();
          for (const id of gone) expect(members.delete(id)).toBe(true);
          for (const id of come) expect(members.size).toBeLessThan(members.add(id).size);
          const ready = all.filter(({ presence }) => presence.ready).map(({ id }) => id);
          expect([...members].sort()).toEqual([...attendance.awaited, ...ready].sort());
        }
      }),
    );
  });
});
