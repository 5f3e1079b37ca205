import { expect, it } from 'vitest';
import { Distances, FAR_MIN_MS, MEASURES_KEPT, NEAR_MAX_MS } from './distances.ts';
import { id } from './test-life.ts';

const [MATE, OTHER] = [id('vol', 2), id('vol', 3)];
const link = (roundTripMs: number | null, isLocal = true, peer = MATE) => ({ peer, roundTripMs, isLocal });

/** One look a second at one link; the last word that was said, if any. */
function looks(
  distances: Distances,
  roundTripsMs: readonly (number | null)[],
  { isLocal = true, fromMs = 0 } = {},
) {
  let word = null;
  for (const [i, roundTripMs] of roundTripsMs.entries()) {
    const nowMs = fromMs + 1_000 * i;
    distances.measured([link(roundTripMs, isLocal)], nowMs);
    word = distances.take(nowMs) ?? word;
  }
  return word;
}

it('[N6] a mate is near after three measures of which one is short, however late the machine was for the others', () => {
  const distances = new Distances();
  expect(looks(distances, [30, NEAR_MAX_MS - 1])).toBeNull();
  expect(looks(distances, [300], { fromMs: 2_000 })).toEqual({ near: [MATE], far: [] });
  // Nothing changed: nothing is said.
  expect(looks(distances, [1, 1, 1], { fromMs: 3_000 })).toBeNull();
});

it('[N6] a fast line through a translator of addresses is not near, nor is a look without a new measure one', () => {
  const distances = new Distances();
  expect(looks(distances, [1, 1, 1, 1], { isLocal: false })).toBeNull();
  expect(looks(new Distances(), [1, null, null, 1])).toBeNull();
});

it('[N6] a mate is far when all of the last measures are long', () => {
  const distances = new Distances();
  const long = FAR_MIN_MS + 5;
  const almost = Array<number>(MEASURES_KEPT - 1).fill(long);
  expect(looks(distances, almost)).toEqual({ near: [], far: [] });
  expect(looks(distances, [long], { fromMs: 60_000 })).toEqual({ near: [], far: [MATE] });
  expect(looks(new Distances(), [...almost, FAR_MIN_MS - 1])?.far).toEqual([]);
});

it('[N6] between the two bounds a mate stays what it was', () => {
  const distances = new Distances();
  looks(distances, [1, 1, 1]);
  const between = Array<number>(2 * MEASURES_KEPT).fill(NEAR_MAX_MS + 5);
  expect(looks(distances, between, { fromMs: 3_000 })).toBeNull();
  const long = Array<number>(MEASURES_KEPT).fill(FAR_MIN_MS + 1);
  expect(looks(distances, long, { fromMs: 60_000 })).toEqual({ near: [], far: [MATE] });
  expect(looks(distances, between, { fromMs: 90_000 })).toBeNull();
});

it('[N6] a link that is torn keeps its verdict for 15 seconds', () => {
  const distances = new Distances();
  looks(distances, [1, 1, 1]);
  distances.measured([], 16_000);
  expect(distances.take(16_000)).toBeNull();
  distances.measured([], 17_000);
  expect(distances.take(17_000)).toEqual({ near: [], far: [] });
});

it('[N6] words are two seconds apart, and who has nobody near says so after six', () => {
  const distances = new Distances();
  distances.measured([], 0);
  expect(distances.take(5_000)).toBeNull();
  expect(distances.take(6_000)).toEqual({ near: [], far: [] });
  for (const nowMs of [6_100, 6_200, 6_300]) distances.measured([link(1)], nowMs);
  expect(distances.take(7_900)).toBeNull();
  expect(distances.take(8_000)).toEqual({ near: [MATE], far: [] });
  distances.measured([link(null), link(1, true, OTHER)], 8_100);
  expect(distances.take(8_100)).toBeNull();
  distances.reconnected();
  expect(distances.take(8_100)).toEqual({ near: [MATE], far: [] });
});
