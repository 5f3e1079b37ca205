/** When something is worth an alert, and when a delivery is tried again. Pure. */
import type { AlertEvent } from '@murmuration/protocol';
import type { LedgerRecord, LedgerState } from './ledger.ts';

/** Waits before each further attempt: a restart, a deployment, an outage. Then it is given up. */
const RETRY_AFTER_MS = [5_000, 30_000, 120_000, 600_000, 3_600_000];
/** Tabs come and go: one word about too few of them in this time is enough. */
export const TOO_FEW_EVERY_MS = 300_000;

/** What a record means to somebody who sleeps; null: nothing. `state` is the run's after the record. */
export function alertOf(
  record: LedgerRecord,
  state: Pick<LedgerState, 'trainingStartedAtMs'>,
): AlertEvent | null {
  if (record.kind === 'evaluated') return record.checkpoint.loss === null ? 'not-finite' : null;
  if (record.kind !== 'state') return null;
  switch (record.state) {
    case 'finished':
      return 'finished';
    case 'failed':
      return 'failed';
    case 'degraded':
      return 'too-few-peers';
    case 'waiting':
      return state.trainingStartedAtMs !== null && record.reason === 'no volunteer is connected'
        ? 'too-few-peers'
        : null;
    default:
      return null;
  }
}

/** Milliseconds until the next attempt after `attempts` failed ones; null: it is given up. */
export const retryAfterMs = (attempts: number): number | null => RETRY_AFTER_MS[attempts - 1] ?? null;
