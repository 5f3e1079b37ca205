/**
 * One way of training on one crowd: the whole grid is played until its loss is reached and so many samples are trained. What
 * crowds and tasks there are stands here, so that a table of all of them says what it is of. Pure.
 */
import {
  copiesBytes,
  DEFAULT_TRAINING,
  modelCopies,
  type Architecture,
  type Codec,
  type Schedule,
} from '@murmuration/protocol';
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { toyModel } from './run-setup.ts';
import { simulate } from './simulate.ts';

const COMMON = {
  tabs: 16,
  batchSize: 8,
  shardSamples: 160,
  validationSamples: 400,
  rounds: 1_000_000,
  // That the rules are kept, others look at.
  checks: 'off',
} as const satisfies Partial<SimulateOptions>;
export const STRATEGY_TABS = COMMON.tabs;
export const STRATEGY_BATCH = COMMON.batchSize;

export interface StudiedCrowd {
  readonly words: string;
  readonly options: Partial<SimulateOptions>;
}
/** Delays are half a round trip. */
export const STRATEGY_CROWDS = {
  lan: {
    words: "a lab's LAN: 1 Gbit/s, 1 ms round trip, no packet lost, speeds 1:1.5",
    options: {
      ...{ delayMeanMs: 0.5, relayDelayMeanMs: 0.5, lossShare: 0, speedRatio: 1.5 },
      ...{ uplinkMinMbit: 1_000, uplinkMaxMbit: 1_000, downlinkMbit: 1_000 },
    },
  },
  homes: {
    words: 'home links: 10 to 50 Mbit/s up and 100 down, 40 ms round trip, speeds 1:2',
    options: {
      ...{ delayMeanMs: 20, relayDelayMeanMs: 20, speedRatio: 2 },
      ...{ uplinkMinMbit: 10, uplinkMaxMbit: 50, downlinkMbit: 100 },
    },
  },
  mobile: {
    words:
      'a mixed mobile crowd: 2 to 10 Mbit/s up and 20 down, 80 to 150 ms round trip, speeds 1:5, a quarter without a way to peers, a tenth frozen at any time for 10 to 60 s',
    options: {
      ...{ delayMeanMs: 57.5, relayDelayMeanMs: 57.5, jitterShare: 0.3, speedRatio: 5, speeds: 'even' },
      ...{ uplinkMinMbit: 2, uplinkMaxMbit: 10, downlinkMbit: 20, noPeersShare: 0.25, frozenShare: 0.1 },
    },
  },
} as const satisfies Readonly<Record<string, StudiedCrowd>>;
export type StrategyCrowd = keyof typeof STRATEGY_CROWDS;

export interface StudiedModel {
  readonly options: Partial<SimulateOptions> & Pick<SimulateOptions, 'model' | 'learningRate' | 'stepMs'>;
  /** Time is taken to this loss; and the loss after so many samples of all tabs. */
  readonly loss: number;
  readonly samples: number;
  /** Imaginary; a way that takes longer is not followed further. */
  readonly capMs: number;
}
/** A larger model's step takes longer. Tasks get harder with the model, or it learns them at once. */
export const STRATEGY_MODELS = {
  small: {
    options: { model: 'mlp', clustersPerClass: 8, noise: 0.6, learningRate: 0.008, stepMs: 100 },
    ...{ loss: 1.1, samples: 12_000, capMs: 80_000 },
  },
  middle: {
    options: { model: 'mlp-20k', clustersPerClass: 24, noise: 0.4, learningRate: 0.002, stepMs: 200 },
    ...{ loss: 1.55, samples: 8_000, capMs: 100_000 },
  },
  large: {
    options: { model: 'mlp-100k', clustersPerClass: 32, noise: 0.4, learningRate: 0.001, stepMs: 400 },
    ...{ loss: 1.7, samples: 6_000, capMs: 150_000 },
  },
} as const satisfies Readonly<Record<string, StudiedModel>>;
export type StrategyModel = keyof typeof STRATEGY_MODELS;

export interface StrategyCell {
  readonly crowd: StrategyCrowd;
  readonly model: StrategyModel;
  readonly architecture: Architecture;
  readonly schedule: Schedule;
  readonly codec: Codec;
  readonly localSteps: number;
  /** [R13] Left out: as the number of tabs says. */
  readonly group?: number;
  readonly seed: number;
  /** Share of the tabs that is replaced in every round. */
  readonly churnPerRound: number;
}

export interface StrategyRow {
  /** To the loss, imaginary, from the first tab's arrival; null: not within the cap. */
  readonly ms: number | null;
  readonly rounds: number;
  /** After equal samples; null: so many were not trained within the cap. */
  readonly loss: number | null;
  /** Sent by a tab, whole frames with states, for each parameter and local step. */
  readonly bitsPerStep: number;
  /** What a tab may hold at its peak, as preflight states it. */
  readonly tabBytes: number;
  readonly departures: number;
  readonly traceHash: string;
}

/** Local steps between two evaluations of the run's own, which take a tab from its work. */
const STEPS_AN_EVALUATION = 40;

export function strategyOptions(cell: StrategyCell): SimulateOptions {
  const { architecture, schedule, codec, localSteps, group = 0, seed, churnPerRound } = cell;
  const studied: StudiedModel = STRATEGY_MODELS[cell.model];
  // A server without rounds moves on with a quarter of those at work.
  const rounds = (STEPS_AN_EVALUATION / localSteps) * (schedule === 'asynchronous' ? 4 : 1);
  return {
    ...DEFAULT_OPTIONS,
    ...COMMON,
    ...studied.options,
    ...STRATEGY_CROWDS[cell.crowd].options,
    ...{ architecture, schedule, codec, localSteps, group, seed, churnPerRound },
    evaluateEveryRounds: Math.max(1, Math.round(rounds)),
    hours: studied.capMs / 3_600_000,
  };
}

/** Where a curve that falls evenly between two looks comes to a value. */
interface Look {
  readonly nowMs: number;
  readonly samples: number;
  readonly loss: number;
}

export function studyStrategy(cell: StrategyCell): StrategyRow {
  const { loss: target, samples: samplesWanted } = STRATEGY_MODELS[cell.model];
  const options = strategyOptions(cell);
  let samples = 0;
  const seen: { before: Look | null; ms: number | null; loss: number | null } = {
    before: null,
    ms: null,
    loss: null,
  };
  const report = simulate(options, {
    onTrained: (count) => void (samples += count),
    // Evaluations go to any tab, also to one that freezes; what is measured here is the model itself.
    onLook: ({ nowMs, learnedNow }) => {
      const loss = learnedNow()?.loss ?? null;
      if (loss === null || loss === seen.before?.loss) return;
      const now: Look = { nowMs, samples, loss };
      const before = seen.before ?? now;
      const between = (share: number, of: (look: Look) => number) =>
        of(before) + share * (of(now) - of(before));
      if (seen.ms === null && loss <= target) {
        const share = before.loss > loss ? (before.loss - target) / (before.loss - loss) : 1;
        seen.ms = between(share, (look) => look.nowMs);
      }
      if (seen.loss === null && samples >= samplesWanted) {
        const share =
          samples > before.samples ? (samplesWanted - before.samples) / (samples - before.samples) : 1;
        seen.loss = between(share, (look) => look.loss);
      }
      seen.before = now;
    },
    isEnough: () => seen.ms !== null && seen.loss !== null,
  });
  const { parameterCount } = toyModel(options).layout;
  const { gpu, worker } = modelCopies({
    parameterCount,
    training: { ...DEFAULT_TRAINING, codec: cell.codec, architecture: cell.architecture },
    members: cell.architecture === 'central' ? 2 : (cell.group ?? options.tabs),
  });
  return {
    ms: seen.ms === null ? null : Math.round(seen.ms),
    rounds: report.rounds,
    loss: seen.loss,
    bitsPerStep: (8 * report.bytesSentPeers) / Math.max(1, report.localSteps) / parameterCount,
    tabBytes: copiesBytes(gpu) + copiesBytes(worker),
    departures: report.departures,
    traceHash: report.traceHash,
  };
}

export const STRATEGY_PARAMETERS = Object.fromEntries(
  Object.entries(STRATEGY_MODELS).map(([name, { options }]) => [
    name,
    toyModel({ ...DEFAULT_OPTIONS, ...options }).layout.parameterCount,
  ]),
) as Readonly<Record<StrategyModel, number>>;
