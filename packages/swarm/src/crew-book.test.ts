import { expect, it } from 'vitest';
import { CrewBook } from './crew-book.ts';

const [SELF, A, B, C, D] = ['s', 'a', 'b', 'c', 'd'].map((letter) => `vol_${letter.repeat(26)}`) as [
  string,
  ...string[],
];
const introduce = (book: CrewBook, viaCoordinator: string[]) =>
  book.introduced({
    type: 'introduce',
    runId: `run_${'r'.repeat(26)}`,
    plane: 0,
    planeCount: 1,
    peers: [A!, B!, C!, D!],
    viaCoordinator,
  });

it('[T6] [R14] an update leaves a tab of a hybrid run once for all behind the coordinator, and else once for each', () => {
  const [hybrid, other] = [new CrewBook(SELF, true), new CrewBook(SELF)];
  for (const [via, copies] of [
    [[], 4],
    [[C!], 4],
    [[B!, C!, D!], 2],
    [[A!, B!, C!, D!], 1],
  ] as const) {
    introduce(hybrid, [...via]);
    introduce(other, [...via]);
    expect(hybrid.copiesFor([A!, B!, C!, D!], 0)).toBe(copies);
    expect(other.copiesFor([A!, B!, C!, D!], 0)).toBe(4);
  }
  expect(hybrid.copiesFor([A!, B!], 0)).toBe(1);
  expect(hybrid.copiesFor([], 0)).toBe(0);
});
