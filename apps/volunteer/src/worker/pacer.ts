/**
 * The hand that makes the device rest: carries out what the throttle decides between two submissions of the trainer,
 * holds work that may not go on while the person has paused (an evaluation, which nobody interrupts), and measures.
 */
import type { Pacing } from '@murmuration/trainer';
import { LoadMeter, Throttle } from './throttle.ts';

export class Pacer implements Pacing {
  readonly #throttle: Throttle;
  readonly #meter: LoadMeter;
  readonly #sleepers = new Set<() => void>();
  /** Since when the device has been at work without a rest; null: it is not at work. */
  #busySinceMs: number | null = null;
  #isHeld = false;

  constructor(share: number) {
    const nowMs = performance.now();
    this.#throttle = new Throttle(share, nowMs);
    this.#meter = new LoadMeter(nowMs);
  }

  /** 0..1 over the last half minute; null: too early to tell. */
  get measuredShare(): number | null {
    const nowMs = performance.now();
    this.#account(nowMs);
    return this.#meter.share(nowMs);
  }

  setShare(share: number): void {
    if (share === this.#throttle.share) return;
    const nowMs = performance.now();
    this.#account(nowMs);
    this.#throttle.setShare(share, nowMs);
    this.#meter.restart(nowMs);
    this.wake();
  }

  /** Nothing new is submitted until `release`. */
  hold(): void {
    this.#isHeld = true;
  }
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#meter.restart(performance.now());
    this.wake();
  }

  began(): void {
    this.#busySinceMs = performance.now();
  }

  ended(): void {
    this.#account(performance.now());
    this.#busySinceMs = null;
  }

  async between(drain: () => Promise<void>, isStopped: () => boolean): Promise<void> {
    const busyMs = performance.now() - (this.#busySinceMs ?? performance.now());
    if (!this.#isHeld && !this.#throttle.isDue(busyMs)) return;
    await drain();
    this.#account(performance.now());
    this.#busySinceMs = null;
    while (!isStopped()) {
      const restMs = this.#isHeld ? Infinity : this.#throttle.restMs(performance.now());
      if (restMs === 0) break;
      await this.#sleep(restMs);
    }
    this.#busySinceMs = performance.now();
  }

  wake(): void {
    for (const wake of [...this.#sleepers]) wake();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === Infinity ? undefined : setTimeout(() => wake(), Math.ceil(ms));
      const wake = () => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      this.#sleepers.add(wake);
    });
  }

  #account(nowMs: number): void {
    if (this.#busySinceMs === null) return;
    this.#throttle.worked(nowMs - this.#busySinceMs, nowMs);
    this.#meter.record(this.#busySinceMs, nowMs);
    this.#busySinceMs = nowMs;
  }
}
