/** How a run went over its imaginary time: a bounded number of points, evenly thinned as the run gets longer. */

export interface CurvePoint {
  readonly atMs: number;
  readonly round: number;
  /** Validation loss of the latest checkpoint; null before the first. */
  readonly loss: number | null;
  readonly spread: number;
  readonly alive: number;
  /** Totals so far. */
  readonly joins: number;
  readonly departures: number;
}

const POINTS_MAX = 600;

export class Curves {
  #points: CurvePoint[] = [];
  #every = 1;
  #seen = 0;

  /** Peaks of the spread survive the thinning: a kept point carries the largest since the one before it. */
  #peak = 0;

  add(point: CurvePoint): void {
    this.#peak = Math.max(this.#peak, point.spread);
    this.#seen += 1;
    if (this.#seen % this.#every !== 0) return;
    this.#points.push({ ...point, spread: this.#peak });
    this.#peak = 0;
    if (this.#points.length <= POINTS_MAX) return;
    this.#points = this.#points.filter((_, i) => i % 2 === 1);
    this.#every *= 2;
  }

  get points(): readonly CurvePoint[] {
    return this.#points;
  }
}
