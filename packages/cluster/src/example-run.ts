/**
 * The example run as the demo and the benchmark start it. The samples of one step are shared out among the tabs, so that
 * more tabs do not mean larger steps: what a group learns from a sample depends on the samples of a step all together.
 */

/** Samples of one local step, all tabs together: what one tab alone learns well with. */
const GROUP_BATCH_SIZE = 32;
/** Below this a step is all overhead, on a GPU as on the software adapter. */
const BATCH_SIZE_MIN = 4;

export const batchSizeFor = (tabs: number): number =>
  Math.max(BATCH_SIZE_MIN, Math.round(GROUP_BATCH_SIZE / tabs));
