/** What the mesh has to know of a run's peer frames. Pure. */
import { chunkMaxBytes, encodedBytes, sliceMaxBytes } from '@murmuration/codec';
import {
  fnv1a32,
  frameLimits,
  tiersOf,
  type FrameLimits,
  type FramesOfRun,
  type RunManifest,
} from '@murmuration/protocol';

/** Limits of a run's peer frames. [N2] Inside a node updates are exact, and a state has what the node owes besides. */
function runFrameLimits({ parameterCount, training }: RunManifest): FrameLimits {
  const isTiered = tiersOf(training) !== null;
  const encodedMax = Math.max(
    encodedBytes(training.codec, parameterCount) + sliceMaxBytes(parameterCount),
    isTiered ? encodedBytes('fp32', parameterCount) : 0,
  );
  return frameLimits(encodedMax, chunkMaxBytes(isTiered ? 2 * parameterCount : parameterCount));
}

export const framesOfRun = (manifest: RunManifest): FramesOfRun => ({
  runTag: runTagOf(manifest.id),
  hasNodes: tiersOf(manifest.training) !== null,
  limits: runFrameLimits(manifest),
});

/** The tag of a run in peer frames. */
export const runTagOf = (runId: string): number => fnv1a32(runId);
