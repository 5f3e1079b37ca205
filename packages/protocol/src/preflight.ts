/**
 * What a run would cost and need, before anybody's device is asked: bytes, memory, time as a range, and what would not go
 * well. Pure, so the page says it while somebody types and the coordinator says the same.
 *
 * Time is a range between two machines, unless a run of the same size was measured. They are guesses with these grounds: the
 * fast one is a mid-range GPU at a tenth of its peak on a 100 Mbit/s uplink; the slow one the software adapter of a laptop
 * (this repository's benchmarks: about 1 GFLOP/s) on 5 Mbit/s.
 */
import type { DatasetManifest } from './dataset.ts';
import type { Estimate, Preflight } from './api-preflight.ts';
import { crewMembersOf } from './crew-sizes.ts';
import { groupOf } from './exchange.ts';
import { LIMITS } from './limits.ts';
import { copiesBytes, modelCopies } from './model-copies.ts';
import { modelDemands } from './model-demands.ts';
import { parameterLayout, type ModelSpec } from './model.ts';
import { product } from './model-shapes.ts';
import { CODEC_BYTES_PER_PARAMETER, type Codec, type Training } from './run.ts';
import { tiersOf } from './tiers.ts';

/** WebGPU's default `maxStorageBufferBindingSize`: what every adapter gives without being asked for more. */
export const BINDING_LIMIT_BYTES = 128 * 1024 * 1024;
/** Forward, and backward to weights and to inputs. */
const PASSES = 3;
const FAST = { flopsPerSecond: 1e12, stepOverheadMs: 2, uplinkBitsPerSecond: 100e6, roundOverheadMs: 30 };
const SLOW = { flopsPerSecond: 1e9, stepOverheadMs: 15, uplinkBitsPerSecond: 5e6, roundOverheadMs: 300 };
/** Two runs of one size differ this much either way. A guess. */
const MEASURED_SPREAD = 1.5;
/** An hour of this much is a day's mobile contract. */
const MUCH_PER_HOUR_BYTES = 2e9;
const SLOW_RUN_MS = 24 * 3_600_000;

export interface PreflightFacts {
  readonly model: ModelSpec;
  readonly training: Training;
  readonly dataset: Pick<
    DatasetManifest,
    'name' | 'trainSampleCount' | 'shardCount' | 'validation' | 'target'
  >;
  /** Tabs that would take part; figures are for at least two. */
  readonly tabs: number;
  /** Milliseconds of a round of a run with the same parameters and steps; null: none was measured. */
  readonly measuredRoundMs: number | null;
}

/** All but the plan. @throws ModelError when the model does not fit itself */
export function preflightOf(facts: PreflightFacts): Omit<Preflight, 'plan' | 'unplanned'> {
  const estimate = estimateOf(facts);
  return { ok: true, refusals: [], warnings: warningsOn(facts, estimate), estimate };
}

function estimateOf({ model, training, dataset, tabs: present, measuredRoundMs }: PreflightFacts): Estimate {
  const demands = modelDemands(model, training);
  const { parameterCount } = demands;
  const tabs = Math.max(2, present, training.peersMin);
  const updateBytes = Math.ceil(parameterCount * CODEC_BYTES_PER_PARAMETER[training.codec]);
  const bytesSentPerRound = sentBytesARound({ parameterCount, training }, tabs);
  const { insideEvery = training.localSteps, betweenEvery = 0 } = tiersOf(training) ?? {};
  const stepsPerRound = insideEvery * Math.max(1, betweenEvery);
  const multiplications = multiplicationsOf(model);
  const roundMsOn = (machine: typeof FAST): number => {
    const stepMs = stepMsOn(machine, training.batchSize, multiplications);
    const exchangeMs = (8_000 * bytesSentPerRound) / machine.uplinkBitsPerSecond;
    // Training goes on while an update is on its way.
    return machine.roundOverheadMs + Math.max(stepsPerRound * stepMs, exchangeMs);
  };
  const roundMs: [number, number] =
    measuredRoundMs === null
      ? [roundMsOn(FAST), roundMsOn(SLOW)]
      : [measuredRoundMs / MEASURED_SPREAD, measuredRoundMs * MEASURED_SPREAD];
  const perHour = (ms: number) => (bytesSentPerRound * 3_600_000) / ms;
  const activationBytes = training.batchSize * demands.activationBytesPerSample;
  const copies = modelCopies({ parameterCount, training, members: tabs });
  const stateBytes = copiesBytes(copies.gpu);
  const sampleBytes = dataset.validation.byteLength / dataset.validation.sampleCount;
  const dataBytes = Math.ceil((sampleBytes * dataset.trainSampleCount) / dataset.shardCount);
  return {
    data: {
      name: dataset.name,
      trainSampleCount: dataset.trainSampleCount,
      validationSampleCount: dataset.validation.sampleCount,
    },
    parameterCount,
    updateBytes,
    bytesSentPerRound,
    bytesSentPerHour: [perHour(roundMs[1]), perHour(roundMs[0])],
    tabs,
    peersMin: training.peersMin,
    memory: {
      stateBytes,
      activationBytes,
      dataBytes,
      totalBytes: stateBytes + activationBytes,
      workerBytes: copiesBytes(copies.worker) + dataBytes,
      serverBytes: copiesBytes(copies.server),
      copies: [...copies.gpu, ...copies.worker, ...copies.server],
      largestBufferBytes: demands.largestBufferBytes,
      bindingLimitBytes: BINDING_LIMIT_BYTES,
    },
    roundMs,
    expectedMs: [roundMs[0] * training.roundsMax, roundMs[1] * training.roundsMax],
    basis: measuredRoundMs === null ? 'assumed' : 'measured',
  };
}

/**
 * What one of so many tabs sends in a round. [N2] Of a run with tiers a round is one between nodes; what goes before it inside is
 * exact, and at most to all tabs.
 * @param tabs two and more
 */
export function sentBytesARound(
  { parameterCount, training }: { readonly parameterCount: number; readonly training: Training },
  tabs: number,
): number {
  const bytesIn = (codec: Codec) => Math.ceil(parameterCount * CODEC_BYTES_PER_PARAMETER[codec]);
  const insideCount = tiersOf(training)?.betweenEvery ?? 0;
  return Math.round((bytesIn(training.codec) + insideCount * bytesIn('fp32')) * matesOf(training, tabs));
}

/** Ends that a tab sends its update to: the averaging server, or the others of its group, which are fewer in a large swarm. */
function matesOf(training: Training, tabs: number): number {
  if (training.architecture === 'central') return 1;
  // [N1] A run with tiers is one group; who comes then waits.
  if (tiersOf(training) !== null) return Math.min(tabs, LIMITS.groupMaxMembers) - 1;
  return crewMembersOf(tabs, groupOf(training)) - 1;
}

/**
 * Milliseconds of a step on the fast machine and on the slow one, for who has measured none.
 * @param multiplications of one sample, forward: `multiplicationsOf` a model
 */
export const assumedStepMs = (batchSize: number, multiplications: number): readonly [number, number] => [
  stepMsOn(FAST, batchSize, multiplications),
  stepMsOn(SLOW, batchSize, multiplications),
];

const stepMsOn = (machine: typeof FAST, batchSize: number, multiplications: number): number =>
  machine.stepOverheadMs + (1_000 * 2 * PASSES * batchSize * multiplications) / machine.flopsPerSecond;

/** Multiplications of one sample, forward: every kernel at every place where it is applied. */
export function multiplicationsOf(model: ModelSpec): number {
  const { tensors, layerNames, outputShapes } = parameterLayout(model);
  let sum = 0;
  for (const { name, size, fanIn } of tensors) {
    if (fanIn === 0) continue;
    const shape = outputShapes[layerNames.indexOf(name.split('/')[0]!)] ?? [1];
    sum += size * (shape.length < 2 ? 1 : product(shape) / shape.at(-1)!);
  }
  return sum;
}

function warningsOn({ training, tabs, dataset }: PreflightFacts, estimate: Estimate): Preflight['warnings'] {
  const warnings: Preflight['warnings'] = [];
  const warn = (field: string, message: string) => void warnings.push({ field, message });
  const { memory, bytesSentPerHour, expectedMs } = estimate;
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MiB`;
  if (memory.largestBufferBytes > memory.bindingLimitBytes)
    warn(
      'training.batchSize',
      `one buffer takes ${mebibytes(memory.largestBufferBytes)}; adapters that bind only ${mebibytes(memory.bindingLimitBytes)} cannot take part; make batch or layers smaller`,
    );
  if (bytesSentPerHour[0] > MUCH_PER_HOUR_BYTES)
    warn(
      'training.codec',
      `even a slow tab sends ${(bytesSentPerHour[0] / 1e9).toFixed(1)} GB an hour; topk-auto or more local steps send less`,
    );
  if (training.architecture === 'hybrid')
    // Its update to each of its group, and theirs to it.
    warn(
      'training.architecture',
      `each tab without a way to its peers has the coordinator send about ${(2e-6 * estimate.bytesSentPerRound).toFixed(1)} MB in a round of ${estimate.tabs} tabs`,
    );
  if (training.peersMin > tabs)
    warn(
      'training.peersMin',
      `needs ${training.peersMin === 1 ? 'one tab' : `${training.peersMin} tabs`}, ${tabs === 0 ? 'none is' : tabs === 1 ? 'one is' : `${tabs} are`} connected; until then it waits`,
    );
  if (expectedMs[0] > SLOW_RUN_MS)
    warn('training.roundsMax', 'even fast tabs need more than a day for so many rounds');
  if (dataset.target.kind !== 'class' && training.targetAccuracy !== null && training.targetError == null)
    warn(
      'training.targetAccuracy',
      'this data has no accuracy to reach; set targetError, or only rounds end the run',
    );
  if (training.evaluateEveryRounds > training.roundsMax)
    warn('training.evaluateEveryRounds', 'the model is measured only at the end');
  return warnings;
}
