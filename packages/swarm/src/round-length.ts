/**
 * How long a round is: the run's local steps, times a stretch that the last commit said [R17].
 *
 * Mental model. What an exchange takes, from our update's leaving to the commit, does not depend on the steps; what
 * training takes does. While an update travels we train ahead, by a round's steps at most (R9): an exchange that takes
 * longer than these is waited for, one that takes less costs nothing. So a round is made as long as its exchange takes, and
 * goes back when that would be well hidden in a shorter one. It is never shorter than the run asks: its rounds are
 * counted. It does not become so long that many of its members would leave while it lasts, as what they trained is lost.
 *
 * It refuses to know frames and clocks, and who may say so. Pure.
 */
import { isSparse, median } from '@murmuration/codec';
import {
  hasFixedRounds,
  localStepsOf,
  STRETCHES,
  type Decision,
  type Stretch,
  type Training,
  type UpdateBody,
  type VolunteerId,
} from '@murmuration/protocol';
import { fastOf } from './speeds.ts';

/** The exchange shows when it takes so much longer than the fastest's training: the others' steps end up to a fifth later. */
export const SHOWN_RATIO = 1.25;
/**
 * What a sparse codec leaves out waits in residuals for rounds, and twice where a server's answer goes through it as well: there
 * half of the exchange may show. With all of it hidden such runs took up to a quarter longer (docs/strategies.md).
 */
const WAITING_TWICE = 2;
/** It would be well hidden where it takes at most this share of training. */
const HIDDEN_SHARE = 0.7;
/**
 * Of the members so many may leave during a round that is longer than the run asks; beyond twice that it goes back. On lines
 * of 0.1 Mbit/s rounds of two seconds were best while 13 % left in each, those of four lost by it (docs/strategies.md).
 */
const LEFT_SHARE_MAX = 0.2;
/** Of rounds of one length: fewer say nothing, and the latest count. */
const ROUNDS_SEEN = 5;
/**
 * Of these the second shortest exchange is the usual one: a line shows in all of them. Who evaluates or is late for once holds
 * up every other round at most, and longer rounds on that account cost up to a quarter of the time.
 */
const EXCHANGE_RANK = 1;
/** What is left of a hidden exchange from round to round: after a dozen a shorter round is tried. A guess. */
const HIDDEN_FADE = 0.97;
/** That departures are counted over. A guess: some minutes of a small group. */
const ROUNDS_OF_DEPARTURES = 40;

/** One round, as it was seen. */
export interface SeenRound {
  /** From an update's leaving to the commit that listed it. */
  readonly exchangeMs: number;
  /** Of the fast ones of the group. */
  readonly stepMs: number;
}

export class RoundLength {
  readonly #training: Training;
  readonly #isFixed: boolean;
  /** Of the exchange this share is to be hidden. */
  readonly #hiddenShare: number;
  #stretch: Stretch = 1;
  #seen: SeenRound[] = [];
  /** Of the last round that was seen, whatever its length. */
  #exchangeMs = 0;
  #change: Decision | null = null;
  #round = 0;
  #beganMs = 0;
  /** Our update of this round; null: it has not left. */
  #sentMs: number | null = null;
  readonly #departures: { readonly left: number; readonly memberMs: number }[] = [];

  constructor(training: Training) {
    this.#training = training;
    this.#isFixed = hasFixedRounds(training);
    const waitsTwice = training.architecture === 'central' && isSparse(training.codec);
    this.#hiddenShare = waitsTwice ? 1 / WAITING_TWICE : 1;
  }

  /** Of the round that goes on. */
  get stretch(): Stretch {
    return this.#stretch;
  }

  /** The round begins, and the commit of the last one said this of it. */
  begin({ round, stretch }: { readonly round: number; readonly stretch: Stretch }, nowMs: number): void {
    this.#round = round;
    this.#beganMs = nowMs;
    this.#sentMs = null;
    if (stretch === this.#stretch) return;
    this.#stretch = stretch;
    this.#seen = [];
  }

  /** Our update leaves. */
  sent(nowMs: number): void {
    this.#sentMs ??= nowMs;
  }

  /** Members closed the round by these updates; members of the next are those after it. */
  closedBy(
    updates: readonly UpdateBody[],
    { before, after }: { readonly before: readonly VolunteerId[]; readonly after: readonly VolunteerId[] },
    nowMs: number,
  ): void {
    const left = before.filter((id) => !after.includes(id)).length;
    const isSeen = this.#sentMs !== null && updates.length >= before.length;
    this.closed(
      updates,
      { members: before.length, left, exchangeMs: isSeen ? nowMs - this.#sentMs! : null },
      nowMs,
    );
  }

  /**
   * The round is closed by these updates.
   * @param left of its members, while it lasted
   * @param exchangeMs null: nothing is known; so it is where somebody was waited for in vain, which says how long a grace is.
   *   `hidden`: no longer than training. It is taken for a little less than before, so that a shorter round is tried now and then.
   */
  closed(
    updates: readonly UpdateBody[],
    { members, left, exchangeMs }: { members: number; left: number; exchangeMs: number | 'hidden' | null },
    nowMs: number,
  ): void {
    this.#departures.push({ left, memberMs: members * (nowMs - this.#beganMs) });
    this.#departures.splice(0, this.#departures.length - ROUNDS_OF_DEPARTURES);
    const stepMs = stepMsOf(updates);
    if (exchangeMs === null || stepMs === null || updates.length < 2) return;
    const trainMs = localStepsOf(this.#training, this.#round, this.#stretch) * stepMs;
    this.#exchangeMs =
      exchangeMs === 'hidden' ? Math.min(trainMs, HIDDEN_FADE * this.#exchangeMs) : exchangeMs;
    this.#seen.push({ exchangeMs: this.#exchangeMs, stepMs });
    this.#seen.splice(0, this.#seen.length - ROUNDS_SEEN);
  }

  /** What whoever closes a round says of `round`, the next. */
  next(round: number): Stretch {
    const stretch = this.#isFixed || this.#seen.length < ROUNDS_SEEN ? this.#stretch : this.#wanted(round);
    this.#change = stretch === this.#stretch ? null : this.#changeTo(stretch, round);
    return stretch;
  }

  /** That we made rounds of another length since we were asked last, and why; null: we did not. */
  takeChange(): Decision | null {
    const change = this.#change;
    this.#change = null;
    return change;
  }

  #changeTo(stretch: Stretch, round: number): Decision {
    const [from, to] = [this.#stretch, stretch].map((each) => localStepsOf(this.#training, round, each));
    const { exchangeMs, stepMs, leftPerMs } = this.#usual;
    const trainMs = from! * stepMs;
    const because = {
      exchangeMs: Math.round(exchangeMs),
      trainMs: Math.round(trainMs),
      leaving: Math.round(1_000 * trainMs * leftPerMs) / 1_000,
    };
    return { round, what: 'round-steps', from: from!, to: to!, because };
  }

  get #usual(): SeenRound & { readonly leftPerMs: number } {
    let [left, memberMs] = [0, 0];
    for (const each of this.#departures) {
      left += each.left;
      memberMs += each.memberMs;
    }
    return {
      exchangeMs: this.#seen.map((seen) => seen.exchangeMs).toSorted((a, b) => a - b)[EXCHANGE_RANK]!,
      stepMs: median(this.#seen.map((seen) => seen.stepMs)),
      leftPerMs: left / Math.max(1, memberMs),
    };
  }

  #wanted(round: number): Stretch {
    const { exchangeMs: wholeMs, stepMs, leftPerMs } = this.#usual;
    const exchangeMs = this.#hiddenShare * wholeMs;
    const trainMs = (stretch: Stretch) => localStepsOf(this.#training, round, stretch) * stepMs;
    // Of few steps, and near the most that there may be, some lengths are the same.
    const lengths = STRETCHES.filter((each, i) => i === 0 || trainMs(each) > trainMs(STRETCHES[i - 1]!));
    const now = this.#stretch;
    const shorter = lengths.findLast((each) => each < now) ?? now;
    if (now > 1 && trainMs(now) * leftPerMs > 2 * LEFT_SHARE_MAX) return shorter;
    if (exchangeMs <= SHOWN_RATIO * trainMs(now))
      return exchangeMs <= HIDDEN_SHARE * trainMs(shorter) ? shorter : now;
    const longer = lengths.filter((each) => each > now && trainMs(each) * leftPerMs <= LEFT_SHARE_MAX);
    return longer.find((each) => trainMs(each) >= exchangeMs) ?? longer.at(-1) ?? now;
  }
}

/** One step of the fast ones; null: nobody said how long it took. */
function stepMsOf(updates: readonly UpdateBody[]): number | null {
  const fast = fastOf(updates);
  return fast === null ? null : 1 / fast;
}
