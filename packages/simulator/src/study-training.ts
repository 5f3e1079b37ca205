/**
 * Training in lockstep, without an imagined network: what local steps, codecs, divisors and churn cost in loss, and
 * nothing else. Every peer has the production replica, codec and averaging, its own optimiser and its own random batches; a
 * round is H local steps of each and one commit that lists all of them.
 *
 * Two other trainers are measured with the same model, data, schedule and optimiser: `synchronous` takes one step with all
 * peers' batches of that step together (the same samples and global batch), `alone` is one peer without the others.
 */
import {
  averageUpdates,
  mulberry,
  Replica,
  streamSeed,
  type Divisor,
  type ReplicaOptions,
  type Scheme,
} from '@murmuration/codec';
import { localStepsOf, type AdaptiveOptimiserName } from '@murmuration/protocol';
import { CharacterModel, characterLayout, CONTEXT, firstWeights } from './character-model.ts';
import { StudyOptimiser } from './study-optimiser.ts';
import type { StudyText } from './study-text.ts';

export interface StudyOptions {
  readonly text: StudyText;
  readonly seed: number;
  readonly peers: number;
  /** Samples of one peer's step. */
  readonly batchSize: number;
  /** Local steps of the whole training. */
  readonly steps: number;
  readonly optimiser: AdaptiveOptimiserName;
  /** Its step size at the start; it falls on a cosine to a tenth. */
  readonly learningRate: number;
  /** Steps between two looks at the validation loss. */
  readonly evaluateEverySteps: number;
  /** Whether to go on, asked after every look; without it training goes to its end. */
  readonly goesOn?: (steps: number, loss: number) => boolean;
  /** Samples of the validation text that the loss at the end is the mean of; a look takes a tenth of them. */
  readonly validationSamples: number;
}

export interface SwarmOptions extends StudyOptions {
  /** H. */
  readonly localSteps: number;
  /** First rounds of fewer steps (protocol, run.ts). */
  readonly warmUpRounds: number;
  readonly scheme: Scheme;
  readonly outerLearningRate: number;
  readonly divisor: Divisor;
  /**
   * Share of the peers that is gone in every round before it sends. A newcomer with a survivor's state takes the seat; the
   * leaver's residual and what it learned in this round are lost, as after an abrupt death.
   */
  readonly churnShare: number;
  /**
   * Those that would leave only miss the round, and keep what is theirs: what is lost then is nothing but their samples.
   */
  readonly onlyMiss?: boolean;
}

export interface StudyCurve {
  /** Validation loss (nats a character) by local steps, on a part of the validation text. */
  readonly points: readonly { readonly steps: number; readonly loss: number }[];
  /** At the end, on all validation samples: of what training ended at. */
  readonly finalLoss: number;
  /** The same of the running mean of anchors that production evaluates; the trainer's own for one without rounds. */
  readonly averageLoss: number;
  /** Encoded bits per parameter and local step of one peer. */
  readonly payloadBits: number;
}

const EVALUATION_BATCH = 100;
/** The learning rate ends at this share of its start. */
const RATE_END = 0.1;

export function trainSwarm(options: SwarmOptions): StudyCurve {
  const { text, seed, peers: peerCount, churnShare, onlyMiss = false } = options;
  const judge = new Judge(options);
  const model = new CharacterModel(text, options.batchSize);
  const { parameterCount } = model.layout;
  const first = firstWeights(model.layout, seed);
  // All replicas compute the same mean of the same updates: once is enough.
  let mean: Float32Array | null = null;
  const average: typeof averageUpdates = (...asked) => (mean ??= averageUpdates(...asked));
  const peers = Array.from(
    { length: peerCount },
    (_, p) => new Peer({ ...options, average, parameterCount }, `v${p + 10}`),
  );
  for (const peer of peers) peer.replica.load(first);
  const chance = mulberry(streamSeed(seed, 'churn'));
  let bytes = 0;
  let stepsSent = 0;
  let steps = 0;
  for (let round = 0; steps < options.steps; round++) {
    const localSteps = Math.min(localStepsOf(options, round), options.steps - steps);
    const updates = [];
    const isLeaving = peers.map(() => chance() < churnShare);
    // Somebody must be there to copy from.
    if (isLeaving.every((leaves) => leaves)) isLeaving[0] = false;
    for (const [p, peer] of peers.entries()) {
      // What a leaver would have trained in this round dies with it; its batches are nobody's.
      if (isLeaving[p]) continue;
      peer.weights.set(peer.replica.anchor);
      for (let step = steps; step < steps + localSteps; step++)
        peer.optimiser.step(peer.weights, model, judge.batch(p, step), judge.rate(step));
      const encoded = peer.replica.formUpdate(peer.weights);
      updates.push({ author: peer.author, sampleCount: localSteps * options.batchSize, encoded });
      bytes += encoded.length;
      stepsSent += localSteps;
    }
    mean = null;
    for (const [p, peer] of peers.entries())
      if (!isLeaving[p] || onlyMiss) peer.replica.commit(updates, 'counted');
    for (const [p, peer] of peers.entries()) {
      if (!isLeaving[p] || onlyMiss) continue;
      let donor = p;
      while (isLeaving[donor]) donor = Math.floor(chance() * peerCount);
      peers[p] = peer.replacedFrom(peers[donor]!);
    }
    const survivor = peers.find((_, p) => !isLeaving[p])!;
    steps += localSteps;
    if (!judge.look(steps, survivor.replica.anchor)) break;
  }
  const { replica } = peers.find((peer) => peer.isOriginal) ?? peers[0]!;
  return judge.verdict({
    weights: replica.anchor,
    average: replica.average,
    payloadBits: (8 * bytes) / Math.max(1, stepsSent) / parameterCount,
  });
}

/** One optimiser, every step over the batches of all peers. 32 bits per parameter and step would have to travel. */
export function trainSynchronous(options: StudyOptions): StudyCurve {
  return trainOne(options, options.peers, 32);
}

export function trainAlone(options: StudyOptions): StudyCurve {
  return trainOne(options, 1, 0);
}

function trainOne(options: StudyOptions, batchesAStep: number, payloadBits: number): StudyCurve {
  const judge = new Judge(options);
  const model = new CharacterModel(options.text, batchesAStep * options.batchSize);
  const weights = firstWeights(model.layout, options.seed);
  const optimiser = new StudyOptimiser(options.optimiser, weights.length);
  const positions = new Uint32Array(batchesAStep * options.batchSize);
  for (let step = 0; step < options.steps; step++) {
    for (let p = 0; p < batchesAStep; p++) positions.set(judge.batch(p, step), p * options.batchSize);
    optimiser.step(weights, model, positions, judge.rate(step));
    if (!judge.look(step + 1, weights)) break;
  }
  return judge.verdict({ weights, average: weights, payloadBits });
}

type PeerOptions = ReplicaOptions & { readonly optimiser: AdaptiveOptimiserName };

class Peer {
  readonly author: string;
  readonly weights: Float32Array;
  readonly optimiser: StudyOptimiser;
  readonly replica: Replica;
  isOriginal = true;
  readonly #options: PeerOptions;

  constructor(options: PeerOptions, author: string) {
    this.#options = options;
    this.author = author;
    this.weights = new Float32Array(options.parameterCount);
    this.optimiser = new StudyOptimiser(options.optimiser, options.parameterCount);
    this.replica = new Replica(options);
  }

  /** A newcomer on our seat, with the donor's anchor, second moment and step count, as production's state carries them. */
  replacedFrom(donor: Peer): Peer {
    const newcomer = new Peer(this.#options, this.author);
    newcomer.isOriginal = false;
    newcomer.replica.load(donor.replica.anchor);
    newcomer.optimiser.load(donor.optimiser);
    return newcomer;
  }
}

/** Batches, schedule and validation: the same for everybody. */
export class Judge {
  readonly #options: StudyOptions;
  readonly #model: CharacterModel;
  readonly #points: { steps: number; loss: number }[] = [];

  constructor(options: StudyOptions) {
    this.#options = options;
    this.#model = new CharacterModel(options.text, EVALUATION_BATCH);
    if (characterLayout(options.text.alphabetSize).parameterCount !== this.#model.layout.parameterCount)
      throw new Error('study: the model does not fit its text');
  }

  /** Positions of the characters to predict: random places of the training text. */
  batch(peer: number, step: number): Uint32Array {
    const { text, seed, batchSize } = this.#options;
    const random = mulberry(streamSeed(seed, 'batch', peer, step));
    return places(random, batchSize, CONTEXT, text.trainingCount);
  }

  rate(step: number): number {
    const { steps, learningRate } = this.#options;
    return learningRate * (RATE_END + ((1 - RATE_END) * (1 + Math.cos((Math.PI * step) / steps))) / 2);
  }

  /** False: this training is given up. */
  look(steps: number, weights: Float32Array): boolean {
    if (steps % this.#options.evaluateEverySteps !== 0) return true;
    const loss = this.#loss(weights, Math.ceil(this.#options.validationSamples / 10));
    this.#points.push({ steps, loss });
    return this.#options.goesOn?.(steps, loss) ?? true;
  }

  verdict(end: { weights: Float32Array; average: Float32Array; payloadBits: number }): StudyCurve {
    const { validationSamples } = this.#options;
    const finalLoss = this.#loss(end.weights, validationSamples);
    const averageLoss = end.average === end.weights ? finalLoss : this.#loss(end.average, validationSamples);
    return { points: this.#points, finalLoss, averageLoss, payloadBits: end.payloadBits };
  }

  #loss(weights: Float32Array, sampleCount: number): number {
    const { text } = this.#options;
    // The same places for every seed and trainer; the smaller set is the beginning of the larger.
    const random = mulberry(streamSeed(0, 'validation'));
    return this.#model.evaluate(
      weights,
      places(random, sampleCount, text.trainingCount + CONTEXT, text.characters.length),
    );
  }
}

function places(random: () => number, count: number, from: number, to: number): Uint32Array {
  return Uint32Array.from({ length: count }, () => from + Math.floor(random() * (to - from)));
}
