/**
 * One volunteer's copy of the model, as numbers: the anchor that all members of a group share bit for bit, and the
 * residual, which is this volunteer's own (what its past updates lost in rounding, or an update that nobody counted).
 *
 *   formUpdate:  correction = (weights - anchor) + fade * residual;  sent = encode(correction)
 *   commit:      the anchor advances (anchor.ts)
 *                own update counted: residual = correction - decode(sent); uncounted: residual = correction;
 *                pending: nothing is settled, and what was trained is carried along with the anchor
 *
 * The residual is settled at the commit and not before: an update that came too late is not lost, it is sent again with
 * the next one. Nor is one lost over which another is formed while it is still open: the other holds it too. The trainer and the simulator run this same class; it knows no GPU, clock or network.
 */
import { Anchor, ReplicaError, type AnchorOptions } from './anchor.ts';
import type { GroupUpdate } from './averaging.ts';
import {
  addDecoded,
  encodeUpdate,
  inspectUpdate,
  isSparse,
  type CodecRule,
  type Scheme,
} from './update-codec.ts';
import { isFiniteVector, norm } from './vectors.ts';

/**
 * The residual may not outgrow the last correction by more than this: a tab whose updates are never counted would
 * otherwise pile up stale progress and throw it at the group at once. Ten rounds' worth; a guess.
 */
export const RESIDUAL_RATIO_MAX = 10;

/**
 * What waits in the residual of a sparse scheme fades from round to round: a value may wait for dozens of them, and the
 * model has moved on meanwhile. 0.95 is SparseLoCo's; 0.80 and 0.99 learned worse (ALGORITHMS study, 5.3). A dense
 * scheme's residual is rounding of the round before and stays whole.
 */
const SPARSE_RESIDUAL_FADE = 0.95;
/** What is left of a residual when the next update of this scheme, or under this rule, is formed. */
export const fadeOf = (rule: CodecRule): number => (isSparse(rule) ? SPARSE_RESIDUAL_FADE : 1);

/** What a commit says of the update that is open here. `pending`: another one will say it. */
export type Fate = 'counted' | 'uncounted' | 'pending';

export interface ReplicaOptions extends AnchorOptions {
  /** What updates are formed in, unless `formUpdate` is told otherwise. */
  readonly scheme: Scheme;
}

export class Replica extends Anchor {
  readonly #scheme: Scheme;
  readonly #residual: Float32Array;
  /** (weights - anchor) + residual of the update that was formed last, and its weights; null when none is open. */
  #open: {
    readonly correction: Float32Array;
    readonly encoded: Uint8Array;
    readonly deltaNorm: number;
    readonly weights: Float32Array;
  } | null = null;
  /** What was trained since the last update was formed; null: nothing. It moves along with the anchor. */
  #progress: Float32Array | null = null;

  constructor(options: ReplicaOptions) {
    super(options);
    this.#scheme = options.scheme;
    this.#residual = new Float32Array(options.parameterCount);
  }

  /** Euclidean norm of the residual: how much progress is still unsent. */
  get residualNorm(): number {
    return norm(this.#residual);
  }

  /** Stands at another anchor, with an empty residual. */
  override load(parameters: Float32Array): void {
    super.load(parameters);
    this.#residual.fill(0);
    this.#open = null;
    this.#progress = null;
  }

  /** The anchor moves, and what was trained stays as far ahead of it as it was. */
  override moveTo(parameters: Float32Array): void {
    const weights = this.#open?.weights;
    const { anchor } = this;
    if (weights !== undefined)
      for (let i = 0; i < weights.length; i++) weights[i]! += parameters[i]! - anchor[i]!;
    super.moveTo(parameters);
  }

  /** Weights from which training goes on: the caller's own. */
  weights(): Float32Array {
    const weights = (this.#open?.weights ?? this.anchor).slice();
    const progress = this.#progress;
    if (progress !== null) for (let i = 0; i < weights.length; i++) weights[i]! += progress[i]!;
    return weights;
  }

  /**
   * Training came this far. Nothing is sent yet: a commit that happens meanwhile moves the anchor under the progress.
   * @throws ReplicaError 'not-finite': training diverged; everything since the last update is given up.
   */
  trained(weights: Float32Array): void {
    const base = this.#open?.weights ?? this.anchor;
    if (!isFiniteVector(weights)) {
      this.#progress = null;
      throw new ReplicaError('not-finite', 'training gave weights that are not finite');
    }
    const progress = (this.#progress ??= new Float32Array(weights.length));
    for (let i = 0; i < weights.length; i++) progress[i] = weights[i]! - base[i]!;
  }

  /**
   * Turns what was trained since the anchor into the bytes to send. The update stays open until a `commit` settles it.
   * Differences and sums are float32's: a GPU forms the same correction.
   * @param weights where training came to, kept from now on; else what `trained` said.
   * @param scheme may be another one from round to round: what none of them sent stays in the one residual.
   * @throws ReplicaError 'not-finite': training diverged; everything since the last update is given up.
   */
  formUpdate(weights: Float32Array = this.weights(), scheme: Scheme = this.#scheme): Uint8Array {
    this.#progress = null;
    const { anchor } = this;
    const correction = new Float32Array(weights.length);
    const fade = fadeOf(scheme);
    let deltaSquares = 0;
    for (let i = 0; i < weights.length; i++) {
      const delta = Math.fround(weights[i]! - anchor[i]!);
      deltaSquares += delta * delta;
      correction[i] = delta + Math.fround(fade * this.#residual[i]!);
    }
    if (!isFiniteVector(correction))
      throw new ReplicaError('not-finite', 'training gave weights that are not finite');
    const encoded = encodeUpdate(scheme, correction);
    if (inspectUpdate(encoded, scheme, weights.length) !== null)
      throw new ReplicaError('not-finite', 'training gave weights beyond what any peer accepts');
    this.#open = { correction, encoded, deltaNorm: Math.sqrt(deltaSquares), weights };
    return encoded;
  }

  /** Closes a round: moves the anchor by the mean of exactly these updates and settles the residual. */
  commit(updates: readonly GroupUpdate[], own: Fate): void {
    const open = this.#open;
    if (open !== null && own === 'pending') return this.#carry(open.weights, updates);
    this.advance(updates);
    this.#open = null;
    if (open === null) return;
    this.#residual.set(open.correction);
    if (own === 'counted') addDecoded(open.encoded, -1, this.#residual);
    const limit = RESIDUAL_RATIO_MAX * open.deltaNorm;
    const size = norm(this.#residual);
    if (size > limit) for (let i = 0; i < this.#residual.length; i++) this.#residual[i]! *= limit / size;
  }

  /** The anchor moves, and what the open update brings stays as far ahead of it as it was. */
  #carry(weights: Float32Array, updates: readonly GroupUpdate[]): void {
    const { anchor } = this;
    for (let i = 0; i < weights.length; i++) weights[i]! -= anchor[i]!;
    this.advance(updates);
    for (let i = 0; i < weights.length; i++) weights[i]! += anchor[i]!;
  }
}
