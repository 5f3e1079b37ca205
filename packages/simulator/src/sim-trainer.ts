/**
 * Imaginary hands for trainer commands: the production replica around the toy model, each command taking imaginary
 * time, one after another as in a tab.
 */
import {
  encodeState,
  firstSchemeOf,
  loadState,
  meanRuleOf,
  parametersFromBytes,
  parametersToBytes,
  slicesOf,
  NodeReplica,
  Replica,
  ReplicaError,
  shuffledIndices,
  type Anchor,
  type averageUpdates,
} from '@murmuration/codec';
import { firstOf, tiersOf, type RunManifest } from '@murmuration/protocol';
import type { BatchPlan, TrainerCommand, TrainerEvent, TrainerFailure } from '@murmuration/swarm';
import type { TabTask } from './tab-model.ts';
import type { TrainerChecks } from './trainer-checks.ts';

/** Imaginary milliseconds by command. */
export type CommandTimes = Partial<Readonly<Record<TrainerCommand['kind'], number>>>;

export interface SimTrainerOptions {
  readonly manifest: RunManifest;
  readonly task: TabTask;
  /** Imaginary milliseconds of one local step on this tab. */
  readonly stepMs: number;
  /** What is not training and takes another time than the toy's. */
  readonly commandTimes?: CommandTimes;
  readonly average: typeof averageUpdates;
  /** Looks over the numbers of every command; null: nobody does (a hostile tab). */
  readonly checks: TrainerChecks | null;
}

/** Imaginary time of everything that is no training step; a software adapter's figures are of this order. */
const PREPARE_MS = 3_000;
const COMMIT_MS = 5;
const OTHER_MS = 3;
/** Evaluating costs about this many training steps. */
const EVALUATE_STEPS = 5;

const NO_SLICE = new Uint8Array(0);

/** It concerns what all nodes share, and so no tab alone. */
const isBetween = (command: TrainerCommand) =>
  (command.kind === 'form-update' || command.kind === 'commit' || command.kind === 'capture') &&
  command.tier !== 'inside';

/** One pass's order of a shard; tabs that train the same pass one after another share it. */
class Orders {
  #key = '';
  #order: Uint32Array = new Uint32Array(0);

  of(seed: number, shardIndex: number, pass: number, sampleCount: number): Uint32Array {
    const key = `${seed}.${shardIndex}.${pass}.${sampleCount}`;
    if (key === this.#key) return this.#order;
    this.#key = key;
    return (this.#order = shuffledIndices(seed, shardIndex, pass, sampleCount));
  }
}

export class SimTrainer {
  readonly #options: SimTrainerOptions;
  /** What training is on: the tab's own part of the run's replica, or of its node's. */
  readonly #own: Replica;
  readonly #node: NodeReplica | null;
  /** What the run's members share. */
  readonly replica: Anchor;
  readonly #optimiser;
  readonly #shards = new Set<number>();
  readonly #orders = new Orders();
  readonly #batch: Uint32Array;
  #round = 0;
  #insideRound = 0;

  constructor(options: SimTrainerOptions) {
    const { manifest, average } = options;
    this.#options = options;
    const { parameterCount, training } = manifest;
    const { outerLearningRate, batchSize } = training;
    const scheme = firstSchemeOf(training.codec);
    const replica = { parameterCount, scheme, outerLearningRate, rule: meanRuleOf(training), average };
    const tiers = tiersOf(training);
    this.#node =
      tiers === null ? null : new NodeReplica({ ...replica, ...tiers, batchSize, insideScheme: 'fp32' });
    this.#own = this.#node?.inside ?? new Replica(replica);
    this.replica = this.#node?.between ?? this.#own;
    this.#optimiser = options.task.model.newOptimiser();
    this.#batch = new Uint32Array(manifest.training.batchSize);
  }

  /** Imaginary milliseconds that a command takes. */
  durationMs(command: TrainerCommand): number {
    const given = this.#options.commandTimes?.[command.kind];
    if (given !== undefined) return given;
    switch (command.kind) {
      case 'prepare':
        return PREPARE_MS;
      case 'train':
        return command.batches.length * this.#options.stepMs;
      case 'evaluate':
        return EVALUATE_STEPS * this.#options.stepMs;
      case 'commit':
        return COMMIT_MS;
      default:
        return OTHER_MS;
    }
  }

  execute(ticket: number, command: TrainerCommand): TrainerEvent {
    const { checks } = this.#options;
    const node = this.#node;
    if (node !== null && isBetween(command)) {
      const check = checks?.ofNode(node, command);
      const event = this.#carryOut(ticket, command);
      check?.(event);
      return event;
    }
    checks?.before(this.#own, command);
    const event = this.#carryOut(ticket, command);
    checks?.after(this.#own, this.#optimiser.secondMoment, command, event);
    return event;
  }

  /** What a tier's command does to a node's replica; null: there are no tiers. */
  #ofNode(ticket: number, command: TrainerCommand): TrainerEvent | null {
    const node = this.#node;
    if (node === null) return null;
    const isInside = 'tier' in command && command.tier === 'inside';
    switch (command.kind) {
      case 'load-state': {
        if (!isInside) return null;
        const moments = node.loadInside(command.chunks.map(({ bytes }) => bytes));
        if (moments === null)
          return { kind: 'trainer-failed', ticket, failure: 'error', detail: 'bad state' };
        if (moments !== 'none') {
          this.#optimiser.firstMoment.fill(0);
          this.#optimiser.secondMoment.set(moments.secondMoment);
          this.#optimiser.stepCount = moments.stepCount;
        }
        this.#insideRound = command.round;
        return { kind: 'state-loaded', ticket, round: command.round, anchor: node.insideFingerprint };
      }
      case 'form-update': {
        const encoded = isInside
          ? node.inside.formUpdate(undefined, command.scheme)
          : node.formUpdate(command.scheme);
        return { kind: 'update-formed', ticket, round: command.round, encoded, slice: NO_SLICE };
      }
      case 'commit': {
        const next = command.next ?? command.round + 1;
        if (isInside) {
          node.inside.commit(command.updates, command.own);
          this.#insideRound = next;
          return { kind: 'committed', ticket, round: next, anchor: node.insideFingerprint };
        }
        const own = command.updates.find(({ author }) => author === command.node) ?? null;
        node.commit(command.updates, own);
        if (command.node === undefined) node.stand();
        this.#round = next;
        this.#insideRound = firstOf(tiersOf(this.#options.manifest.training)!, next);
        const inside = command.node === undefined ? {} : { inside: node.insideFingerprint };
        return { kind: 'committed', ticket, round: next, anchor: node.between.fingerprint, ...inside };
      }
      case 'capture': {
        if (!isInside) return null;
        const chunks = node.captureInside()(this.#optimiser);
        return { kind: 'captured', ticket, round: this.#insideRound, anchor: node.insideFingerprint, chunks };
      }
      default:
        return null;
    }
  }

  #carryOut(ticket: number, command: TrainerCommand): TrainerEvent {
    const failed = (failure: TrainerFailure, detail: string) =>
      ({ kind: 'trainer-failed', ticket, failure, detail }) as const;
    const { manifest, task } = this.#options;
    try {
      const event = this.#ofNode(ticket, command);
      if (event !== null) return event;
    } catch (error) {
      if (error instanceof ReplicaError) return failed('not-finite', error.message);
      throw error;
    }
    switch (command.kind) {
      case 'prepare':
        return { kind: 'prepared', ticket };
      case 'load-state': {
        const state = loadState(this.replica, command);
        if (state === null) return failed('error', 'bad state');
        this.#optimiser.firstMoment.fill(0);
        this.#optimiser.secondMoment.set(state.secondMoment);
        this.#optimiser.stepCount = state.stepCount;
        this.#round = command.round;
        this.#node?.stand();
        return { kind: 'state-loaded', ticket, round: command.round, anchor: this.replica.fingerprint };
      }
      case 'load-checkpoint': {
        const parameters = parametersFromBytes(command.parameters, manifest.parameterCount);
        if (parameters === null) return failed('error', 'bad checkpoint');
        this.replica.load(parameters);
        this.#node?.stand();
        this.#round = command.round;
        return { kind: 'state-loaded', ticket, round: command.round, anchor: this.replica.fingerprint };
      }
      case 'add-shard':
        this.#shards.add(command.shardIndex);
        return { kind: 'done', ticket };
      case 'drop-shard':
        this.#shards.delete(command.shardIndex);
        return { kind: 'done', ticket };
      case 'add-validation':
        return { kind: 'done', ticket };
      case 'train':
        return this.#train(ticket, command);
      case 'form-update':
        try {
          return {
            kind: 'update-formed',
            ticket,
            round: this.#round,
            encoded: this.#own.formUpdate(undefined, command.scheme),
            slice: command.withSlice ? this.replica.formSlice(this.#round) : NO_SLICE,
          };
        } catch (error) {
          if (error instanceof ReplicaError) return failed('not-finite', error.message);
          throw error;
        }
      case 'commit':
        this.replica.meet(this.#round, slicesOf(command.updates));
        this.#own.commit(command.updates, command.own);
        this.#round = command.round + 1;
        return { kind: 'committed', ticket, round: this.#round, anchor: this.replica.fingerprint };
      case 'capture': {
        const { secondMoment, stepCount } = this.#optimiser;
        const chunks = encodeState({ anchor: this.replica.anchor, secondMoment, stepCount });
        return { kind: 'captured', ticket, round: this.#round, anchor: this.replica.fingerprint, chunks };
      }
      case 'evaluate': {
        return {
          kind: 'evaluated',
          ticket,
          round: this.#round,
          anchor: this.replica.fingerprint,
          ...task.model.evaluate(this.replica.average, task.validation),
          error: null,
          sampleCount: task.validation.count,
          parameters: parametersToBytes(this.replica.average),
        };
      }
      default:
        return command satisfies never;
    }
  }

  #train(ticket: number, command: Extract<TrainerCommand, { kind: 'train' }>): TrainerEvent {
    const { manifest, task, stepMs } = this.#options;
    const { model } = task;
    const failed = (failure: TrainerFailure, detail: string) =>
      ({ kind: 'trainer-failed', ticket, failure, detail }) as const;
    const stepCount = command.batches.length;
    let loss = 0;
    model.begin(this.#own.weights());
    for (const plan of command.batches) {
      if (!this.#shards.has(plan.shardIndex)) return failed('error', `shard ${plan.shardIndex} is not here`);
      const samples = task.shard(plan.shardIndex);
      this.#draw(plan, samples.count);
      loss += model.step(this.#optimiser, samples, this.#batch);
    }
    try {
      this.#own.trained(model.end());
      return {
        kind: 'trained',
        ticket,
        round: command.round,
        stepCount,
        sampleCount: stepCount * manifest.training.batchSize,
        trainMs: stepCount * stepMs,
        loss: loss / stepCount,
      };
    } catch (error) {
      if (error instanceof ReplicaError) return failed('not-finite', error.message);
      throw error;
    }
  }

  /** The samples of one planned batch, as the real trainer takes them. */
  #draw(plan: BatchPlan, sampleCount: number): void {
    const order = this.#orders.of(this.#options.manifest.seed, plan.shardIndex, plan.pass, sampleCount);
    const batch = this.#batch;
    for (let i = 0; i < batch.length; i++)
      batch[i] = order[(plan.batchIndex * batch.length + i) % sampleCount]!;
  }
}
