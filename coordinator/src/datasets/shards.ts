/**
 * Cuts a labelled set into what travels: shards for training and one validation blob, each in the layout of
 * protocol/dataset.ts (samples, then labels).
 *
 * The first `trainSampleCount` rows train, the others validate and are never leased. Training rows are shuffled by the
 * seed before the cut, so that every shard is a fair sample of the whole and a volunteer with one shard is not a
 * volunteer with one class. The same input gives the same bytes, hence the same addresses; storing them is the blob
 * store's business.
 */
import { shuffledIndices, streamSeed } from '@murmuration/codec';
import { type DatasetManifest, LIMITS, sampleSize } from '@murmuration/protocol';
import { checkLabelledSamples, DatasetError, type LabelledSamples } from './labelled-samples.ts';

/**
 * A lease of 500 samples is about 16 steps of batch 32: seconds on the software adapter, so a vanished tab loses
 * little, and 12,000 samples make 24 shards, enough for a group of tabs. A guess.
 */
const SHARD_SAMPLE_COUNT = 500;

export interface DatasetCut extends LabelledSamples {
  readonly name: string;
  readonly kind: DatasetManifest['kind'];
  readonly licence: string;
  /** Rows 0..trainSampleCount-1 train. At least one row must remain to validate. */
  readonly trainSampleCount: number;
  /** No shard is larger than this; by default about 500. */
  readonly shardSampleCount?: number;
  readonly seed: number;
}
/** `bytes` is a buffer of its own. */
export interface ShardBytes {
  readonly sampleCount: number;
  readonly bytes: Uint8Array;
}
/** The dataset without its addresses: hash the bytes and it is a manifest. */
export interface CutDataset extends Omit<DatasetManifest, 'id' | 'shardCount' | 'validation'> {
  readonly shards: readonly ShardBytes[];
  readonly validation: ShardBytes;
}

/**
 * Sizes of the shards differ by one sample at most.
 * @throws DatasetError naming the field when the numbers do not fit together or pass a limit.
 */
export function cutDataset(cut: DatasetCut): CutDataset {
  checkLabelledSamples(cut);
  const { name, kind, licence, classCount, trainSampleCount, seed } = cut;
  const encoding = 'uint8';
  const target = { kind: 'class' as const, classCount };
  const sampleShape = [...cut.sampleShape];
  const sampleCount = cut.labels.length;
  const blobSampleCountMax = Math.floor(LIMITS.shardMaxBytes / (sampleSize(sampleShape) + 1));
  if (!Number.isInteger(trainSampleCount) || trainSampleCount < 1 || trainSampleCount >= sampleCount)
    throw new DatasetError(
      'trainSampleCount',
      `${trainSampleCount} of ${sampleCount} samples; at least 1 must train and 1 validate`,
    );
  const validationCount = sampleCount - trainSampleCount;
  if (validationCount > blobSampleCountMax)
    throw new DatasetError(
      'trainSampleCount',
      `leaves ${validationCount} samples to validate; at most ${blobSampleCountMax} of [${sampleShape}] fit into one blob`,
    );
  const shardSampleCount = cut.shardSampleCount ?? Math.min(SHARD_SAMPLE_COUNT, blobSampleCountMax);
  if (!Number.isInteger(shardSampleCount) || shardSampleCount < 1 || shardSampleCount > blobSampleCountMax)
    throw new DatasetError(
      'shardSampleCount',
      `${shardSampleCount}; expected 1 to ${blobSampleCountMax} samples of [${sampleShape}]`,
    );
  const shardCount = Math.ceil(trainSampleCount / shardSampleCount);
  if (shardCount > LIMITS.shardsMax)
    throw new DatasetError(
      'shardSampleCount',
      `makes ${shardCount} shards; at most ${LIMITS.shardsMax} are possible`,
    );

  const order = shuffledIndices(streamSeed(seed, 'cut'), 0, 0, trainSampleCount);
  const shards = Array.from({ length: shardCount }, (_, i) => {
    const start = Math.floor((i * trainSampleCount) / shardCount);
    const end = Math.floor(((i + 1) * trainSampleCount) / shardCount);
    return gather(cut, order.subarray(start, end));
  });
  const held = Uint32Array.from({ length: validationCount }, (_, i) => trainSampleCount + i);
  const validation = gather(cut, held);
  return { name, kind, licence, encoding, sampleShape, target, trainSampleCount, shards, validation };
}

function gather({ sampleShape, samples, labels }: LabelledSamples, rows: Uint32Array): ShardBytes {
  const size = sampleSize(sampleShape);
  const bytes = new Uint8Array(rows.length * (size + 1));
  for (const [i, row] of rows.entries()) {
    bytes.set(samples.subarray(row * size, (row + 1) * size), i * size);
    bytes[rows.length * size + i] = labels[row]!;
  }
  return { sampleCount: rows.length, bytes };
}
