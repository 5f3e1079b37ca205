import { DEFAULT_TRAINING, type Training, type TrainingWish } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { crowdOf, type KnownTab } from './known-crowd.ts';
import { chosenBy, planRun, planView, type PlannedRun } from './plan-run.ts';

const TAB: KnownTab = {
  isPathless: false,
  rttMs: null,
  uplinkMbit: null,
  stepsPerSecond: 0,
  runId: null,
  isSameWork: false,
};
const tabs = (count: number, of: (i: number) => Partial<KnownTab> = () => ({})): KnownTab[] =>
  Array.from({ length: count }, (_, i) => ({ ...TAB, ...of(i) }));
const run = (wish: TrainingWish, change: Partial<PlannedRun> = {}): PlannedRun => {
  const { strategy: _, ...knobs } = wish;
  return {
    training: { ...DEFAULT_TRAINING, ...knobs } as Training,
    wish,
    parameterCount: 100_000,
    isText: false,
    activationBytes: 1e6,
    shardBytes: 1e6,
    stepRangeMs: [5, 200],
    tabs: tabs(16),
    limits: { volunteerMbit: 20, totalMbit: 200, averagingBytes: 1e9 },
    ...change,
  };
};
const planned = (wish: TrainingWish, change: Partial<PlannedRun> = {}) => {
  const plan = planRun(run(wish, change));
  if ('refused' in plan) throw new Error(plan.refused.join('; '));
  return plan;
};

describe('the crowd that a run is planned for', () => {
  const facts = { peersMin: 1, stepRangeMs: [5, 200] as const };

  it('is that which is connected, as far as it is known', () => {
    const { crowd, assumed } = crowdOf(
      tabs(8, (i) => ({
        isPathless: i < 2,
        rttMs: 10 * i,
        stepsPerSecond: 5 + 5 * i,
        runId: 'a',
        isSameWork: true,
      })),
      facts,
    );
    expect(crowd).toMatchObject({ tabs: 8, pathlessShare: 0.25, roundTripMs: 40, stepMs: 25, speedRatio: 8 });
    expect(assumed).toEqual([expect.stringContaining('home lines of 10 Mbit/s')]);
  });
  it('[C5] has the line that all but a tenth have, measured where it was', () => {
    const measured = (mbit: readonly (number | null)[]) =>
      crowdOf(
        tabs(mbit.length, (i) => ({ rttMs: 50, uplinkMbit: mbit[i]! })),
        facts,
      );
    expect(measured([40, 0.5, 60]).crowd).toMatchObject({ uplinkMbit: 0.5, downlinkMbit: 10 });
    expect(measured([50, 50, 60, 80]).crowd).toMatchObject({ uplinkMbit: 50, downlinkMbit: 50 });
    expect(measured([50, 50, 60, 80]).assumed.join()).not.toContain('Mbit/s up');
    // One of ten is left behind.
    expect(measured([0.5, ...Array<number>(9).fill(4)]).crowd.uplinkMbit).toBe(4);
    // Who was not measured is taken for what its round trips say.
    const mixed = measured([5, null, 60, 80]);
    expect(mixed.crowd.uplinkMbit).toBe(10);
    expect(mixed.assumed.join()).toContain(
      'for the 1 of 4 tabs whose line was not measured home lines of 10 Mbit/s up',
    );
    // One tab is no crowd.
    expect(measured([0.5]).crowd.uplinkMbit).toBe(10);
  });
  it('[C5] is not what one of four and more says of itself, which is told (was: its word stood for all)', () => {
    const facts8 = (of: (i: number) => Partial<KnownTab>) =>
      crowdOf(
        tabs(8, (i) => ({ rttMs: 50, uplinkMbit: 10, stepsPerSecond: 10, isSameWork: true, ...of(i) })),
        facts,
      );
    const thin = facts8((i) => (i === 3 ? { uplinkMbit: 0.001 } : {}));
    expect(thin.crowd.uplinkMbit).toBe(10);
    expect(thin.assumed).toContain(
      'the run need not wait for the 1 of 8 tabs with the thinnest lines, from 0.001 Mbit/s up',
    );
    const honest = facts8(() => ({}));
    const fast = facts8((i) => (i === 3 ? { stepsPerSecond: 1e6 } : {}));
    expect(fast.crowd).toEqual(honest.crowd);
    expect(fast.assumed).toContain(
      'a tab that says 1000000 steps a second counts as one of 10, as the others do not bear it out',
    );
    const slow = facts8((i) => (i === 3 ? { stepsPerSecond: 0.2 } : {}));
    expect(slow.crowd.speedRatio).toBeCloseTo(3);
    expect(honest.assumed.join()).not.toMatch(/counts as one|need not wait/);
  });
  it('is assumed while fewer than two are connected, and says so', () => {
    for (const connected of [0, 1]) {
      const { crowd, assumed } = crowdOf(tabs(connected), facts);
      expect(crowd).toMatchObject({ tabs: 8, pathlessShare: 0 });
      expect(assumed[0]).toContain('8 tabs take part');
    }
    expect(crowdOf(tabs(3), { ...facts, peersMin: 12 }).crowd.tabs).toBe(12);
  });
  it('has the ratio of speeds from the run that most are in: speeds of two runs do not compare', () => {
    const mixed = [
      ...tabs(3, (i) => ({ stepsPerSecond: 10 + 5 * i, runId: 'a' })),
      ...tabs(2, (i) => ({ stepsPerSecond: 1_000 + i, runId: 'b' })),
    ];
    const { crowd, assumed } = crowdOf(mixed, facts);
    expect(crowd.speedRatio).toBe(2);
    expect(assumed.join()).toContain('a step takes');
  });
  it('has lines of the kind that its round trips are of', () => {
    const uplink = (rttMs: number) =>
      crowdOf(
        tabs(4, () => ({ rttMs })),
        facts,
      ).crowd.uplinkMbit;
    expect([1, 50, 150].map(uplink)).toEqual([100, 10, 3]);
  });
  it('of ten thousand tabs is known in no time that anybody would notice', () => {
    const { crowd } = crowdOf(
      tabs(10_000, (i) => ({ stepsPerSecond: 1 + (i % 7), runId: 'a' })),
      facts,
    );
    expect(crowd).toMatchObject({ tabs: 10_000, speedRatio: 7 });
  });
});

describe('strategy: auto', () => {
  it.each([
    ['a line of 1 kbit/s', { uplinkMbit: 0.001 }],
    ['a million steps a second', { stepsPerSecond: 1e6 }],
  ])('is the same with one of eight that says %s of itself', (_, lie) => {
    const eight = (of: Partial<KnownTab>) =>
      tabs(8, (i) => ({
        ...{ rttMs: 50, uplinkMbit: 10, stepsPerSecond: 20, runId: 'a', isSameWork: true },
        ...(i === 3 ? of : {}),
      }));
    const chosen = (of: Partial<KnownTab>) => planned({ strategy: 'auto' }, { tabs: eight(of) }).choice.best;
    expect(chosen(lie)).toEqual(chosen({}));
  });
  it('chooses what the researcher left out, and says for whom, why and what it assumed', () => {
    const plan = planned({ strategy: 'auto' });
    // It is central, and a server has no groups.
    expect(plan.chosen).toEqual(['architecture', 'schedule', 'localSteps', 'codec']);
    const { knobs, why } = chosenBy(plan);
    expect(knobs).toMatchObject(plan.choice.best.strategy);
    expect(knobs.schedule).toMatch(/^a?synchronous$/);
    expect(why[0]).toMatch(/^For 16 tabs, 10 Mbit\/s up/);
    expect(why.join('\n')).toMatch(/Assumed: home lines of 10 Mbit\/s/);
  });
  it('keeps what is set beside it, whatever that is', () => {
    for (const set of [
      { codec: 'fp16' },
      { localSteps: 7 },
      { architecture: 'central' },
      { localSteps: 3, codec: 'int8' },
    ] as const) {
      const plan = planned({ strategy: 'auto', ...set });
      expect(plan.choice.best.strategy).toMatchObject(set);
      expect(chosenBy(plan).knobs).not.toHaveProperty(Object.keys(set)[0]!);
    }
  });
  it('looks only at what goes with the rest of the run, and says what it does not plan', () => {
    for (const wish of [
      { strategy: 'auto', schedule: 'asynchronous' },
      { strategy: 'auto', maxStaleness: 4 },
    ] as const) {
      const plan = planned(wish);
      expect(plan.choice.best.strategy).toMatchObject({ architecture: 'central', schedule: 'asynchronous' });
      expect(chosenBy(plan).why[1]).toContain('tabs that freeze');
      expect(plan.choice.refused.join()).toMatch(/asynchronous needs|belongs to schedule/);
    }
    const gradients = planned({ strategy: 'auto', exchange: 'gradients', optimiser: 'sgd' });
    expect(gradients.choice.best.strategy.localSteps).toBe(1);
    expect(chosenBy(gradients).why[1]).toContain('exchange: gradients is not planned');
  });
  it('[R13] chooses a group where there is no server: a number, or as the number of tabs says', () => {
    const peers = { strategy: 'auto', architecture: 'decentralised' } as const;
    const knobsOf = (wish: TrainingWish, change: Partial<PlannedRun> = {}) => {
      const plan = planned(wish, change);
      return { chosen: plan.chosen, ...chosenBy(plan).knobs };
    };
    const few = knobsOf(peers);
    expect(few.chosen).toContain('group');
    expect(few.group).toBe('auto');
    const thin = tabs(48, () => ({ rttMs: 50, uplinkMbit: 2 }));
    const many = { tabs: thin, parameterCount: 2_000_000 };
    expect(knobsOf(peers, many).group).toBe(4);
    expect(knobsOf({ ...peers, group: 'auto' }, many)).not.toHaveProperty('group');
    // What is set stays, and tiers are groups of their own.
    const { choice } = planned({ ...peers, group: 8 }, many);
    expect(choice.best.strategy.group).toBe(8);
    const tiered = knobsOf({ ...peers, tiers: 'auto' }, { tabs: tabs(20) });
    expect(tiered.chosen).not.toContain('group');
  });
  it('is hybrid at most where tabs have no way to their peers', () => {
    const half = tabs(16, (i) => ({ isPathless: i % 2 === 0 }));
    const peers = { strategy: 'auto', codec: 'int8', localSteps: 1 } as const;
    const architectures = (of: readonly KnownTab[]) =>
      new Set(
        planned(peers, { tabs: of }).choice.others.map(({ strategy: { architecture } }) => architecture),
      );
    expect(architectures(tabs(16))).not.toContain('hybrid');
    expect(architectures(half)).toContain('hybrid');
  });
  it('chooses neither central nor hybrid where the coordinator passes nothing on', () => {
    const limits = { volunteerMbit: 0, totalMbit: 200, averagingBytes: 1e9 };
    const plan = planned({ strategy: 'auto' }, { limits });
    expect(plan.choice.best.strategy.architecture).toBe('decentralised');
    expect(plan.choice.refused).toContainEqual(expect.stringContaining('--relay-volunteer-mbit'));
  });
  it('that finds nothing gives its reasons instead', () => {
    const plan = planRun(run({ strategy: 'auto', codec: 'fp32' }, { parameterCount: 5e7 }));
    expect('refused' in plan && plan.refused.join()).toContain('a tab may take');
  });
});

describe('a run whose strategy is set by hand', () => {
  it('is foretold as it stands: bytes, memory, time, and tabs worth having', () => {
    const facts = run({ codec: 'int8', localSteps: 7 });
    const view = planView(facts, planned(facts.wish));
    expect(view).toMatchObject({ chosen: [], architecture: 'decentralised', localSteps: 7, codec: 'int8' });
    expect(view.upBytesPerHour).toBeGreaterThan(view.upBytes);
    expect(view.returns.map(({ tabs: count }) => count).slice(0, 3)).toEqual([1, 2, 4]);
    expect(view.tabsWorthHaving).toBeGreaterThan(1);
    expect(view.assumed.join('\n')).toMatch(
      /home lines of 10.*\n.*one tab alone needs 551 steps.*\nthe critical/s,
    );
  });
  it('[R13] with a group is foretold with it', () => {
    const [grouped, plain] = ([{ group: 4 }, {}] as const).map((wish) => {
      const facts = run({ codec: 'int8', localSteps: 7, ...wish });
      return planView(facts, planned(facts.wish));
    });
    expect([grouped!.group, plain!.group]).toEqual([4, null]);
    expect(grouped!.upBytes).toBeLessThan(0.4 * plain!.upBytes);
    expect(grouped!.why[0]).toContain('16 tabs train in groups of about 5');
  });
  it('that exchanges something else, or in tiers, is not foretold, which is said', () => {
    expect(planRun(run({ tiers: 'auto' }))).toEqual({
      refused: [expect.stringContaining('tiers, because which tabs')],
    });
    expect(planRun(run({ exchange: 'parameters', codec: 'fp32' }))).toEqual({
      refused: [expect.stringContaining('exchange: parameters')],
    });
  });

  it('counts the versions of a run without rounds, as its page does', () => {
    for (const [schedule, versions] of [['synchronous', 1] as const, ['asynchronous', 4] as const]) {
      const change = run({
        strategy: 'auto',
        architecture: 'central',
        schedule,
        codec: 'int8',
        localSteps: 8,
      });
      const plan = planned(change.wish);
      const { rounds, roundMs, upBytes } = planView(change, plan);
      const { best } = plan.choice;
      expect(rounds).toBeCloseTo(versions * best.rounds);
      expect(roundMs).toBeCloseTo(best.cost.roundMs / versions);
      expect(upBytes).toBe(Math.round(best.cost.upBytes / versions));
    }
  });
});
