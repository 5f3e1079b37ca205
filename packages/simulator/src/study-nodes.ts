/**
 * Averaging in tiers, measured: the whole simulated grid in a few places that share a line each, once with everybody
 * averaging with everybody, and with nodes that speak to each other after every K' rounds of their own. What is looked at is
 * the model that all share, whenever a round that concerns all has moved it. Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';
import type { Learned, TabTask } from './tab-model.ts';

/** The model that all share after a round: the running mean of the anchors. */
export interface NodesPoint extends Learned {
  readonly atMs: number;
  /** Trained by all tabs together until then, whether they are in it or on their way. */
  readonly samples: number;
}

export interface NodesRun {
  readonly points: readonly NodesPoint[];
  /** What crossed from place to place. */
  readonly bytesBetween: number;
  readonly samples: number;
  /** Rounds of all: of the one group, or between nodes. */
  readonly rounds: number;
  readonly departures: number;
  readonly violations: number;
  /** The first of them, in words. */
  readonly broken: string | null;
  readonly traceHash: string;
}

export interface NodesStudy {
  /** The end: so many were trained by all tabs, and what all share was looked at since. */
  readonly samplesMax: number;
  /** Between two looks, at least: one at a large model takes seconds. Default: after every round. */
  readonly lookEverySamples?: number;
  /** Default: the toy. */
  readonly task?: TabTask;
}

/** What is trained between a round and the look at it (in a second 16 tabs do 2 % of a study) is not in that. */
const LOOK_EVERY_MS = 10;

export function studyNodes(
  changes: Partial<SimulateOptions>,
  { samplesMax, lookEverySamples = 0, task }: NodesStudy,
): NodesRun {
  let samples = 0;
  let lastRound = -1;
  let lookAt = 0;
  const points: NodesPoint[] = [];
  const report = simulate(
    { ...DEFAULT_OPTIONS, ...changes },
    {
      ...(task === undefined ? {} : { task }),
      lookEveryMs: LOOK_EVERY_MS,
      onTrained: (sampleCount) => (samples += sampleCount),
      isEnough: ({ round, nowMs, learnedNow }) => {
        const isMoved = round !== lastRound;
        lastRound = round;
        if (!isMoved || samples < lookAt) return false;
        const learned = learnedNow();
        // Before the first tab has come, nobody holds what all share.
        if (learned === null) lastRound = -1;
        else {
          points.push({ atMs: nowMs, samples, ...learned });
          lookAt = Math.min(samplesMax, samples + lookEverySamples);
        }
        return samples >= samplesMax;
      },
    },
  );
  const { bytesBetween, departures, traceHash, violations } = report;
  const [first] = violations;
  return {
    ...{ points, bytesBetween, samples, rounds: lastRound, departures, traceHash },
    violations: violations.length,
    broken: first === undefined ? null : `${first.rule} after ${Math.round(first.atMs)} ms: ${first.text}`,
  };
}

/** After exactly so many samples, on the straight line between the two looks around them; null: it did not come so far. */
export function pointAfter(points: readonly NodesPoint[], samples: number): NodesPoint | null {
  const next = points.findIndex((point) => point.samples >= samples);
  const after = points[next];
  if (after === undefined) return null;
  const before = points[next - 1] ?? after;
  const share = (samples - before.samples) / Math.max(1, after.samples - before.samples);
  const between = (of: (point: NodesPoint) => number) => of(before) + share * (of(after) - of(before));
  return {
    samples,
    ...{ loss: between(({ loss }) => loss), accuracy: between(({ accuracy }) => accuracy) },
    atMs: between(({ atMs }) => atMs),
  };
}

/** When the shared model was first this good, imaginary milliseconds; null: it never was. */
export const timeTo = (points: readonly NodesPoint[], loss: number): number | null =>
  points.find((point) => point.loss <= loss)?.atMs ?? null;
