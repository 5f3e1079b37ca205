import { describe, expect, it } from 'vitest';
import { CHAOS_PROFILES, chaosPlan, FAULT_KINDS, faultText, withChurn, type Fault } from './chaos.ts';

const HOUR = { seatCount: 4, endMs: 3_600_000 };

describe('seeded chaos', () => {
  it('is the same for the same seed, another for another', () => {
    const plan = chaosPlan(CHAOS_PROFILES.storm, { seed: 7, ...HOUR });
    expect(chaosPlan(CHAOS_PROFILES.storm, { seed: 7, ...HOUR })).toEqual(plan);
    expect(chaosPlan(CHAOS_PROFILES.storm, { seed: 8, ...HOUR })).not.toEqual(plan);
  });

  it('a storm has every kind of fault, at about its rate, on every seat', () => {
    const plan = chaosPlan(CHAOS_PROFILES.storm, { seed: 7, ...HOUR });
    for (const kind of Object.keys(FAULT_KINDS) as (keyof typeof FAULT_KINDS)[]) {
      const count = plan.filter((fault) => fault.kind === kind).length;
      expect(count, kind).toBeGreaterThan(60 * CHAOS_PROFILES.storm[kind] * 0.4);
      expect(count, kind).toBeLessThan(60 * CHAOS_PROFILES.storm[kind] * 1.9);
    }
    expect(new Set(plan.map(({ seat }) => seat))).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(plan.map(({ atMs }) => atMs)).toEqual(plan.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
  });

  it('one kind switched off does not move the others', () => {
    const plan = chaosPlan(CHAOS_PROFILES.storm, { seed: 3, ...HOUR });
    const without = chaosPlan({ ...CHAOS_PROFILES.storm, cut: 0 }, { seed: 3, ...HOUR });
    const isOrdinary = ({ kind }: Fault) => !['cut', 'sign-flip', 'nan', 'garbage'].includes(kind);
    expect(without.filter(isOrdinary)).toEqual(plan.filter(isOrdinary));
    // Of hostile ones the seat may be another.
    const when = ({ kind, atMs }: Fault) => `${kind} ${atMs}`;
    expect(without.map(when)).toEqual(plan.filter(({ kind }) => kind !== 'cut').map(when));
  });

  it('a hostile fault whose seat has another strikes a free one, while there is one', () => {
    const hostile = (plan: readonly Fault[]) =>
      plan.filter(({ kind }) => kind === 'sign-flip' || kind === 'nan' || kind === 'garbage');
    /** How many strike a seat that an earlier fault still holds, as long as it lasts by the plan. */
    const doubled = (plan: readonly Fault[]) =>
      hostile(plan).filter((one) =>
        plan.some(
          (other) =>
            other.atMs < one.atMs &&
            other.atMs + other.durationMs > one.atMs &&
            (other.seat === one.seat || (other.kind === 'cut-pair' && other.strength === one.seat)),
        ),
      ).length;
    const counts = [1, 2, 3, 4, 5].map((seed) => {
      const plan = chaosPlan(CHAOS_PROFILES.storm, { seed, ...HOUR });
      return { doubled: doubled(plan), hostile: hostile(plan).length };
    });
    const sum = (of: 'doubled' | 'hostile') => counts.reduce((total, count) => total + count[of], 0);
    expect(sum('hostile')).toBeGreaterThan(150);
    expect(sum('doubled') / sum('hostile')).toBeLessThan(0.05);
    // With ten times as many faults no seat is ever free; nothing is lost from the plan, and no seat is made up.
    const dense = Object.fromEntries(
      Object.entries(CHAOS_PROFILES.storm).map(([kind, perMinute]) => [kind, 10 * perMinute]),
    ) as typeof CHAOS_PROFILES.storm;
    const plan = chaosPlan(dense, { seed: 1, ...HOUR });
    expect(hostile(plan).length).toBeGreaterThan(350);
    expect(plan.every(({ seat }) => seat >= 0 && seat <= 4)).toBe(true);
  });

  it('none is none; --churn 0.3 is 0.3 of the tabs a minute, killed and closed', () => {
    expect(chaosPlan(CHAOS_PROFILES.none, { seed: 1, ...HOUR })).toEqual([]);
    const churn = chaosPlan(withChurn(CHAOS_PROFILES.none, 0.3, 4), { seed: 1, ...HOUR });
    expect(churn.length).toBeGreaterThan(50);
    expect(churn.length).toBeLessThan(95);
    expect(new Set(churn.map(({ kind }) => kind))).toEqual(new Set(['kill', 'close']));
  });

  it('reads as a line', () => {
    expect(faultText({ kind: 'clog', atMs: 1, seat: 2, durationMs: 5_250, strength: 1.5 })).toBe(
      'tab 2: clog to 1.5 Mbit/s for 5.3 s',
    );
    expect(faultText({ kind: 'lose-device', atMs: 1, seat: 2, durationMs: 0, strength: 0 })).toBe(
      'tab 2: lose-device',
    );
  });
});
