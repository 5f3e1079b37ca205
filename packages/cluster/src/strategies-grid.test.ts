import { contradictionIn, DEFAULT_TRAINING } from '@murmuration/protocol';
import type { StrategyCell, StrategyRow } from '@murmuration/simulator';
import { describe, expect, it } from 'vitest';
import {
  autoCell,
  autoVerdicts,
  bestCell,
  cellsWanted,
  churnedOf,
  FINAL_SEEDS,
  FULL,
  GRID_SEED,
  gridOf,
  keyOf,
  QUICK_SCOPE,
} from './strategies-grid.ts';
import { strategiesPicture } from './strategies-picture.ts';
import { STRATEGIES_START, strategiesTable, strategyText } from './strategies-table.ts';
import { withTable } from './swarm-table.ts';

/** Best with eight local steps and int4, worse by every step away from that. */
const playedMs = ({ localSteps, codec, seed, churnPerRound }: StrategyCell) =>
  20_000 *
    (1 + 0.2 * Math.abs(Math.log2(localSteps / 8))) *
    (codec === 'int4' ? 1 : 1.1) *
    (1 + churnPerRound) +
  seed;
const played = (cell: StrategyCell, ms: number | null = playedMs(cell)): StrategyRow => ({
  ms,
  rounds: 30,
  loss: cell.churnPerRound > 0 ? 1.32 : 1.2,
  bitsPerStep: 1.25,
  tabBytes: 250_000,
  departures: 0,
  traceHash: '0',
});
const playedToTheEnd = () => {
  const known = new Map<string, StrategyRow>();
  const rounds: StrategyCell[][] = [];
  for (;;) {
    const wanted = cellsWanted(known, QUICK_SCOPE);
    if (wanted.length === 0) return { known, rounds };
    rounds.push(wanted);
    for (const cell of wanted) known.set(keyOf(cell), played(cell));
  }
};

describe('the grid of strategies', () => {
  it('is what the schema of a run allows, each once; hybrid only where tabs lack a way to their peers', () => {
    for (const crowd of FULL.crowds)
      for (const model of FULL.models) {
        const grid = gridOf(crowd, model, false);
        expect(new Set(grid.map(keyOf)).size).toBe(grid.length);
        for (const { architecture, schedule, codec, localSteps } of grid)
          expect(
            contradictionIn({ ...DEFAULT_TRAINING, architecture, schedule, codec, localSteps }),
          ).toBeNull();
        const ways = new Set(grid.map(({ architecture, schedule }) => `${architecture} ${schedule}`));
        expect([...ways]).toEqual([
          'decentralised synchronous',
          ...(crowd === 'mobile' ? ['hybrid synchronous'] : []),
          'central synchronous',
          'central asynchronous',
        ]);
      }
  });
  it('begins with the published list, what auto picks, and churn on one crowd', () => {
    const wanted = cellsWanted(new Map(), FULL);
    const keys = new Set(wanted.map(keyOf));
    for (const crowd of FULL.crowds) {
      for (const cell of gridOf(crowd, 'small', false)) expect(keys).toContain(keyOf(cell));
      expect(keys).toContain(keyOf(autoCell(crowd, 'small')));
    }
    // The larger ones follow when all is known of it.
    expect(new Set(wanted.map(({ model }) => model))).toEqual(new Set(['small']));
    expect(new Set(wanted.filter((cell) => cell.churnPerRound > 0).map(({ crowd }) => crowd))).toEqual(
      new Set(['homes']),
    );
    expect(churnedOf('large', FULL)).toHaveLength(3);
    expect(wanted.every(({ seed }) => seed === GRID_SEED)).toBe(true);
  });
  it('goes on from what is known: neighbours of the best, then seeds by which neither was chosen, then nothing', () => {
    const { known, rounds } = playedToTheEnd();
    const best = bestCell(known, 'lan', 'small', QUICK_SCOPE)!;
    // The grid has no int4, and neither auto's steps nor twice its own five.
    expect(best).toMatchObject({ codec: 'int4' });
    expect([autoCell('lan', 'small').localSteps, 10]).toContain(best.localSteps);
    expect(rounds.at(-1)!.every(({ seed }) => (FINAL_SEEDS as readonly number[]).includes(seed))).toBe(true);
    known.delete(keyOf({ ...best, seed: 2 }));
    expect(cellsWanted(known, QUICK_SCOPE)).toEqual([{ ...best, seed: 2 }]);
  });
  it('holds auto against the best on those seeds; what never came to the loss is no number', () => {
    const { known } = playedToTheEnd();
    const [verdict] = autoVerdicts(known, QUICK_SCOPE);
    expect(verdict!.autoMs! / verdict!.bestMs!).toBeGreaterThanOrEqual(1);
    const auto = autoCell('lan', 'small');
    if (keyOf(auto) === keyOf(verdict!.best)) return;
    known.set(keyOf({ ...auto, seed: 2 }), played(auto, null));
    expect(autoVerdicts(known, QUICK_SCOPE)[0]!.autoMs).toBeNull();
  });
});

describe('the table', () => {
  it('has a line a strategy, with every crowd, churn and memory; a way that never came to the loss says so', () => {
    const { known } = playedToTheEnd();
    const cell = gridOf('lan', 'small', true)[0]!;
    known.set(keyOf(cell), played(cell, null));
    const table = strategiesTable(known, QUICK_SCOPE);
    const line = table.split('\n').find((each) => each.startsWith(`| ${strategyText(cell)} |`))!;
    expect(line).toMatch(
      /\| 1\.25 \| 1\.200 \| never \| [\d.]+ s \| \+10\.0 % \| \+10\.0 % \| 250\.0 kB \|$/,
    );
    expect(table).toMatch(/^A quick look, not for quoting\./);
    expect(table).toMatch(/Within 10 % in \d of 2:/);
  });
  it('stands between its own marks, beside other tables of the document', () => {
    const end = '<!-- end of rows -->';
    const document = `<!-- rows -->\nold\n${end}\ntext\n${STRATEGIES_START}\nold\n${end}\nrest`;
    expect(withTable(document, 'new', STRATEGIES_START)).toBe(
      `<!-- rows -->\nold\n${end}\ntext\n${STRATEGIES_START}\n\nnew\n\n${end}\nrest`,
    );
  });
});

describe('the picture', () => {
  it('has a point for each strategy that was played, and a ring around what auto picks', () => {
    const { known } = playedToTheEnd();
    const picture = strategiesPicture(known, QUICK_SCOPE);
    const points = QUICK_SCOPE.crowds.flatMap((crowd) => [
      ...new Set([...gridOf(crowd, 'small', true), autoCell(crowd, 'small')].map(keyOf)),
    ]);
    expect(picture.match(/fill-opacity/g)).toHaveLength(points.length);
    // And the one of the legend.
    expect(picture.match(/class="auto"/g)).toHaveLength(3);
    expect(picture).not.toMatch(/NaN|Infinity|undefined/);
  });
});
