/**
 * A dataset as volunteers see it: shards of whole samples, content-addressed.
 *
 * Bytes of a shard: `sampleCount * sampleSize` unsigned bytes (samples one after the other, row-major in `sampleShape`),
 * then `sampleCount` unsigned bytes of labels. A pixel p trains as p / 255.
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

/** What a tab must know of a dataset to train and validate on it. */
export const DatasetManifestSchema = Type.Object(
  {
    id: DatasetIdSchema,
    name: Type.String({ minLength: 1, maxLength: LIMITS.nameMaxCharacters }),
    kind: Type.Union([Type.Literal('digits'), Type.Literal('idx')]),
    licence: Type.String({ maxLength: 200 }),
    sampleShape: Type.Array(Type.Integer({ minimum: 1, maximum: LIMITS.dimensionMax }), {
      minItems: 1,
      maxItems: LIMITS.rankMax,
    }),
    classCount: Type.Integer({ minimum: 2, maximum: 256 }),
    trainSampleCount: Type.Integer({ minimum: 1, maximum: LIMITS.samplesMax }),
    shardCount: Type.Integer({ minimum: 1, maximum: LIMITS.shardsMax }),
    /** The held-out samples, one blob of the same layout; never leased for training. */
    validation: ShardSchema,
  },
  { additionalProperties: false },
);
export type DatasetManifest = Static<typeof DatasetManifestSchema>;

export const sampleSize = (sampleShape: readonly number[]): number => sampleShape.reduce((a, b) => a * b, 1);
export const shardByteLength = (sampleShape: readonly number[], sampleCount: number): number =>
  sampleCount * (sampleSize(sampleShape) + 1);
