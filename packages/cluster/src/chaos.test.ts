import { describe, expect, it } from 'vitest';
import { CHAOS_PROFILES, chaosPlan, FAULT_KINDS, faultText, withChurn } from './chaos.ts';

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
    expect(without).toEqual(plan.filter(({ kind }) => kind !== 'cut'));
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
