/**
 * What must hold of a replica's numbers, checked from outside by sums of its own: where a commit moves the anchor, what
 * the residual keeps, what a newcomer is given. A round of fewer than four updates is averaged again in the plainest
 * way; of a larger one, in which updates may be outvoted, only the size is judged. One instance a tab.
 */
import {
  addDecoded,
  decodeState,
  decodeUpdate,
  isSparse,
  median,
  norm,
  relativeDistance,
  type NodeReplica,
  type Replica,
  averageSlice,
  sliceOf,
  slicesOf,
} from '@murmuration/codec';
import { tiersOf, type RunManifest, type Training } from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent } from '@murmuration/swarm';
import type { Violations } from './checkers.ts';
import type { ServerChecks } from './server-checks.ts';
import type { World } from './world.ts';

/** Rounds of so many updates hold no votes. */
const PLAIN_UPDATES_MAX = 3;
const WEIGHT_RATIO_MAX = 4;
const RESIDUAL_RATIO_MAX = 10;
/** Relative; float32 sums of a few thousand values. */
const TOLERANCE = 1e-3;
/** The second moment travels with 3 bits of mantissa. */
const MOMENT_TOLERANCE = 0.15;

/** How far a mean is followed at most, and how often the median norm the longest update may be. */
export const boundsOf = ({ exchange }: Training) =>
  exchange === 'gradients' || exchange === 'parameters'
    ? { gainMax: 1, clipRatio: 4 }
    : { gainMax: 2, clipRatio: 1 };

type Commit = Extract<TrainerCommand, { kind: 'commit' }>;

export class TrainerChecks {
  readonly #self: string;
  readonly #manifest: RunManifest;
  readonly #violations: Violations;
  readonly #world: World;
  readonly #server: ServerChecks | null;
  /** The residual as it must be; null: an update is open and not settled. */
  #residual: Float32Array;
  #open: {
    readonly correction: Float32Array;
    readonly encoded: Uint8Array;
    readonly deltaNorm: number;
    /** Where it was formed. */
    readonly anchor: string;
  } | null = null;
  #before: { readonly anchor: Float32Array; readonly weights: Float32Array } | null = null;

  /** @param server of a central run: it knows whether an answer stands for the update that is open here */
  constructor(
    self: string,
    manifest: RunManifest,
    violations: Violations,
    world: World,
    server: ServerChecks | null = null,
  ) {
    this.#server = server;
    this.#self = self;
    this.#manifest = manifest;
    this.#violations = violations;
    this.#world = world;
    this.#residual = new Float32Array(manifest.parameterCount);
  }

  before(replica: Replica, command: TrainerCommand): void {
    this.#before =
      command.kind === 'commit' || command.kind === 'form-update'
        ? { anchor: replica.anchor.slice(), weights: replica.weights() }
        : null;
    // [R13] A crew's members come together first; what the updates do is held against where they then stand.
    if (command.kind === 'commit' && this.#before !== null) {
      const slices = slicesOf(command.updates);
      if (slices.length > 0)
        averageSlice(this.#before.anchor, sliceOf(command.round, this.#before.anchor.length), slices);
    }
  }

  after(replica: Replica, secondMoment: Float32Array, command: TrainerCommand, event: TrainerEvent): void {
    const before = this.#before;
    switch (event.kind) {
      case 'state-loaded':
        this.#residual.fill(0);
        this.#open = null;
        this.#expectResidual(replica);
        return;
      case 'update-formed':
        this.#formed(before!, event.encoded, replica.fingerprint);
        return;
      case 'committed':
        if (command.kind === 'commit') this.#committed(replica, before!.anchor, command);
        return;
      case 'captured': {
        if ('tier' in command && command.tier === 'inside') return;
        const state = decodeState(event.chunks, this.#manifest.parameterCount);
        // [J4] A newcomer gets the anchor exactly and the second moment roughly.
        if (relativeDistance(state.anchor, replica.anchor) > 0)
          this.#break('J4', 'gives away a state that is not its own');
        else if (relativeDistance(state.secondMoment, secondMoment) > MOMENT_TOLERANCE)
          this.#break('J4', "gives away a second moment that is not its optimiser's");
        return;
      }
      default:
    }
  }

  #formed(
    { anchor, weights }: { anchor: Float32Array; weights: Float32Array },
    encoded: Uint8Array,
    at: string,
  ): void {
    const { training } = this.#manifest;
    // [N2] What a tab says inside its node is exact.
    const fade = tiersOf(training) === null && isSparse(training.codec) ? 0.95 : 1;
    const delta = weights.map((weight, i) => weight - anchor[i]!);
    const correction = delta.map((value, i) => value + fade * this.#residual[i]!);
    this.#open = { correction, encoded, deltaNorm: norm(delta), anchor: at };
  }

  #committed(replica: Replica, anchor: Float32Array, command: Commit): void {
    const { updates, round, own } = command;
    const open = this.#open;
    // [R11] What was counted is exactly what leaves the residual.
    const isListed =
      this.#server === null
        ? updates.some(({ author }) => author === this.#self)
        : (this.#server.isCounted(this.#self, round, updates[0]!.encoded, open?.encoded) ??
          own === 'counted');
    if ((own === 'counted') !== isListed)
      this.#break('R11', `its own update is ${isListed ? '' : 'not '}counted, and it believes otherwise`);
    this.#judgeMove(
      replica.anchor.map((value, i) => value - anchor[i]!),
      anchor,
      updates,
    );
    // [A3] It stays open until its fate is known.
    if (open === null || own === 'pending') return;
    this.#open = null;
    if (own === 'uncounted') this.#server?.givenUp(this.#self, open);
    this.#residual = open.correction.slice();
    if (isListed) addDecoded(open.encoded, -1, this.#residual);
    const [size, limit] = [norm(this.#residual), RESIDUAL_RATIO_MAX * open.deltaNorm];
    if (size > limit) this.#residual = this.#residual.map((value) => (value * limit) / size);
    this.#expectResidual(replica);
  }

  /**
   * [N3] What a node learned is, exactly, in what was counted in its name or in what it owes; and forming an update changes
   * nothing. To be called with what the command did.
   */
  ofNode(node: NodeReplica, command: TrainerCommand): (event: TrainerEvent) => void {
    const before = { ...stateOf(node), owed: node.owed.slice() };
    const said = command.kind === 'commit' ? node.formUpdate() : null;
    return (event) => {
      const after = stateOf(node);
      if (event.kind === 'update-formed' && before.inside !== after.inside)
        this.#break('N3', 'changed its node by saying what that learned');
      if (event.kind === 'captured') {
        const { anchor } = decodeState(event.chunks, node.owed.length);
        if (relativeDistance(anchor, node.between.anchor) > 0)
          this.#break('J4', 'gives away a state that is not what all nodes share');
      }
      if (event.kind !== 'committed' || command.kind !== 'commit' || command.node === undefined) return;
      const learned = before.insideAnchor.map(
        (value, i) => value - before.betweenAnchor[i]! + before.owed[i]!,
      );
      const own = command.updates.find(
        ({ author, encoded }) => author === command.node && encoded.every((byte, i) => byte === said![i]),
      );
      const wrong = learned.map((value, i) => value - node.owed[i]!);
      if (own !== undefined) addDecoded(own.encoded, -1, wrong);
      const isFaded = isSparse(this.#manifest.training.codec);
      const rounding =
        TOLERANCE * (norm(learned) + norm(before.betweenAnchor) * 1e-3) +
        (isFaded ? 0.051 * norm(before.owed) : 0);
      if (norm(wrong) > rounding)
        this.#break('N3', `owes ${norm(node.owed)} after a round of nodes, and is ${norm(wrong)} off`);
      if (relativeDistance(node.inside.anchor, node.between.anchor) > 0)
        this.#break('N3', 'stands elsewhere than all nodes after their round');
    };
  }

  /** [R10] The anchor moves by the clipped, weighted mean. */
  #judgeMove(move: Float32Array, anchor: Float32Array, updates: Commit['updates']): void {
    const vectors = updates.map(({ encoded }) => decodeUpdate(encoded));
    const norms = vectors.map(norm);
    const isCrowd = updates.length > PLAIN_UPDATES_MAX;
    // [R12] In a crowd, of equal bytes only one author's count.
    const isRepeated = (k: number) =>
      isCrowd && vectors.findIndex((v, j) => norms[j] === norms[k] && isEqual(v, vectors[k]!)) < k;
    const present = norms.filter((size, k) => size > 0 && !isRepeated(k));
    const { gainMax, clipRatio } = boundsOf(this.#manifest.training);
    const usual = present.length > 0 ? clipRatio * median(present) : 0;
    const rate = this.#manifest.training.outerLearningRate * Math.min(gainMax, Math.sqrt(updates.length));
    const rounding = TOLERANCE * Math.max(rate * usual, norm(anchor) * 1e-3);
    // [R14] Where each keeps what its uplink carries, who keeps more may be longer for that.
    const isUneven = this.#manifest.training.codec === 'topk-auto';
    const longest = isUneven || present.length < PLAIN_UPDATES_MAX ? Math.max(0, ...norms) : usual;
    if (norm(move) > rate * longest + rounding)
      this.#break('R10', `moved its anchor by ${norm(move)}, at most ${rate * longest} is right`);
    if (isCrowd || present.length < updates.length) return;
    if (isUneven && updates.length === PLAIN_UPDATES_MAX) return;
    const weightMax = WEIGHT_RATIO_MAX * median(updates.map(({ sampleCount }) => sampleCount));
    const weights = updates.map(({ sampleCount }) => Math.min(sampleCount, weightMax));
    const total = weights.reduce((a, b) => a + b, 0);
    const wrong = move.slice();
    for (const [k, vector] of vectors.entries()) {
      const clip = updates.length === PLAIN_UPDATES_MAX ? Math.min(1, usual / norms[k]!) : 1;
      const factor = (rate * clip * weights[k]!) / total;
      for (let i = 0; i < wrong.length; i++) wrong[i]! -= factor * vector[i]!;
    }
    if (norm(wrong) > rounding)
      this.#break('R10', `moved its anchor ${norm(wrong)} away from the mean of ${updates.length} updates`);
  }

  #expectResidual(replica: Replica): void {
    const [is, must] = [replica.residualNorm, norm(this.#residual)];
    const rounding = TOLERANCE * (must + norm(replica.anchor) * 1e-3);
    if (Math.abs(is - must) > rounding)
      this.#break('R11', `keeps a residual of norm ${is}, and ${must} is right`);
  }

  #break(rule: string, text: string): void {
    this.#violations.break(rule, this.#world.nowMs, `${this.#self} ${text}`);
  }
}

const stateOf = (node: NodeReplica) => ({
  inside: node.insideFingerprint,
  insideAnchor: node.inside.anchor.slice(),
  betweenAnchor: node.between.anchor.slice(),
});

const isEqual = (a: Float32Array, b: Float32Array) => a.every((value, i) => value === b[i]);
