/**
 * How many copies of the model a tab and a server hold at their peak, by what is trained and how it is exchanged: the memory
 * that a strategy states. Pure. `npm run bench -- memory` holds it against real tabs.
 *
 * Each list is a bound for its own side. Updates are formed on the GPU or on the processor, as each tab finds faster
 * (codec-calibration.ts): the GPU's list is for the one case, the worker's for the other, so that neither is ever passed.
 */
import { averagingMaxBytes } from './averaging.ts';
import { LIMITS } from './limits.ts';
import type { OptimiserName } from './optimisers.ts';
import { CODEC_BYTES_PER_PARAMETER, type Training } from './run.ts';
import { tiersOf } from './tiers.ts';

const FLOAT_BYTES = 4;
/** Vectors on the GPU are whole chunks of so many values (codec, top-k.ts). */
const CHUNK_VALUES = 4_096;
/** Anchor, base, trained, correction, residual, sum (codec-device.ts). */
const EXCHANGE_VECTORS = 6;
/** Of an update that leaves and one that comes in, in words of a kernel: at most a byte a parameter, whatever the codec. */
const PACKED_BYTES_PER_PARAMETER = 1.01;
/** Anchor in 4 bytes, second moment in one, and the heads of chunks (codec, state.ts). */
const STATE_BYTES_PER_PARAMETER = 5.01;
/** What closed the last rounds is kept for members that pull (swarm, held-updates.ts): at least 4 rounds, else 16 MiB. */
const KEPT_MIN_ROUNDS = 4;
const KEPT_MAX_ROUNDS = 16;
const KEPT_MAX_BYTES = 16 * 1024 * 1024;
/** Vectors that an optimiser remembers. */
const MOMENTS: Readonly<Record<OptimiserName, number>> = {
  adam: 2,
  'rmsprop-floored': 1,
  sgd: 0,
  momentum: 1,
};
/** The round that is open, and the next one, whose updates may come before ours is closed. */
const OPEN_ROUNDS = 2;

export const COPY_NAMES = [
  'weights',
  'gradients',
  'moments',
  'exchange',
  'packed',
  'evaluation',
  'anchor',
  'progress',
  'transfer',
  'sum',
  'ownUpdate',
  'heldUpdates',
  'state',
  'checkpoint',
  'averaging',
] as const;
export type CopyName = (typeof COPY_NAMES)[number];
export interface Copy {
  readonly what: CopyName;
  readonly bytes: number;
}
export interface ModelCopies {
  readonly gpu: readonly Copy[];
  /** ArrayBuffers and heap of the tab's worker. */
  readonly worker: readonly Copy[];
  /** Of the coordinator, besides what it keeps on the disk; empty unless it averages. */
  readonly server: readonly Copy[];
}

export const copiesBytes = (copies: readonly Copy[]): number =>
  copies.reduce((sum, { bytes }) => sum + bytes, 0);

/** Bytes of closed rounds that a member keeps at most, when the updates of a round take so many. */
export const keptUpdatesMaxBytes = (roundBytes: number): number =>
  Math.min(KEPT_MAX_ROUNDS * roundBytes, Math.max(KEPT_MIN_ROUNDS * roundBytes, KEPT_MAX_BYTES));

/** @param members of a group; 1 and more */
export function modelCopies({
  parameterCount,
  training,
  members,
}: {
  readonly parameterCount: number;
  readonly training: Training;
  readonly members: number;
}): ModelCopies {
  const { codec, optimiser, architecture = 'decentralised' } = training;
  const vector = FLOAT_BYTES * parameterCount;
  const padded = FLOAT_BYTES * CHUNK_VALUES * Math.ceil(parameterCount / CHUNK_VALUES);
  // [N2] What is said inside a node is exact, and formed on the processor.
  const isTiered = tiersOf(training) !== null;
  const perParameter = CODEC_BYTES_PER_PARAMETER[isTiered ? 'fp32' : codec];
  const updateBytes = Math.ceil(perParameter * parameterCount);
  const isPacked = codec !== 'fp32' && codec !== 'fp16' && !isTiered;
  const moments = MOMENTS[optimiser];
  const of = (what: CopyName, bytes: number): Copy => ({ what, bytes: Math.ceil(bytes) });
  const isCentral = architecture === 'central';
  // A member gets an update of each other one; a tab of a central run one of the server's.
  const roundBytes = updateBytes * Math.min(LIMITS.groupMaxMembers, Math.max(2, members));
  return {
    gpu: [
      // Before and after a step: what a step replaces is freed when the queue has taken it.
      of('weights', 2 * vector),
      of('gradients', vector),
      of('moments', 2 * moments * vector),
      of('exchange', isPacked ? EXCHANGE_VECTORS * padded : 0),
      of('packed', isPacked ? 3 * PACKED_BYTES_PER_PARAMETER * parameterCount : 0),
      of('evaluation', vector),
      // On their way: up, weights and moments that are loaded; down, weights and a second moment, which is also kept while
      // it is read and steps go on. Where the processor forms updates, trained weights come down in every round, as a vector and
      // as the buffer that is read; elsewhere `exchange` is more than that.
      of('transfer', (1 + moments + 3 + (isPacked ? 0 : 2)) * vector),
    ],
    worker: [
      // And its running mean; of a node besides, and what it owes.
      of('anchor', (isTiered ? 5 : 2) * vector),
      // Residual, correction, the weights of the update that is open, and what was trained since.
      of('progress', 4 * vector),
      // Weights on their way to the device and back.
      of('transfer', 3 * vector),
      of('sum', 2 * vector),
      // As bytes, and as a frame that waits to be sent.
      of('ownUpdate', 2 * updateBytes),
      // Of each author another one may be coming in.
      of(
        'heldUpdates',
        isCentral
          ? (OPEN_ROUNDS + 1) * updateBytes
          : keptUpdatesMaxBytes(roundBytes) + (OPEN_ROUNDS + 1) * roundBytes,
      ),
      // Chunks for newcomers, and anchor and second moment while they are made.
      of('state', (isTiered ? 3 : 1) * (STATE_BYTES_PER_PARAMETER * parameterCount + 2 * vector)),
      // As bytes, and as the body that is uploaded.
      of('checkpoint', 2 * vector),
    ],
    server: isCentral ? [of('averaging', averagingMaxBytes({ parameterCount, training }))] : [],
  };
}
