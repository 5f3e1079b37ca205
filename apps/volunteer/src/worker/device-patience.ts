/**
 * How long a graphics device that was lost is waited for where the browser has none to give, as for some seconds after its
 * GPU process crashed. When to ask again is decided by `nextAskMs`, which is pure.
 */
import type { DevicePatience } from '@murmuration/trainer';

/** Before each further try; half a minute together. The process is back within seconds, a driver that restarts takes longer. Guesses. */
const DELAYS_MS = [500, 1_000, 2_000, 4_000, 7_500, 15_000] as const;

/**
 * When to ask again after it could not be had `failures` times in a row; null: no more. Tries are counted and not time,
 * because a computer that slept meanwhile has had no chance.
 */
export function nextAskMs(failures: number, nowMs: number): number | null {
  const delayMs = DELAYS_MS[failures - 1];
  return delayMs === undefined ? null : nowMs + delayMs;
}

export class Patience implements DevicePatience {
  readonly #awaited: (nextAtMs: number) => void;
  #failures = 0;
  #isGivenUp = false;
  #endWait: () => void = () => {};

  /** @param awaited is told of each wait before it begins, in the clock of `performance.now`. */
  constructor(awaited: (nextAtMs: number) => void) {
    this.#awaited = awaited;
  }

  async again(): Promise<boolean> {
    const nowMs = performance.now();
    const atMs = this.#isGivenUp ? null : nextAskMs(++this.#failures, nowMs);
    if (atMs === null) return false;
    this.#awaited(atMs);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, atMs - nowMs);
      this.#endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return !this.#isGivenUp;
  }

  had(): void {
    this.#failures = 0;
  }

  giveUp(): void {
    this.#isGivenUp = true;
    this.#endWait();
  }
}
