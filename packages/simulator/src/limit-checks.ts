/**
 * What an honest tab must never do, or the other side would cut it off: talk to the coordinator or to a peer faster than
 * the wire's limits, or say more than a message may hold. Checked from outside.
 */
import { LIMITS, type VolunteerMessage } from '@murmuration/protocol';
import type { Violations } from './checkers.ts';
import type { SimTab } from './sim-tab.ts';

/** Messages are measured one in so many: making the text is dear. */
const MEASURE_EVERY = 64;

/** [L2] A result without an answer is said again, but not so often in so short a time; a clock that jumps explains one. */
const RESULT_PAUSE_MS = 5_000;
const RESULT_TIMES_MAX = 3;

/** Sums of times may round to a moment too early, once. */
const WOKEN_IN_VAIN_MAX = 3;

interface Bucket {
  tokens: number;
  atMs: number;
  /** How often each result was said lately on this socket, by shard and generation. */
  readonly results: Map<string, { readonly sinceMs: number; times: number }>;
}

export class LimitChecks {
  readonly #violations: Violations;
  readonly #buckets = new WeakMap<SimTab, Bucket>();
  readonly #wokenInVain = new WeakMap<SimTab, number>();
  #messageCount = 0;

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  /** The coordinator closes a socket that talks faster than this. */
  said(tab: SimTab, message: VolunteerMessage, nowMs: number): void {
    let bucket = this.#buckets.get(tab);
    if (bucket === undefined)
      this.#buckets.set(
        tab,
        (bucket = {
          tokens: LIMITS.controlMessagesBurst,
          atMs: nowMs,
          results: new Map(),
        }),
      );
    const earned = ((nowMs - bucket.atMs) * LIMITS.controlMessagesPerSecond) / 1_000;
    bucket.tokens = Math.min(LIMITS.controlMessagesBurst, bucket.tokens + earned) - 1;
    bucket.atMs = nowMs;
    if (bucket.tokens < 0)
      this.#violations.break('I18', nowMs, `${tab.id} says too much to the coordinator (${message.type})`);
    if (message.type === 'hello') bucket.results.clear();
    if (message.type === 'lease-result') {
      const key = `${message.shardIndex}.${message.generation}`;
      const said = bucket.results.get(key);
      if (said === undefined || nowMs - said.sinceMs >= RESULT_PAUSE_MS)
        bucket.results.set(key, { sinceMs: nowMs, times: 1 });
      else if (++said.times === RESULT_TIMES_MAX)
        this.#violations.break('L2', nowMs, `${tab.id} says the result of ${key} again and again`);
    }
    this.#messageCount += 1;
    if (this.#messageCount % MEASURE_EVERY !== 0) return;
    const bytes = JSON.stringify(message).length;
    if (bytes > LIMITS.controlMessageMaxBytes)
      this.#violations.break('I18', nowMs, `${tab.id} said ${bytes} bytes to the coordinator at once`);
  }

  /** [I13] A deadline that stays in the past costs a tab all of its processor. */
  woken(tab: SimTab, didSomething: boolean, nowMs: number): void {
    if (didSomething || tab.mind.nextDeadlineMs() > tab.nowMs) {
      this.#wokenInVain.delete(tab);
      return;
    }
    const times = 1 + (this.#wokenInVain.get(tab) ?? 0);
    this.#wokenInVain.set(tab, times);
    if (times === WOKEN_IN_VAIN_MAX)
      this.#violations.break('I13', nowMs, `${tab.id} is woken again and again, and has nothing to do`);
  }

  /** Memory that unfinished frames of one link hold. */
  reserved(bytes: number, frameBytesMax: number, nowMs: number): void {
    const limit = LIMITS.peerTransfersMax * frameBytesMax;
    if (bytes > limit)
      this.#violations.break('I18', nowMs, `a link reserves ${bytes} bytes, at most ${limit}`);
  }

  forget(tab: SimTab): void {
    this.#buckets.delete(tab);
    this.#wokenInVain.delete(tab);
  }
}
