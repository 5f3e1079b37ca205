/**
 * What a tab adapts by itself: how many steps it does in a round (pace.ts) and how much of an update it sends
 * (scheme-choice.ts); and the log of what was decided, which goes to the coordinator with the reports: of the group's grace
 * and of the length of its rounds (round-length.ts) by whoever decided it. With `adaptive: off` nothing is, and nothing is
 * logged. Pure.
 */
import type { Scheme } from '@murmuration/codec';
import {
  localStepsOf,
  type Decision,
  type RunManifest,
  type Stretch,
  type UpdateBody,
} from '@murmuration/protocol';
import { DecisionLog } from './decision-log.ts';
import { Pace } from './pace.ts';
import type { Grace } from './round-clock.ts';
import { GRACE_MAX_MS } from './round-clock.ts';
import type { RoundLength } from './round-length.ts';
import { SchemeChoice, type Line, type Occasion } from './scheme-choice.ts';

export class Adaptation {
  readonly #manifest: RunManifest;
  readonly #pace: Pace;
  readonly #choice: SchemeChoice;
  readonly #length: RoundLength;
  readonly #log = new DecisionLog();
  #firstKept: number | null = null;

  constructor(manifest: RunManifest, line: () => Line, length: RoundLength) {
    this.#manifest = manifest;
    this.#length = length;
    this.#pace = new Pace(manifest.training);
    this.#choice = new SchemeChoice(manifest, line);
  }

  /** Our steps of a round of this length, 1..H. */
  stepsOf(round: number, stretch: Stretch = 1): number {
    return this.#pace.stepsOf(round, stretch);
  }

  /** What the update of this round is formed in. */
  schemeFor(occasion: Occasion): Scheme {
    const scheme = this.#choice.next(occasion);
    const { grounds } = this.#choice;
    const kept = Number(scheme.slice('topk-'.length));
    this.#firstKept ??= kept;
    if (grounds !== null) this.#log.stands('kept-values', occasion.round, this.#firstKept, kept, grounds);
    return scheme;
  }

  /** Our update was given to the links. */
  sent(nowMs: number): void {
    this.#choice.sent(nowMs);
  }
  look(nowMs: number): void {
    this.#choice.look(nowMs);
  }
  /** When `look` is due. */
  get nextLookMs(): number {
    return this.#choice.nextLookMs;
  }

  /**
   * A round was closed, with these updates.
   * @param grace as we measured it, for the next round; undefined: another did
   */
  committed(
    { round, updates, grace }: { round: number; updates: readonly UpdateBody[]; grace?: Grace | undefined },
    self: string,
    nowMs: number,
  ): void {
    this.#pace.learn(updates, self);
    this.#choice.committed(nowMs);
    const asked = localStepsOf(this.#manifest.training, round);
    const share = Math.round(100 * this.#pace.share) / 100;
    this.#log.stands('local-steps', round, asked, this.stepsOf(round), { share, asked });
    const change = this.#length.takeChange();
    if (change !== null) this.#log.changed(change);
    if (grace === undefined) return;
    const { ms, usualMs, deviationMs } = grace;
    this.#log.stands('grace', round, GRACE_MAX_MS, ms, { usualMs, deviationMs });
  }

  /** Decisions that were not told yet, for one report. */
  takeDecisions(): Decision[] {
    return this.#log.take();
  }
}
