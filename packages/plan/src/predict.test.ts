import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  averagingMaxBytes,
  CODECS,
  copiesBytes,
  DEFAULT_TRAINING,
  LIMITS,
  modelCopies,
} from '@murmuration/protocol';
import type { CoordinatorLimits, Crowd, Strategy, Task } from './crowd.ts';
import { predict } from './predict.ts';
import { TASK } from './test-task.ts';

const CROWD: Crowd = {
  tabs: 8,
  uplinkMbit: 10,
  downlinkMbit: 40,
  roundTripMs: 50,
  churnPerMinute: 0.02,
  stepMs: 100,
  speedRatio: 1,
};
const STRATEGY: Strategy = { architecture: 'decentralised', localSteps: 10, codec: 'int8' };
const LIMITS_OF_ALL: CoordinatorLimits = { volunteerMbit: 20, totalMbit: 200, averagingBytes: 1e9 };
const of = (crowd: Partial<Crowd>, strategy: Partial<Strategy> = {}, task: Partial<Task> = {}) =>
  predict({ ...TASK, ...task }, { ...CROWD, ...crowd }, { ...STRATEGY, ...strategy }, LIMITS_OF_ALL);

describe('what a round takes', () => {
  it('everybody sends to everybody: seven int8 updates of a million values, 7 MB, take 5.6 s of a 10 Mbit/s line', () => {
    const { cost } = of({});
    expect(cost.upBytes).toBeGreaterThan(7e6);
    expect(cost.upBytes).toBeLessThan(7.1e6);
    expect(cost.exchangeMs).toBeGreaterThan(5_600);
    expect(cost.bound).toBe('uplink');
  });
  it('[R9] the exchange hides behind training that takes longer', () => {
    const { cost } = of({}, { localSteps: 60 });
    expect(cost.bound).toBe('training');
    expect(cost.roundMs).toBeLessThan(6_800);
  });
  it('an averaging server takes and gives one update a tab, all through its own line', () => {
    const { cost } = of({ tabs: 64 }, { architecture: 'central' });
    expect(cost.upBytes).toBeLessThan(1.1e6);
    expect(cost.coordinatorInBytes).toBeCloseTo(64 * cost.upBytes);
    expect(cost.bound).toBe('coordinator');
    expect(of({ tabs: 1_000 }, { architecture: 'central' }).cost.grouping.tabs).toBe(LIMITS.linksMax);
  });
  it('[T6] a tab without a way to its peers sends once in a hybrid run, and to each of them in a decentralised one', () => {
    const crowd = { tabs: 16, pathlessShare: 0.25 };
    const [peers, hybrid] = [of(crowd), of(crowd, { architecture: 'hybrid' })];
    const update = of({ tabs: 16 }).cost.upBytes / 15;
    // Twelve send eleven directly and one for the four; four send one.
    expect(hybrid.cost.upBytes / update).toBeCloseTo((12 * 12 + 4) / 16, 0);
    expect(peers.cost.upBytes / update).toBeCloseTo(15, 0);
    // What is passed on is the same, what comes in is not.
    expect(hybrid.cost.coordinatorOutBytes / update).toBeCloseTo(12 * 4 + 4 * 15, 0);
    expect(peers.cost.coordinatorInBytes).toBe(peers.cost.coordinatorOutBytes);
    expect(hybrid.cost.coordinatorInBytes / update).toBeCloseTo(16, 0);
  });
  it('[T6] copies are held against the rate of whom they are of: with large updates that rate is the bound', () => {
    const crowd = { tabs: 16, pathlessShare: 0.25, uplinkMbit: 100, downlinkMbit: 100 };
    const { cost } = of(crowd, { architecture: 'hybrid' });
    expect(cost.bound).toBe('coordinator');
    expect(cost.exchangeMs).toBeGreaterThan((15 * 8 * 1.008e6) / 20e3);
    expect(of({ ...crowd, pathlessShare: 0 }, { architecture: 'hybrid' }).cost.bound).toBe('uplink');
  });
  it('more than a group holds train in crews, which send to eleven others at most, however many there are', () => {
    expect(of({ tabs: 32, churnPerMinute: 0 }).cost.grouping).toMatchObject({ kind: 'one-group', mates: 31 });
    // With churn the newcomer is there before the other is known to be gone.
    expect(of({ tabs: 32 }).cost.grouping.kind).toBe('crews');
    const [some, many] = [of({ tabs: 64 }).cost, of({ tabs: 8_192 }).cost];
    // Crews of eight take newcomers until they are twelve.
    expect(some.grouping.mates).toBeCloseTo(64 / 6 - 1, 1);
    expect(many.grouping.mates).toBeCloseTo(11, 1);
    expect(many.upBytes / some.upBytes).toBeLessThan(1.2);
  });
  it('[R13] a run with a group sends to about as many however many there are, and mixes for longer', () => {
    const quiet = { churnPerMinute: 0 };
    expect(of({ ...quiet, tabs: 8 }, { group: 8 }).cost.grouping.kind).toBe('one-group');
    const [all, eight, four] = [undefined, 8, 4].map(
      (group) => of({ ...quiet, tabs: 32 }, group === undefined ? {} : { group }).cost,
    );
    expect([all!, eight!, four!].map(({ grouping }) => grouping.mates)).toEqual([31, 32 / 3 - 1, 32 / 6 - 1]);
    expect(four!.upBytes).toBeLessThan(eight!.upBytes);
    expect(four!.exchangeMs).toBeLessThan(0.5 * all!.exchangeMs);
    expect(four!.grouping.mixingRounds).toBeGreaterThan(eight!.grouping.mixingRounds);
    const memory = (group?: number) =>
      of({ ...quiet, tabs: 32 }, group === undefined ? {} : { group }).memory.totalBytes;
    expect(memory(4)).toBeLessThan(memory());
  });
  it('[R3] rounds that train for much more than eight seconds are cut', () => {
    expect(of({ stepMs: 1_000 }, { localSteps: 8 }).cost.isCut).toBe(false);
    const { cost } = of({ stepMs: 1_000 }, { localSteps: 32 });
    expect(cost.isCut).toBe(true);
    expect(cost.trainMs).toBeLessThan(17_000);
    expect(cost.stepsATab).toBeLessThan(17);
  });
  it('[R17] a round becomes as long as its exchange takes, but in crews and where too many would leave meanwhile', () => {
    const steps = (crowd: Partial<Crowd>) => of(crowd, { localSteps: 10 }).cost.localSteps;
    // 5.6 s of exchange, steps of 100 ms.
    expect(steps({})).toBe(60);
    expect(steps({ uplinkMbit: 1_000, downlinkMbit: 1_000 })).toBe(10);
    expect(steps({ tabs: 64 })).toBe(10);
    expect(steps({ churnPerMinute: 3 })).toBe(40);
    expect(of({}, { localSteps: 10 }).cost.bound).toBe('uplink');
  });
  it('slow tabs make fewer steps: speeds 1 to 4 lose a part of the steps, not of the time', () => {
    const [even, uneven] = [of({}, { localSteps: 60 }).cost, of({ speedRatio: 4 }, { localSteps: 60 }).cost];
    expect(uneven.stepsATab).toBeLessThan(0.6 * even.stepsATab);
    expect(uneven.trainMs).toBeLessThan(1.25 * even.trainMs);
  });
  it('[R9] who evaluates is waited for while the others train ahead: only what that takes beyond training shows', () => {
    const often = { evaluateEveryRounds: 1 };
    const rarely = { evaluateEveryRounds: 1_000 };
    const long = [often, rarely].map(
      (task) => of({ uplinkMbit: 1_000 }, { localSteps: 60 }, task).cost.roundMs,
    );
    expect(long[0]).toBeCloseTo(long[1]!);
    const short = [often, rarely].map(
      (task) => of({ uplinkMbit: 1_000 }, { localSteps: 1 }, task).cost.roundMs,
    );
    expect(short[0]).toBeGreaterThan(short[1]! + 50);
    // Alone there is nobody who goes on.
    const alone = [often, rarely].map((task) => of({ tabs: 1 }, { localSteps: 60 }, task).cost.roundMs);
    expect(alone[0]).toBeGreaterThan(alone[1]! + 400);
  });
  it('a mean goes forward by a whole step, even where some of the tabs are too slow to have one in each round', () => {
    const { cost } = of({ speedRatio: 3 }, { localSteps: 1 }, { parameterCount: 1_000 });
    expect(cost.stepsATab).toBeLessThan(0.95);
    expect(cost.stepsOfMean).toBeCloseTo(1);
  });
  it('[R14] topk-auto is the largest k that the line carries', () => {
    const thin = of({ uplinkMbit: 1 }, { codec: 'topk-auto' }).cost.codec;
    const wide = of({ uplinkMbit: 100 }, { codec: 'topk-auto' }).cost.codec;
    expect(Number(thin.slice(5))).toBeLessThan(Number(wide.slice(5)));
    expect(wide).toBe('topk-1024');
  });
});

describe('a prediction', () => {
  const crowds = fc.record({
    tabs: fc.integer({ min: 1, max: 2_000 }),
    uplinkMbit: fc.double({ min: 0.1, max: 100, noNaN: true }),
    roundTripMs: fc.integer({ min: 0, max: 500 }),
    churnPerMinute: fc.double({ min: 0.001, max: 0.5, noNaN: true }),
    stepMs: fc.integer({ min: 1, max: 5_000 }),
    speedRatio: fc.double({ min: 1, max: 10, noNaN: true }),
  });
  const strategies = fc.record({
    architecture: fc.constantFrom('decentralised' as const, 'central' as const),
    localSteps: fc.integer({ min: 1, max: 200 }),
    codec: fc.constantFrom(...CODECS.filter((codec) => codec !== 'topk-auto')),
  });

  it('is finite, and never better on a thinner line, a longer way, with more churn or slower tabs', () => {
    fc.assert(
      fc.property(crowds, strategies, (crowd, strategy) => {
        const { timeMs, rounds, cost } = of(crowd, strategy);
        expect([Number.isFinite(timeMs), rounds > 0]).toEqual([true, true]);
        const worse = (changes: Partial<Crowd>) => {
          const other = of({ ...crowd, ...changes }, strategy);
          // [R17] Longer rounds may be better ones.
          return other.cost.localSteps === cost.localSteps ? other.timeMs : Infinity;
        };
        expect(worse({ uplinkMbit: crowd.uplinkMbit / 2 })).toBeGreaterThanOrEqual(timeMs);
        expect(worse({ roundTripMs: crowd.roundTripMs + 100 })).toBeGreaterThanOrEqual(timeMs);
        expect(worse({ churnPerMinute: 1.5 * crowd.churnPerMinute })).toBeGreaterThanOrEqual(timeMs);
      }),
      { seed: 2, numRuns: 300 },
    );
  });
  it('[A2] without rounds a version stands on a quarter of the tabs, of two on one: what is counted by versions comes sooner', () => {
    const way = { architecture: 'central', schedule: 'asynchronous' } as const;
    const versions = (tabs: number) => of({ tabs }, way).footing.versionsARound;
    expect([2, 3, 4, 5, 16].map(versions)).toEqual([2, 3, 4, 2.5, 4]);
    // Every second version evaluated is every tab's second step, and an evaluation takes five.
    const two = { tabs: 2, speedRatio: 1, churnPerMinute: 0 };
    const task = { evaluateEveryRounds: 10, evaluationSteps: 5, parameterCount: 1_000 };
    const { tabs, localSteps } = of(two, { ...way, localSteps: 1 }, task).footing;
    expect(tabs * localSteps).toBeCloseTo(1);
    // For three of these five steps the server counts it as at work, and the other's update for half of what moves the model.
    expect(localSteps).toBeCloseTo(1 - 0.6 / 2);
    expect(of(two, { architecture: 'central', localSteps: 1 }, task).footing.tabs).toBeCloseTo(1.5);
    // A server's answer goes through the codec once a version.
    const coarse = of({ tabs: 16 }, { ...way, codec: 'topk-64' }).footing;
    expect(coarse.answerLagRounds).toBeCloseTo(coarse.codecLagRounds / 4);
  });
  it('starts later where states take long to come to all, and in crews, which are cut while tabs come', () => {
    const started = (crowd: Partial<Crowd>) => {
      const { timeMs, rounds, cost } = of(
        { churnPerMinute: 0, tabs: 32, uplinkMbit: 1_000, ...crowd },
        { localSteps: 60, codec: 'topk-16' },
        { evaluationSteps: 0 },
      );
      return timeMs - rounds * cost.roundMs;
    };
    // 4.1 MB through 2 Mbit/s, five times one after another.
    expect(started({ uplinkMbit: 2 }) - started({})).toBeCloseTo(
      (5 * 4.1e6) / 250 - (5 * 4.1e6) / 125_000,
      0,
    );
    expect(started({ tabs: 64 }) - started({})).toBeGreaterThan(2_000);
  });
  it('ends with the evaluation that finds the loss', () => {
    const [no, five] = [0, 5].map((evaluationSteps) =>
      of({ tabs: 64 }, {}, { evaluationSteps, evaluateEveryRounds: 1e9 }),
    );
    expect(five!.timeMs - no!.timeMs).toBeCloseTo(500);
  });
  it('tells the memory of a tab by the copies that preflight states', () => {
    const { memory } = of({});
    const { parameterCount, activationBytes, shardBytes } = TASK;
    const { gpu, worker } = modelCopies({ parameterCount, training: DEFAULT_TRAINING, members: 8 });
    expect(memory.deviceBytes).toBe(copiesBytes(gpu) + activationBytes);
    expect(memory.heldBytes).toBe(copiesBytes(worker) + shardBytes);
    expect(of({}, { architecture: 'central' }).memory.heldBytes).toBeLessThan(memory.heldBytes);
  });
  it('counts what an averaging server may hold as the coordinator does', () => {
    const { parameterCount } = TASK;
    expect(of({}, { architecture: 'central' }).coordinatorBytes).toBe(
      averagingMaxBytes({ parameterCount, training: { ...DEFAULT_TRAINING, codec: 'int8' } }),
    );
    expect(of({}).coordinatorBytes).toBe(0);
  });
});
