/**
 * A coordinator with a past: runs made through its API, then curves of any length written into its store as the ledger
 * writes them, while it is stopped. For looking at pages and for measuring them; the curves are drawn from a seed, and
 * everything that reads them is the product. No tab trains here.
 */
import { mulberry } from '@murmuration/codec';
import { Store, type LedgerRecord } from '@murmuration/coordinator';
import type { RunManifest, RunRequest, RunState, Sha256, VolunteerId } from '@murmuration/protocol';
import type { CoordinatorClient } from './coordinator-client.ts';

/** Records of one transaction. */
const BATCH = 20_000;
const POINT_EVERY_MS = 1_000;
const EVALUATE_EVERY = 25;
const NOBODY = `vol_${'0'.repeat(26)}` as VolunteerId;
/** A training loss that falls from one level to another, and how fast. */
const LOSS = { first: 2.3, last: 0.08, noise: 0.12, spread: 0.25 } as const;

export interface StockedRun {
  readonly request: Omit<RunRequest, 'datasetId'>;
  readonly pointCount: number;
  /** Null: it goes on. */
  readonly end: { readonly state: RunState; readonly reason: string } | null;
  /** How soon the curve is down: points until half of the way is made. */
  readonly halfAfter: number;
  readonly accuracyMax: number;
}

/** Creates the runs; their curves come with `writeCurves`. */
export async function createRuns(
  client: CoordinatorClient,
  datasetId: string,
  runs: readonly StockedRun[],
): Promise<RunManifest[]> {
  const made: RunManifest[] = [];
  for (const { request } of runs) made.push((await client.createRun({ ...request, datasetId })).manifest);
  return made;
}

/** @param directory data directory of a coordinator that does not run now @param startMs when the first point is made */
export async function writeCurves(
  directory: string,
  runs: readonly (StockedRun & { readonly id: string; readonly checkpoint: Sha256; readonly seed: number })[],
  startMs: number,
): Promise<void> {
  const store = await Store.open(directory);
  try {
    for (const run of runs) {
      let batch: { runId: string; record: LedgerRecord }[] = [];
      for (const record of recordsOf(run, startMs)) {
        batch.push({ runId: run.id, record });
        if (batch.length < BATCH) continue;
        await store.append(batch);
        batch = [];
      }
      await store.append(batch);
    }
  } finally {
    await store.close();
  }
}

/** What the ledger would have written down about such a run. Pure. */
export function* recordsOf(
  run: StockedRun & { readonly checkpoint: Sha256; readonly seed: number },
  startMs: number,
): Generator<LedgerRecord, void, void> {
  const random = mulberry(run.seed);
  const { pointCount, halfAfter, accuracyMax, checkpoint: sha256 } = run;
  let accuracyBest = 0;
  const endMs = startMs + pointCount * POINT_EVERY_MS;
  yield { atMs: startMs, kind: 'state', state: 'training', reason: '' };
  for (let index = 0; index < pointCount; index++) {
    const atMs = startMs + index * POINT_EVERY_MS;
    const round = index + 1;
    const left = 2 ** (-index / halfAfter);
    const middle = LOSS.last + (LOSS.first - LOSS.last) * left;
    const loss = middle * (1 + LOSS.noise * (random() - 0.5));
    yield {
      ...{ atMs, kind: 'point', round, loss },
      lossMin: loss * (1 - LOSS.spread * random()),
      lossMax: loss * (1 + LOSS.spread * random()),
      volunteers: 3 + Math.floor(2 * random()),
    };
    if (round % EVALUATE_EVERY !== 0) continue;
    const accuracy = accuracyMax * (1 - 0.9 * left) * (1 - 0.02 * random());
    const isBest = accuracy > accuracyBest;
    accuracyBest = Math.max(accuracyBest, accuracy);
    yield {
      ...{ atMs, kind: 'evaluated', volunteerId: NOBODY, verdict: isBest ? 'promoted' : 'not-better' },
      checkpoint: { round, term: 1, sha256, loss: middle * 1.1, accuracy },
    };
  }
  if (run.end !== null) yield { atMs: endMs, kind: 'state', ...run.end };
}
