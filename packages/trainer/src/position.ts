/**
 * Where a tab stands between commands: the anchor, how far training went beyond it, and what is not sent yet. Two kinds
 * of one thing, and for who asks no difference but speed:
 *
 *   HostPosition  everything on the CPU (codec, Replica): weights are read back after every training.
 *   GpuPosition   the anchor twice, on the CPU and bit for bit the same on the GPU; the rest only on the GPU. Nothing of
 *                 the model's size is read back: an update leaves packed, and others' updates come in packed.
 *
 * The CPU's anchor is the truth: it is what is fingerprinted, given to newcomers, and stood at after a device was lost.
 * Such a loss costs a GpuPosition its residual and what was trained since the last update; a HostPosition nothing.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import {
  Anchor,
  inspectUpdate,
  NodeReplica,
  Replica,
  ReplicaError,
  sliceOf,
  slicesOf,
  type Fate,
  type NodeReplicaOptions,
  type ReplicaOptions,
  type Scheme,
} from '@murmuration/codec';
import type { WeightedUpdate } from '@murmuration/swarm';
import { CodecDevice } from './codec-device.ts';
import { isPacked, type PackedScheme } from './codec-kernels.ts';
import type { Shape } from './codec-shaders.ts';
import type { Network } from './network.ts';

export interface Position {
  /** What is shared. Load it, then `stand`. */
  readonly shared: Anchor;
  /** At the anchor, with nothing trained and nothing unsent. */
  stand(): Promise<void>;
  /** The weights from which training goes on, one tensor a parameter; the caller's own. */
  weights(): Promise<tf.Tensor[]>;
  /**
   * Training came to these weights, whose last mean loss was this. They stay the caller's.
   * @param confirm throws when what the device computed cannot be trusted; then nothing was kept.
   * @throws ReplicaError 'not-finite': everything since the last update is given up.
   */
  trained(weights: readonly tf.Tensor[], loss: number, confirm: () => Promise<void>): Promise<void>;
  /** @throws ReplicaError 'not-finite': everything since the last update is given up. */
  formUpdate(scheme: Scheme): Promise<Uint8Array>;
  /** @param node in whose name our node's update may be among them */
  commit(round: number, updates: readonly WeightedUpdate[], own: Fate, node?: string): Promise<void>;
  /** The device goes. */
  leaveDevice(): void;
}

export class HostPosition implements Position {
  readonly shared: Replica;
  readonly #network: Network;

  constructor(options: ReplicaOptions, network: Network) {
    this.shared = new Replica(options);
    this.#network = network;
  }

  stand(): Promise<void> {
    return Promise.resolve();
  }

  weights(): Promise<tf.Tensor[]> {
    return Promise.resolve(this.#network.weightsFrom(this.shared.weights()));
  }

  async trained(weights: readonly tf.Tensor[], loss: number, confirm: () => Promise<void>): Promise<void> {
    const vector = await this.#network.vectorFrom(weights);
    await confirm();
    // Weights can be finite still when the loss is not: they are given up too.
    this.shared.trained(Number.isFinite(loss) ? vector : vector.fill(NaN));
  }

  formUpdate(scheme: Scheme): Promise<Uint8Array> {
    return Promise.resolve(this.shared.formUpdate(undefined, scheme));
  }

  commit(round: number, updates: readonly WeightedUpdate[], own: Fate): Promise<void> {
    this.shared.meet(round, slicesOf(updates));
    this.shared.commit(updates, own);
    return Promise.resolve();
  }

  leaveDevice(): void {}
}

/** Of a run with tiers: on the CPU, as what is said inside a node is exact and small groups are near. */
export class NodePosition implements Position {
  readonly node: NodeReplica;
  readonly shared: Anchor;
  readonly #network: Network;

  constructor(options: NodeReplicaOptions, network: Network) {
    this.node = new NodeReplica(options);
    this.shared = this.node.between;
    this.#network = network;
  }

  stand(): Promise<void> {
    this.node.stand();
    return Promise.resolve();
  }

  weights(): Promise<tf.Tensor[]> {
    return Promise.resolve(this.#network.weightsFrom(this.node.inside.weights()));
  }

  async trained(weights: readonly tf.Tensor[], loss: number, confirm: () => Promise<void>): Promise<void> {
    const vector = await this.#network.vectorFrom(weights);
    await confirm();
    this.node.inside.trained(Number.isFinite(loss) ? vector : vector.fill(NaN));
  }

  /** Of our node. */
  formUpdate(scheme: Scheme): Promise<Uint8Array> {
    return Promise.resolve(this.node.formUpdate(scheme));
  }

  /** Of nodes. */
  commit(_round: number, updates: readonly WeightedUpdate[], _own: Fate, node?: string): Promise<void> {
    this.node.commit(updates, updates.find(({ author }) => author === node) ?? null);
    if (node === undefined) this.node.stand();
    return Promise.resolve();
  }

  leaveDevice(): void {}
}

export class GpuPosition implements Position {
  readonly shared: Anchor;
  readonly #options: ReplicaOptions;
  readonly #shape: Shape;
  readonly #network: Network;
  #codec: CodecDevice | null = null;
  /** Whether an update was formed since the last commit. */
  #isOpen = false;

  constructor(options: ReplicaOptions, shape: Shape, network: Network) {
    this.shared = new Anchor(options);
    this.#options = options;
    this.#shape = shape;
    this.#network = network;
  }

  async stand(): Promise<void> {
    const codec = await this.#ready();
    codec.stand(this.shared.anchor);
    this.#isOpen = false;
  }

  async weights(): Promise<tf.Tensor[]> {
    const codec = await this.#ready();
    const gpu = backend();
    const weights = this.#network.layout.tensors.map(({ shape }) =>
      tf.engine().makeTensorFromTensorInfo(gpu.makeTensorInfo([...shape], 'float32'), gpu),
    );
    codec.copyWeights(this.#places(weights), 'out');
    return weights;
  }

  async trained(weights: readonly tf.Tensor[], loss: number, confirm: () => Promise<void>): Promise<void> {
    const codec = await this.#ready();
    const places = this.#places(weights);
    flush();
    await backend().device.queue.onSubmittedWorkDone();
    await confirm();
    if (!Number.isFinite(loss)) {
      codec.giveUpTrained();
      throw new ReplicaError('not-finite', 'training gave a loss that is not finite');
    }
    codec.copyWeights(places, 'in');
  }

  async formUpdate(scheme: Scheme): Promise<Uint8Array> {
    const codec = await this.#ready();
    const { parameterCount } = this.#options;
    await codec.useScheme(packedOf(scheme));
    const encoded = await codec.form();
    if (inspectUpdate(encoded, scheme, parameterCount) !== null) {
      codec.giveUpTrained();
      this.#isOpen = false;
      throw new ReplicaError(
        'not-finite',
        'training gave weights that are not finite, or beyond what any peer accepts',
      );
    }
    codec.keepFormed();
    this.#isOpen = true;
    return encoded;
  }

  async commit(round: number, updates: readonly WeightedUpdate[], own: Fate): Promise<void> {
    const codec = await this.#ready();
    const { shared } = this;
    // What a pending update brings stays as far ahead of the anchor as it was.
    const isPending = this.#isOpen && own === 'pending';
    if (isPending) codec.carry('lift');
    else if (this.#isOpen) codec.settle(own === 'counted');
    this.#isOpen = isPending;
    const slices = slicesOf(updates);
    if (slices.length > 0) {
      shared.meet(round, slices);
      const { from, to } = sliceOf(round, shared.anchor.length);
      codec.writeAnchor(shared.anchor.subarray(from, to), from);
    }
    const plan = shared.plan(updates);
    const isAdded = codec.advance(plan);
    shared.advance(plan);
    if (!isAdded) codec.writeAnchor(shared.anchor, 0);
    if (isPending) codec.carry('land');
    else codec.rebase();
  }

  leaveDevice(): void {
    this.#codec?.close();
    this.#codec = null;
    this.#isOpen = false;
  }

  /** The codec of the device of this moment: after a loss a new one, at the anchor. */
  async #ready(): Promise<CodecDevice> {
    if (this.#codec !== null) return this.#codec;
    const { parameterCount: count, scheme } = this.#options;
    const codec = await CodecDevice.open(backend().device, {
      count,
      scheme: packedOf(scheme),
      shape: this.#shape,
    });
    codec.stand(this.shared.anchor);
    this.#codec = codec;
    return codec;
  }

  /** Where tensors lie on the device, and where among the parameters. */
  #places(weights: readonly tf.Tensor[]) {
    const gpu = backend();
    return this.#network.layout.tensors.map(({ offset, size }, i) => {
      const { dataId } = weights[i]!;
      gpu.uploadToGPU(dataId);
      return { buffer: gpu.tensorMap.get(dataId).resource as GPUBuffer, offset, size };
    });
  }
}

/** @throws Error where only the CPU can form updates: calibration chooses it there. */
function packedOf(scheme: Scheme): Scheme & PackedScheme {
  if (!isPacked(scheme)) throw new Error(`codec: there are no kernels for ${scheme}`);
  return scheme;
}

const backend = () => tf.backend() as WebGPUBackend;

/** Submits what tfjs has recorded, so that what is submitted next comes after it. */
function flush(): void {
  const gpu = backend();
  gpu.ensureCommandEncoderReady();
  gpu.endComputePassEncoder();
  gpu.submitQueue();
}
