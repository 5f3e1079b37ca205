import { describe, expect, it } from 'vitest';
import { Rehearsal, RUN_ID, runSetup, volunteer } from '../testing/run.ts';
import {
  EVALUATION_MAX_MS,
  FOUNDING_MAX_MS,
  HOLDER_GRACE_MS,
  RECONNECT_WINDOW_MS,
  runView,
  STALL_MAX_MS,
  volunteerViews,
} from './ledger.ts';

const start = (training = {}, shardCount = 4) => new Rehearsal(runSetup(training, shardCount));

describe('founding', () => {
  it('exactly one ready volunteer founds, the others join', () => {
    const run = start();
    run.ready(1);
    expect(run.toldTo(1, 'found')).toMatchObject([{ term: 1, round: 0 }]);
    run.ready(2);
    expect(run.toldTo(2, 'join')).toMatchObject([{ term: 1 }]);
    run.report(1, 1);
    run.ready(3);
    expect(run.toldTo(3, 'join')).toHaveLength(1);
    expect(run.ledger.state.term).toBe(1);
  });

  it('when the founder dies before it has a replica, another founds the next term', () => {
    const run = start();
    run.ready(1);
    run.ready(2);
    run.leave(1);
    expect(run.toldTo(2, 'found')).toMatchObject([{ term: 2 }]);
  });

  it('a founder that does not come to a replica within its deadline is replaced', () => {
    const run = start();
    run.ready(1);
    run.ready(2);
    run.wait(FOUNDING_MAX_MS);
    expect(run.toldTo(2, 'found')).toMatchObject([{ term: 2 }]);
    expect(run.toldTo(1, 'join')).toMatchObject([{ term: 2 }]);
  });

  it('after a restart the reconnect window passes before a new term is founded', () => {
    const run = start();
    run.ready(1);
    run.report(1, 3);
    run.restart();
    run.ready(2);
    run.wait(RECONNECT_WINDOW_MS - 1);
    expect(run.toldTo(2, 'found')).toHaveLength(0);
    run.wait(1);
    expect(run.toldTo(2, 'found')).toMatchObject([{ term: 2, round: 0 }]);
  });

  it('after a restart a volunteer that comes back with a head is a holder: nothing is founded', () => {
    const run = start();
    run.ready(1);
    run.report(1, 3);
    run.restart();
    run.ready(2);
    run.join(1, { term: 1, round: 4, fingerprint: '0'.repeat(16) });
    expect(run.toldTo(2, 'join')).toMatchObject([{ term: 1 }]);
    run.wait(2 * RECONNECT_WINDOW_MS);
    expect(run.ledger.state.term).toBe(1);
  });

  it('a torn socket of the last replica has a grace to come back before its rounds are thrown away', () => {
    const run = start();
    run.ready(1);
    run.report(1, 3);
    run.ready(2);
    run.leave(1);
    run.wait(HOLDER_GRACE_MS - 1);
    expect(run.ledger.state.term).toBe(1);
    run.wait(1);
    expect(run.toldTo(2, 'found')).toMatchObject([{ term: 2 }]);
  });

  it('[I-5] a new term goes back to the checkpoint, and the log says so', () => {
    const run = start({ evaluateEveryRounds: 5 });
    run.ready(1);
    run.report(1, 5);
    run.evaluate(1, 0.5);
    run.report(1, 8);
    run.wait(1_000);
    expect(run.ledger.state.round).toBe(8);
    run.leave(1, 'leaving');
    run.ready(2);
    expect(run.toldTo(2, 'found')).toMatchObject([{ term: 2, round: 5 }]);
    expect(run.ledger.state.round).toBe(5);
    expect(
      run.ledger.state.events.some(({ text }) => text.includes('term 2 from the checkpoint of round 5')),
    ).toBe(true);
  });

  it('stranded while others hold a replica: it is introduced again and joins again', () => {
    const run = start();
    run.ready(1);
    run.report(1, 1);
    run.ready(2);
    run.say(2, { type: 'stranded', runId: RUN_ID, reason: 'no peer answered' });
    expect(run.toldTo(2, 'introduce')).toMatchObject([{ peers: [volunteer(1)] }]);
    expect(run.toldTo(2, 'join')).toMatchObject([{ term: 1 }]);
  });

  it('[L-1] replicas that make no round and help nobody are given up when the stranded outnumber them', () => {
    const run = start();
    run.ready(1);
    run.report(1, 1);
    run.ready(2);
    run.ready(3);
    run.wait(STALL_MAX_MS);
    for (const n of [2, 3]) run.say(n, { type: 'stranded', runId: RUN_ID, reason: 'no peer answered' });
    expect(run.ledger.state.term).toBe(2);
  });

  it('a head of a term that was never founded is refused', () => {
    const run = start();
    run.ready(1);
    expect(run.report(1, 1, { term: 7 }).rejected?.code).toBe('unknown-term');
  });
});

describe('evaluation', () => {
  it('is asked of one replica when enough rounds have passed', () => {
    const run = start({ evaluateEveryRounds: 5 });
    run.ready(1);
    run.report(1, 4);
    expect(run.toldTo(1, 'evaluate')).toHaveLength(0);
    run.report(1, 5);
    expect(run.toldTo(1, 'evaluate')).toMatchObject([{ generation: 1, roundMin: 5 }]);
  });

  it('goes to another volunteer after its deadline, and the late answer changes nothing', () => {
    const run = start({ evaluateEveryRounds: 5 });
    for (const n of [1, 2]) run.ready(n);
    for (const n of [1, 2]) run.report(n, 5);
    const first = run.ledger.state.duty!;
    run.wait(EVALUATION_MAX_MS);
    const second = run.ledger.state.duty!;
    expect([first.volunteerId, second.volunteerId]).toEqual([volunteer(1), volunteer(2)]);
    expect(second.generation).toBe(first.generation + 1);
    const late = run.say(1, {
      type: 'evaluation',
      runId: RUN_ID,
      generation: first.generation,
      head: { term: 1, round: 5, fingerprint: 'f'.repeat(16) },
      checkpointSha256: '0'.repeat(64),
      loss: 0,
      accuracy: 1,
      error: null,
      sampleCount: 100,
    });
    expect(late).toMatchObject({ records: [], rejected: null });
  });

  it('gets twice the time after each that came too late, and no more than eight times', () => {
    const run = start({ evaluateEveryRounds: 5 });
    for (const n of [1, 2]) run.ready(n);
    for (const n of [1, 2]) run.report(n, 5);
    const given: number[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const { deadlineMs } = run.ledger.state.duty!;
      const waitMs = deadlineMs - run.nowMs;
      given.push(waitMs / EVALUATION_MAX_MS);
      for (const n of [1, 2]) run.report(n, 5);
      run.wait(waitMs);
    }
    expect(given).toEqual([1, 2, 4, 8, 8, 8]);
  });

  it('goes to another volunteer at once when its volunteer leaves', () => {
    const run = start({ evaluateEveryRounds: 5 });
    for (const n of [1, 2]) run.ready(n);
    for (const n of [1, 2]) run.report(n, 5);
    run.leave(1);
    expect(run.toldTo(2, 'evaluate')).toHaveLength(1);
  });

  it('[I-6] an evaluation without its checkpoint on disk is refused', () => {
    const run = start({ evaluateEveryRounds: 5 });
    run.ready(1);
    run.report(1, 5);
    const answer = run.say(1, {
      type: 'evaluation',
      runId: RUN_ID,
      generation: 1,
      head: { term: 1, round: 5, fingerprint: 'f'.repeat(16) },
      checkpointSha256: '0'.repeat(64),
      loss: 0.1,
      accuracy: 0.99,
      error: null,
      sampleCount: 100,
    });
    expect(answer.rejected?.code).toBe('bad-evaluation');
    expect(run.ledger.state.reached).toBe(false);
  });

  it('only the volunteer with the duty may store a checkpoint', () => {
    const run = start({ evaluateEveryRounds: 5 });
    for (const n of [1, 2]) run.ready(n);
    for (const n of [1, 2]) run.report(n, 5);
    expect(run.ledger.mayStoreCheckpoint(volunteer(1))).toBe(true);
    expect(run.ledger.mayStoreCheckpoint(volunteer(2))).toBe(false);
    expect(
      run.event({ kind: 'checkpoint-stored', volunteerId: volunteer(2), sha256: '1'.repeat(64) }).rejected
        ?.code,
    ).toBe('no-duty');
  });

  it('a duty survives a restart, stored checkpoint and all', () => {
    const run = start({ evaluateEveryRounds: 5 });
    run.ready(1);
    run.report(1, 5);
    run.restart();
    run.join(1, { term: 1, round: 6, fingerprint: 'f'.repeat(16) });
    expect(run.toldTo(1, 'evaluate')).toMatchObject([{ generation: 1 }]);
    run.evaluate(1, 0.5);
    expect(run.ledger.state.best).toMatchObject({ round: 5, accuracy: 0.5 });
  });
});

describe('state of the run', () => {
  it('waits for its minimum, trains, is degraded below it and trains again', () => {
    const run = start({ peersMin: 2 });
    const states: string[] = [run.ledger.state.state];
    run.ready(1);
    expect(run.toldTo(1, 'run-state').at(-1)?.reason).toBe('needs 2 volunteers, has 1');
    run.ready(2);
    states.push(run.ledger.state.state);
    run.report(1, 1);
    run.leave(2);
    states.push(run.ledger.state.state);
    run.ready(3);
    states.push(run.ledger.state.state);
    expect(states).toEqual(['waiting', 'training', 'degraded', 'training']);
  });

  it('the target is reached: the evaluated checkpoint is the final model and everybody is free', () => {
    const run = start({ evaluateEveryRounds: 5, targetAccuracy: 0.9 });
    run.ready(1);
    run.report(1, 5);
    const decision = run.evaluate(1, 0.93);
    expect(run.ledger.state).toMatchObject({
      state: 'finished',
      reached: true,
      best: { round: 5, accuracy: 0.93 },
    });
    expect(decision.freed).toEqual([{ volunteerId: volunteer(1), exit: 'run-finished' }]);
    expect(run.toldTo(1, 'run-state').at(-1)?.state).toBe('finished');
    expect(run.join(2).rejected?.code).toBe('run-over');
  });

  it('where there is an error it decides which checkpoint is best, and may be the aim', () => {
    const run = start({ evaluateEveryRounds: 5, targetAccuracy: 0.9, targetError: 2 });
    run.ready(1);
    for (const [round, error] of [
      [5, 3],
      [10, 4],
      [15, 1.9],
    ] as const) {
      run.report(1, round);
      run.evaluate(1, null, 0.5, error);
      expect(run.ledger.state.best?.round).toBe(round === 10 ? 5 : round);
      expect(run.ledger.state.points.get(round)).toMatchObject({ valAccuracy: null, valError: error });
    }
    expect(run.ledger.state).toMatchObject({ state: 'finished', reached: true });
    expect(run.ledger.state.reason).toContain('error 1.9000 reached the target of 2');
  });

  it('at the last round the final evaluation ends the run, reached or not', () => {
    const run = start({ evaluateEveryRounds: 5, roundsMax: 7 });
    run.ready(1);
    run.report(1, 5);
    run.evaluate(1, 0.5);
    run.report(1, 7);
    expect(run.ledger.state.state).toBe('finishing');
    run.evaluate(1, 0.6);
    expect(run.ledger.state).toMatchObject({ state: 'finished', reached: false, best: { round: 7 } });
  });

  it('finish evaluates what there is first; with nobody there it ends at once', () => {
    const run = start();
    run.ready(1);
    run.report(1, 2);
    run.event({ kind: 'ordered', order: 'finish' });
    expect(run.ledger.state).toMatchObject({ state: 'finishing', duty: { roundMin: 2 } });
    run.evaluate(1, 0.4);
    expect(run.ledger.state).toMatchObject({ state: 'finished', reason: 'ended by the researcher' });

    const empty = start();
    empty.event({ kind: 'ordered', order: 'finish' });
    expect(empty.ledger.state.state).toBe('finished');
  });

  it('stop ends at once, also while a last evaluation is awaited, and frees everybody', () => {
    const run = start();
    run.ready(1);
    run.report(1, 2);
    run.event({ kind: 'ordered', order: 'finish' });
    const { freed } = run.event({ kind: 'ordered', order: 'stop' });
    expect(run.ledger.state).toMatchObject({
      state: 'finished',
      reason: 'stopped by the researcher',
      duty: null,
    });
    expect(freed).toEqual([{ volunteerId: volunteer(1), exit: 'run-finished' }]);
    expect(run.event({ kind: 'ordered', order: 'stop' }).rejected?.message).toContain('finished');
  });

  it('[K2] an evaluation whose loss is worse beyond noise is kept as a checkpoint but not served, and reaches nothing', () => {
    const run = start({ evaluateEveryRounds: 5, targetAccuracy: 0.95 });
    run.ready(1);
    run.report(1, 5);
    run.evaluate(1, 0.8, 0.5);
    run.report(1, 10);
    run.evaluate(1, 0.96, 0.9);
    expect(run.ledger.state).toMatchObject({ state: 'training', reached: false, best: { round: 5 } });
    expect(run.ledger.state.checkpoints.at(-1)).toMatchObject({ round: 10 });
    expect(run.ledger.state.events.at(-1)!.text).toContain('not promoted');
    const { best, reached } = run.ledger.state;
    run.restart();
    expect(run.ledger.state).toMatchObject({ best, reached });
  });

  it('[R29] an illegal order is refused with the current state', () => {
    const run = start();
    expect(run.event({ kind: 'ordered', order: 'resume' }).rejected?.message).toContain('waiting');
    run.event({ kind: 'ordered', order: 'pause' });
    expect(run.event({ kind: 'ordered', order: 'pause' }).rejected?.message).toContain('paused');
    run.event({ kind: 'ordered', order: 'stop' });
    expect(run.event({ kind: 'ordered', order: 'resume' }).rejected?.message).toContain('finished');
  });

  it('[I-8] three evaluations in a row without a finite loss fail the run, and none becomes a checkpoint', () => {
    const run = start({ evaluateEveryRounds: 5 });
    run.ready(1);
    for (const round of [5, 10, 15]) {
      run.report(1, round);
      run.evaluate(1, 0.1, null);
    }
    expect(run.ledger.state).toMatchObject({ state: 'failed', best: null });
    expect(run.ledger.state.checkpoints).toHaveLength(1);
  });

  it('a silent volunteer is let go after its time and named silent', () => {
    const run = start();
    run.ready(1);
    run.nowMs += 45_000;
    expect(run.event({ kind: 'tick' }).freed).toEqual([{ volunteerId: volunteer(1), exit: 'silent' }]);
    expect(run.ledger.state.volunteers.get(volunteer(1))?.exit).toBe('silent');
  });

  it('volunteers that do not come back after a restart are let go when the window is over', () => {
    const run = start();
    for (const n of [1, 2]) run.ready(n);
    run.restart();
    run.join(1, { term: 1, round: 0, fingerprint: '0'.repeat(16) });
    expect(run.toldTo(1, 'introduce')).toMatchObject([{ peers: [volunteer(2)] }]);
    run.wait(RECONNECT_WINDOW_MS);
    expect(run.toldTo(1, 'peer-left')).toMatchObject([{ volunteerId: volunteer(2) }]);
    expect(run.toldTo(1, 'introduce')).toMatchObject([{ peers: [] }]);
  });

  it('counts a divergence once for each replica and round', () => {
    const run = start();
    for (const n of [1, 2, 3]) run.ready(n);
    run.report(1, 1);
    run.report(2, 1, { fingerprint: '1'.repeat(16) });
    run.report(2, 1, { fingerprint: '1'.repeat(16) });
    run.report(3, 1);
    expect(run.ledger.state.divergences).toBe(1);
  });
});

describe('curves and views', () => {
  it('a point is the mean over the tabs with their spread', () => {
    const run = start();
    for (const n of [1, 2]) run.ready(n);
    run.report(1, 1, { loss: 2 });
    run.report(1, 2, { loss: 1 });
    run.report(2, 2, { loss: 3 });
    run.wait(1_000);
    expect([...run.ledger.state.points.values()]).toMatchObject([
      { round: 1, loss: 2 },
      { round: 2, loss: 2, lossMin: 1, lossMax: 3, volunteers: 2 },
    ]);
  });

  it('[W16] a loss that is not a loss stays out of the curve', () => {
    const run = start();
    run.ready(1);
    for (const loss of [-1, 1e300, null]) run.report(1, 1, { loss: loss as number });
    expect(run.ledger.state.points.size).toBe(0);
  });

  it('totals of a tab that lost its memory do not shrink', () => {
    const run = start();
    run.ready(1);
    run.report(1, 5);
    run.report(1, 6, { totals: { localSteps: 1, samples: 1 } });
    expect(runView(run.ledger, run.nowMs)).toMatchObject({ localSteps: 50, samples: 1_600 });
  });

  it('shows what tabs say of their duty and round trips, and how far each is behind the furthest', () => {
    const run = start();
    for (const n of [1, 2, 3]) run.ready(n);
    run.report(1, 6, { duty: 0.25, rttMs: 12 });
    run.report(2, 4);
    const views = volunteerViews(run.ledger, run.nowMs);
    expect(views.map(({ duty, rttMs, staleRounds }) => [duty, rttMs, staleRounds])).toEqual([
      [0.25, 12, 0],
      [null, null, 2],
      [null, null, null],
    ]);
  });

  it('[C5] keeps what a tab measured of its uplink, also through reports that do not say it', () => {
    const run = start();
    run.ready(1);
    expect(run.ledger.present.get(volunteer(1))?.uplinkKbit).toBeNull();
    run.report(1, 5, { uplinkKbit: 4_200 });
    run.report(1, 6);
    expect(run.ledger.present.get(volunteer(1))?.uplinkKbit).toBe(4_200);
  });

  it('the last report after the end still counts into the totals', () => {
    const run = start({ evaluateEveryRounds: 5, targetAccuracy: 0.5 });
    run.ready(1);
    run.report(1, 5);
    run.evaluate(1, 0.6);
    run.report(1, 6);
    expect(volunteerViews(run.ledger, run.nowMs)[0]).toMatchObject({
      exit: 'run-finished',
      totals: { localSteps: 60 },
    });
  });

  it('progress and remaining time follow rounds and accuracy', () => {
    const run = start({ evaluateEveryRounds: 5, targetAccuracy: 0.95, roundsMax: 200 });
    run.ready(1);
    const accuracies = [0.5, 0.7, 0.8, 0.85];
    for (let round = 1; round <= 20; round++) {
      run.report(1, round);
      run.wait(2_000);
      if (run.ledger.state.duty !== null) run.evaluate(1, accuracies.shift()!);
    }
    const { progress, etaMs } = runView(run.ledger, run.nowMs);
    expect(progress).toBeGreaterThan(0.5);
    expect(progress).toBeLessThan(1);
    const [least, most] = etaMs!;
    expect(least).toBeGreaterThan(0);
    expect(most).toBeGreaterThan(least);
    expect(most).toBeLessThan(180 * 2_000 * 1.25);
  });
});
