/**
 * Averaging in tiers, measured: the whole simulated grid in a few places that share a line each, once with everybody
 * averaging with everybody, and with nodes that speak to each other after every K' rounds of their own. What is looked at is
 * the model that all share, whenever a round that concerns all has moved it. Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';

/** The shared model after a round. */
export interface NodesPoint {
  readonly atMs: number;
  /** Trained by all tabs together until then, whether they are in it or on their way. */
  readonly samples: number;
  /** Of the running mean of the anchors. */
  readonly loss: number;
}

export interface NodesRun {
  readonly points: readonly NodesPoint[];
  /** What crossed from place to place. */
  readonly bytesBetween: number;
  readonly samples: number;
  readonly departures: number;
  readonly violations: number;
  readonly traceHash: string;
}

/** What is trained between a round and the look at it (in a second 16 tabs do 2 % of a study) is not in that. */
const LOOK_EVERY_MS = 10;

/** Until so many samples were trained and are in what all share. */
export function studyNodes(changes: Partial<SimulateOptions>, samplesMax: number): NodesRun {
  let samples = 0;
  let lastRound = 0;
  const points: NodesPoint[] = [];
  const { bytesBetween, departures, traceHash, violations, initialLoss } = simulate(
    { ...DEFAULT_OPTIONS, ...changes },
    {
      lookEveryMs: LOOK_EVERY_MS,
      onTrained: (sampleCount) => (samples += sampleCount),
      isEnough: ({ round, nowMs, lossNow }) => {
        if (round === lastRound) return false;
        lastRound = round;
        const loss = lossNow();
        if (loss !== null) points.push({ atMs: nowMs, samples, loss });
        return samples >= samplesMax && points.at(-1)?.samples === samples;
      },
    },
  );
  points.unshift({ atMs: 0, samples: 0, loss: initialLoss });
  return { points, bytesBetween, samples, departures, violations: violations.length, traceHash };
}

/** After exactly so many samples, on the straight line between the two rounds around them; null: it did not come so far. */
export function pointAfter(points: readonly NodesPoint[], samples: number): NodesPoint | null {
  const next = points.findIndex((point) => point.samples >= samples);
  const after = points[next];
  if (after === undefined) return null;
  const before = points[next - 1] ?? after;
  const share = (samples - before.samples) / Math.max(1, after.samples - before.samples);
  const between = (of: (point: NodesPoint) => number) => of(before) + share * (of(after) - of(before));
  return { samples, loss: between(({ loss }) => loss), atMs: between(({ atMs }) => atMs) };
}

/** When the shared model was first this good, imaginary milliseconds; null: it never was. */
export const timeTo = (points: readonly NodesPoint[], loss: number): number | null =>
  points.find((point) => point.loss <= loss)?.atMs ?? null;
