/**
 * A dataset as volunteers see it: shards of whole samples, content-addressed.
 *
 * Bytes of a shard: the features of all its samples, one after the other, row-major in `sampleShape`, then their
 * targets, one after the other. Everything is little endian.
 *
 *     encoding  a feature value                       target      bytes a sample
 *     uint8     one byte p, trains as p / 255         class       1: the class
 *     float32   4 bytes, trains as it is              value       4 * size: float32 values, as they are
 *     token     2 bytes, the id of a token            next-token  none
 *
 * `token` and `next-token` go together. Their sampleShape is [L] and a stored sample has L + 1 ids: the first L are the
 * input, the last L what comes after each of them.
 */
import Type, { type Static } from 'typebox';
import { DatasetIdSchema, Sha256Schema } from './ids.ts';
import { LIMITS } from './limits.ts';

export const ShardSchema = Type.Object(
  {
    index: Type.Integer({ minimum: 0, maximum: LIMITS.shardsMax - 1 }),
    sha256: Sha256Schema,
    sampleCount: Type.Integer({ minimum: 1, maximum: LIMITS.samplesMax }),
    byteLength: Type.Integer({ minimum: 1, maximum: LIMITS.shardMaxBytes }),
  },
  { additionalProperties: false },
);
export type Shard = Static<typeof ShardSchema>;

export const DATASET_KINDS = ['digits', 'idx', 'csv', 'npz', 'images', 'text', 'parquet'] as const;
export type DatasetKind = (typeof DATASET_KINDS)[number];

export const ENCODINGS = ['uint8', 'float32', 'token'] as const;
export type Encoding = (typeof ENCODINGS)[number];

const TargetValues = (minimum?: number) =>
  Type.Array(Type.Number(minimum === undefined ? {} : { exclusiveMinimum: minimum }), {
    minItems: 1,
    maxItems: LIMITS.targetValuesMax,
  });

/** What is to be predicted of a sample. */
export const TargetSchema = Type.Union([
  Type.Object(
    {
      kind: Type.Literal('class'),
      classCount: Type.Integer({ minimum: 2, maximum: LIMITS.datasetClassesMax }),
      /** By class, when the source names them. */
      classNames: Type.Optional(
        Type.Array(Type.String({ maxLength: LIMITS.nameMaxCharacters }), {
          minItems: 2,
          maxItems: LIMITS.datasetClassesMax,
        }),
      ),
    },
    { additionalProperties: false },
  ),
  /** Numbers. Stored standardised: a value v of the source stands as (v - mean) / stdDev. */
  Type.Object(
    {
      kind: Type.Literal('value'),
      size: Type.Integer({ minimum: 1, maximum: LIMITS.targetValuesMax }),
      mean: TargetValues(),
      stdDev: TargetValues(0),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      kind: Type.Literal('next-token'),
      vocabularySize: Type.Integer({ minimum: 2, maximum: LIMITS.vocabularyMax }),
    },
    { additionalProperties: false },
  ),
]);
export type Target = Static<typeof TargetSchema>;

/** What a tab must know of a dataset to train and validate on it. */
export const DatasetManifestSchema = Type.Object(
  {
    id: DatasetIdSchema,
    name: Type.String({ minLength: 1, maxLength: LIMITS.nameMaxCharacters }),
    kind: Type.Enum(DATASET_KINDS),
    licence: Type.String({ maxLength: 200 }),
    encoding: Type.Enum(ENCODINGS),
    sampleShape: Type.Array(Type.Integer({ minimum: 1, maximum: LIMITS.dimensionMax }), {
      minItems: 1,
      maxItems: LIMITS.rankMax,
    }),
    target: TargetSchema,
    trainSampleCount: Type.Integer({ minimum: 1, maximum: LIMITS.samplesMax }),
    shardCount: Type.Integer({ minimum: 1, maximum: LIMITS.shardsMax }),
    /** The held-out samples, one blob of the same layout; never leased for training. */
    validation: ShardSchema,
  },
  { additionalProperties: false },
);
export type DatasetManifest = Static<typeof DatasetManifestSchema>;

/** All that decides which byte of a shard is what. */
export type SampleLayout = Pick<DatasetManifest, 'encoding' | 'sampleShape' | 'target'>;

/** Values of one sample's input. */
export const sampleSize = (sampleShape: readonly number[]): number => sampleShape.reduce((a, b) => a * b, 1);

/** Values that a network's last layer gives for this target: a logit a class or token, or the values. */
export function outputSizeOf(target: Target): number {
  switch (target.kind) {
    case 'class':
      return target.classCount;
    case 'value':
      return target.size;
    case 'next-token':
      return target.vocabularySize;
    default:
      return target satisfies never;
  }
}

/** Bytes of one stored sample's features. */
export function featureBytes({ encoding, sampleShape }: SampleLayout): number {
  const size = sampleSize(sampleShape);
  switch (encoding) {
    case 'uint8':
      return size;
    case 'float32':
      return 4 * size;
    case 'token':
      return 2 * (size + 1);
    default:
      return encoding satisfies never;
  }
}

/** Bytes of one stored sample's target. */
export function targetBytes({ target }: SampleLayout): number {
  switch (target.kind) {
    case 'class':
      return 1;
    case 'value':
      return 4 * target.size;
    case 'next-token':
      return 0;
    default:
      return target satisfies never;
  }
}

export const shardByteLength = (layout: SampleLayout, sampleCount: number): number =>
  sampleCount * (featureBytes(layout) + targetBytes(layout));

/** A shard's bytes, checked: every label, id and number is one that can be trained on. */
export interface ShardBlock {
  readonly sampleCount: number;
  /** Exactly `sampleCount * featureBytes`, then the targets; views of the bytes that were given. */
  readonly features: DataView;
  readonly targets: DataView;
}

/**
 * Takes a shard apart. The bytes may lie anywhere in their buffer.
 * @returns a sentence when they are no shard of this layout
 */
export function readShard(layout: SampleLayout, bytes: Uint8Array): ShardBlock | string {
  const { encoding, target } = layout;
  if ((encoding === 'token') !== (target.kind === 'next-token'))
    return `a dataset of ${encoding} values has no target "${target.kind}"`;
  const bytesPerSample = shardByteLength(layout, 1);
  const sampleCount = Math.floor(bytes.length / bytesPerSample);
  if (sampleCount === 0 || bytes.length !== sampleCount * bytesPerSample)
    return `${bytes.length} bytes are no whole number of samples of ${bytesPerSample} bytes`;
  const featuresLength = sampleCount * featureBytes(layout);
  const view = (from: number, to: number) => new DataView(bytes.buffer, bytes.byteOffset + from, to - from);
  const block = {
    sampleCount,
    features: view(0, featuresLength),
    targets: view(featuresLength, bytes.length),
  };
  const fault = faultOfFeatures(layout, block.features) ?? faultOfTargets(target, block.targets);
  return fault ?? block;
}

function faultOfFeatures({ encoding, target }: SampleLayout, features: DataView): string | null {
  if (encoding === 'float32') return faultOfNumbers('features', features);
  if (target.kind === 'next-token')
    for (let at = 0; at < features.byteLength; at += 2)
      if (features.getUint16(at, true) >= target.vocabularySize)
        return `token ${features.getUint16(at, true)} is not under the dataset's vocabularySize ${target.vocabularySize}`;
  return null;
}

function faultOfTargets(target: Target, targets: DataView): string | null {
  if (target.kind === 'value') return faultOfNumbers('targets', targets);
  if (target.kind === 'class')
    for (let at = 0; at < targets.byteLength; at++)
      if (targets.getUint8(at) >= target.classCount)
        return `label ${targets.getUint8(at)} is not under the dataset's classCount ${target.classCount}`;
  return null;
}

function faultOfNumbers(what: string, numbers: DataView): string | null {
  for (let at = 0; at < numbers.byteLength; at += 4)
    if (!Number.isFinite(numbers.getFloat32(at, true)))
      return `value ${at / 4} of the ${what} is ${numbers.getFloat32(at, true)}, not a finite number`;
  return null;
}
