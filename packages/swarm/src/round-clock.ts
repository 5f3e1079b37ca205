/**
 * The deadlines of rounds: how long a leader waits for stragglers, and the others for the leader. Learns from the
 * arrivals of the group's own updates. Pure: it is told the time.
 */
import { median } from '@murmuration/codec';
import type { Succession } from './leadership.ts';

/** Bounds and first value of the time a leader waits for stragglers after half of the group has arrived. */
const GRACE_MIN_MS = 250;
export const GRACE_MAX_MS = 5_000;
/**
 * What a leader gets beyond twice its grace before the next one asks everybody whether it may close the round: a way there
 * and back. Asking is safe (a leader that was only slow passes its commit on, or yields), so this need not be long.
 */
const TAKE_OVER_MS = 500;
const DOUBLINGS_MAX = 5;
/** Arrivals that the adaptive deadline remembers: a few rounds of a small group. */
const ARRIVALS_KEPT = 64;
/** Fewer arrivals than this say nothing about the spread. */
const ARRIVALS_TRUSTED = 8;

/** What the grace of the next round is, and what it rests on: when updates come, and how far apart. */
export interface Grace {
  readonly ms: number;
  readonly usualMs: number;
  readonly deviationMs: number;
}

export class RoundClock {
  readonly #adapts: boolean;
  #startMs: number;
  #firstMs: number | null = null;
  #quorumMs: number | null = null;
  /** [R3] The last commit's word, so that all members agree on it. */
  #graceMs = GRACE_MAX_MS;
  /** Arrivals of the rounds before: after the round's start, and their distance from that round's median. */
  readonly #past: { readonly atMs: number; readonly latenessMs: number }[] = [];
  #arrivalsMs: number[] = [];
  /** Median of the arrivals: how long a round takes. */
  #usualMs = GRACE_MAX_MS;

  /** @param adapts false: the grace stays what the group agreed on, five seconds, and so does what counts as usual */
  constructor(nowMs: number, adapts: boolean) {
    this.#startMs = nowMs;
    this.#adapts = adapts;
  }

  /** An update of the current round is here. */
  arrived(nowMs: number): void {
    this.#arrivalsMs.push(nowMs - this.#startMs);
    this.#firstMs ??= nowMs;
  }

  /** Starts the leader's grace when half of the group is in, or the first has waited long enough. */
  judge(halfArrived: boolean, nowMs: number): void {
    if (halfArrived || nowMs >= this.#patienceMs) this.#quorumMs ??= nowMs;
  }

  /** The next round begins, with `earlyCount` updates that came before it did. */
  next(graceMs: number, earlyCount: number, nowMs: number): void {
    if (this.#arrivalsMs.length > 0) {
      const middle = median(this.#arrivalsMs);
      for (const atMs of this.#arrivalsMs) this.#past.push({ atMs, latenessMs: Math.abs(atMs - middle) });
      this.#past.splice(0, Math.max(0, this.#past.length - ARRIVALS_KEPT));
      if (this.#isTrusted) this.#usualMs = median(this.#past.map((arrival) => arrival.atMs));
    }
    this.#graceMs = graceMs;
    this.#startMs = nowMs;
    this.#firstMs = earlyCount > 0 ? nowMs : null;
    this.#quorumMs = null;
    this.#arrivalsMs = Array.from({ length: earlyCount }, () => 0);
  }

  get #isTrusted(): boolean {
    return this.#adapts && this.#past.length >= ARRIVALS_TRUSTED;
  }

  /**
   * [R3] Adaptive deadline: after half of the group arrived, a quarter of the usual round or four deviations more.
   * A leader that has seen too little goes on with what the group agreed on.
   */
  get measuredGraceMs(): number {
    return this.measuredGrace?.ms ?? this.#graceMs;
  }
  /** Undefined: nothing was measured. */
  get measuredGrace(): Grace | undefined {
    if (!this.#isTrusted) return undefined;
    const usualMs = this.#usualMs;
    const deviationMs = median(this.#past.map((arrival) => arrival.latenessMs));
    const ms = Math.round(Math.min(GRACE_MAX_MS, Math.max(GRACE_MIN_MS, usualMs / 4, 4 * deviationMs)));
    return { ms, usualMs: Math.round(usualMs), deviationMs: Math.round(deviationMs) };
  }

  /** [R3] When less than half of the group has come although the first one has waited for two usual rounds. */
  get #patienceMs(): number {
    const enoughMs = Math.min(GRACE_MAX_MS, 2 * this.#usualMs);
    return (this.#firstMs ?? Infinity) + Math.max(enoughMs, 4 * GRACE_MIN_MS);
  }

  /** [R3] What the group agreed on. */
  get graceMs(): number {
    return this.#graceMs;
  }

  /** When the leader closes without the missing. */
  get closeMs(): number {
    return (this.#quorumMs ?? Infinity) + this.#graceMs;
  }

  /**
   * [R5] When the leader in charge has had its time: after those that were deposed had theirs, or since we yielded to it.
   * Candidates that get in each other's way because their words travel slowly leave each other ever more time.
   */
  takeOverMs({ deposedCount, yieldedAtMs, attempts }: Succession): number {
    const turnMs = 2 * this.#graceMs + TAKE_OVER_MS * 2 ** Math.min(attempts, DOUBLINGS_MAX);
    return Math.max((this.#quorumMs ?? Infinity) + (1 + deposedCount) * turnMs, yieldedAtMs + turnMs);
  }

  /** When to look again at the latest. `succession` null: we are the leader. */
  nextDeadlineMs(succession: Succession | null): number {
    if (this.#quorumMs === null) return this.#patienceMs;
    return succession === null ? this.closeMs : this.takeOverMs(succession);
  }
}
