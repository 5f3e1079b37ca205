import { expect, it } from 'vitest';
import { NodeNames } from './node-names.ts';
import { Outbox } from './outbox.ts';
import { id } from './test-life.ts';

const [SELF, MATE, OTHER] = [id('vol', 1), id('vol', 2), id('vol', 3)];
const [ROOM, HALL] = [id('vol', 11), id('vol', 12)];

it('[N6] what the trainer was asked for the former node is answered before the tab is of another', () => {
  const names = new NodeNames(SELF);
  const outbox = new Outbox();
  names.told([MATE, OTHER], { own: ROOM, ofPeers: [ROOM, HALL] });
  // Of the first node it is at once.
  const ticket = outbox.train({
    kind: 'form-update',
    round: 1,
    scheme: 'fp32',
    withSlice: false,
    tier: 'inside',
  });
  expect(names.heed(outbox)).toBe(true);
  expect([names.own, names.isMate(MATE), names.isMate(OTHER), names.mates]).toEqual([
    ROOM,
    true,
    false,
    [MATE],
  ]);
  names.told([MATE, OTHER], { own: HALL, ofPeers: [ROOM, HALL] });
  expect(names.heed(outbox)).toBe(false);
  expect([names.own, names.of(SELF), names.mates]).toEqual([ROOM, ROOM, [MATE]]);
  outbox.answered(ticket);
  expect(names.heed(outbox)).toBe(true);
  expect([names.own, names.of(MATE), names.mates]).toEqual([HALL, ROOM, [OTHER]]);
  // Training goes on whatever its node is.
  outbox.train({ kind: 'train', round: 1, batches: [] });
  names.told([MATE], { own: ROOM, ofPeers: [ROOM] });
  expect(names.heed(outbox)).toBe(true);
});

it('[N1] who was not introduced is of no node that is known', () => {
  const names = new NodeNames(SELF);
  expect([names.own, names.of(OTHER), names.isMate(OTHER), names.heed(new Outbox())]).toEqual([
    null,
    OTHER,
    false,
    false,
  ]);
});
