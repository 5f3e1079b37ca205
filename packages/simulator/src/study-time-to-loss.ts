/**
 * When a simulated run comes to a loss: the whole grid is played until an evaluation is at or under it, and no longer. Between
 * two evaluations the loss is taken to fall evenly. Pure.
 */
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import { simulate } from './simulate.ts';

export interface TimeToLoss {
  /** Imaginary, from the first tab's arrival until the coordinator knew of it; null: the run ended before. */
  readonly ms: number | null;
  /** The round whose mean had the loss: an evaluation takes a while, and rounds go on meanwhile. */
  readonly rounds: number | null;
  readonly departures: number;
  readonly traceHash: string;
  /** Of one tab and round, in whole frames. */
  readonly upBytes: number;
}

export function timeToLoss(changes: Partial<SimulateOptions>, loss: number): TimeToLoss {
  const options = { ...DEFAULT_OPTIONS, ...changes };
  /** The evaluation before, and where the loss was crossed. */
  const seen: {
    before: { readonly nowMs: number; readonly round: number; readonly loss: number } | null;
    at: { readonly ms: number; readonly rounds: number } | null;
    rounds: number;
  } = { before: null, at: null, rounds: 0 };
  const report = simulate(options, {
    onLook: ({ nowMs, round: front, loss: now, lossRound: round }) => {
      seen.rounds = front;
      if (now === null || now === seen.before?.loss || seen.at !== null) return;
      if (now <= loss) {
        const from = seen.before ?? { nowMs, round, loss: now };
        const share = from.loss > now ? (from.loss - loss) / (from.loss - now) : 1;
        seen.at = {
          ms: from.nowMs + share * (nowMs - from.nowMs),
          rounds: from.round + share * (round - from.round),
        };
      }
      seen.before = { nowMs, round, loss: now };
    },
    isEnough: () => seen.at !== null,
  });
  return {
    ms: seen.at?.ms ?? null,
    rounds: seen.at?.rounds ?? null,
    departures: report.departures,
    traceHash: report.traceHash,
    upBytes: report.bytesSentPeers / Math.max(1, seen.rounds) / options.tabs,
  };
}
