/**
 * How long the device rests between two slices of work, so that it is busy for the promised share of the time; and how
 * much of the time it really was. Pure: time is an argument, milliseconds of any steady clock.
 *
 * Mental model: a bucket that fills with the share of the time that passes, and that work empties. Work goes on while
 * there is something in it. It holds little: who waited a minute for others may not make up for it afterwards.
 */

/** Work between two rests. Two frames of a screen: longer slices can be felt while scrolling. */
const SLICE_MS = 32;
/** What may be saved up, in milliseconds of work: enough to make up for a timer that rang late. */
const CREDIT_MAX_MS = 50;
/** Debts of single long pieces of work (a commit of a large model) are forgiven beyond this. A guess. */
const DEBT_MAX_MS = 5_000;

export class Throttle {
  #share: number;
  #balanceMs = 0;
  #atMs: number;

  /** @param share 0..1 of the time; 1: never rests. */
  constructor(share: number, nowMs: number) {
    this.#share = share;
    this.#atMs = nowMs;
  }

  get share(): number {
    return this.#share;
  }

  setShare(share: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#share = share;
  }

  /** Whether a rest is due after so much work without one. */
  isDue(busyMs: number): boolean {
    return this.#share < 1 && busyMs >= SLICE_MS;
  }

  /** The device worked for `busyMs` until now. */
  worked(busyMs: number, nowMs: number): void {
    this.#fill(nowMs, busyMs);
  }

  /** To rest from now on before more work is begun; 0: none. */
  restMs(nowMs: number): number {
    this.#fill(nowMs);
    if (this.#share >= 1) this.#balanceMs = 0;
    return this.#balanceMs >= 0 ? 0 : -this.#balanceMs / this.#share;
  }

  #fill(nowMs: number, busyMs = 0): void {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    const balanceMs = this.#balanceMs + passedMs * this.#share - busyMs;
    this.#balanceMs = Math.max(-DEBT_MAX_MS, Math.min(CREDIT_MAX_MS, balanceMs));
  }
}

/** Over which the measured share is told. */
export const MEASURED_OVER_MS = 30_000;
const BUCKET_MS = 1_000;

/** The share of the last `MEASURED_OVER_MS` in which the device was at work. */
export class LoadMeter {
  /** Second -> busy milliseconds in it. */
  readonly #busyMs = new Map<number, number>();
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Forgets what was: another promise is measured from now on. */
  restart(nowMs: number): void {
    this.#busyMs.clear();
    this.#sinceMs = nowMs;
  }

  /** The device was at work from `fromMs` to `toMs`. */
  record(fromMs: number, toMs: number): void {
    let atMs = Math.max(fromMs, this.#sinceMs, toMs - MEASURED_OVER_MS);
    while (atMs < toMs) {
      const bucket = Math.floor(atMs / BUCKET_MS);
      const endMs = Math.min(toMs, (bucket + 1) * BUCKET_MS);
      this.#busyMs.set(bucket, (this.#busyMs.get(bucket) ?? 0) + endMs - atMs);
      atMs = endMs;
    }
  }

  /** 0..1; null: too early to tell. */
  share(nowMs: number): number | null {
    const fromMs = Math.max(this.#sinceMs, nowMs - MEASURED_OVER_MS);
    const spanMs = nowMs - fromMs;
    if (spanMs < BUCKET_MS) return null;
    let busyMs = 0;
    for (const [bucket, ms] of this.#busyMs) {
      const startMs = bucket * BUCKET_MS;
      if (startMs + BUCKET_MS <= fromMs) this.#busyMs.delete(bucket);
      // Of the oldest second only the part that is still looked at, as if its work had been spread evenly.
      else busyMs += ms * Math.min(1, (startMs + BUCKET_MS - fromMs) / BUCKET_MS);
    }
    return Math.min(1, busyMs / spanMs);
  }
}
