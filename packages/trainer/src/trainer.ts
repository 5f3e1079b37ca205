/**
 * The trainer: carries out the mind's `TrainerCommand`s one after another (but `capture` at once), each answered by
 * exactly one event. This file
 * is the door: the queue, the device and what happens when it fails; the work itself is in stage.ts.
 *
 * Between commands there is nothing on the device but the optimiser's moments. So a lost device costs them and one command: the
 * trainer opens a new device, stands at the anchor again and says `device-lost`.
 *
 * A WebGPU error that nobody caught spoils the device, because tfjs would go on and compute zeros; and an error that
 * nobody expected may be a loss whose news is late. Either costs one command: the next one is given a new device.
 *
 * It decides nothing: not when to train, on what, or what a failure means for the run.
 */
import { ReplicaError } from '@murmuration/codec';
import type { Adapter } from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent, TrainerFailure } from '@murmuration/swarm';
import { Breath } from './breath.ts';
import type { Shape } from './codec-shaders.ts';
import { openDevice, TrainerError, type Device, type DeviceChoice } from './device.ts';
import { FULL_SPEED, type Pacing } from './pacing.ts';
import { NO_PATIENCE, type DevicePatience } from './patience.ts';
import type { Prediction } from './prediction.ts';
import { Stage, type Answer } from './stage.ts';

export interface TrainerOptions {
  /** Another than 'webgpu' is for who asks for it by name; it is never chosen in place of 'webgpu'. */
  readonly backend: DeviceChoice;
  /** Where updates are formed; without it the device is tried at `prepare` (codec-calibration.ts). For tests. */
  readonly formedBy?: Shape | 'host';
  /** How hard the device works; without it, as hard as it can. */
  readonly pacing?: Pacing;
  /** How long a device that was lost is waited for, where there is none to be had. */
  readonly patience?: DevicePatience;
  /** For tests: who opens the device. */
  readonly openDevice?: typeof openDevice;
}

export interface Trainer {
  /**
   * Takes the device; calling it again gives up the old one and every error with it. What was prepared stays.
   * @throws TrainerError 'no-adapter'
   */
  open(): Promise<Adapter>;
  /** Commands may be given without waiting; they are carried out in order. Never rejects. */
  execute(ticket: number, command: TrainerCommand): Promise<TrainerEvent>;
  /**
   * A `train` command under way ends after the step it is in; one that waits does a single step. Its answer says how
   * many steps were done. Nothing happens when there is none.
   */
  interrupt(): void;
  /**
   * What the model as everybody averages it makes of samples (pixels / 255, `batchSize` of them at most, see stage.ts),
   * in its turn. Null: there is no replica, no device, or the run is about neither classes nor samples.
   */
  predict(pixels: Float32Array, count: number): Promise<Prediction | null>;
  /** Waits for the command at work, then frees the device. */
  close(): Promise<void>;
}

export function createTrainer(options: TrainerOptions): Trainer {
  let device: Device | null = null;
  let stage: Stage | null = null;
  /** The device failed in a way that nothing but the device explains; it computes nothing more. */
  let isInDoubt = false;
  /** Between open and close: whether a device may be taken without being asked. */
  let wanted = false;
  const breath = new Breath();
  const pacing = options.pacing ?? FULL_SPEED;
  const patience = options.patience ?? NO_PATIENCE;
  let queue: Promise<unknown> = Promise.resolve();
  /** Training that was asked for and not answered yet; `stop` asks it to end at the next step. */
  const trainings = new Set<{ stop: boolean }>();

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => {});
    return result;
  };

  const giveUpDevice = () => {
    stage?.leaveDevice();
    device?.close();
    device = null;
  };

  const takeDevice = async (): Promise<Adapter> => {
    giveUpDevice();
    wanted = true;
    isInDoubt = false;
    device = await (options.openDevice ?? openDevice)(options.backend);
    return device.adapter;
  };

  /** In place of one that is gone. */
  const takeAnotherDevice = async (): Promise<void> => {
    for (;;)
      try {
        await takeDevice();
        return patience.had();
      } catch (error) {
        const isAway = error instanceof TrainerError && error.failure === 'no-adapter';
        if (!isAway || !(await patience.again())) throw error;
      }
  };

  /** What is wrong with the device at this moment, if anything. */
  const assertHealthy = () => {
    if (device === null) throw new TrainerError('error', 'the trainer has no device; open() comes first');
    const lost = device.lost();
    if (lost !== null) throw new TrainerError('device-lost', lost);
    if (isInDoubt) throw new TrainerError('error', 'the device has failed; the next command takes a new one');
    const fault = device.fault();
    if (fault !== null)
      throw new TrainerError('error', `WebGPU reported an error, so its results cannot be trusted: ${fault}`);
  };

  const execute = async (command: TrainerCommand, turn: { readonly stop: boolean }): Promise<Answer> => {
    // A device that was lost while nothing ran costs nobody a command; one that could not be had again is asked for again.
    if (wanted && (device === null || device.lost() !== null || isInDoubt)) await takeAnotherDevice();
    try {
      assertHealthy();
      const answer = await carryOut(command, turn);
      // The news of an error may be a message behind the result that it spoilt.
      await breath.take();
      assertHealthy();
      return answer;
    } catch (error) {
      return await fail(error);
    }
  };

  const fail = async (error: unknown): Promise<Answer> => {
    const message = error instanceof Error ? error.message : String(error);
    const fault = device?.fault() ?? null;
    const detail =
      fault === null || message.includes(fault) ? message : `${message}; WebGPU reported: ${fault}`;
    const failure: TrainerFailure | null =
      error instanceof TrainerError
        ? error.failure
        : error instanceof ReplicaError
          ? error.code === 'not-finite'
            ? 'not-finite'
            : 'error'
          : null;
    // A loss that is not announced yet looks like an error of WebGPU, a shader that does not compile, or anything that
    // nobody here has thrown.
    const mayBeLoss = failure === null || failure === 'self-test' || fault !== null;
    const isLost =
      failure === 'device-lost' || (mayBeLoss && device !== null && (await device.isLostAfterError()));
    const size = error instanceof TrainerError && error.size !== undefined ? { size: error.size } : {};
    if (!isLost) {
      // The news may still come, and a fault stays: whatever it is, the next command does not meet it again.
      isInDoubt = failure === null || fault !== null;
      return { kind: 'trainer-failed', failure: failure ?? 'error', detail, ...size };
    }
    const why = device?.lost() ?? detail;
    try {
      await takeAnotherDevice();
    } catch (second) {
      if (!(second instanceof TrainerError)) throw second;
      return {
        kind: 'trainer-failed',
        failure: second.failure,
        detail: `device lost (${why}); ${second.message}`,
      };
    }
    return { kind: 'trainer-failed', failure: 'device-lost', detail: why };
  };

  const carryOut = async (command: TrainerCommand, turn: { readonly stop: boolean }): Promise<Answer> => {
    if (command.kind === 'prepare') {
      stage?.leaveDevice();
      stage = null;
      stage = await Stage.prepare(command.manifest, device!, options.formedBy);
      return { kind: 'prepared' };
    }
    if (stage === null)
      throw new TrainerError('error', `${command.kind}: no run is prepared; prepare comes first`);
    pacing.began();
    try {
      return await stage.carryOut(command, { breath, assertHealthy, turn, pacing });
    } finally {
      pacing.ended();
    }
  };

  const executeInTurn = (ticket: number, command: TrainerCommand): Promise<TrainerEvent> => {
    const turn = { stop: false };
    if (command.kind === 'train') trainings.add(turn);
    return inTurn(async () => {
      try {
        return { ...(await execute(command, turn)), ticket } as TrainerEvent;
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        const failure = error instanceof TrainerError ? error.failure : 'error';
        return { kind: 'trainer-failed', ticket, failure, detail };
      } finally {
        trainings.delete(turn);
      }
    });
  };

  /** Null: not at this moment. In its turn the command fails properly, or finds a new device. */
  const captureNow = async (
    command: Extract<TrainerCommand, { kind: 'capture' }>,
  ): Promise<Answer | null> => {
    if (stage === null || trainings.size === 0) return null;
    try {
      assertHealthy();
      const answer = await stage.capture(command);
      assertHealthy();
      return answer;
    } catch {
      return null;
    }
  };

  return {
    open: () => inTurn(takeDevice),
    execute: async (ticket, command) => {
      if (command.kind !== 'capture') return executeInTurn(ticket, command);
      const captured = await captureNow(command);
      return captured === null ? executeInTurn(ticket, command) : ({ ...captured, ticket } as TrainerEvent);
    },
    interrupt: () => {
      for (const turn of trainings) turn.stop = true;
      pacing.wake();
    },
    predict: (pixels, count) =>
      inTurn(async () => {
        if (stage === null || device === null) return null;
        pacing.began();
        try {
          assertHealthy();
          const prediction = await stage.predict(pixels, count);
          await breath.take();
          assertHealthy();
          return prediction;
        } catch {
          // Whatever is wrong with the device, the next command finds it out and says so.
          return null;
        } finally {
          pacing.ended();
        }
      }),
    close: () => {
      patience.giveUp();
      return inTurn(async () => {
        giveUpDevice();
        wanted = false;
        stage = null;
        breath.close();
      });
    },
  };
}
