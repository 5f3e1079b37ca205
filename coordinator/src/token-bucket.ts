/** A steady rate with a burst. Time is an argument. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = nowMs;
  }

  /** Takes one token; false: there is none. */
  take(nowMs: number): boolean {
    if (!this.has(nowMs)) return false;
    this.#tokens--;
    return true;
  }

  /** Is there a token to take? */
  has(nowMs: number): boolean {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + (elapsedMs * this.#rate.perSecond) / 1000);
    this.#atMs = nowMs;
    return this.#tokens >= 1;
  }
}

/** One bucket an address. Bounded: when there are too many addresses the one seen longest ago is forgotten. */
export class AddressBuckets {
  static readonly #ADDRESSES_MAX = 10_000;
  readonly #rate: Rate;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  take(address: string, nowMs: number): boolean {
    const key = addressKey(address);
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, nowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > AddressBuckets.#ADDRESSES_MAX)
      this.#buckets.delete(this.#buckets.keys().next().value!);
    return bucket.take(nowMs);
  }

  has(address: string, nowMs: number): boolean {
    return this.#buckets.get(addressKey(address))?.has(nowMs) ?? true;
  }
}

/** An IPv6 subscriber owns a /64 and may use every address in it: they share a bucket. */
const addressKey = (address: string): string =>
  address.includes(':') && !address.includes('.') ? address.split(':').slice(0, 4).join(':') : address;
