/**
 * The course of one number of the run since the person came: a bounded list of (round, value), thinned evenly when it is
 * full, so that the picture keeps its shape however long it lasts. Pure.
 */
export interface CurvePoint {
  readonly round: number;
  readonly value: number;
}
export type Curve = readonly CurvePoint[];

/** More than a small chart has pixels. */
const POINTS_MAX = 240;

/** A value that is not known, or of a round that is there already, changes nothing. */
export function extended(curve: Curve, round: number, value: number | null): Curve {
  const last = curve.at(-1);
  if (value === null || !Number.isFinite(value) || (last !== undefined && round <= last.round)) return curve;
  const thinned = curve.length < POINTS_MAX ? curve : curve.filter((_, index) => index % 2 === 0);
  return [...thinned, { round, value }];
}

export interface Learned {
  readonly runId: string | null;
  readonly loss: Curve;
  /** Grows only when somebody evaluated. */
  readonly accuracy: Curve;
}
export const NOTHING_LEARNED: Learned = { runId: null, loss: [], accuracy: [] };

interface RunNumbers {
  readonly id: string;
  readonly round: number;
  readonly loss: number | null;
  readonly accuracy: number | null;
}

/** Another run begins anew. */
export function learnedFurther(learned: Learned, run: RunNumbers | null): Learned {
  if (run === null) return learned;
  const before = learned.runId === run.id ? learned : { ...NOTHING_LEARNED, runId: run.id };
  const last = before.accuracy.at(-1);
  return {
    runId: run.id,
    loss: extended(before.loss, run.round, run.loss),
    accuracy:
      last?.value === run.accuracy ? before.accuracy : extended(before.accuracy, run.round, run.accuracy),
  };
}
