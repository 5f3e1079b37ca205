/**
 * Whom to dial, when, and whose call to take. Of two peers the smaller id dials, so that a pair makes one connection.
 * Lost links are dialled again with backoff and jitter; calls of one peer are limited; who was closed for nonsense is
 * left alone for a while. Pure: time and chance are arguments.
 */
import { LIMITS, type VolunteerId } from '@murmuration/protocol';
import type { PeerGone } from '@murmuration/swarm';
import { TokenBucket } from './token-bucket.ts';

/** All guesses: a call costs a signalling round trip, an RTCPeerConnection and the other side's patience. */
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 15_000;
/** A link that lived this long was a success; the next failure starts from the first backoff again. */
const SUCCESS_MIN_MS = 10_000;
/** For peers closed with 'strikes'. */
const PENALTY_MS = 60_000;
/** Calls taken from one peer: an honest one's backoff stays below. */
const CALLS_PER_SECOND = 0.25;
const CALLS_BURST = 8;

/** Delay before attempt `failureCount + 1`: doubled each time, between half of it and all of it. */
export function backoffMs(
  failureCount: number,
  bounds: { readonly firstMs: number; readonly maxMs: number },
  random: () => number,
): number {
  const fullMs = Math.min(bounds.maxMs, bounds.firstMs * 2 ** Math.min(failureCount, 20));
  return fullMs * (0.5 + 0.5 * random());
}

interface Wanted {
  readonly calls: TokenBucket;
  linkedAtMs: number | null;
  failureCount: number;
  dialAtMs: number;
  /** No call is made or taken before. */
  penaltyUntilMs: number;
}

/** What to do with a call: `later` means that nobody spoke of this peer yet. */
export type CallVerdict = 'take' | 'later' | 'refuse';

export class DialPlan {
  readonly #self: VolunteerId;
  readonly #random: () => number;
  readonly #wanted = new Map<VolunteerId, Wanted>();

  constructor(self: VolunteerId, random: () => number) {
    this.#self = self;
    this.#random = random;
  }

  /** Replaces the list of wanted peers. What is known of those that stay is kept. */
  hold(peers: readonly VolunteerId[], nowMs: number): void {
    const named = new Set(peers.slice(0, LIMITS.linksMax).filter((peer) => peer !== this.#self));
    for (const peer of [...this.#wanted.keys()]) if (!named.has(peer)) this.#wanted.delete(peer);
    for (const peer of named) {
      if (this.#wanted.has(peer)) continue;
      this.#wanted.set(peer, {
        calls: new TokenBucket({ perSecond: CALLS_PER_SECOND, burst: CALLS_BURST }, nowMs),
        linkedAtMs: null,
        failureCount: 0,
        dialAtMs: nowMs,
        penaltyUntilMs: nowMs,
      });
    }
  }

  wants(peer: VolunteerId): boolean {
    return this.#wanted.has(peer);
  }

  /** Peers to dial now. */
  due(nowMs: number): VolunteerId[] {
    const due = [];
    for (const [peer, wanted] of this.#wanted) {
      const isMine = this.#self < peer && wanted.linkedAtMs === null;
      if (isMine && nowMs >= wanted.dialAtMs && nowMs >= wanted.penaltyUntilMs) due.push(peer);
    }
    return due;
  }

  judge(caller: VolunteerId, nowMs: number): CallVerdict {
    if (caller >= this.#self) return 'refuse';
    const wanted = this.#wanted.get(caller);
    if (wanted === undefined) return 'later';
    return nowMs >= wanted.penaltyUntilMs && wanted.calls.take(nowMs) ? 'take' : 'refuse';
  }

  /** A link with this peer has begun, by our call or by theirs. */
  linked(peer: VolunteerId, nowMs: number): void {
    const wanted = this.#wanted.get(peer);
    if (wanted !== undefined) wanted.linkedAtMs = nowMs;
  }

  /** The link ended, or the call came to nothing. */
  lost(peer: VolunteerId, reason: PeerGone, nowMs: number): void {
    const wanted = this.#wanted.get(peer);
    if (wanted === undefined) return;
    if (wanted.linkedAtMs !== null && nowMs - wanted.linkedAtMs >= SUCCESS_MIN_MS) wanted.failureCount = 0;
    wanted.linkedAtMs = null;
    wanted.dialAtMs =
      nowMs + backoffMs(wanted.failureCount, { firstMs: RETRY_FIRST_MS, maxMs: RETRY_MAX_MS }, this.#random);
    wanted.failureCount += 1;
    if (reason === 'strikes') wanted.penaltyUntilMs = nowMs + PENALTY_MS;
  }
}
