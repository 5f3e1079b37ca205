/** What a central run's averaging server may come to hold. Pure. */
import { LIMITS } from './limits.ts';
import { CODEC_BYTES_PER_PARAMETER, type RunManifest } from './run.ts';

/**
 * Bytes a parameter besides updates: anchor, running mean, residual and second moment; as much again less one of these while
 * it combines; and a copy of the state for newcomers.
 */
const STATE_BYTES_PER_PARAMETER = 16 + 12 + 5.01;
/** An update is held, and the next of the same tab may be coming in. */
const UPDATES_PER_TAB = 2;
/** What closed the last rounds is kept: 4 of them, or as many as fit. */
const ANSWERS_MIN = 4;
const ANSWERS_MAX_BYTES = 16 * 1024 * 1024;

/** With as many tabs as it takes. */
export function averagingMaxBytes({
  parameterCount,
  training,
}: Pick<RunManifest, 'parameterCount' | 'training'>): number {
  const updateBytes = CODEC_BYTES_PER_PARAMETER[training.codec] * parameterCount;
  const answers = Math.max(ANSWERS_MIN * updateBytes, ANSWERS_MAX_BYTES);
  return Math.ceil(
    STATE_BYTES_PER_PARAMETER * parameterCount + UPDATES_PER_TAB * LIMITS.linksMax * updateBytes + answers,
  );
}
