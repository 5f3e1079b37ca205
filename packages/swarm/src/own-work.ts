/**
 * What this volunteer trains itself: how far it may go, what it learned since its last update, and which update it sent
 * last. Training does not wait for the exchange: while our update is on its way we go on, by a round's steps at most (in
 * an asynchronous run: by more), and the commit moves the anchor under that progress (codec, replica.ts). Where gradients
 * are exchanged it does: the next one is to be of weights that everybody shares. Pure.
 */
import type { Fate } from '@murmuration/codec';
import { exchangeOf, LIMITS, stalenessMaxOf, type FrameOf, type Training } from '@murmuration/protocol';
import type { Round } from './rounds.ts';
import { keptRounds, type HeldUpdate } from './held-updates.ts';
import type { TrainerEvent } from './ports.ts';

/** Training that an update stands for. */
export interface Progress {
  readonly stepCount: number;
  readonly sampleCount: number;
  readonly trainMs: number;
  /** Mean over the steps. */
  readonly loss: number;
}

/**
 * [A4] Rounds' steps that are trained ahead of an update that is pending. The next one leaves when that is settled, so this
 * is reached only when the server does not answer: far lines, or none.
 */
const ROUNDS_AHEAD_MAX = 4;
const SAMPLES_MAX = LIMITS.localStepsMax * LIMITS.batchMax;
const NOTHING: Progress = { stepCount: 0, sampleCount: 0, trainMs: 0, loss: 0 };

export class OwnWork {
  readonly #isAsynchronous: boolean;
  /** Nothing is trained while our update is on its way. */
  readonly #waits: boolean;
  #progress = NOTHING;
  /** In updates that no commit has counted so far: the residual keeps it (codec, replica.ts). */
  #owed = NOTHING;
  /** The round in which our own training diverged: it is not tried again before the next one. */
  #divergedRound: number | null = null;
  /**
   * The updates we sent last: after a resync into its round one counts again, a second one would be equivocation. A replica
   * may go from one branch to another and back: in a node, whose rounds are short, a dozen rounds later.
   */
  readonly #published: { readonly term: number; readonly round: number; readonly update: HeldUpdate }[] = [];

  constructor(training: Training) {
    this.#isAsynchronous = stalenessMaxOf(training) !== null;
    this.#waits = exchangeOf(training) === 'gradients';
  }

  /** Steps were done that are in no update yet. */
  trained({ stepCount, sampleCount, trainMs, loss }: Extract<TrainerEvent, { kind: 'trained' }>): void {
    this.#progress = together(this.#progress, { stepCount, sampleCount, trainMs, loss });
  }

  /** Training gave no finite weights: the round goes on without us, the next one starts from the group's anchor. */
  diverged(round: number | null): void {
    this.#divergedRound = round;
    this.#progress = NOTHING;
  }

  /**
   * Steps to train now. [R9] While our update is on its way we train ahead, by a round's steps at most.
   * @param localSteps of a round, at our pace.
   */
  stepsDue(round: Round, hasPeers: boolean, localSteps: number): number {
    if (this.#divergedRound === round.head.round) return 0;
    if (round.ownUpdate !== undefined && (this.#waits || !hasPeers)) return 0;
    const roundsMax = this.#isAsynchronous && round.ownUpdate !== undefined ? ROUNDS_AHEAD_MAX : 1;
    return Math.max(0, roundsMax * localSteps - this.#progress.stepCount);
  }

  /** Something was trained that is in no update yet (who parts: that no commit counted), and this round has none of ours. */
  mayPublish(round: Round, isParting: boolean): boolean {
    return round.ownUpdate === undefined && (isParting ? !this.isCounted : this.#progress.stepCount > 0);
  }

  /** A commit counted everything that was trained here. */
  get isCounted(): boolean {
    return this.#progress.stepCount + this.#owed.stepCount === 0;
  }
  /** A commit was applied, with our update or without it. */
  committed(own: Fate): void {
    if (own === 'counted') this.#owed = NOTHING;
  }

  /** What the update that is sent now stands for. */
  take(): Progress {
    const progress = this.#progress;
    this.#owed = together(this.#owed, progress);
    this.#progress = NOTHING;
    return progress.stepCount === 0 ? this.#owed : progress;
  }

  published(frame: Pick<FrameOf<'update'>, 'term' | 'round'>, update: HeldUpdate): void {
    this.#published.unshift({ term: frame.term, round: frame.round, update });
    this.#published.splice(keptRounds(update.encoded.length));
  }

  /**
   * Our replica was replaced: what is in no update is lost. Returns the update that still counts at this head (`anchor`
   * null: at any); in an asynchronous run none, as it may have been counted long ago.
   */
  replaced(term: number, round: number, anchor: string | null): HeldUpdate | null {
    this.#progress = NOTHING;
    this.#owed = NOTHING;
    if (this.#isAsynchronous) return null;
    const isOfHere = (sent: { readonly term: number; readonly round: number }) =>
      sent.term === term && sent.round === round;
    const fitting = this.#published.find(
      (sent) => isOfHere(sent) && (anchor === null || sent.update.anchor === anchor),
    );
    return fitting?.update ?? null;
  }
}

const together = (a: Progress, b: Progress): Progress => ({
  stepCount: a.stepCount + b.stepCount,
  sampleCount: a.sampleCount + b.sampleCount,
  trainMs: a.trainMs + b.trainMs,
  loss: (a.loss * a.stepCount + b.loss * b.stepCount) / Math.max(1, a.stepCount + b.stepCount),
});

/** As an update may say it: of more steps than it can name it says the time of as many, so that its speed stays what it is. */
export function sayable({ stepCount, sampleCount, trainMs, loss }: Progress): Progress {
  const steps = Math.min(LIMITS.localStepsMax, stepCount);
  return {
    stepCount: steps,
    sampleCount: Math.min(SAMPLES_MAX, sampleCount),
    trainMs: Math.min(0xffffffff, Math.round((trainMs * steps) / Math.max(1, stepCount))),
    loss: Number.isFinite(loss) ? loss : 0,
  };
}
