/**
 * The deadlines of rounds: how long a leader waits for stragglers, and the others for the leader. Learns from the
 * arrivals of the group's own updates. Pure: it is told the time.
 */
import { median } from '@murmuration/codec';
import type { VolunteerId } from '@murmuration/protocol';
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
/** Closed rounds whose missing updates are still learnt from when they come. A guess: later ones were held up by more than a line. */
const LATE_MAX_ROUNDS = 8;
/** Whether our line has sent what it was given is looked at so often. */
const LOOK_EVERY_MS = 50;

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
  #lookMs = Infinity;
  #sendingSinceMs: number | null = null;
  /** In this round our line was busy for as long as the shortest grace. */
  #isThin = false;
  /** [R3] The last commit's word, so that all members agree on it. */
  #graceMs = GRACE_MAX_MS;
  /** Arrivals of the rounds before: after the round's start, and their distance from that round's median. */
  readonly #past: { readonly atMs: number; readonly latenessMs: number; readonly apartMs: number }[] = [];
  #arrivalsMs: number[] = [];
  /** Of the last rounds: when they began, when half of what counted had come, and who was missing. */
  readonly #closed = new Map<number, { startMs: number; middleMs: number; missing: Set<VolunteerId> }>();
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

  /**
   * Starts the leader's grace when half of the group is in, or the first has waited long enough. As long as our own update is
   * still leaving, those of others with such a line are: a deadline that did not wait for it would learn from the early ones
   * alone, and stay too short.
   */
  judge(halfArrived: boolean, nowMs: number, isSending = false): void {
    this.#lookMs = isSending ? nowMs + LOOK_EVERY_MS : Infinity;
    this.#sendingSinceMs = isSending ? (this.#sendingSinceMs ?? nowMs) : null;
    this.#isThin ||= nowMs - (this.#sendingSinceMs ?? nowMs) >= GRACE_MIN_MS;
    if (isSending) halfArrived = nowMs >= (this.#firstMs ?? Infinity) + GRACE_MAX_MS;
    else halfArrived ||= nowMs >= this.#patienceMs;
    if (halfArrived) this.#quorumMs ??= nowMs;
  }

  /** The round is closed: it was waited for these, and counted those. */
  closed(
    round: number,
    expected: readonly VolunteerId[],
    counted: { readonly has: (author: VolunteerId) => boolean },
  ): void {
    if (!this.#isThin) return;
    const missing = new Set(expected.filter((author) => !counted.has(author)));
    const middleMs = Math.max(0, median(this.#arrivalsMs));
    this.#closed.set(round, { startMs: this.#startMs, middleMs, missing });
    for (const old of [...this.#closed.keys()].slice(0, -LATE_MAX_ROUNDS)) this.#closed.delete(old);
  }

  /** An update of a round that was closed without it: a deadline that learnt from the others alone would stay too short. */
  arrivedLate(round: number, author: VolunteerId, nowMs: number): void {
    const closed = this.#closed.get(round);
    if (closed?.missing.delete(author) !== true) return;
    const atMs = nowMs - closed.startMs;
    const latenessMs = atMs - closed.middleMs;
    this.#past.push({ atMs, latenessMs, apartMs: latenessMs });
  }

  /** The next round begins, with updates that came before it did, at these times. */
  next(graceMs: number, earlyMs: readonly number[], nowMs: number): void {
    if (this.#arrivalsMs.length > 0) {
      const middle = median(this.#arrivalsMs);
      for (const atMs of this.#arrivalsMs)
        this.#past.push({
          atMs: Math.max(0, atMs),
          latenessMs: Math.abs(Math.max(0, atMs) - Math.max(0, middle)),
          apartMs: Math.abs(atMs - middle),
        });
      this.#past.splice(0, Math.max(0, this.#past.length - ARRIVALS_KEPT));
      if (this.#isTrusted) this.#usualMs = median(this.#past.map((arrival) => arrival.atMs));
    }
    this.#graceMs = graceMs;
    this.#startMs = nowMs;
    this.#firstMs = earlyMs.length > 0 ? nowMs : null;
    this.#quorumMs = null;
    this.#lookMs = Infinity;
    this.#sendingSinceMs = null;
    this.#isThin = false;
    this.#arrivalsMs = earlyMs.map((atMs) => atMs - nowMs);
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

  /** What lies between the first updates of a usual round and the last; nothing where too little was seen. */
  get exchangeMs(): number {
    if (this.#past.length < ARRIVALS_TRUSTED) return 0;
    const apartMs = median(this.#past.map((arrival) => arrival.apartMs));
    return Math.min(GRACE_MAX_MS, 4 * apartMs);
  }

  /** [R3] When less than half of the group has come although the first one has waited for two usual rounds. */
  get #patienceMs(): number {
    const enoughMs = Math.min(GRACE_MAX_MS, 2 * this.#usualMs);
    return (this.#firstMs ?? Infinity) + Math.max(enoughMs, 4 * GRACE_MIN_MS);
  }

  /** What the last commit said, which came late. */
  agreed(graceMs: number): void {
    this.#graceMs = graceMs;
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
    if (this.#quorumMs === null) return this.#lookMs < Infinity ? this.#lookMs : this.#patienceMs;
    return succession === null ? this.closeMs : this.takeOverMs(succession);
  }
}
