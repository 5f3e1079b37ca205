import { ownNodeName } from '@murmuration/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { Rehearsal, RUN_ID, runSetup, volunteer } from '../testing/run.ts';
import { volunteerViews } from './ledger.ts';

const TIERS = { tiers: { insideEvery: 5, betweenEvery: 4 } };
let run: Rehearsal;

const says = (n: number, near: readonly number[], far: readonly number[] = []) =>
  run.say(n, { type: 'distances', runId: RUN_ID, near: near.map(volunteer), far: far.map(volunteer) });
const nodes = () => volunteerViews(run.ledger, run.nowMs).map(({ node }) => node);
const own = (n: number) => ownNodeName(volunteer(n));

beforeEach(() => {
  run = new Rehearsal(runSetup(TIERS));
  for (const n of [1, 2, 3]) run.ready(n);
});

describe('nodes in the ledger', () => {
  it('[N6] what is found is told with introductions, noted as an event, and outlives the coordinator', () => {
    expect(nodes()).toEqual([own(1), own(2), own(3)]);
    says(1, [2]);
    says(2, [1]);
    run.wait(1_000);
    expect(nodes()).toEqual([own(1), own(1), own(3)]);
    const told = run.heard.flatMap(({ to, message }) =>
      message.type === 'introduce' ? [[to, message]] : [],
    );
    expect(new Set(told.map(([to]) => to))).toEqual(new Set([1, 2, 3].map(volunteer)));
    expect(run.ledger.state.events.at(-1)).toMatchObject({ kind: 'node', volunteerId: volunteer(2) });
    run.restart();
    for (const n of [1, 2, 3]) run.ready(n);
    expect(nodes()).toEqual([own(1), own(1), own(3)]);
  });

  it('[N6] who was silent for two heartbeats keeps nobody out of its node', () => {
    says(1, [2, 3]);
    says(2, [1]);
    run.wait(1_000);
    // The second tab is gone, and nobody has noticed yet; the third is near to the one that is left.
    run.nowMs += 10_000;
    says(1, [2, 3]);
    says(3, [1]);
    run.event({ kind: 'tick' });
    expect(nodes()).toEqual([own(1), own(1), own(1)]);
  });

  it('[N6] who comes back goes to where it was', () => {
    says(1, [2]);
    says(2, [1]);
    run.wait(1_000);
    run.leave(1);
    run.ready(1);
    expect(nodes()).toEqual([own(1), own(1), own(3)]);
  });

  it('[N6] a run without tiers has no use for it', () => {
    run = new Rehearsal(runSetup());
    run.ready(1);
    expect(says(1, [2]).rejected).toMatchObject({ code: 'no-tiers' });
    expect(nodes()).toEqual([null]);
  });
});
