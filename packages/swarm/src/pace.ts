/**
 * How many local steps a volunteer does in a round, so that a slow one finishes with the others instead of holding
 * them up (DyLU, "Asynchronous Local-SGD", Liu et al. 2024): the round's H times its speed over the group's greatest that is
 * believed (speeds.ts). Every member learns all speeds from the updates it averaged. Measured speeds waver by some percent,
 * so steps change only when the share has moved on by more than that. Pure.
 */
import {
  isAdaptive,
  localStepsOf,
  type Stretch,
  type Training,
  type UpdateBody,
} from '@murmuration/protocol';
import { fastestOf, speedOf } from './speeds.ts';

/**
 * Nearly as fast as the fastest is fast enough: below this share the steps are cut. Keeps noise from shrinking H. At 0.7,
 * eight tabs of speeds 1.5:1 trained 89 % of their time and the fastest 79 %; at 0.9 all of them 91 % (bench:swarm).
 */
const SLOW_SHARE = 0.9;
/** Weight of the newest round in the running mean. A guess. */
const NEWEST_WEIGHT = 0.3;
/** The share has moved when it is this far from what the steps were chosen by; and by more than half a step. */
const MOVED_SHARE = 0.05;
const MOVED_STEPS = 0.75;

type PaceOptions = Pick<Training, 'localSteps' | 'warmUpRounds' | 'adaptive'>;

export class Pace {
  readonly #training: PaceOptions;
  #share = 1;
  /** What the steps follow: whole steps of the run's. */
  #settled = 1;

  constructor(training: PaceOptions) {
    this.#training = training;
  }

  /** Learns from a committed round. Updates without a time (0 ms) say nothing. */
  learn(updates: readonly UpdateBody[], self: string): void {
    const own = updates.find(({ author, trainMs }) => author === self && trainMs > 0);
    const fastest = fastestOf(updates);
    if (own === undefined || fastest === null) return;
    this.#share += NEWEST_WEIGHT * (Math.min(1, speedOf(own) / fastest) - this.#share);
    this.#settle();
  }

  #settle(): void {
    const { localSteps } = this.#training;
    if (this.#settled === 1 && this.#share >= SLOW_SHARE) return;
    const moved = Math.max(MOVED_SHARE, MOVED_STEPS / localSteps);
    if (Math.abs(this.#share - this.#settled) < moved) return;
    this.#settled = Math.max(1, Math.round(localSteps * this.#share)) / localSteps;
  }

  /** Our speed over the group's greatest, 1 at the most. */
  get share(): number {
    return this.#share;
  }

  /** Our steps of a round, 1..H; H where nothing adapts. */
  stepsOf(round: number, stretch: Stretch = 1): number {
    const localSteps = localStepsOf(this.#training, round, stretch);
    if (!isAdaptive(this.#training)) return localSteps;
    return Math.max(1, Math.round(localSteps * this.#settled));
  }
}
