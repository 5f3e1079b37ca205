/** What the mind says must be what the wire allows: every message of whole simulated lives is held against its schema. */
import { VolunteerMessageSchema, type FrameOf } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { runTagOf } from './run-frames.ts';
import { id, Life, manifest } from './test-life.ts';

describe('what a volunteer says', () => {
  const life = new Life();
  life.begin();
  life.hear({ type: 'evaluate', runId: manifest.id, generation: 1, roundMin: 1 });
  life.lease();
  life.nowMs += 5_000.5;
  life.happen({ kind: 'tick' });
  life.happen({ kind: 'wish', wish: 'leave' });

  it('is always what the wire allows, whatever fractions and NaNs the hands report', () => {
    for (const message of life.said)
      expect([...Value.Errors(VolunteerMessageSchema, message)], message.type).toEqual([]);
  });

  it('covers hello, ready, leases, reports, evaluation and goodbye', () => {
    expect(new Set(life.said.map((message) => message.type))).toEqual(
      new Set([
        'hello',
        'heartbeat',
        'ready',
        'report',
        'lease-request',
        'lease-result',
        'evaluation',
        'leaving',
      ]),
    );
  });
});

describe('distances', () => {
  const mate = id('vol', 9);
  const words = (life: Life) => life.said.filter(({ type }) => type === 'distances');
  const measure = (life: Life) =>
    life.happen({ kind: 'links-measured', links: [{ peer: mate, roundTripMs: 1, isLocal: true }] });

  it('[N6] are said where there are tiers, once, and again to another socket', () => {
    const life = new Life();
    life.begin({ tiers: 'auto' });
    for (let i = 0; i < 5; i++) measure(life);
    const word = { type: 'distances', runId: manifest.id, near: [mate], far: [] };
    expect(words(life)).toEqual([word]);
    life.happen({ kind: 'coordinator-closed' });
    measure(life);
    expect(words(life)).toHaveLength(1);
    life.nowMs += 10_000;
    life.begin({ tiers: 'auto' });
    measure(life);
    expect(words(life)).toEqual([word, word]);
    for (const message of words(life)) expect([...Value.Errors(VolunteerMessageSchema, message)]).toEqual([]);
  });

  it('[N6] are nobody’s business elsewhere', () => {
    const life = new Life();
    life.begin();
    for (let i = 0; i < 5; i++) measure(life);
    expect(words(life)).toEqual([]);
  });
});

describe('a device that is lost', () => {
  const lostOnce = (kind: string) => {
    let isLost = false;
    return (command: { kind: string }) => {
      if (command.kind !== kind || isLost) return null;
      isLost = true;
      return 'device-lost' as const;
    };
  };

  it('while it warms up is told as such until the work is done on the new one, and not longer', () => {
    const life = new Life();
    const lose = lostOnce('prepare');
    // The second `prepare` takes its time; and then there is nothing to train.
    life.trainer = (command) => lose(command) ?? (command.kind === 'prepare' ? 'silence' : null);
    life.begin({ peersMin: 2 });
    expect(life.word).toBe('recovering(device-lost)');
    life.trainer = () => null;
    life.answer();
    expect(life.word).toBe('waiting(need-peers 1/2)');
  });

  it.each(['load-checkpoint', 'add-shard', 'train', 'form-update', 'commit'])(
    'under %s costs no more than that: it trains on',
    (kind) => {
      const life = new Life();
      life.trainer = lostOnce(kind);
      life.begin();
      life.lease();
      // A replica in doubt is fetched anew; here nobody has one but the coordinator.
      if (kind === 'load-checkpoint')
        life.hear({
          type: 'found',
          runId: manifest.id,
          term: 2,
          round: 0,
          checkpointSha256: 'd'.repeat(64),
        });
      expect(life.word).toBe('training');
      expect(life.mind.counts.get('trainer: device-lost')).toBe(1);
      expect(life.mind.snapshot().totals.rounds).toBe(5);
    },
  );

  it('and cannot be had again at once is away until the next answer, and the time of the next try is told', () => {
    const life = new Life();
    life.trainer = (command) => (command.kind === 'train' ? 'silence' : null);
    life.begin();
    life.lease();
    life.happen({ kind: 'device-awaited', nextAtMs: 4_000 });
    expect(life.word).toBe('recovering(device-away)');
    expect(life.mind.snapshot().nextAtMs).toBe(4_000);
    life.trainer = () => null;
    life.answer();
    expect(life.word).toBe('training');
  });

  it('and does not come back ends the stay', () => {
    const life = new Life();
    life.trainer = (command) => (command.kind === 'train' ? 'no-adapter' : null);
    life.begin();
    life.lease();
    expect(life.word).toBe('blocked(no-adapter)');
  });

  it('under the last thing that was asked of it is not recovering for ever', () => {
    const life = new Life();
    life.trainer = (command) => (command.kind === 'train' ? 'silence' : null);
    life.begin();
    life.lease();
    life.hear({ type: 'run-state', runId: manifest.id, state: 'paused', reason: '' });
    life.trainer = () => 'device-lost';
    life.answer();
    expect(life.word).toBe('waiting(run-paused)');
  });
});

describe('errors of the trainer', () => {
  const failing = (kind: string, errors: number) => {
    let left = errors;
    return (command: { kind: string }) => (command.kind === kind && left-- > 0 ? ('error' as const) : null);
  };
  const trained = (trainer: Life['trainer']) => {
    const life = new Life();
    life.trainer = trainer;
    life.begin();
    life.lease();
    return life;
  };

  it('end the stay when there are four in a row at the same kind of work, and not before', () => {
    expect(trained(failing('train', 3)).mind.snapshot().totals.rounds).toBe(5);
    expect(trained(failing('train', 4)).word).toBe('blocked(error)');
  });

  it('are forgotten when that kind of work succeeds: a long stay has many', () => {
    let count = 0;
    const life = trained(({ kind }) => (kind === 'train' && ++count % 2 === 1 ? 'error' : null));
    expect(life.mind.counts.get('trainer: error')).toBeGreaterThan(4);
    expect(life.mind.snapshot().totals.rounds).toBe(5);
  });
});

describe('[R15] who parts', () => {
  const part = (life: Life) =>
    life.happen({
      ...{ kind: 'wish', wish: 'part' },
      ...{ untilMs: life.nowMs + 4_000, checkpointUntilMs: life.nowMs + 15_000 },
    });
  const types = (life: Life) => life.said.map(({ type }) => type);
  const last = (life: Life) => life.said.at(-1);
  const askToEvaluate = (life: Life, generation = 1) =>
    life.hear({ type: 'evaluate', runId: manifest.id, generation, roundMin: 1 });
  /** Alone, and about to send what it trained. */
  const busy = () => {
    const life = new Life();
    life.trainer = ({ kind }) => (kind === 'form-update' ? 'silence' : null);
    life.begin();
    life.lease();
    expect(life.mind.snapshot().totals.localSteps).toBeGreaterThan(0);
    return life;
  };
  /** As `busy`, and a commit has counted it. */
  const handedOver = () => {
    const life = busy();
    part(life);
    life.trainer = () => null;
    life.answer();
    return life;
  };

  it('[K3] ends training and hands over; as the last holder it has a checkpoint stored before it says goodbye', () => {
    const life = busy();
    const steps = life.mind.snapshot().totals.localSteps;
    part(life);
    expect(last(life)).toMatchObject({ type: 'report', isParting: true });
    life.trainer = () => null;
    life.answer();
    expect(life.mind.snapshot().totals).toMatchObject({ localSteps: steps, rounds: 1 });
    expect(types(life)).not.toContain('leaving');
    askToEvaluate(life);
    expect(life.said.at(-2)).toMatchObject({ type: 'evaluation', head: { round: 1 } });
    expect(last(life)).toEqual({ type: 'leaving', reason: 'user' });
  });

  it('[K3] where that checkpoint was asked for before all was handed over, it waits for that first', () => {
    const life = busy();
    part(life);
    askToEvaluate(life);
    expect(types(life)).not.toContain('evaluation');
    life.trainer = () => null;
    life.answer();
    expect(life.said).toContainEqual(
      expect.objectContaining({ type: 'evaluation', head: expect.objectContaining({ round: 1 }) }),
    );
    expect(types(life).indexOf('leaving')).toBeGreaterThan(types(life).indexOf('evaluation'));
  });

  it('[K3] waits longer for a checkpoint that is being made, and not for ever', () => {
    const life = handedOver();
    life.trainer = ({ kind }) => (kind === 'evaluate' ? 'silence' : null);
    askToEvaluate(life);
    life.nowMs += 4_000;
    life.happen({ kind: 'tick' });
    expect(last(life)?.type).not.toBe('leaving');
    expect(life.mind.nextDeadlineMs()).toBeGreaterThan(life.nowMs);
    life.nowMs += 11_000;
    life.happen({ kind: 'tick' });
    expect(last(life)?.type).toBe('leaving');
  });

  it('[K3] waits for no checkpoint while the coordinator is away', () => {
    const life = handedOver();
    life.happen({ kind: 'coordinator-closed' });
    expect(last(life)?.type).toBe('leaving');
  });

  it('goes when its time is up, whatever is not done', () => {
    for (const life of [busy(), handedOver()]) {
      if (life.mind.snapshot().totals.rounds === 0) part(life);
      expect(life.mind.nextDeadlineMs()).toBeLessThanOrEqual(life.nowMs + 4_000);
      life.nowMs += 4_000;
      life.happen({ kind: 'tick' });
      expect(last(life)?.type).toBe('leaving');
    }
  });

  it('[N4] as the last tab of its node it says first what that learned, in the middle of a cycle', () => {
    const [node, peer] = [id('vol', 20), id('vol', 9)];
    const life = new Life();
    life.roundsMax = 2;
    life.trainer = ({ kind }) => (kind === 'form-update' ? 'silence' : null);
    life.begin({ tiers: { insideEvery: 2, betweenEvery: 8 } });
    const nodes = { own: node, ofPeers: [id('vol', 21)] };
    const group = { plane: 0, planeCount: 1, peers: [peer], viaCoordinator: [] };
    life.hear({ type: 'introduce', runId: manifest.id, ...group, nodes });
    life.happen({ kind: 'peer-open', peer });
    const standing = { hasReplica: true, wantsUpdates: false, anchor: '0'.repeat(16) };
    const base = { runTag: runTagOf(manifest.id), term: 1, round: 0 };
    life.happen({ kind: 'peer-frame', peer, frame: { kind: 'hello', ...base, ...standing } });
    life.nowMs += 2_000;
    life.lease();
    const updates = () => life.sent.filter(({ frame }) => frame.kind === 'update');
    expect(life.mind.snapshot().totals.localSteps).toBe(2);
    part(life);
    expect(updates()).toEqual([]);
    life.trainer = () => null;
    life.answer();
    expect(updates()).toMatchObject([{ peer, frame: { author: node, round: 0, sampleCount: 64 } }]);
    expect(types(life)).not.toContain('leaving');
    const { crc } = updates()[0]!.frame as FrameOf<'update'>;
    const members = [id('vol', 7), peer];
    const commit = { leader: peer, ballot: 0, anchor: standing.anchor, included: [{ author: node, crc }] };
    const frame = { kind: 'commit', ...base, ...commit, members, graceMs: 5_000, stretch: 1 } as const;
    life.happen({ kind: 'peer-frame', peer, frame });
    expect(types(life)).toContain('leaving');
  });

  it('goes at once when it holds nothing or nobody is there to share with', () => {
    const idle = new Life();
    idle.begin({ peersMin: 2 });
    part(idle);
    expect(last(idle)?.type).toBe('leaving');
    const early = new Life();
    part(early);
    expect(last(early)?.type).toBe('leaving');
  });
});
