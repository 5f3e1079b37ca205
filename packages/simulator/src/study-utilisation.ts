/**
 * Which share of their time tabs spend in training steps, and which in waiting for the exchange, when a large model goes
 * over home lines. Real minds, wire and codec; imaginary network and clock. Pure.
 *
 * Scaled: a tenth of the parameters over a tenth of the line takes as long as the whole (updates grow with the model,
 * and what does not weighs ten times as much here, so the figure errs to the unfavourable side). What the codec and the
 * average cost the device is not scaled: it is the time that the whole model takes.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { BLIND, BYTES_PER_MS_PER_MBIT, StudyGroup } from './study-group.ts';

export interface UtilisationOptions {
  readonly seed: number;
  readonly tabs: number;
  readonly parameterCount: number;
  /** Parameters of the model that stands for it, at most. */
  readonly scaledParameterMax: number;
  readonly codec: SimulateOptions['codec'];
  readonly uplinkMbit: number;
  readonly roundTripMs: number;
  readonly lossShare: number;
  readonly localSteps: number;
  readonly stepMs: number;
  readonly speedRatio: number;
  readonly rounds: number;
}

export const UTILISATION_DEFAULTS: UtilisationOptions = {
  seed: 1,
  tabs: 8,
  parameterCount: 1_000_000,
  scaledParameterMax: 100_000,
  codec: 'topk-128',
  uplinkMbit: 5,
  roundTripMs: 100,
  lossShare: 0.01,
  localSteps: 20,
  stepMs: 100,
  speedRatio: 1.5,
  rounds: 20,
};

export interface UtilisationRow {
  /** Parameters that were really trained, and what lines were divided by. */
  readonly trainedParameters: number;
  readonly scale: number;
  readonly share: number;
  readonly shareOfWorstTab: number;
  readonly roundMs: number;
  /** Of one tab and round: what training took, what left over its uplink (in the whole model's measure). */
  readonly trainMs: number;
  readonly uplinkBytes: number;
  readonly traceHash: string;
}

const INPUTS = 64;
const CLASSES = 10;
/**
 * Milliseconds of a million parameters on one slow core, eight updates of topk-128 or int8: forming an update took 22 to
 * 94, averaging a round 304 to 449 (codec, replica.ts).
 */
const FORM_MS_PER_MILLION = 60;
const COMMIT_MS_PER_MILLION = 340;
/** How the group comes together is not what is measured here: its lines are fast until it has done so many rounds. */
const FAST_MBIT = 8_000;
const ROUNDS_FAST = 5;
/** Then it learns the pace of home lines. */
const ROUNDS_BEFORE = 15;
const END_MS = 3_600_000;

export function studyUtilisation(changes: Partial<UtilisationOptions>): UtilisationRow {
  const options = { ...UTILISATION_DEFAULTS, ...changes };
  const { parameterCount, tabs, stepMs, speedRatio } = options;
  const wanted = Math.min(parameterCount, options.scaledParameterMax);
  const scale = parameterCount / wanted;
  const trainedMs = Array.from({ length: tabs }, () => 0);
  const group = new StudyGroup({
    run: {
      ...DEFAULT_OPTIONS,
      seed: options.seed,
      tabs,
      rounds: 10_000,
      // What is learned is not what is measured.
      batchSize: 2,
      shardSamples: 640,
      validationSamples: 2,
      evaluateEveryRounds: 10_000,
      localSteps: options.localSteps,
      codec: options.codec,
      delayMeanMs: options.roundTripMs / 2,
      lossShare: options.lossShare,
    },
    shape: {
      inputs: INPUTS,
      hidden: Math.max(1, Math.round((wanted - CLASSES) / (INPUTS + 1 + CLASSES))),
      classes: CLASSES,
    },
    commandTimes: {
      'form-update': (FORM_MS_PER_MILLION * parameterCount) / 1e6,
      commit: (COMMIT_MS_PER_MILLION * parameterCount) / 1e6,
    },
    watch: {
      ...BLIND,
      handled: (tab, event) => {
        if (event.kind === 'trained') trainedMs[tab.number]! += event.trainMs;
      },
    },
  });
  const { world } = group;
  const speeds = world.chance('speeds');
  group.openAll(
    Array.from({ length: tabs }, () => ({
      stepMs: stepMs * (1 + (speedRatio - 1) * speeds()),
      uplinkMbit: FAST_MBIT,
      downlinkMbit: Infinity,
    })),
  );
  const until = (round: number) => {
    while (group.slowestRound < round && world.step(END_MS));
    const bytes = [...group.tabs.values()].map((tab) => tab.traffic.bytesSentPeers);
    return { atMs: world.nowMs, trainedMs: [...trainedMs], bytes: sum(bytes) };
  };
  until(ROUNDS_FAST);
  for (const tab of group.tabs.values())
    tab.uplinkBytesPerMs = (options.uplinkMbit * BYTES_PER_MS_PER_MBIT) / scale;
  const start = until(ROUNDS_BEFORE);
  const end = until(ROUNDS_BEFORE + options.rounds);
  const elapsedMs = end.atMs - start.atMs;
  const shares = end.trainedMs.map((ms, tab) => (ms - start.trainedMs[tab]!) / elapsedMs);
  return {
    trainedParameters: group.manifest.parameterCount,
    scale,
    share: sum(shares) / tabs,
    shareOfWorstTab: Math.min(...shares),
    roundMs: elapsedMs / options.rounds,
    trainMs: (sum(shares) * elapsedMs) / tabs / options.rounds,
    uplinkBytes: (scale * (end.bytes - start.bytes)) / tabs / options.rounds,
    traceHash: world.traceHash,
  };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
