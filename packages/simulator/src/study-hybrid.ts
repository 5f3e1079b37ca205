/**
 * What it costs that some tabs have no way to their peers: the whole simulated grid with all links direct, and with a share
 * of the tabs that exchange through the coordinator, in the same rounds and with the same weight: for each receiver anew
 * (`architecture: decentralised`), or once for all of them (`hybrid`). Nobody leaves. Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';

export interface HybridRow {
  readonly loss: number;
  readonly accuracy: number;
  readonly virtualMs: number;
  readonly rounds: number;
  readonly forks: number;
  /** Of all peer bytes that arrived. */
  readonly coordinatorShare: number;
  /** What came to the coordinator and what it passed on, for each second of the run. */
  readonly coordinatorInBytesPerSecond: number;
  readonly coordinatorOutBytesPerSecond: number;
  /** What left a tab without a way to its peers in one round; 0: there was none. */
  readonly apartUpBytes: number;
  readonly passed: boolean;
  readonly traceHash: string;
}

export function studyHybrid(options: Partial<SimulateOptions>): HybridRow {
  const all = { ...DEFAULT_OPTIONS, ...options };
  const report = simulate(all);
  const { valLoss, valAccuracy, virtualMs, rounds, forks, passed, traceHash } = report;
  const { bytesReceivedPeers, bytesThroughCoordinator } = report;
  const apartCount = Math.floor(all.noPeersShare * all.tabs);
  return {
    loss: valLoss ?? Infinity,
    accuracy: valAccuracy ?? 0,
    virtualMs,
    rounds,
    forks,
    coordinatorShare: bytesReceivedPeers === 0 ? 0 : bytesThroughCoordinator / bytesReceivedPeers,
    coordinatorInBytesPerSecond: report.bytesToRelay / (virtualMs / 1_000),
    coordinatorOutBytesPerSecond: bytesThroughCoordinator / (virtualMs / 1_000),
    apartUpBytes: apartCount === 0 ? 0 : report.bytesSentApart / apartCount / Math.max(1, rounds),
    passed,
    traceHash,
  };
}
