import { DECISIONS_KEPT_MAX, type Decision, type VolunteerId } from '@murmuration/protocol';
import { expect, it } from 'vitest';
import { Rehearsal, runSetup, volunteer } from '../testing/run.ts';
import { DecisionBook } from './decision-book.ts';

const decision = (round: number): Decision => ({
  round,
  what: 'grace',
  from: 1,
  to: 2,
  because: { usualMs: 9 },
});

it('[C4] keeps the latest decisions of a run, in the order in which it heard of them', () => {
  const book = new DecisionBook();
  const tab = `vol_${'0'.repeat(26)}` as VolunteerId;
  book.add(null, [decision(0)], 3.2);
  book.add(tab, [decision(1), decision(2)], 5);
  expect(book.after(1)).toEqual([
    { sequence: 2, atMs: 5, volunteerId: tab, ...decision(1) },
    { sequence: 3, atMs: 5, volunteerId: tab, ...decision(2) },
  ]);
  for (let round = 3; round < 1_000; round++) book.add(tab, [decision(round)], round);
  expect(book.after(0)).toHaveLength(DECISIONS_KEPT_MAX);
  expect(book.after(0).at(-1)!.round).toBe(999);
  expect(book.after(1_000)).toEqual([]);
});

it('[C4] a run keeps what tabs report, and says itself when its groups change', () => {
  const run = new Rehearsal(runSetup({ group: 4 }));
  for (let n = 1; n <= 4; n++) run.ready(n);
  run.report(1, 3, { decisions: [decision(3)] });
  expect(run.ledger.decisions.after(0)).toMatchObject([{ volunteerId: volunteer(1), ...decision(3) }]);
  for (let n = 5; n <= 8; n++) run.ready(n);
  expect(run.ledger.decisions.after(1)).toEqual([]);
  for (let n = 2; n <= 8; n++) run.leave(n);
  expect(run.ledger.decisions.after(1)).toEqual([]);
});

it('[C4] more members than one group holds are cut into smaller ones, and are told so', () => {
  const run = new Rehearsal(runSetup());
  for (let n = 1; n <= 33; n++) run.ready(n);
  expect(run.ledger.decisions.after(0)).toMatchObject([
    { volunteerId: null, what: 'group-size', from: 32, to: 8, because: { members: 33 } },
  ]);
});
