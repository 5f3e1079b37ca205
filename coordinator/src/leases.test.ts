import { describe, expect, it } from 'vitest';
import { Rehearsal, RUN_ID, runSetup, volunteer } from '../testing/run.ts';

const start = (training = {}, shardCount = 4) => new Rehearsal(runSetup(training, shardCount));

describe('leases', () => {
  it('[I-3] a volunteer holds two leases and no third', () => {
    const run = start();
    run.ready(1);
    expect(run.lease(1)?.generation).toBe(1);
    expect(run.lease(1, 1)?.shard.index).toBe(1);
    expect(run.lease(1, 2)).toBeNull();
    expect(run.toldTo(1, 'no-lease')).toHaveLength(1);
  });

  it('[L5] a second lease leaves only when there is a shard for every volunteer that has none', () => {
    const run = start({}, 3);
    run.ready(1);
    run.ready(2);
    const first = run.lease(1)!;
    expect(run.lease(1, 1)).not.toBeNull();
    run.ready(3);
    const second = run.lease(2)!;
    expect(run.lease(3)).toBeNull();
    run.result(1, first);
    // Volunteer 1 has one; the shard went to who waited for a first.
    expect(run.toldTo(3, 'lease')).toHaveLength(1);
    expect(run.lease(1, 1)).toBeNull();
    run.result(2, second);
    expect(run.lease(1, 1)).toBeNull();
    expect(run.lease(2)).not.toBeNull();
  });

  it('[L5] with fewer shards than volunteers, who waits longest is next, and who asks no more holds nobody up', () => {
    const run = start({}, 2);
    for (const n of [1, 2, 3, 4]) run.ready(n);
    const [first, second] = [run.lease(1)!, run.lease(2)!];
    for (const n of [3, 4]) expect(run.lease(n)).toBeNull();
    run.result(1, first);
    expect([run.toldTo(3, 'lease'), run.toldTo(4, 'lease')]).toMatchObject([[{}], []]);
    expect(run.lease(1)).toBeNull();
    run.wait(10_000);
    run.result(2, second);
    expect(run.toldTo(4, 'lease')).toEqual([]);
    expect(run.lease(1)).not.toBeNull();
  });

  it('[L6] a late shard goes to who waits for a first one, and only then', () => {
    const run = start({}, 1);
    for (const n of [1, 2]) run.ready(n);
    const { ttlMs } = run.lease(1)!;
    const stay = () => [1, 2].forEach((n) => run.report(n, 0));
    for (let ms = 0; ms < ttlMs * 0.6; ms += 10_000) {
      stay();
      run.wait(10_000);
    }
    // Nobody has asked.
    expect(run.toldTo(2, 'lease')).toEqual([]);
    expect(run.lease(2)).toBeNull();
    stay();
    run.wait(1_000);
    expect(run.toldTo(2, 'lease')).toHaveLength(1);
    expect(run.ledger.state.shards[0]).toMatchObject({ lessee: volunteer(2), live: true });
    expect(run.ledger.state.events.map(({ text }) => text)).toContain(
      'shard 0 is late and goes to who has none',
    );
  });

  it('[L1] a deadline follows the pace of the clock where rounds take longer than their training (was: none was ever met)', () => {
    const leaseOf = (secondsAStep: number) => {
      const run = start();
      run.ready(1);
      for (let step = 0; step <= 30; step++) {
        run.report(1, step, { stepsPerSecond: 10, totals: { localSteps: step } });
        run.wait(1_000 * secondsAStep);
      }
      return run.lease(1)!.ttlMs;
    };
    const shardSteps = 100 / runSetup().manifest.training.batchSize;
    expect(leaseOf(0.5)).toBe(60_000);
    expect(leaseOf(30)).toBe(Math.min(900_000, Math.round(4 * 2 * 30_000 * shardSteps)));
    expect(leaseOf(30)).toBeGreaterThan(60_000);
  });

  it('[I-1] a result counts once, however often it arrives', () => {
    const run = start();
    run.ready(1);
    const lease = run.lease(1)!;
    expect(run.result(1, lease)).toBe('counted');
    expect(run.result(1, lease)).toBe('duplicate');
    run.restart();
    run.join(1);
    expect(run.result(1, lease)).toBe('duplicate');
    expect(run.ledger.state.volunteers.get(volunteer(1))?.confirmedSamples).toBe(100);
  });

  it('[I-2] when a tab vanishes its shard is leased again, and its late result is stale', () => {
    const run = start({}, 1);
    run.ready(1);
    run.ready(2);
    const first = run.lease(1)!;
    expect(run.lease(2)).toBeNull();
    run.leave(1);
    const [second] = run.toldTo(2, 'lease') as [NonNullable<ReturnType<typeof run.lease>>];
    expect(second.generation).toBe(first.generation + 1);
    run.join(1);
    expect(run.result(1, first)).toBe('stale');
    expect(run.result(2, second)).toBe('counted');
  });

  it('[I-2] a late result still counts when nobody else was given the shard', () => {
    const run = start();
    run.ready(1);
    const lease = run.lease(1)!;
    run.leave(1);
    run.join(1);
    expect(run.result(1, lease)).toBe('counted');
  });

  it('[W12] a result for another volunteer’s lease is stale and changes nothing', () => {
    const run = start();
    run.ready(1);
    run.ready(2);
    const lease = run.lease(1)!;
    expect(run.result(2, lease)).toBe('stale');
    expect(run.result(1, lease)).toBe('counted');
  });

  it('[W12] a result for a shard that does not exist, or of another size, is refused and changes nothing', () => {
    const run = start();
    run.ready(1);
    const lease = run.lease(1)!;
    const result = { type: 'lease-result', runId: RUN_ID, generation: 1 } as const;
    expect(run.say(1, { ...result, shardIndex: 99, sampleCount: 100 }).rejected?.code).toBe('bad-result');
    const wrong = run.say(1, { ...result, shardIndex: lease.shard.index, sampleCount: 99 });
    expect(wrong).toMatchObject({ records: [], messages: [], rejected: { code: 'bad-result' } });
  });

  it('a lease that passed its deadline goes to somebody else', () => {
    const run = start({}, 1);
    run.ready(1);
    run.ready(2);
    const lease = run.lease(1)!;
    run.wait(lease.ttlMs - 1);
    expect(run.lease(2)).toBeNull();
    run.wait(1);
    expect(run.toldTo(2, 'lease')[0]?.generation).toBe(2);
  });

  it('the next epoch begins when all shards are counted, and nobody waits for the slowest one', () => {
    const run = start({}, 2);
    run.ready(1);
    run.ready(2);
    const slow = run.lease(1)!;
    for (let epoch = 1; epoch <= 3; epoch++) run.result(2, run.lease(2)!);
    expect(run.ledger.state).toMatchObject({ epoch: 0, shardsCounted: 1 });
    run.result(1, slow);
    expect(run.ledger.state).toMatchObject({ epoch: 1, shardsCounted: 1 });
  });

  it('a lease that got lost on the way is told again with the same generation', () => {
    const run = start();
    run.ready(1);
    const lost = run.lease(1)!;
    run.lease(1, 1);
    run.wait(6_000);
    const again = run.lease(1, 1)!;
    expect(again).toMatchObject({ shard: lost.shard, generation: lost.generation });
    expect(again.ttlMs).toBeLessThan(lost.ttlMs);
  });

  it('a lease that got lost is told again also when there is no second one to give', () => {
    const run = start({}, 1);
    run.ready(1);
    const lost = run.lease(1)!;
    run.wait(6_000);
    expect(run.lease(1)).toMatchObject({ shard: lost.shard, generation: lost.generation });
  });

  it('[I-24] a paused run leases nothing', () => {
    const run = start();
    run.ready(1);
    run.event({ kind: 'ordered', order: 'pause' });
    expect(run.lease(1)).toBeNull();
    run.event({ kind: 'ordered', order: 'resume' });
    expect(run.lease(1)).not.toBeNull();
  });
});
