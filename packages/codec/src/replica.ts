/**
 * One volunteer's copy of the model, as numbers: the anchor that all members of a group share bit for bit, and the
 * residual, which is this volunteer's own (what its past updates lost in rounding, or an update that nobody counted).
 *
 *   formUpdate:  correction = (weights - anchor) + fade * residual;  sent = encode(correction)
 *   commit:      anchor += outerLearningRate * gain(n) * mean(included n updates)
 *                average moves towards the anchor: it is what is evaluated and taken away
 *                residual = own update included ? correction - decode(sent) : correction
 *
 * The residual is settled at the commit and not before: an update that came too late is not lost, it is sent again with
 * the next one. The trainer and the simulator run this same class; it knows no GPU, clock or network.
 */
import { averageUpdates, type Divisor, type GroupUpdate } from './averaging.ts';
import { averageSlice, encodeSlice, sliceOf } from './slices.ts';
import { addDecoded, encodeUpdate, inspectUpdate, isSparse, type Scheme } from './update-codec.ts';
import { fingerprint, isFiniteVector, norm } from './vectors.ts';

export class ReplicaError extends Error {
  readonly code: 'not-finite' | 'no-anchor';
  constructor(code: 'not-finite' | 'no-anchor', message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The residual may not outgrow the last correction by more than this: a tab whose updates are never counted would
 * otherwise pile up stale progress and throw it at the group at once. Ten rounds' worth; a guess.
 */
const RESIDUAL_RATIO_MAX = 10;

/**
 * What waits in the residual of a sparse scheme fades from round to round: a value may wait for dozens of them, and the
 * model has moved on meanwhile. 0.95 is SparseLoCo's; 0.80 and 0.99 learned worse (ALGORITHMS study, 5.3). A dense
 * scheme's residual is rounding of the round before and stays whole.
 */
const SPARSE_RESIDUAL_FADE = 0.95;

/**
 * The mean of n independent updates is less noisy than one, so it may be followed further: by the square root of n, up
 * to what was measured (4 tabs). On the built-in digits, 4 tabs at half the learning rate and gain 2 reach 95 % with
 * as many samples as at the full rate without gain, and a lone tab keeps its own rate.
 */
const GAIN_MAX = 2;
const gainOf = (updateCount: number) => Math.min(GAIN_MAX, Math.sqrt(updateCount));

export interface ReplicaOptions {
  readonly parameterCount: number;
  readonly scheme: Scheme;
  readonly outerLearningRate: number;
  /** What a value's sum is divided by (averaging.ts). By senders there is no gain: nothing was diluted. */
  readonly divisor?: Divisor;
  /** Gives what `averageUpdates` gives, bit for bit; a process that holds many replicas may share the work. */
  readonly average?: typeof averageUpdates;
}

/**
 * Running mean of the anchors of about the last 5 rounds (Polyak averaging): at 95 % of the built-in digits it is a
 * quarter of the samples ahead of the anchor itself, whose last steps are noise. It warms up over its first rounds.
 */
const AVERAGE_DECAY = 0.8;
const averageDecay = (commitCount: number) => Math.min(AVERAGE_DECAY, commitCount / (commitCount + 4));

export class Replica {
  readonly #scheme: Scheme;
  readonly #outerLearningRate: number;
  readonly #divisor: Divisor;
  readonly #mean: typeof averageUpdates;
  readonly #anchor: Float32Array;
  readonly #residual: Float32Array;
  readonly #average: Float32Array;
  #commitCount = 0;
  /** (weights - anchor) + residual of the update that was formed last, and its weights; null when none is open. */
  #open: {
    readonly correction: Float32Array;
    readonly encoded: Uint8Array;
    readonly deltaNorm: number;
    readonly weights: Float32Array;
  } | null = null;
  /** What was trained since the last update was formed; null: nothing. It moves along with the anchor. */
  #progress: Float32Array | null = null;
  #fingerprint: string | null = null;

  constructor(options: ReplicaOptions) {
    this.#scheme = options.scheme;
    this.#outerLearningRate = options.outerLearningRate;
    this.#divisor = options.divisor ?? 'all';
    this.#mean = options.average ?? averageUpdates;
    this.#anchor = new Float32Array(options.parameterCount);
    this.#residual = new Float32Array(options.parameterCount);
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

  /** Euclidean norm of the residual: how much progress is still unsent. */
  get residualNorm(): number {
    return norm(this.#residual);
  }

  /** Stands at another anchor, with an empty residual. */
  load(parameters: Float32Array): void {
    if (parameters.length !== this.#anchor.length)
      throw new Error(`replica: ${parameters.length} parameters given, the model has ${this.#anchor.length}`);
    if (!isFiniteVector(parameters))
      throw new ReplicaError('not-finite', 'the parameters to load are not finite');
    this.#anchor.set(parameters);
    this.#average.set(parameters);
    this.#commitCount = 0;
    this.#residual.fill(0);
    this.#open = null;
    this.#progress = null;
    this.#fingerprint = null;
  }

  /** Weights from which training goes on: the caller's own. */
  weights(): Float32Array {
    const weights = (this.#open?.weights ?? this.#anchor).slice();
    const progress = this.#progress;
    if (progress !== null) for (let i = 0; i < weights.length; i++) weights[i]! += progress[i]!;
    return weights;
  }

  /**
   * Training came this far. Nothing is sent yet: a commit that happens meanwhile moves the anchor under the progress.
   * @throws ReplicaError 'not-finite': training diverged; everything since the last update is given up.
   */
  trained(weights: Float32Array): void {
    const base = this.#open?.weights ?? this.#anchor;
    if (!isFiniteVector(weights)) {
      this.#progress = null;
      throw new ReplicaError('not-finite', 'training gave weights that are not finite');
    }
    const progress = (this.#progress ??= new Float32Array(weights.length));
    for (let i = 0; i < weights.length; i++) progress[i] = weights[i]! - base[i]!;
  }

  /**
   * Turns what was trained since the anchor into the bytes to send. The update stays open until `commit`.
   * @param weights where training came to; else what `trained` said.
   * @throws ReplicaError 'not-finite': training diverged; everything since the last update is given up.
   */
  formUpdate(weights: Float32Array = this.weights()): Uint8Array {
    this.#progress = null;
    const correction = new Float32Array(weights.length);
    const fade = isSparse(this.#scheme) ? SPARSE_RESIDUAL_FADE : 1;
    let deltaSquares = 0;
    for (let i = 0; i < weights.length; i++) {
      const delta = weights[i]! - this.#anchor[i]!;
      deltaSquares += delta * delta;
      correction[i] = delta + fade * this.#residual[i]!;
    }
    if (!isFiniteVector(correction))
      throw new ReplicaError('not-finite', 'training gave weights that are not finite');
    const encoded = encodeUpdate(this.#scheme, correction);
    if (inspectUpdate(encoded, this.#scheme, weights.length) !== null)
      throw new ReplicaError('not-finite', 'training gave weights beyond what any peer accepts');
    this.#open = { correction, encoded, deltaNorm: Math.sqrt(deltaSquares), weights };
    return encoded;
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

  /** Moves the round's slice of the anchor to the mean of these. To be called before the round's `commit`. */
  meet(round: number, slices: readonly Uint8Array[]): void {
    if (slices.length === 0) return;
    averageSlice(this.#anchor, sliceOf(round, this.#anchor.length), slices);
    this.#fingerprint = null;
  }

  /** Closes a round: moves the anchor by the mean of exactly these updates and settles the residual. */
  commit(updates: readonly GroupUpdate[], ownIncluded: boolean): void {
    this.#move(this.#step(updates), 0, this.#anchor.length);
    this.#commitCount += 1;
    const follow = 1 - averageDecay(this.#commitCount);
    for (let i = 0; i < this.#anchor.length; i++)
      this.#average[i]! += follow * (this.#anchor[i]! - this.#average[i]!);
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    this.#residual.set(open.correction);
    if (ownIncluded) addDecoded(open.encoded, -1, this.#residual);
    const limit = RESIDUAL_RATIO_MAX * open.deltaNorm;
    const size = norm(this.#residual);
    if (size > limit) for (let i = 0; i < this.#residual.length; i++) this.#residual[i]! *= limit / size;
  }

  /** What a commit adds to the anchor. */
  #step(updates: readonly GroupUpdate[]): Float32Array {
    const rate = this.#outerLearningRate * (this.#divisor === 'all' ? gainOf(updates.length) : 1);
    return this.#mean(updates, this.#anchor.length, this.#divisor, rate);
  }

  #move(step: Float32Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.#anchor[i]! += step[i]!;
    this.#fingerprint = null;
  }
}
