/**
 * What it is worth that each tab keeps as many values as its own uplink carries (`topk-auto`), on home lines between thin
 * and fast: after the same imaginary time, is the model better than with the best one k for all? Real minds, wire and
 * codec around a small model that learns; imaginary network and clock. Pure.
 *
 * Scaled as study-utilisation.ts is: a part of the parameters over the same part of each line takes as long as the whole.
 */
import { openUpdate, TOP_K_CHUNK_VALUES } from '@murmuration/codec';
import type { SimTab } from './sim-tab.ts';
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { BLIND, StudyGroup } from './study-group.ts';

export interface AdaptiveOptions {
  readonly seed: number;
  readonly codec: SimulateOptions['codec'];
  readonly tabs: number;
  readonly parameterCount: number;
  /** Parameters of the model that stands for it, about. */
  readonly scaledParameterCount: number;
  /** Thinnest and fastest uplink; the others lie evenly between, by ratio. */
  readonly uplinkMbit: readonly [number, number];
  readonly roundTripMs: number;
  readonly lossShare: number;
  readonly localSteps: number;
  readonly stepMs: number;
  /** Imaginary time of training. */
  readonly trainingMs: number;
  /** Between two looks at the loss. */
  readonly lookEveryMs: number;
}

export const ADAPTIVE_DEFAULTS: AdaptiveOptions = {
  seed: 1,
  codec: 'topk-auto',
  tabs: 8,
  parameterCount: 1_000_000,
  scaledParameterCount: 25_000,
  uplinkMbit: [1, 50],
  roundTripMs: 100,
  lossShare: 0,
  localSteps: 10,
  stepMs: 100,
  trainingMs: 60_000,
  lookEveryMs: 5_000,
};

export interface AdaptiveRow {
  /** Of the anchor of the tab that is furthest, nats; times from the first step on. */
  readonly points: readonly { readonly atMs: number; readonly loss: number }[];
  readonly finalLoss: number;
  readonly rounds: number;
  /** Updates that a commit counted, of those that were sent. */
  readonly countedShare: number;
  /** Values kept of 4,096 in the last update of each tab, the fastest line first. */
  readonly keptOfTabs: readonly number[];
  readonly traceHash: string;
}

const INPUTS = 64;
const CLASSES = 10;
/** Half of a run's default: at that, the small batches here never settle. */
const LEARNING_RATE = 0.002;
const END_MS = 36_000_000;

export function studyAdaptive(changes: Partial<AdaptiveOptions>): AdaptiveRow {
  const options = { ...ADAPTIVE_DEFAULTS, ...changes };
  const { tabs, parameterCount, scaledParameterCount, stepMs } = options;
  const scale = parameterCount / scaledParameterCount;
  const keptOfTabs = Array.from({ length: tabs }, () => 0);
  let hasBegun = false;
  let sentCount = 0;
  let countedCount = 0;
  const group: StudyGroup = new StudyGroup({
    run: {
      ...DEFAULT_OPTIONS,
      seed: options.seed,
      tabs,
      rounds: 100_000,
      batchSize: 16,
      learningRate: LEARNING_RATE,
      localSteps: options.localSteps,
      codec: options.codec,
      // How the group comes together is not what is measured here: all begin at once.
      peersMin: tabs,
      delayMeanMs: options.roundTripMs / 2,
      lossShare: options.lossShare,
      // Nobody evaluates meanwhile: that would be another question.
      evaluateEveryRounds: 10_000,
    },
    shape: {
      inputs: INPUTS,
      hidden: Math.max(1, Math.round((scaledParameterCount - CLASSES) / (INPUTS + 1 + CLASSES))),
      classes: CLASSES,
    },
    watch: {
      ...BLIND,
      handled: (tab, event) => {
        hasBegun ||= event.kind === 'trained';
        if (event.kind !== 'update-formed') return;
        const update = openUpdate(event.encoded);
        if (update.kind === 'kept') keptOfTabs[tab.number] = keptOf(update.kept.counts, update.count);
      },
      sent: (tab, { frame }) => {
        if (frame.kind === 'update' && frame.author === tab.id) sentCount += 1 / (tabs - 1);
        if (frame.kind === 'commit' && frame.leader === tab.id)
          countedCount += frame.included.length / (tabs - 1);
      },
    },
  });
  const [least, most] = options.uplinkMbit;
  group.openAll(
    Array.from({ length: tabs }, (_, i) => ({
      stepMs,
      uplinkMbit: (most * Math.pow(least / most, i / Math.max(1, tabs - 1))) / scale,
      downlinkMbit: Infinity,
    })),
  );
  const { world } = group;
  const isWaiting = () => !hasBegun;
  while (isWaiting() && world.step(END_MS));
  const startMs = world.nowMs;
  const roundOf = (tab: SimTab) => tab.mind.head?.round ?? 0;
  const furthest = () => [...group.tabs.values()].reduce((a, b) => (roundOf(b) > roundOf(a) ? b : a));
  const startRound = roundOf(furthest());
  const points: { atMs: number; loss: number }[] = [];
  for (let atMs = options.lookEveryMs; atMs <= options.trainingMs; atMs += options.lookEveryMs) {
    while (world.nowMs < startMs + atMs && world.step(END_MS));
    const { anchor } = furthest().trainer.replica;
    points.push({ atMs, loss: group.model.evaluate(anchor, group.validation).loss });
  }
  return {
    points,
    finalLoss: points.at(-1)!.loss,
    rounds: roundOf(furthest()) - startRound,
    countedShare: countedCount / sentCount,
    keptOfTabs,
    traceHash: world.traceHash,
  };
}

/** Of 4,096 values, the mean over the chunks. */
const keptOf = (counts: Uint16Array, count: number) =>
  Math.round((counts.reduce((a, b) => a + b, 0) * TOP_K_CHUNK_VALUES) / count);

/** When a training was as good as `loss` for the first time and stayed so; null: never. */
export function reachedMs({ points }: AdaptiveRow, loss: number): number | null {
  let reached: number | null = null;
  for (const point of points)
    if (point.loss > loss) reached = null;
    else reached ??= point.atMs;
  return reached;
}
