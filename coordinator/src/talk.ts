/**
 * How often a tab and the coordinator talk, by the number of tabs that talk to it. Up to a few hundred nobody notices:
 * a report a second. Beyond, the coordinator says to each how long to wait, so that what it hears in a second is bounded
 * and a tab's share of the control plane shrinks instead of growing with the swarm. Pure; SPEC, C3.
 */

/** Reports and wishes for leases that a coordinator takes a second, each. A guess: a tenth of what one core folds. */
export const REPORTS_PER_SECOND_MAX = 500;
const REPORT_MIN_MS = 1_000;
/** Two of these may be lost before a volunteer counts as silent (`volunteerSilenceMaxMs`). */
const REPORT_MAX_MS = 20_000;
/** A fast GPU is through a shard in milliseconds; it asks no more often than this and trains on what it has. */
const LEASE_MIN_MS = 250;
const TOTALS_MIN_MS = 10_000;
const TOTALS_REPORTS = 3;

/** A tab's reports are at least so far apart, and the run is told to it as often. Whole seconds. */
export const reportEveryMs = (volunteerCount: number): number =>
  Math.min(
    REPORT_MAX_MS,
    Math.max(REPORT_MIN_MS, 1_000 * Math.ceil(volunteerCount / REPORTS_PER_SECOND_MAX)),
  );

/**
 * A tab's totals are written down this often; what is newer is lost if tab and coordinator die together. Where reports are
 * rare, every third of a tab's: each would be a record on disk otherwise.
 */
export const totalsEveryMs = (volunteerCount: number): number =>
  Math.max(TOTALS_MIN_MS, TOTALS_REPORTS * reportEveryMs(volunteerCount));

/** After a wish for a lease, the next one comes no sooner than this. */
export const leaseEveryMs = (volunteerCount: number): number => {
  const everyMs = reportEveryMs(volunteerCount);
  return everyMs > REPORT_MIN_MS ? everyMs : LEASE_MIN_MS;
};
