/**
 * A rate of bytes that is kept by waiting, not by refusing: who spends more than there is goes into debt, and is told when
 * the debt is paid. Time is an argument.
 */
import type { Rate } from './token-bucket.ts';

export class ByteBudget {
  readonly #rate: Rate;
  #bytes: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#bytes = rate.burst;
    this.#atMs = nowMs;
  }

  /** Takes the bytes, which were read already. Answers from when on more may be read; at or before `nowMs`: now. */
  spend(bytes: number, nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = Math.max(this.#atMs, nowMs);
    this.#bytes = Math.min(this.#rate.burst, this.#bytes + (elapsedMs * this.#rate.perSecond) / 1000) - bytes;
    return this.#bytes >= 0 ? nowMs : nowMs + (-this.#bytes * 1000) / this.#rate.perSecond;
  }
}
