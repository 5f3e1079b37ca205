/** What `murmur plan` knows of a task from its flags, and what it has to assume, with the ground for each guess. Pure. */
import {
  ASSUMED_EVALUATION_STEPS,
  ASSUMED_SHARD_BYTES,
  KNOWN_LAWS,
  LAG_ROUNDS,
  learningOf,
  measuredRun,
  middleStepMs,
  noiseWords,
  roundsTo,
  stepsWords,
  stepWords,
  type CoordinatorLimits,
  type Crowd,
  type Learning,
  type Measured,
  type Task,
} from '@murmuration/plan';
import {
  ARCHITECTURES,
  assumedStepMs,
  CODECS,
  DEFAULT_TRAINING,
  GROUP_MAX,
  GROUP_MIN,
  LIMITS,
  modelDemands,
  ModelError,
  multiplicationsOf,
  PRESET_NAMES,
  presetModel,
  type Architecture,
  type Codec,
  type PresetName,
} from '@murmuration/protocol';
import type { PlanFlags } from './plan.ts';
import { Sentence } from './places.ts';

export interface Assumption {
  readonly text: string;
}

/** A model by name or by size: what a plan needs of it. */
export interface PlannedModel {
  readonly name: string;
  readonly isText: boolean;
  readonly batchSize: number;
  readonly parameterCount: number;
  readonly activationBytes: number;
  assumedStepMs(assumed: Assumption[]): number;
}

const IMAGE = { input: [28, 28, 1], outputs: 10 };
const TEXT = { input: [64], outputs: 256 };

/** @throws Sentence */
export function plannedModel(flags: PlanFlags): PlannedModel {
  const { model: named = 'mlp' } = flags;
  const batchSize = flags['batch-size'] ?? DEFAULT_TRAINING.batchSize;
  const isPreset = (name: string): name is PresetName => (PRESET_NAMES as readonly string[]).includes(name);
  const stepMs = (multiplications: number) => (assumed: Assumption[]) => {
    const range = assumedStepMs(batchSize, multiplications);
    assumed.push({ text: `${stepWords(range)}; --step-ms` });
    return middleStepMs(range);
  };
  if (isPreset(named)) {
    const isText = named === 'gru' || named === 'gpt';
    const usual = isText ? TEXT : IMAGE;
    const input = flags.input?.split('x').map(Number) ?? usual.input;
    try {
      const model = presetModel(named, input, flags.outputs ?? usual.outputs);
      const { parameterCount, activationBytesPerSample } = modelDemands(model, { batchSize });
      return {
        name: named,
        isText,
        batchSize,
        parameterCount,
        activationBytes: batchSize * activationBytesPerSample,
        assumedStepMs: stepMs(multiplicationsOf(model)),
      };
    } catch (error) {
      if (error instanceof ModelError)
        throw new Sentence(`--input: ${named} does not fit ${input.join('x')}: ${error.message}.`);
      throw error;
    }
  }
  const parameterCount = /^\d{1,9}$/.test(named) ? Number(named) : Number.NaN;
  if (!(parameterCount >= 1 && parameterCount <= LIMITS.parametersMax))
    throw new Sentence(
      `--model: write one of ${PRESET_NAMES.join(', ')}, or a number of parameters from 1 to ${LIMITS.parametersMax}, not "${named}".`,
    );
  return {
    name: 'a model',
    isText: false,
    batchSize,
    parameterCount,
    // What a batch keeps on the device is not known of a number.
    activationBytes: 0,
    assumedStepMs: stepMs(parameterCount),
  };
}

export function taskOf(
  flags: PlanFlags,
  model: PlannedModel,
  crowd: Crowd,
  limits: CoordinatorLimits,
  assumed: Assumption[],
): Task {
  const { batchSize, parameterCount, activationBytes } = model;
  const known = KNOWN_LAWS[model.isText ? 'text' : 'image'];
  const noiseSamples = flags['critical-batch'] ?? known.noiseSamples;
  const task = {
    parameterCount,
    batchSize,
    activationBytes,
    shardBytes: ASSUMED_SHARD_BYTES,
    outerLearningRate: DEFAULT_TRAINING.outerLearningRate,
    evaluateEveryRounds: DEFAULT_TRAINING.evaluateEveryRounds,
    evaluationSteps: ASSUMED_EVALUATION_STEPS,
    learning: { stepsMin: known.stepsMin, noiseSamples, lagRounds: LAG_ROUNDS },
  };
  const measured = flags.measured.map(parseMeasured);
  const isNoiseMeasured = new Set(measured.map(({ tabs }) => tabs)).size > 1;
  if (flags['critical-batch'] === undefined && !isNoiseMeasured)
    assumed.push({
      text: `${noiseWords(known)}; --critical-batch, or --measured twice with different tabs`,
    });
  if (measured.length > 0) {
    const runs = measured.map(({ tabs, rounds, ...strategy }) =>
      measuredRun(task, { ...crowd, tabs }, strategy, limits, rounds),
    );
    const learning = learningOf(runs, task.learning);
    assumed.push(...doubtsOn(learning, runs, flags.measured));
    return { ...task, learning };
  }
  const alone = flags['steps-alone'];
  if (alone === undefined)
    assumed.push({
      text: `${stepsWords({ ...known, noiseSamples }, batchSize)}; --steps-alone or --measured`,
    });
  const stepsMin = alone === undefined ? known.stepsMin : alone / (1 + noiseSamples / batchSize);
  return { ...task, learning: { ...task.learning, stepsMin } };
}

/** Runs of one task and one loss are met by their law within so much; a plan's own times are held to it, too. */
const FIT_MAX = 0.25;

/** What was said of a run and does not go with the law that fits all of them best. */
function doubtsOn(
  learning: Learning,
  runs: readonly Measured[],
  words: readonly string[],
): readonly Assumption[] {
  const strange = runs.flatMap(({ footing, rounds }, at) => {
    const fitted = roundsTo(learning, footing);
    return Math.abs(fitted / rounds - 1) <= FIT_MAX ? [] : `${words[at]} fits ${Math.round(fitted)} rounds`;
  });
  return strange.length === 0
    ? []
    : [
        {
          text: `all that was measured is of one task and one loss, which is doubtful: by the law that comes nearest to all, ${strange.join(', ')}; --measured`,
        },
      ];
}

interface MeasuredWords {
  readonly tabs: number;
  readonly rounds: number;
  readonly localSteps: number;
  readonly codec: Codec;
  readonly architecture: Architecture;
  readonly group?: number;
}

/** What is wrong with `tabs=8,rounds=120,...`; null: nothing. */
export function measuredFault(text: string): string | null {
  const words = wordsOf(text);
  const example = 'for example tabs=8,rounds=120,localSteps=5,codec=int8';
  const known = ['tabs', 'rounds', 'localSteps', 'codec', 'architecture', 'group'];
  const strange = [...words.keys()].find((key) => !known.includes(key));
  if (strange !== undefined) return `"${strange}" is none of ${known.join(', ')}; ${example}`;
  for (const key of ['tabs', 'rounds']) if (!words.has(key)) return `${key}= is missing; ${example}`;
  for (const [key, min, max] of [
    ['tabs', 1, 10_000],
    ['rounds', 1, 100_000_000],
    ['localSteps', 1, LIMITS.localStepsMax],
    ['group', GROUP_MIN, GROUP_MAX],
  ] as const) {
    const value = words.get(key);
    if (value !== undefined && !(/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max))
      return `${key} must be a whole number from ${min} to ${max}, not "${value}"`;
  }
  for (const [key, choices] of [
    ['codec', CODECS],
    ['architecture', ARCHITECTURES],
  ] as const) {
    const value = words.get(key);
    if (value !== undefined && !(choices as readonly string[]).includes(value))
      return `${key} must be one of ${choices.join(', ')}, not "${value}"`;
  }
  return null;
}

/** Of a text without a fault. */
function parseMeasured(text: string): MeasuredWords {
  const words = wordsOf(text);
  return {
    tabs: Number(words.get('tabs')),
    rounds: Number(words.get('rounds')),
    localSteps: Number(words.get('localSteps') ?? DEFAULT_TRAINING.localSteps),
    codec: (words.get('codec') ?? DEFAULT_TRAINING.codec) as Codec,
    architecture: (words.get('architecture') ?? 'decentralised') as Architecture,
    ...(words.has('group') ? { group: Number(words.get('group')) } : {}),
  };
}

const wordsOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split(',')
      .map((word) => [
        word.slice(0, Math.max(0, word.indexOf('='))).trim(),
        word.slice(word.indexOf('=') + 1).trim(),
      ]),
  );
