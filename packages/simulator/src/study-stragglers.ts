/**
 * Tabs of very different speeds against as many of one speed with the same total: after the same number of samples, is
 * the model as good, and did it take as long? Real minds, wire and codec around a small model that learns. Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { BLIND, StudyGroup } from './study-group.ts';

export interface StragglersOptions {
  readonly seed: number;
  readonly tabs: number;
  /** Speed of the fastest tab over the slowest's; the others lie evenly between, by ratio. 1: all alike. */
  readonly speedRatio: number;
  /** Step of a tab of the mean speed. */
  readonly meanStepMs: number;
  readonly localSteps: number;
  /** Whether graces and the steps of slow tabs follow what is measured. */
  readonly adaptive: SimulateOptions['adaptive'];
  /** Local steps of all tabs together: the end. */
  readonly totalSteps: number;
}

export const STRAGGLERS_DEFAULTS: StragglersOptions = {
  seed: 1,
  tabs: 8,
  speedRatio: 10,
  meanStepMs: 100,
  localSteps: 10,
  adaptive: 'on',
  totalSteps: 16_000,
};

export interface StragglersRow {
  readonly loss: number;
  /** From the first step to the last. */
  readonly timeMs: number;
  readonly rounds: number;
  /** Steps that each tab did, the fastest first. */
  readonly stepsOfTabs: readonly number[];
  readonly traceHash: string;
}

const END_MS = 36_000_000;

export function studyStragglers(changes: Partial<StragglersOptions>): StragglersRow {
  const options = { ...STRAGGLERS_DEFAULTS, ...changes };
  const { tabs, speedRatio, localSteps, adaptive, totalSteps } = options;
  const stepsOfTabs = Array.from({ length: tabs }, () => 0);
  let total = 0;
  let firstMs: number | null = null;
  const group: StudyGroup = new StudyGroup({
    run: {
      ...DEFAULT_OPTIONS,
      seed: options.seed,
      tabs,
      rounds: 100_000,
      localSteps,
      adaptive,
      // Nobody evaluates meanwhile: that would cost a slow tab more than a fast one, and be another question.
      evaluateEveryRounds: 10_000,
    },
    shape: { inputs: 64, hidden: 16, classes: 10 },
    watch: {
      ...BLIND,
      handled: (tab, event) => {
        if (event.kind !== 'trained') return;
        firstMs ??= group.world.nowMs - event.trainMs;
        stepsOfTabs[tab.number]! += event.stepCount;
        total += event.stepCount;
      },
    },
  });
  // Steps a millisecond, of which the mean is that of `meanStepMs`.
  const speeds = Array.from({ length: tabs }, (_, i) => Math.pow(speedRatio, -i / Math.max(1, tabs - 1)));
  const usual = speeds.reduce((a, b) => a + b, 0) / tabs;
  group.openAll(
    speeds.map((speed) => ({
      stepMs: (options.meanStepMs * usual) / speed,
      uplinkMbit: 10,
      downlinkMbit: Infinity,
    })),
  );
  const isOver = () => total >= totalSteps;
  while (!isOver() && group.world.step(END_MS));
  const furthest = [...group.tabs.values()].reduce((a, b) =>
    (b.mind.head?.round ?? 0) > (a.mind.head?.round ?? 0) ? b : a,
  );
  return {
    loss: group.model.evaluate(furthest.trainer.replica.average, group.validation).loss,
    timeMs: group.world.nowMs - firstMs!,
    rounds: furthest.mind.head?.round ?? 0,
    stepsOfTabs,
    traceHash: group.world.traceHash,
  };
}
