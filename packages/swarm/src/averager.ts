/**
 * The numbers of a run's averaging server: what a tab's trainer is to a tab's mind, without a device and without training.
 * Carries out the server's commands, one after another. Pure; a thread or the simulator owns it.
 */
import {
  Combiner,
  encodeState,
  loadState,
  meanRuleOf,
  parametersFromBytes,
  ReplicaError,
  type Scheme,
} from '@murmuration/codec';
import type { Fingerprint, RunManifest } from '@murmuration/protocol';
import type { HeldUpdate } from './held-updates.ts';
import type { TrainerCommand, TrainerEvent } from './ports.ts';

export type AveragerCommand =
  | Extract<TrainerCommand, { kind: 'load-state' | 'load-checkpoint' | 'capture' }>
  /** Close the round with one update that stands for these. Answer: `combined`. */
  | {
      readonly kind: 'combine';
      readonly round: number;
      readonly updates: readonly HeldUpdate[];
      readonly scheme: Scheme;
      /** How far the mean of these is followed (codec, `Combiner.combine`). */
      readonly gain: number;
    };

export type AveragerEvent =
  | Extract<TrainerEvent, { kind: 'state-loaded' | 'captured' | 'trainer-failed' }>
  /** `round` is the round that begins now. */
  | {
      readonly kind: 'combined';
      readonly ticket: number;
      readonly round: number;
      readonly anchor: Fingerprint;
      readonly encoded: Uint8Array;
    };

export class Averager {
  readonly replica: Combiner;
  readonly #parameterCount: number;
  /** Of whoever gave the state: the server has none of its own. Zero after a founding. */
  #secondMoment: Float32Array;
  #stepCount = 0;
  #round = 0;

  constructor({ parameterCount, training }: Pick<RunManifest, 'parameterCount' | 'training'>) {
    this.#parameterCount = parameterCount;
    const { outerLearningRate } = training;
    this.replica = new Combiner({ parameterCount, outerLearningRate, rule: meanRuleOf(training) });
    this.#secondMoment = new Float32Array(parameterCount);
  }

  execute(ticket: number, command: AveragerCommand): AveragerEvent {
    const failed = (failure: 'error' | 'not-finite', detail: string) =>
      ({ kind: 'trainer-failed', ticket, failure, detail }) as const;
    switch (command.kind) {
      case 'load-checkpoint': {
        const parameters = parametersFromBytes(command.parameters, this.#parameterCount);
        if (parameters === null) return failed('error', 'the checkpoint is none of this model');
        this.replica.load(parameters);
        this.#secondMoment.fill(0);
        this.#stepCount = 0;
        return this.#loaded(ticket, command.round);
      }
      case 'load-state': {
        const state = loadState(this.replica, command);
        if (state === null) return failed('error', 'the chunks are no state of this model');
        this.#secondMoment = state.secondMoment;
        this.#stepCount = state.stepCount;
        return this.#loaded(ticket, command.round);
      }
      case 'capture': {
        const { anchor, fingerprint } = this.replica;
        const chunks = encodeState({ anchor, secondMoment: this.#secondMoment, stepCount: this.#stepCount });
        return { kind: 'captured', ticket, round: this.#round, anchor: fingerprint, chunks };
      }
      case 'combine':
        try {
          const encoded = this.replica.combine(command.updates, command.scheme, command.gain);
          this.#round = command.round + 1;
          return { kind: 'combined', ticket, round: this.#round, anchor: this.replica.fingerprint, encoded };
        } catch (error) {
          if (error instanceof ReplicaError) return failed('not-finite', error.message);
          throw error;
        }
      default:
        return command satisfies never;
    }
  }

  #loaded(ticket: number, round: number): AveragerEvent {
    this.#round = round;
    return { kind: 'state-loaded', ticket, round, anchor: this.replica.fingerprint };
  }
}
