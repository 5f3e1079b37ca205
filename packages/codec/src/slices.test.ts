import { expect, it } from 'vitest';
import { mulberry } from './random.ts';
import { averageSlice, encodeSlice, inspectSlice, sliceMaxBytes, sliceOf } from './slices.ts';
import { encodeUpdate } from './update-codec.ts';
import { relativeDistance } from './vectors.ts';

const COUNT = 1_210;
const anchors = (members: number, apart: number) => {
  const random = mulberry(5);
  const common = Float32Array.from({ length: COUNT }, () => random() - 0.5);
  return Array.from({ length: members }, () => common.map((value) => value + apart * (random() - 0.5)));
};
const exchange = (all: readonly Float32Array[], round: number, extra: readonly Uint8Array[] = []) => {
  const range = sliceOf(round, COUNT);
  const slices = [...all.map((anchor) => encodeSlice(anchor, range)), ...extra];
  for (const anchor of all) averageSlice(anchor, range, slices);
};

it('[R13] the slices of a full turn are the whole model, each once, and every slice meets every plane', () => {
  for (const parameterCount of [3, COUNT, 101_770, 1_000_000, 50_000_000]) {
    const seen = [];
    let covered = 0;
    for (let round = 0; covered < parameterCount; round++) {
      const { from, to } = sliceOf(round, parameterCount);
      expect(from).toBe(covered);
      covered = to;
      seen.push(round);
    }
    expect(seen.length % 2).toBe(1);
    expect(sliceOf(seen.length, parameterCount)).toEqual(sliceOf(0, parameterCount));
    expect(encodeUpdate('int8', new Float32Array(sliceOf(1, parameterCount).to)).length).toBeGreaterThan(0);
  }
});

it('[R13] members whose anchors differ come together: 9 rounds of slices leave a thousandth', () => {
  const all = anchors(8, 0.1);
  const before = relativeDistance(all[0]!, all[1]!);
  for (let round = 0; round < 9; round++) exchange(all, round);
  expect(relativeDistance(all[0]!, all[1]!)).toBeLessThan(before / 1_000);
});

it('[R13] members that stand on the same slice do not move, whatever int8 loses', () => {
  const all = anchors(4, 0);
  const before = all[0]!.slice();
  exchange(all, 2);
  expect(all[0]).toEqual(before);
});

it('a member far off moves the others by no more than its share of twice the usual way', () => {
  const all = anchors(7, 0.1);
  const range = sliceOf(0, COUNT);
  const before = all[0]!.slice();
  exchange(all, 0, [
    encodeSlice(
      before.map(() => 1_000),
      range,
    ),
  ]);
  expect(relativeDistance(all[0]!, before)).toBeLessThan(0.1);
});

it('[R2] a slice of another length or another scheme is refused', () => {
  const range = sliceOf(0, COUNT);
  const [anchor] = anchors(1, 0);
  expect(inspectSlice(encodeSlice(anchor!, range), range)).toBeNull();
  expect(inspectSlice(encodeSlice(anchor!, { from: 0, to: 5 }), range)).not.toBeNull();
  expect(inspectSlice(encodeUpdate('fp32', anchor!.subarray(range.from, range.to)), range)).not.toBeNull();
  expect(encodeSlice(anchor!, range).length).toBeLessThanOrEqual(sliceMaxBytes(COUNT));
});
