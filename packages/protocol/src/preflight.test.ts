import { describe, expect, it } from 'vitest';
import { presetModel } from './model-presets.ts';
import { preflightOf } from './preflight.ts';
import { DEFAULT_TRAINING, type Training } from './run.ts';

const estimateOf = (training: Partial<Training>, tabs: number) =>
  preflightOf({
    model: presetModel('mlp', [28, 28, 1], 10),
    training: { ...DEFAULT_TRAINING, ...training },
    dataset: {
      name: 'digits',
      trainSampleCount: 8_000,
      shardCount: 20,
      validation: { index: 20, sha256: '0'.repeat(64), sampleCount: 100, byteLength: 78_500 },
      target: { kind: 'class', classCount: 10 },
    },
    tabs,
    measuredRoundMs: null,
  }).estimate!;
/** Updates that a tab sends in a round. */
const copiesOf = (training: Partial<Training>, tabs: number) => {
  const { bytesSentPerRound, updateBytes } = estimateOf(training, tabs);
  return bytesSentPerRound / updateBytes;
};

describe('what a tab sends in a round, by preflight,', () => {
  it.each([
    [{}, 8, 7],
    [{ architecture: 'hybrid' }, 8, 7],
    // [R13] Beyond a group's size, to its crew, which newcomers make half as large again as it was drawn before it is cut in two.
    [{}, 40, 7],
    [{}, 60, 11],
    [{ group: 4 }, 4, 3],
    [{ group: 4 }, 60, 5],
    // [S] The server is its only peer.
    [{ architecture: 'central' }, 8, 1],
    [{ architecture: 'central', schedule: 'asynchronous' }, 60, 1],
  ] as const)('of %j and %i tabs is %i updates', (training, tabs, copies) =>
    expect(copiesOf(training, tabs)).toBe(copies),
  );

  it('[N2] in tiers is what is said inside a node, too: exact, and more often', () =>
    expect(copiesOf({ tiers: { insideEvery: 5, betweenEvery: 10 } }, 8)).toBeCloseTo(
      7 * (1 + (10 * 4) / 1.008),
      1,
    ));

  it('[N1] in tiers is for a group at most, however many wait for a place', () => {
    const tiers = { insideEvery: 5, betweenEvery: 2 };
    expect(copiesOf({ tiers }, 500)).toBe(copiesOf({ tiers }, 32));
  });
});
