/**
 * One tab's copy of a model that is averaged in two tiers: often among the tabs of a node, and now and then between nodes.
 * Both anchors and what the node owes are the same bits at every tab of the node, so each of them can speak for it.
 *
 *   inside   the node's own anchor, and on it everything that a tab has alone (replica.ts)
 *   between  the anchor that all nodes share
 *   owed     what the node learned and could not say yet: rounding, and whole updates that were not counted
 *
 *   formUpdate:  correction = (inside - between) + fade * owed;  sent = encode(correction)
 *   commit:      between advances (anchor.ts), inside = between;  owed = correction - sent, if that was counted
 *
 * Forming an update changes nothing: who formed one and died leaves nothing behind, and the next one forms the same bytes.
 */
import { Anchor, ReplicaError, type AnchorOptions } from './anchor.ts';
import type { GroupUpdate } from './averaging.ts';
import { gainBetween } from './mean-rule.ts';
import { fadeOf, Replica } from './replica.ts';
import { chunkCount, decodeState, encodeState, inspectChunk, type ReplicaState } from './state.ts';
import { addDecoded, encodeUpdate, inspectUpdate, type Scheme } from './update-codec.ts';
import { fingerprint } from './vectors.ts';

export interface NodeReplicaOptions extends AnchorOptions {
  /** What a tab says inside its node. */
  readonly insideScheme: Scheme;
  /** What a node says to others. */
  readonly scheme: Scheme;
  /** Rounds of a node for each between nodes. */
  readonly betweenEvery: number;
  /** Samples of a tab's local step. */
  readonly batchSize: number;
}

export class NodeReplica {
  readonly inside: Replica;
  readonly between: Anchor;
  readonly #scheme: Scheme;
  readonly #owed: Float32Array;
  #owedFingerprint: string | null = null;

  constructor({ insideScheme, scheme, betweenEvery, batchSize, ...options }: NodeReplicaOptions) {
    // Inside, a mean is followed as far as in any group. Outer rate and most of the gain are in what is said between nodes.
    this.inside = new Replica({ ...options, scheme: insideScheme });
    const gain = (updates: readonly GroupUpdate[]) => gainBetween(updates, batchSize);
    this.between = new Anchor({ ...options, outerLearningRate: 1, gain, roundsACommit: betweenEvery });
    this.#scheme = scheme;
    this.#owed = new Float32Array(options.parameterCount);
  }

  /** What the node could not say yet. Owned by the replica. */
  get owed(): Float32Array {
    return this.#owed;
  }

  /** Of everything that a node's tabs have in common. */
  get insideFingerprint(): string {
    this.#owedFingerprint ??= fingerprint(this.#owed);
    return together(this.inside.fingerprint, this.#owedFingerprint);
  }

  /** A node begins where the run stands, and owes nothing. */
  stand(): void {
    this.inside.load(this.between.anchor);
    this.#owe(null);
  }

  /**
   * What a newcomer to the node is given: its anchor and what it owes, one after the other, as they are now. They become
   * chunks with the optimiser's moments, which may come later.
   */
  captureInside(): (moments: Pick<ReplicaState, 'secondMoment' | 'stepCount'>) => Uint8Array[] {
    const anchor = doubled(this.inside.anchor);
    anchor.set(this.#owed, this.#owed.length);
    return ({ secondMoment, stepCount }) =>
      encodeState({ anchor, secondMoment: doubled(secondMoment), stepCount });
  }

  /** Takes such a state; null: it is none. Without chunks a node begins where the run stands, and there are no moments. */
  loadInside(
    chunks: readonly Uint8Array[],
  ): Pick<ReplicaState, 'secondMoment' | 'stepCount'> | 'none' | null {
    const count = this.#owed.length;
    if (chunks.length === 0) {
      this.stand();
      return 'none';
    }
    const isState = (bytes: Uint8Array, chunk: number) => inspectChunk(bytes, chunk, 2 * count) === null;
    if (chunks.length !== chunkCount(2 * count) || !chunks.every(isState)) return null;
    const { anchor, secondMoment, stepCount } = decodeState(chunks, 2 * count);
    this.inside.load(anchor.slice(0, count));
    this.#owe(anchor.subarray(count));
    return { secondMoment: secondMoment.slice(0, count), stepCount };
  }

  /**
   * What the node learned since it last stood where all stand, as bytes for other nodes. Nothing changes by it.
   * @throws ReplicaError 'not-finite'
   */
  formUpdate(scheme: Scheme = this.#scheme): Uint8Array {
    const encoded = encodeUpdate(scheme, this.#correction(scheme));
    if (inspectUpdate(encoded, scheme, this.#owed.length) !== null)
      throw new ReplicaError('not-finite', 'what the node learned is beyond what any node accepts');
    return encoded;
  }

  /**
   * Closes a round of nodes. What a tab trained since stays as far ahead of its node as it was.
   * @param own what was counted in our node's name, whoever of it sent that; null: nothing was. What we would not have said
   *   ourselves is no word of our node's: a mate that lies cannot make it owe a lie.
   */
  commit(updates: readonly GroupUpdate[], own: GroupUpdate | null): void {
    const correction = this.#correction(this.#scheme);
    const said = own === null ? null : encodeUpdate(this.#scheme, correction);
    if (said !== null && isSame(said, own!.encoded)) addDecoded(said, -1, correction);
    this.between.advance(updates);
    this.inside.moveTo(this.between.anchor);
    this.#owe(correction);
  }

  #correction(scheme: Scheme): Float32Array {
    const [inside, between, fade] = [this.inside.anchor, this.between.anchor, fadeOf(scheme)];
    return inside.map((value, i) => Math.fround(value - between[i]!) + Math.fround(fade * this.#owed[i]!));
  }

  #owe(values: Float32Array | null): void {
    if (values === null) this.#owed.fill(0);
    else this.#owed.set(values);
    this.#owedFingerprint = null;
  }
}

const isSame = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** With as many zeros behind it. */
function doubled(values: Float32Array): Float32Array {
  const twice = new Float32Array(2 * values.length);
  twice.set(values);
  return twice;
}

/** Of two fingerprints one, of the same form. */
function together(a: string, b: string): string {
  const digits = (from: number) =>
    (Math.imul(Number.parseInt(a.slice(from, from + 8), 16), 31) ^
      Number.parseInt(b.slice(from, from + 8), 16)) >>>
    0;
  return [digits(0), digits(8)].map((word) => word.toString(16).padStart(8, '0')).join('');
}
