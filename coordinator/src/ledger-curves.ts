/**
 * Two small memories of the ledger about reported rounds, both volatile: the window that gathers losses into one point
 * of the curve, and the fingerprints that show whether replicas are the same.
 */
import type { Head, VolunteerId } from '@murmuration/protocol';

/** Tabs report at most once a second and not all on the same round; a window of this length sees each of them. */
const WINDOW_MS = 1_000;
/** Rounds whose fingerprints are remembered. Members of a run are never further apart. */
const FINGERPRINT_ROUNDS_MAX = 64;

export interface CurvePoint {
  readonly round: number;
  readonly loss: number;
  readonly lossMin: number;
  readonly lossMax: number;
}

/** The latest loss of each tab, gathered until a window is over and the run has moved on. */
export class CurveWindow {
  readonly #losses = new Map<VolunteerId, number>();
  #round = 0;
  #dueAtMs = 0;

  add(volunteerId: VolunteerId, round: number, loss: number, nowMs: number): void {
    // The first report of all makes a point at once: training has begun.
    if (this.#losses.size === 0 && this.#round > 0) this.#dueAtMs = nowMs + WINDOW_MS;
    this.#losses.set(volunteerId, loss);
    this.#round = Math.max(this.#round, round);
  }

  forget(volunteerId: VolunteerId): void {
    this.#losses.delete(volunteerId);
  }

  clear(): void {
    this.#losses.clear();
    this.#round = 0;
    this.#dueAtMs = 0;
  }

  /** The point that is due, if any; its losses are then gone from the window. */
  due(nowMs: number, roundBefore: number): CurvePoint | null {
    if (nowMs < this.#dueAtMs || this.#losses.size === 0 || this.#round <= roundBefore) return null;
    const losses = [...this.#losses.values()];
    this.#losses.clear();
    return {
      round: this.#round,
      loss: losses.reduce((a, b) => a + b, 0) / losses.length,
      lossMin: Math.min(...losses),
      lossMax: Math.max(...losses),
    };
  }
}

/** Replicas of one term and round must be the same to the bit. Each volunteer that differs is counted once a round. */
export class Fingerprints {
  readonly #byRound = new Map<
    number,
    { readonly fingerprint: string; readonly differing: Set<VolunteerId> }
  >();

  clear(): void {
    this.#byRound.clear();
  }

  differs(volunteerId: VolunteerId, { round, fingerprint }: Head): boolean {
    const first = this.#byRound.get(round);
    if (first === undefined) {
      this.#byRound.set(round, { fingerprint, differing: new Set() });
      if (this.#byRound.size > FINGERPRINT_ROUNDS_MAX)
        this.#byRound.delete(this.#byRound.keys().next().value!);
      return false;
    }
    if (first.fingerprint === fingerprint || first.differing.has(volunteerId)) return false;
    first.differing.add(volunteerId);
    return true;
  }
}
