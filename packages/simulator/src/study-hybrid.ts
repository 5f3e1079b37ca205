/**
 * What it costs that some tabs have no way to their peers: the whole simulated grid with all links direct, and with a share
 * of the tabs that exchange through the coordinator, in the same rounds and with the same weight. Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';

export interface HybridRow {
  readonly loss: number;
  readonly accuracy: number;
  readonly virtualMs: number;
  readonly rounds: number;
  readonly forks: number;
  /** Of all peer bytes. */
  readonly coordinatorShare: number;
  /** Through the coordinator, for each second of the run. */
  readonly coordinatorBytesPerSecond: number;
  readonly passed: boolean;
  readonly traceHash: string;
}

export function studyHybrid(options: Partial<SimulateOptions>): HybridRow {
  const report = simulate({ ...DEFAULT_OPTIONS, ...options });
  const { valLoss, valAccuracy, virtualMs, rounds, forks, passed, traceHash } = report;
  const { bytesSentPeers, bytesThroughCoordinator } = report;
  return {
    loss: valLoss ?? Infinity,
    accuracy: valAccuracy ?? 0,
    virtualMs,
    rounds,
    forks,
    coordinatorShare: bytesSentPeers === 0 ? 0 : bytesThroughCoordinator / bytesSentPeers,
    coordinatorBytesPerSecond: bytesThroughCoordinator / (virtualMs / 1_000),
    passed,
    traceHash,
  };
}
