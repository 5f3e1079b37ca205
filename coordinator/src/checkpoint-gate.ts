/**
 * Which measured checkpoint becomes the one that is served (`best`). K1: one whose loss is not finite never does (nor is it
 * kept at all). K2: nor one whose held-out loss is worse than the best's beyond what chance does to such a measurement,
 * whatever its accuracy says: accuracy on a few hundred samples rises by luck while a model overfits. Pure.
 */
import { isBetter } from '@murmuration/protocol';
import type { CheckpointView } from '@murmuration/protocol';

/**
 * Standard errors of the mean that count as noise: two, as is the habit. The spread of single losses is not reported; it is
 * taken to be as large as their mean, as it is where losses are distributed exponentially (a guess, on the lenient side for
 * good models).
 */
const NOISE_STANDARD_ERRORS = 2;

export const lossNoise = (loss: number, sampleCount: number): number =>
  (NOISE_STANDARD_ERRORS * Math.abs(loss)) / Math.sqrt(sampleCount);

export type Verdict = 'promoted' | 'not-better' | 'worse-loss' | 'not-finite';

/** @param best what is served now; null: nothing was measured yet */
export function verdictOn(
  candidate: CheckpointView,
  best: CheckpointView | null,
  sampleCount: number,
): Verdict {
  if (candidate.loss === null || !Number.isFinite(candidate.loss)) return 'not-finite';
  if (best === null || best.loss === null) return 'promoted';
  if (candidate.loss > best.loss + lossNoise(best.loss, sampleCount)) return 'worse-loss';
  if (isBetter(candidate, best)) return 'promoted';
  return !isBetter(best, candidate) && candidate.loss < best.loss ? 'promoted' : 'not-better';
}
