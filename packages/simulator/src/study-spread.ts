/**
 * How far apart honest replicas are through a storm and after it: the whole simulated grid under the profile `storm`,
 * as one group and as crews. Members of one group stand on the same bits unless a round is closed in two ways; crews
 * differ all the time, and their slices pull them together. Pure.
 */
import { profileOptions } from './profiles.ts';
import { simulate } from './simulate.ts';

export interface SpreadOptions {
  readonly seed: number;
  /** Up to 32 are one group; more are crews. */
  readonly tabs: number;
  readonly rounds: number;
}

export interface SpreadRow {
  /** Relative L2 distance between two replicas of one round: the most while the storm lasts, and later. */
  readonly spreadStorm: number;
  readonly spreadAfter: number;
  /** Looks (one an imaginary second) that found replicas apart, of all looks. */
  readonly looksApart: number;
  readonly looks: number;
  readonly looksAfter: number;
  readonly departures: number;
  readonly coordinatorKills: number;
  readonly finished: boolean;
  readonly traceHash: string;
}

/** After the last fault is over. */
const ROUNDS_TO_HEAL = 10;

export function studySpread({ seed, tabs, rounds }: SpreadOptions): SpreadRow {
  let [spreadStorm, spreadAfter] = [0, 0];
  let [looksApart, looks, looksAfter] = [0, 0, 0];
  let quietFrom: number | null = null;
  const report = simulate(profileOptions('storm', { seed, tabs, rounds, coordinatorKillEveryMs: 20_000 }), {
    onLook: ({ spread, round, isQuiet }) => {
      looks += 1;
      if (spread > 0) looksApart += 1;
      if (!isQuiet) quietFrom = null;
      else quietFrom ??= round;
      if (quietFrom === null || round < quietFrom + ROUNDS_TO_HEAL) {
        spreadStorm = Math.max(spreadStorm, spread);
        return;
      }
      looksAfter += 1;
      spreadAfter = Math.max(spreadAfter, spread);
    },
  });
  const { departures, coordinatorKills, finished, traceHash } = report;
  return {
    spreadStorm,
    spreadAfter,
    looksApart,
    looks,
    looksAfter,
    departures,
    coordinatorKills,
    finished,
    traceHash,
  };
}
