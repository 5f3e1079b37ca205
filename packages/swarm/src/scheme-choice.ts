/**
 * Which scheme a tab's next update is formed in. A run with one scheme says so; under `topk-auto` it is the largest top-k
 * that this tab's own uplink carries to its group within 30 % of a usual round [R14].
 *
 * Mental model. Three things are measured, all here: how long a round is (from commit to commit), what the uplink carries
 * (bytes that left while an update was on its way, over the time that it took them), and how often an update leaves. A
 * burst begins when an update is sent and ends when nothing waits any more; meanwhile the mind looks at the line every
 * LOOK_EVERY_MS, which bounds what a short burst can be mistaken by: a line that is faster than that can see is taken for
 * a slower one, k rises a step, the burst is longer and is measured better. Medians of the last few: a tab that was frozen
 * for a minute in the middle of a burst has one wrong measurement, not a wrong uplink.
 *
 * k rises a step of the ladder a round and falls at once. What was kept back by a small k waits in the residual (codec).
 * It refuses to know the world: what left and what waits is told by the hands, and the time is an argument. Pure.
 */
import {
  firstSchemeOf,
  median,
  sliceMaxBytes,
  TOP_K_LADDER,
  type Scheme,
  type TopKScheme,
} from '@murmuration/codec';
import { CODEC_BYTES_PER_PARAMETER, type RunManifest } from '@murmuration/protocol';

/** What has left this machine towards peers since the volunteer began, and what waits to; bytes. */
export interface Line {
  readonly leftBytes: number;
  readonly waitingBytes: number;
}

/** Share of a usual round in which an update is to be with everybody. */
const EXCHANGE_SHARE_MAX = 0.3;
/** A step up is taken when there is this much room: an update's size and a round's length vary by some percent. */
const ROOM_SHARE = 0.85;
/** While an update is on its way. A guess between wake-ups and how well a short burst is measured. */
const LOOK_EVERY_MS = 25;
/** Rounds and bursts that medians are taken of: rounds vary twofold, a line is measured to some percent. */
const ROUNDS_KEPT = 5;
const BURSTS_KEPT = 3;
/** An update's bytes besides its body: header, author, numbers. */
const FRAME_BYTES = 128;

/** A round in which an update is formed. */
export interface Occasion {
  readonly round: number;
  /** How often it will leave this machine. */
  readonly copyCount: number;
  /** It carries a slice of its author's anchor. */
  readonly withSlice: boolean;
}

/** What a choice rests on: the uplink, how long an update takes on it, how long a round usually is. */
export type Grounds = Record<'uplinkKbit' | 'exchangeMs' | 'roundMs', number>;

export class SchemeChoice {
  readonly #parameterCount: number;
  readonly #line: () => Line;
  readonly #isAuto: boolean;
  #scheme: Scheme;
  #grounds: Grounds | null = null;
  #chosenRound: number | null = null;
  #commitMs: number | null = null;
  readonly #roundsMs: number[] = [];
  readonly #bytesPerMs: number[] = [];
  /** An update is on its way: since when, and what had left by then. */
  #burst: { readonly startMs: number; readonly leftBytes: number } | null = null;
  #lookedMs = 0;

  constructor({ parameterCount, training }: RunManifest, line: () => Line) {
    this.#parameterCount = parameterCount;
    this.#line = line;
    this.#isAuto = training.codec === 'topk-auto';
    this.#scheme = firstSchemeOf(training.codec);
  }

  /** Our update was given to the links. */
  sent(nowMs: number): void {
    if (!this.#isAuto) return;
    const { leftBytes } = this.#line();
    this.#measured(leftBytes, nowMs);
    this.#burst = { startMs: nowMs, leftBytes };
    this.#lookedMs = nowMs;
  }

  /** Time has passed. */
  look(nowMs: number): void {
    // In the very moment of sending, the links have not been given anything yet.
    if (this.#burst === null || nowMs <= this.#lookedMs) return;
    this.#lookedMs = nowMs;
    const { leftBytes, waitingBytes } = this.#line();
    if (waitingBytes > 0) return;
    this.#measured(leftBytes, nowMs);
    this.#burst = null;
  }

  /** When `look` is due. */
  get nextLookMs(): number {
    return this.#burst === null ? Infinity : this.#lookedMs + LOOK_EVERY_MS;
  }

  /** A round was closed. */
  committed(nowMs: number): void {
    if (this.#commitMs !== null) keep(this.#roundsMs, nowMs - this.#commitMs, ROUNDS_KEPT);
    this.#commitMs = nowMs;
  }

  /** For the update of this round; asked again, the answer is the same. */
  next(occasion: Occasion): Scheme {
    if (!this.#isAuto || occasion.round === this.#chosenRound) return this.#scheme;
    this.#chosenRound = occasion.round;
    if (this.#roundsMs.length === 0 || this.#bytesPerMs.length === 0) return this.#scheme;
    const roundMs = median(this.#roundsMs);
    this.#scheme = this.#largest(occasion, EXCHANGE_SHARE_MAX * roundMs);
    const exchangeMs = Math.round(this.#exchangeMs(this.#scheme, occasion));
    const uplinkKbit = Math.round(8 * median(this.#bytesPerMs));
    this.#grounds = { uplinkKbit, exchangeMs, roundMs: Math.round(roundMs) };
    return this.#scheme;
  }

  /** Of the last choice; null: nothing was measured, or there is no choice. */
  get grounds(): Grounds | null {
    return this.#grounds;
  }

  #largest(occasion: Occasion, budgetMs: number): Scheme {
    const step = TOP_K_LADDER.indexOf(this.#scheme as TopKScheme);
    const above = TOP_K_LADDER[step + 1];
    if (above !== undefined && this.#exchangeMs(above, occasion) <= ROOM_SHARE * budgetMs) return above;
    const fits = TOP_K_LADDER.slice(0, step + 1).findLast(
      (scheme) => this.#exchangeMs(scheme, occasion) <= budgetMs,
    );
    return fits ?? TOP_K_LADDER[0]!;
  }

  #exchangeMs(scheme: Scheme, { copyCount, withSlice }: Occasion): number {
    const bytes =
      FRAME_BYTES +
      CODEC_BYTES_PER_PARAMETER[scheme] * this.#parameterCount +
      (withSlice ? sliceMaxBytes(this.#parameterCount) : 0);
    return (copyCount * bytes) / median(this.#bytesPerMs);
  }

  #measured(leftBytes: number, nowMs: number): void {
    if (this.#burst === null) return;
    const bytes = leftBytes - this.#burst.leftBytes;
    if (bytes > 0 && nowMs > this.#burst.startMs)
      keep(this.#bytesPerMs, bytes / (nowMs - this.#burst.startMs), BURSTS_KEPT);
  }
}

function keep(values: number[], value: number, count: number): void {
  values.push(value);
  values.splice(0, values.length - count);
}
