/** REST of datasets: what is asked of `/api/datasets` and what it answers. */
import Type, { type Static } from 'typebox';
import { DatasetManifestSchema } from './dataset.ts';
import { LIMITS } from './limits.ts';

/** POST /api/datasets */
export const DatasetRequestSchema = Type.Union([
  Type.Object(
    {
      kind: Type.Literal('digits'),
      seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
      trainSampleCount: Type.Optional(Type.Integer({ minimum: 100, maximum: 100_000 })),
      validationSampleCount: Type.Optional(Type.Integer({ minimum: 100, maximum: 20_000 })),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      kind: Type.Literal('idx'),
      name: Type.String({ minLength: 1, maxLength: LIMITS.nameMaxCharacters }),
      licence: Type.Optional(Type.String({ maxLength: 200 })),
      /** Upload ids answered by POST /api/uploads. */
      images: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      labels: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      /** The first so many rows train, the rest validate. Default: four fifths. */
      trainSampleCount: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.samplesMax })),
    },
    { additionalProperties: false },
  ),
]);
export type DatasetRequest = Static<typeof DatasetRequestSchema>;

/** GET /api/datasets/:id/samples: grey images as base64 of unsigned bytes. */
export const DatasetSamplesSchema = Type.Object({
  sampleShape: Type.Array(Type.Integer()),
  samples: Type.Array(Type.Object({ label: Type.Integer(), pixels: Type.String() }), { maxItems: 100 }),
});
export type DatasetSamples = Static<typeof DatasetSamplesSchema>;
export const DatasetListSchema = Type.Array(DatasetManifestSchema);
