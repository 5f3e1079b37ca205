/** What this volunteer decided by itself and has not told yet. Bounded, and seldom enough to be read. Pure. */
import { DECISIONS_TOLD_MAX, type Decided, type Decision } from '@murmuration/protocol';

/** Decisions of one kind are so many rounds apart at least; the one that is noted then is the latest. A guess. */
const ROUNDS_BETWEEN = 5;
/** A grace moves by some percent in every round. What is less than this times the last, and more than its inverse, is the same. */
const GRACE_RATIO = 1.5;

export class DecisionLog {
  readonly #last = new Map<Decided, { readonly round: number; readonly value: number }>();
  #waiting: Decision[] = [];

  /** How it stands now. Nothing is noted while that is what it was. @param first what it was at the beginning */
  stands(what: Decided, round: number, first: number, to: number, because: Decision['because']): void {
    const last = this.#last.get(what);
    const from = last?.value ?? first;
    if (isSame(what, from, to) || (last !== undefined && round < last.round + ROUNDS_BETWEEN)) return;
    this.#last.set(what, { round, value: to });
    this.#note({ round, what, from, to, because });
  }

  #note(decision: Decision): void {
    this.#waiting.push(decision);
    this.#waiting.splice(0, this.#waiting.length - DECISIONS_TOLD_MAX);
  }

  /** Who decides this also says what it was before, as it may have been another's. */
  changed(decision: Decision): void {
    this.#last.set(decision.what, { round: decision.round, value: decision.to });
    this.#note(decision);
  }

  /** For one report. */
  take(): Decision[] {
    const told = this.#waiting;
    this.#waiting = [];
    return told;
  }
}

function isSame(what: Decided, from: number, to: number): boolean {
  if (what !== 'grace') return from === to;
  return to < GRACE_RATIO * from && from < GRACE_RATIO * to;
}
