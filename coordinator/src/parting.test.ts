/** What the coordinator does when those who hold the replica are about to leave. */
import { describe, expect, it } from 'vitest';
import { Rehearsal, runSetup } from '../testing/run.ts';

const start = () => new Rehearsal(runSetup({ evaluateEveryRounds: 50 }));

describe('an evaluation', () => {
  it('[K3] is asked of the last who parts, at any round, and goes on where it was when somebody founds anew', () => {
    const run = start();
    for (const n of [1, 2]) run.ready(n);
    for (const n of [1, 2]) run.report(n, 7);
    run.report(1, 7, { isParting: true });
    expect(run.toldTo(1, 'evaluate')).toHaveLength(0);
    run.leave(1, 'leaving');
    run.report(2, 8, { isParting: true });
    expect(run.toldTo(2, 'evaluate')).toMatchObject([{ roundMin: 8 }]);
    run.evaluate(2, 0.5);
    // What is stored is not asked for again.
    run.report(2, 8, { isParting: true });
    expect(run.toldTo(2, 'evaluate')).toHaveLength(0);
    run.leave(2, 'leaving');
    run.ready(3);
    expect(run.toldTo(3, 'found')).toMatchObject([{ round: 8 }]);
  });

  it('[K3] a pause of the run does not keep who parts from leaving a checkpoint', () => {
    const run = start();
    run.ready(1);
    run.report(1, 7);
    run.event({ kind: 'ordered', order: 'pause' });
    run.report(1, 7, { isParting: true });
    expect(run.toldTo(1, 'evaluate')).toHaveLength(1);
  });
});
