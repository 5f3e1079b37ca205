/**
 * One run on this machine, and the work that commands ask for.
 *
 * What lives where. The anchor is on the CPU and is the truth; what is this tab's own (progress, residual) is where its
 * updates are formed (position.ts); samples are bytes on the CPU; the optimiser's moments are on the device, and weights and
 * batches while a command runs.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  encodeState,
  firstSchemeOf,
  loadState,
  meanRuleOf,
  parametersFromBytes,
  parametersToBytes,
  streamSeed,
} from '@murmuration/codec';
import {
  largestActivation,
  misfit,
  taskOf,
  tiersOf,
  type ModelSpec,
  type RunManifest,
} from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent } from '@murmuration/swarm';
import type { Breath } from './breath.ts';
import { calibrate } from './codec-calibration.ts';
import type { Shape } from './codec-shaders.ts';
import { TrainerError, type Device } from './device.ts';
import { Network, type Objective } from './network.ts';
import { AutoencodingTally, lossOf, objectiveOf, Tally, wantedOf } from './objective.ts';
import { NodeStage } from './node-stage.ts';
import { Optimiser } from './optimiser.ts';
import type { Pacing } from './pacing.ts';
import { GpuPosition, HostPosition, NodePosition, type Position } from './position.ts';
import { predictionOf, type Prediction } from './prediction.ts';
import { Samples } from './samples.ts';
import { selfTest } from './self-test.ts';

/**
 * Steps whose result is not waited for yet. Keeps the GPU busy while JavaScript prepares the next step, and bounds what
 * is queued in a GPU process that other tabs share.
 */
const STEPS_IN_FLIGHT_MAX = 8;
/** Fixed, so that shapes (and with them tfjs's pooled buffers) never vary. A guess between dispatches and memory. */
const EVALUATION_BATCH_SIZE = 128;
/** Values after any one layer of a batch that is evaluated: 64 MB. A model with larger ones is evaluated in smaller batches. */
const EVALUATION_VALUES_MAX = 16_777_216;

/** Samples that `predict` takes at once: the shapes of an evaluation, whose shaders are compiled. */
export const PREDICTED_MAX = EVALUATION_BATCH_SIZE;

/** An evaluation reads every batch back before it goes on. */
const nothingInFlight = () => Promise.resolve();
/** Nobody waits for an evaluation. */
const neverStopped = () => false;

/** What a command may use while it runs. */
export interface Surroundings {
  readonly breath: Breath;
  readonly assertHealthy: () => void;
  /** Set to stop while the command runs (see `Trainer.interrupt`). */
  readonly turn: { readonly stop: boolean };
  readonly pacing: Pacing;
}

export type Answer = TrainerEvent extends infer Event
  ? Event extends TrainerEvent
    ? Omit<Event, 'ticket'>
    : never
  : never;

export class Stage {
  readonly #manifest: RunManifest;
  readonly #network: Network;
  readonly #position: Position;
  readonly #optimiser: Optimiser;
  readonly #samples: Samples;
  readonly #evaluationBatchSize: number;
  /** Null until a state or a checkpoint was loaded. */
  #round: number | null = null;
  /** Of a run with tiers. */
  readonly #node: NodeStage | null = null;

  private constructor(manifest: RunManifest, network: Network, formedBy: Shape | 'host') {
    const { training, dataset, parameterCount, seed } = manifest;
    this.#manifest = manifest;
    this.#network = network;
    const { outerLearningRate, batchSize } = training;
    const scheme = firstSchemeOf(training.codec);
    const options = { parameterCount, scheme, outerLearningRate, rule: meanRuleOf(training) };
    const tiers = tiersOf(training);
    const ofNode = { ...options, ...tiers!, batchSize, insideScheme: 'fp32' } as const;
    const node = tiers === null ? null : new NodePosition(ofNode, network);
    const hosted = node ?? new HostPosition(options, network);
    this.#position = formedBy === 'host' ? hosted : new GpuPosition(options, formedBy, network);
    this.#optimiser = new Optimiser(network, training.optimiser, training.learningRate);
    if (node !== null) this.#node = new NodeStage(node.node, tiers!, this.#optimiser);
    this.#samples = new Samples(dataset, seed);
    this.#evaluationBatchSize = evaluationBatchSize(manifest.model);
  }

  /**
   * Builds the model, compiles its shaders and tests the device on it.
   * @param formedBy where updates are formed; without it the device is tried.
   * @throws TrainerError 'too-small', 'self-test', or 'error' naming the field
   */
  static async prepare(manifest: RunManifest, device: Device, formedBy?: Shape | 'host'): Promise<Stage> {
    const { model, training, dataset } = manifest;
    const network = new Network(model);
    const { parameterCount, tensors } = network.layout;
    if (parameterCount !== manifest.parameterCount)
      throw new TrainerError(
        'error',
        `parameterCount: the manifest says ${manifest.parameterCount}, its model has ${parameterCount}`,
      );
    const problem = misfit(model, dataset, training);
    if (problem !== null) throw new TrainerError('error', `${problem.field}: ${problem.message}`);
    const batchMax = Math.max(training.batchSize, evaluationBatchSize(model));
    const activationMax = largestActivation(model) * batchMax;
    const largestBytes = 4 * Math.max(activationMax, ...tensors.map((tensor) => tensor.size));
    if (largestBytes > device.bufferMaxBytes)
      throw new TrainerError(
        'too-small',
        `the model needs a buffer of ${largestBytes} bytes, this device allows ${device.bufferMaxBytes}`,
        { needsBytes: largestBytes, hasBytes: device.bufferMaxBytes },
      );
    const failure = await selfTest(
      model,
      { ...training, objective: objectiveOf(taskOf(manifest)) },
      device.compileAhead,
    );
    if (failure !== null)
      throw new TrainerError(
        'self-test',
        `${failure.case}: ${failure.value} is off by ${failure.relativeError.toExponential(1)} (relative) on ${device.adapter.vendor} ${device.adapter.architecture}`,
      );
    const scheme = firstSchemeOf(training.codec);
    const isHosted = tiersOf(training) !== null;
    const chosen = isHosted
      ? 'host'
      : (formedBy ?? (await calibrate(device.gpu(), scheme, parameterCount)).chosen);
    return new Stage(manifest, network, chosen);
  }

  /** Frees what is on the device. The anchor and the samples stay; training goes on from there with new moments. */
  leaveDevice(): void {
    this.#position.leaveDevice();
    this.#optimiser.reset();
    this.#network.dispose();
  }

  async carryOut(
    command: Exclude<TrainerCommand, { kind: 'prepare' }>,
    surroundings: Surroundings,
  ): Promise<Answer> {
    const position = this.#position;
    const { shared } = position;
    const optimiser = this.#optimiser;
    const samples = this.#samples;
    const { parameterCount } = this.#manifest;
    if (this.#node !== null && 'tier' in command && command.tier === 'inside')
      return this.#node.carryOut(command);
    switch (command.kind) {
      case 'load-state': {
        const state = loadState(shared, command);
        if (state === null) throw new TrainerError('error', 'state: these chunks are no state of this model');
        optimiser.load(state.secondMoment, state.stepCount);
        await position.stand();
        this.#round = command.round;
        return { kind: 'state-loaded', round: command.round, anchor: shared.fingerprint };
      }
      case 'load-checkpoint': {
        const parameters = parametersFromBytes(command.parameters, parameterCount);
        if (parameters === null)
          throw new TrainerError('error', 'parameters: these bytes are no checkpoint of this model');
        shared.load(parameters);
        optimiser.reset();
        await position.stand();
        this.#round = command.round;
        return { kind: 'state-loaded', round: command.round, anchor: shared.fingerprint };
      }
      case 'add-shard':
        samples.addShard(command.shardIndex, command.bytes);
        return { kind: 'done' };
      case 'drop-shard':
        samples.dropShard(command.shardIndex);
        return { kind: 'done' };
      case 'add-validation':
        samples.addValidation(command.bytes);
        return { kind: 'done' };
      case 'train':
        this.#standing(command);
        return this.#train(command, surroundings);
      case 'form-update':
        return this.#formUpdate(command);
      case 'commit':
        this.#standing(command);
        await position.commit(command.round, command.updates, command.own, command.node);
        this.#round = command.round + 1;
        return {
          kind: 'committed',
          round: this.#round,
          anchor: shared.fingerprint,
          ...this.#node?.moved(this.#round, command.node),
        };
      case 'capture':
        return this.capture(command);
      case 'evaluate':
        return this.#evaluate(this.#standing(command), surroundings);
      default:
        return command satisfies never;
    }
  }

  /** What the replica and the moments are at this moment, also while `train` is between two steps. */
  async capture(command: Extract<TrainerCommand, { kind: 'capture' }>): Promise<Answer> {
    if (this.#node !== null && command.tier === 'inside') return this.#node.capture();
    const round = this.#standing({ kind: 'capture' });
    const { shared } = this.#position;
    const anchor = shared.anchor.slice();
    const { fingerprint } = shared;
    const { stepCount } = this.#optimiser;
    const secondMoment = await this.#optimiser.secondMoment();
    const chunks = encodeState({ anchor, secondMoment, stepCount });
    return { kind: 'captured', round, anchor: fingerprint, chunks };
  }

  /** The round that the replica stands in; a command for another one is a bug of the caller and changes nothing. */
  #standing(command: TrainerCommand): number {
    if (this.#round === null)
      throw new TrainerError(
        'error',
        `${command.kind}: there is no anchor; load-state or load-checkpoint comes first`,
      );
    if ('round' in command && command.round !== this.#round)
      throw new TrainerError(
        'error',
        `${command.kind}: is for round ${command.round}, the replica stands in ${this.#round}`,
      );
    return this.#round;
  }

  async #formUpdate(command: Extract<TrainerCommand, { kind: 'form-update' }>): Promise<Answer> {
    const round = this.#standing(command);
    const slice = command.withSlice ? this.#position.shared.formSlice(round) : new Uint8Array(0);
    return { kind: 'update-formed', round, encoded: await this.#position.formUpdate(command.scheme), slice };
  }

  async #train(
    command: Extract<TrainerCommand, { kind: 'train' }>,
    { breath, assertHealthy, turn, pacing }: Surroundings,
  ): Promise<Answer> {
    const network = this.#network;
    const optimiser = this.#optimiser;
    const { model, training } = this.#manifest;
    const { batchSize } = training;
    const objective = objectiveOf(taskOf(this.#manifest));
    if (command.batches.length === 0)
      throw new TrainerError('error', 'batches: a round needs at least one batch');
    this.#samples.requireShards(command.batches);
    const startedMs = performance.now();
    let weights = await this.#position.weights();
    const inFlight: Promise<number>[] = [];
    let lossSum = 0;
    let stepCount = 0;
    const drain = async () => {
      for (const loss of inFlight.splice(0)) lossSum += await loss;
    };
    try {
      for (const plan of command.batches) {
        if (turn.stop && stepCount > 0) break;
        stepCount += 1;
        const batch = this.#samples.batch(plan, batchSize);
        const previous = weights;
        const seed = streamSeed(this.#manifest.seed, 'step', command.round, stepCount);
        const [measure, ...next] = tf.tidy(() => {
          const inputs = tf.tensor(Float32Array.from(batch.inputs), [batchSize, ...model.inputShape]);
          const targets = tf.tensor1d(wantedOf(objective, batch));
          const pass = network.pass(previous, inputs, targets, { objective, seed });
          return [pass.measure, ...optimiser.step(previous, pass.gradients)];
        });
        weights = next;
        tf.dispose(previous);
        const loss = readLoss(objective, measure!);
        // Awaited below, in order; until then a rejection must not count as unhandled.
        loss.catch(() => {});
        inFlight.push(loss);
        if (inFlight.length >= STEPS_IN_FLIGHT_MAX) lossSum += await inFlight.shift()!;
        await breath.take();
        await pacing.between(drain, () => turn.stop);
        assertHealthy();
      }
      await drain();
      const loss = lossSum / stepCount;
      await this.#position.trained(weights, loss, async () => {
        // The last chance to hear of a GPU error: what is kept leaves this machine with the next update.
        await breath.take();
        assertHealthy();
      });
      return {
        kind: 'trained',
        round: command.round,
        stepCount,
        sampleCount: stepCount * batchSize,
        trainMs: performance.now() - startedMs,
        loss,
      };
    } catch (error) {
      // Steps that were half done leave moments that belong to no weights.
      optimiser.reset();
      throw error;
    } finally {
      await Promise.allSettled(inFlight);
      tf.dispose(weights);
    }
  }

  /** See `Trainer.predict`. */
  async predict(values: Float32Array, count: number): Promise<Prediction | null> {
    if (this.#round === null) return null;
    const batchSize = Math.max(this.#evaluationBatchSize, count);
    const samples = { shape: this.#manifest.model.inputShape, values, count, batchSize };
    const weights = this.#network.weightsFrom(this.#position.shared.average);
    try {
      return await predictionOf(taskOf(this.#manifest), this.#network, weights, samples);
    } finally {
      tf.dispose(weights);
    }
  }

  async #evaluate(round: number, { breath, assertHealthy, pacing }: Surroundings): Promise<Answer> {
    const network = this.#network;
    const { shared } = this.#position;
    const samples = this.#samples;
    const sampleCount = samples.validationCount;
    const weights = network.weightsFrom(shared.average);
    const batchSize = this.#evaluationBatchSize;
    const objective = objectiveOf(taskOf(this.#manifest));
    const tally =
      typeof objective === 'object'
        ? new AutoencodingTally(objective)
        : new Tally(this.#manifest.dataset.target);
    try {
      for (let start = 0; start < Math.max(sampleCount, 1); start += batchSize) {
        const batch = samples.validationBatch(start, batchSize);
        const count = Math.min(batchSize, sampleCount - start);
        const targets = wantedOf(objective, batch);
        const shape = [batchSize, ...this.#manifest.model.inputShape];
        const outputs = tf.tidy(() => {
          const inputs = tf.tensor(Float32Array.from(batch.inputs), shape);
          if (typeof objective !== 'object') return network.logits(weights, inputs);
          // The same noise in every round, so that losses compare.
          const seed = streamSeed(this.#manifest.seed, 'evaluation', start);
          return network.autoencodingMeasure(weights, inputs, tf.tensor1d(targets), { objective, seed });
        });
        const values = (await outputs.data()) as Float32Array;
        outputs.dispose();
        if (tally instanceof AutoencodingTally) tally.add(values, count);
        else {
          const own = (vector: Float32Array) => vector.subarray(0, (vector.length / batchSize) * count);
          tally.add(own(values), own(targets), network.outputSize);
        }
        await breath.take();
        await pacing.between(nothingInFlight, neverStopped);
        assertHealthy();
      }
    } finally {
      tf.dispose(weights);
    }
    return {
      kind: 'evaluated',
      round,
      anchor: shared.fingerprint,
      ...tally.figures(),
      sampleCount,
      parameters: parametersToBytes(shared.average),
    };
  }
}

const evaluationBatchSize = (model: ModelSpec): number =>
  Math.min(EVALUATION_BATCH_SIZE, Math.max(1, Math.floor(EVALUATION_VALUES_MAX / largestActivation(model))));

/** Reads a pass's measure, and frees it. */
async function readLoss(objective: Objective, measure: tf.Tensor): Promise<number> {
  try {
    return lossOf(objective, await measure.data());
  } finally {
    measure.dispose();
  }
}
