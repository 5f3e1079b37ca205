import { expect, it } from 'vitest';
import { Rehearsal, runSetup, volunteer } from '../testing/run.ts';

it('a loss of several parts is kept with its parts, on the checkpoint and on the curve', () => {
  const training = { objective: 'autoencoding', targetAccuracy: null, targetError: 0.1 } as const;
  const run = new Rehearsal(runSetup({ evaluateEveryRounds: 5, ...training }));
  run.ready(1);
  run.report(1, 5);
  const parts = { reconstruction: 90, kl: 10 };
  run.evaluate(1, null, 100, 0.128, parts);
  expect(run.ledger.state.best).toMatchObject({ accuracy: null, loss: 100, error: 0.128, parts });
  expect(run.ledger.state.points.get(5)).toMatchObject({ valLoss: 100, valReconstruction: 90, valKl: 10 });
  expect(run.ledger.state.reached).toBe(false);
  run.report(1, 10);
  run.evaluate(1, null, 70, 0.09, { reconstruction: 58, kl: 12 });
  // Less is better, and an error may be the aim.
  expect(run.ledger.state).toMatchObject({ state: 'finished', reached: true, best: { loss: 70 } });
});

it('[K5] duty goes round, and the last evaluation is the fastest one’s', () => {
  const run = new Rehearsal(runSetup({ evaluateEveryRounds: 5, roundsMax: 13, targetAccuracy: null }));
  const speeds = { 1: 2, 2: 9, 3: 4 } as const;
  for (const n of [1, 2, 3]) run.ready(n);
  const asked = [5, 9, 13].map((round) => {
    for (const n of [1, 2, 3] as const) run.report(n, round - 1, { stepsPerSecond: speeds[n] });
    run.report(3, round, { stepsPerSecond: speeds[3] });
    const { volunteerId } = run.ledger.state.duty!;
    run.evaluate(
      [1, 2, 3].find((n) => volunteer(n) === volunteerId)!,
      0.5,
    );
    return volunteerId;
  });
  expect(new Set(asked.slice(0, 2)).size).toBe(2);
  expect(asked[2]).toBe(volunteer(2));
});
