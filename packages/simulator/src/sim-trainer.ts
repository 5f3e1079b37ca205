/**
 * Imaginary hands for trainer commands: the production replica around the toy model, each command taking imaginary
 * time, one after another as in a tab.
 */
import {
  decodeState,
  encodeState,
  parametersFromBytes,
  parametersToBytes,
  Replica,
  ReplicaError,
} from '@murmuration/codec';
import type { RunManifest } from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent } from '@murmuration/swarm';
import { batchIndices, evaluate, ToyTrainer, type ToySamples } from './toy-model.ts';

export interface SimTrainerOptions {
  readonly manifest: RunManifest;
  /** Imaginary milliseconds of one local step on this tab. */
  readonly stepMs: number;
  readonly shard: (shardIndex: number) => ToySamples;
  readonly validation: ToySamples;
}

/** Imaginary time of everything that is no training step; a software adapter's figures are of this order. */
const PREPARE_MS = 3_000;
const COMMIT_MS = 5;
const OTHER_MS = 3;
/** Evaluating costs about this many training steps. */
const EVALUATE_STEPS = 5;

export class SimTrainer {
  readonly #options: SimTrainerOptions;
  readonly replica: Replica;
  readonly #model: ToyTrainer;
  readonly #shards = new Map<number, ToySamples>();
  #round = 0;

  constructor(options: SimTrainerOptions) {
    const { manifest } = options;
    this.#options = options;
    this.replica = new Replica({
      parameterCount: manifest.parameterCount,
      scheme: manifest.training.codec,
      outerLearningRate: manifest.training.outerLearningRate,
    });
    this.#model = new ToyTrainer(manifest.training.learningRate);
  }

  /** Imaginary milliseconds that a command takes. */
  durationMs(command: TrainerCommand): number {
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
    const failed = (failure: 'error' | 'not-finite', detail: string) =>
      ({ kind: 'trainer-failed', ticket, failure, detail }) as const;
    const { manifest, stepMs } = this.#options;
    switch (command.kind) {
      case 'prepare':
        return { kind: 'prepared', ticket };
      case 'load-state': {
        const state = decodeState(command.state, manifest.parameterCount);
        if (state === null) return failed('error', 'bad state');
        this.replica.load(state.anchor);
        this.#model.loadMoments(state.secondMoment, state.stepCount);
        this.#round = command.round;
        return { kind: 'state-loaded', ticket, round: command.round, anchor: this.replica.fingerprint };
      }
      case 'load-checkpoint': {
        const parameters = parametersFromBytes(command.parameters, manifest.parameterCount);
        if (parameters === null) return failed('error', 'bad checkpoint');
        this.replica.load(parameters);
        this.#round = command.round;
        return { kind: 'state-loaded', ticket, round: command.round, anchor: this.replica.fingerprint };
      }
      case 'add-shard':
        this.#shards.set(command.shardIndex, this.#options.shard(command.shardIndex));
        return { kind: 'done', ticket };
      case 'drop-shard':
        this.#shards.delete(command.shardIndex);
        return { kind: 'done', ticket };
      case 'add-validation':
        return { kind: 'done', ticket };
      case 'train': {
        this.#model.weights.set(this.replica.anchor);
        let loss = 0;
        for (const plan of command.batches) {
          const samples = this.#shards.get(plan.shardIndex);
          if (samples === undefined) return failed('error', `shard ${plan.shardIndex} is not here`);
          const { batchSize } = manifest.training;
          const indices = batchIndices({
            seed: manifest.seed,
            ...plan,
            batchSize,
            sampleCount: samples.count,
          });
          loss += this.#model.step(samples, indices);
        }
        try {
          return {
            kind: 'trained',
            ticket,
            round: command.round,
            stepCount: command.batches.length,
            sampleCount: command.batches.length * manifest.training.batchSize,
            trainMs: command.batches.length * stepMs,
            loss: loss / command.batches.length,
            encoded: this.replica.formUpdate(this.#model.weights),
          };
        } catch (error) {
          if (error instanceof ReplicaError) return failed('not-finite', error.message);
          throw error;
        }
      }
      case 'commit':
        this.replica.commit(command.updates, command.ownIncluded);
        this.#round = command.round + 1;
        return { kind: 'committed', ticket, round: this.#round, anchor: this.replica.fingerprint };
      case 'capture': {
        const { secondMoment, stepCount } = this.#model;
        const state = encodeState({ anchor: this.replica.anchor, secondMoment, stepCount });
        return { kind: 'captured', ticket, round: this.#round, anchor: this.replica.fingerprint, state };
      }
      case 'evaluate': {
        const { validation } = this.#options;
        return {
          kind: 'evaluated',
          ticket,
          round: this.#round,
          anchor: this.replica.fingerprint,
          ...evaluate(this.replica.average, validation),
          sampleCount: validation.count,
          parameters: parametersToBytes(this.replica.average),
        };
      }
      default:
        return command satisfies never;
    }
  }
}
