/** What is known of a crowd, its coordinator, and what is to be trained. */
import type { Architecture, Codec, Schedule } from '@murmuration/protocol';
import type { Learning } from './learning.ts';

export interface Crowd {
  readonly tabs: number;
  /** Of the slowest line that is to keep up. */
  readonly uplinkMbit: number;
  readonly downlinkMbit: number;
  /** Between two tabs; between a tab and the coordinator the same. */
  readonly roundTripMs: number;
  /** Departures a minute as a share of the tabs; each is replaced. */
  readonly churnPerMinute: number;
  /** The fastest tab's step, milliseconds. */
  readonly stepMs: number;
  /** The slowest tab's step takes so many times the fastest's; the others lie evenly between. */
  readonly speedRatio: number;
  /** Share of messages that are sent again; left out: one in a hundred. */
  readonly lossShare?: number;
  /** Share of the tabs without a way to their peers but the coordinator; left out: all have one. */
  readonly pathlessShare?: number;
}

/** What the coordinator may carry; as its flags say. */
export interface CoordinatorLimits {
  /** From one tab, and from or to all of them together. 0: it passes nothing on. */
  readonly volunteerMbit: number;
  readonly totalMbit: number;
  /** Memory for averaging servers. */
  readonly averagingBytes: number;
}

/** What a run asks of the tabs, whatever the strategy. */
export interface Task {
  readonly parameterCount: number;
  readonly batchSize: number;
  readonly outerLearningRate: number;
  readonly learning: Learning;
  readonly evaluateEveryRounds: number;
  /** One evaluation takes a tab as long as so many of its steps. */
  readonly evaluationSteps: number;
  /** Activations of a batch, on the device; and the shard. */
  readonly activationBytes: number;
  readonly shardBytes: number;
}

/** Strategies are data: another way of training is another value here and a line in what it costs. */
export interface Strategy {
  readonly architecture: Architecture;
  readonly localSteps: number;
  readonly codec: Codec;
  /** Of a central run; left out: synchronous. */
  readonly schedule?: Schedule;
  /** [R13] Members of a group, of a run without a server; left out: as the number of tabs says. */
  readonly group?: number;
}
