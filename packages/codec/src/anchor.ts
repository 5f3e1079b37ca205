/**
 * The part of a replica that is not one volunteer's own: the anchor, which all members of a group share bit for bit, and
 * its running mean, which is what is evaluated and taken away.
 *
 *   commit:  anchor += outerLearningRate * gain(n) * mean(included n updates);   average moves towards the anchor
 *
 * It refuses to know what this volunteer trained or has not sent yet (replica.ts), and where that lies.
 */
import { averageUpdates, planMean, type Divisor, type GroupUpdate } from './averaging.ts';
import { sumOf, type SumPlan } from './exact-mean.ts';
import { FOLLOWED, gainOf, type MeanRule } from './mean-rule.ts';
import { averageSlice, encodeSlice, sliceOf } from './slices.ts';
import { fingerprint, isFiniteVector } from './vectors.ts';

export class ReplicaError extends Error {
  readonly code: 'not-finite' | 'no-anchor';
  constructor(code: 'not-finite' | 'no-anchor', message: string) {
    super(message);
    this.code = code;
  }
}

export interface AnchorOptions {
  readonly parameterCount: number;
  readonly outerLearningRate: number;
  /** How the mean is taken and followed (mean-rule.ts); without it, that of pseudo-gradients. */
  readonly rule?: MeanRule;
  /** How far the mean of these is followed; without it, by how many they are (mean-rule.ts). */
  readonly gain?: (updates: readonly GroupUpdate[]) => number;
  /** What a value's sum is divided by (averaging.ts). By senders there is no gain: nothing was diluted. */
  readonly divisor?: Divisor;
  /** How many rounds' worth of training one commit stands for: the running mean is of about five; without it, one. */
  readonly roundsACommit?: number;
  /** Gives what `averageUpdates` gives, bit for bit; a process that holds many replicas may share the work. */
  readonly average?: typeof averageUpdates;
}

/**
 * Running mean of the anchors of about the last 5 rounds (Polyak averaging): at 95 % of the built-in digits it is a
 * quarter of the samples ahead of the anchor itself, whose last steps are noise. It warms up over its first rounds.
 */
const AVERAGE_DECAY = 0.8;
const averageDecay = (commitCount: number, roundsACommit: number) =>
  Math.min(AVERAGE_DECAY ** roundsACommit, commitCount / (commitCount + 4));

export class Anchor {
  readonly rule: MeanRule;
  readonly #outerLearningRate: number;
  readonly #gain: (updates: readonly GroupUpdate[]) => number;
  readonly #divisor: Divisor;
  readonly #roundsACommit: number;
  readonly #mean: typeof averageUpdates;
  readonly #anchor: Float32Array;
  readonly #average: Float32Array;
  #commitCount = 0;
  #fingerprint: string | null = null;

  constructor(options: AnchorOptions) {
    this.rule = options.rule ?? FOLLOWED;
    this.#outerLearningRate = options.outerLearningRate;
    this.#gain = options.gain ?? (({ length }) => gainOf(length, this.rule));
    this.#divisor = options.divisor ?? 'all';
    this.#roundsACommit = options.roundsACommit ?? 1;
    this.#mean = options.average ?? averageUpdates;
    this.#anchor = new Float32Array(options.parameterCount);
    this.#average = new Float32Array(options.parameterCount);
  }

  /** The shared parameters. Owned by the replica: read, do not keep. */
  get anchor(): Float32Array {
    return this.#anchor;
  }

  /**
   * Running mean of the anchors that this replica has stood at: the model to evaluate and to keep. Replicas that joined
   * at different rounds differ in it by less and less. Owned by the replica.
   */
  get average(): Float32Array {
    return this.#average;
  }

  get fingerprint(): string {
    return (this.#fingerprint ??= fingerprint(this.#anchor));
  }

  /** Stands at another anchor. */
  load(parameters: Float32Array): void {
    if (parameters.length !== this.#anchor.length)
      throw new Error(`replica: ${parameters.length} parameters given, the model has ${this.#anchor.length}`);
    if (!isFiniteVector(parameters))
      throw new ReplicaError('not-finite', 'the parameters to load are not finite');
    this.#anchor.set(parameters);
    this.#average.set(parameters);
    this.#commitCount = 0;
    this.#fingerprint = null;
  }

  /** Stands at another anchor that this one has come to: nothing else is given up. */
  moveTo(parameters: Float32Array): void {
    this.#anchor.set(parameters);
    this.#fingerprint = null;
  }

  /**
   * Moves only these ranges of the anchor by a commit, that the rest of it has behind it already: a state that was just
   * put together from chunks of several rounds. What comes out is what `commit` would have given, bit for bit.
   */
  bringForward(
    updates: readonly GroupUpdate[],
    ranges: readonly { readonly start: number; readonly end: number }[],
  ): void {
    const step = this.#step(updates);
    for (const { start, end } of ranges) {
      this.#move(step, start, end);
      this.#average.set(this.#anchor.subarray(start, end), start);
    }
  }

  /** The round's slice of the anchor, for members whose anchors differ. */
  formSlice(round: number): Uint8Array {
    return encodeSlice(this.#anchor, sliceOf(round, this.#anchor.length));
  }

  /** Moves the round's slice of the anchor to the mean of these. To be called before the round's commit. */
  meet(round: number, slices: readonly Uint8Array[]): void {
    if (slices.length === 0) return;
    averageSlice(this.#anchor, sliceOf(round, this.#anchor.length), slices);
    this.#fingerprint = null;
  }

  /** What a commit of these updates adds to the anchor, as whole numbers; `advance` takes it, and a GPU's twin may too. */
  plan(updates: readonly GroupUpdate[]): SumPlan {
    const rate = this.#outerLearningRate * this.#gain(updates);
    return planMean(updates, this.#anchor.length, rate, this.rule);
  }

  /** Closes a round: moves the anchor by the mean of exactly these updates. */
  advance(updates: readonly GroupUpdate[] | SumPlan): void {
    const step = 'units' in updates ? sumOf(updates, this.#anchor.length) : this.#step(updates);
    this.#move(step, 0, this.#anchor.length);
    this.#commitCount += 1;
    const follow = 1 - averageDecay(this.#commitCount, this.#roundsACommit);
    for (let i = 0; i < this.#anchor.length; i++)
      this.#average[i]! += follow * (this.#anchor[i]! - this.#average[i]!);
  }

  #step(updates: readonly GroupUpdate[]): Float32Array {
    const rate = this.#outerLearningRate * (this.#divisor === 'all' ? this.#gain(updates) : 1);
    return this.#mean(updates, this.#anchor.length, this.#divisor, rate, this.rule);
  }

  #move(step: Float32Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.#anchor[i]! += step[i]!;
    this.#fingerprint = null;
  }
}
