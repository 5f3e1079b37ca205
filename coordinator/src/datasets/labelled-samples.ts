/**
 * A set of labelled samples in memory, as every source of data (drawn digits, IDX files) hands it over, and the one
 * error with which data is refused. Knows nothing of files, shards or runs.
 */
import { LIMITS, sampleSize } from '@murmuration/protocol';

export interface LabelledSamples {
  /** Shape of one sample, e.g. [28, 28, 1]. */
  readonly sampleShape: readonly number[];
  /** Sample after sample, row-major in `sampleShape`, one unsigned byte a value. */
  readonly samples: Uint8Array;
  /** One label a sample, below `classCount`. */
  readonly labels: Uint8Array;
  readonly classCount: number;
}

export type DatasetField =
  'images' | 'labels' | 'samples' | 'sampleShape' | 'classCount' | 'trainSampleCount' | 'shardSampleCount';

/** Data that can't be used. The message begins with the field and says what was expected. */
export class DatasetError extends Error {
  readonly field: DatasetField;

  constructor(field: DatasetField, problem: string) {
    super(`${field}: ${problem}`);
    this.name = 'DatasetError';
    this.field = field;
  }
}

/** How many offending rows an error names. */
const NAMED_ROWS_MAX = 10;
/** A label is one byte. */
const CLASS_COUNT_MAX = 256;

/** @throws DatasetError naming what does not fit together or passes a limit. */
export function checkLabelledSamples({ sampleShape, samples, labels, classCount }: LabelledSamples): void {
  const { rankMax, dimensionMax, shardMaxBytes, samplesMax } = LIMITS;
  const rankFits = sampleShape.length >= 1 && sampleShape.length <= rankMax;
  if (!rankFits || !sampleShape.every((n) => Number.isInteger(n) && n >= 1 && n <= dimensionMax))
    throw new DatasetError(
      'sampleShape',
      `[${sampleShape}] is not 1 to ${rankMax} whole dimensions of 1 to ${dimensionMax}`,
    );
  const size = sampleSize(sampleShape);
  if (size + 1 > shardMaxBytes)
    throw new DatasetError(
      'sampleShape',
      `one sample of [${sampleShape}] exceeds a shard of ${shardMaxBytes} bytes`,
    );
  if (labels.length < 1 || labels.length > samplesMax)
    throw new DatasetError('labels', `${labels.length} samples; 1 to ${samplesMax} are possible`);
  if (samples.length !== labels.length * size)
    throw new DatasetError(
      'samples',
      `${samples.length} bytes; ${labels.length} labels of shape [${sampleShape}] need ${labels.length * size}`,
    );
  if (!Number.isInteger(classCount) || classCount < 2 || classCount > CLASS_COUNT_MAX)
    throw new DatasetError('classCount', `${classCount} classes; 2 to ${CLASS_COUNT_MAX} are possible`);
  const wrongRows: number[] = [];
  for (let row = 0; row < labels.length && wrongRows.length < NAMED_ROWS_MAX; row++)
    if (labels[row]! >= classCount) wrongRows.push(row);
  if (wrongRows.length > 0)
    throw new DatasetError(
      'labels',
      `must be below ${classCount}; too large at ${wrongRows.map((row) => `row ${row} (${labels[row]})`).join(', ')}`,
    );
}
