/**
 * A run as a file (`run.yaml`): the same words as `POST /api/runs`, with the data described instead of named by an id.
 * Whoever reads the file creates the dataset first. Paths are relative to the file.
 */
import Type, { type Static } from 'typebox';
import { DatasetIdSchema } from './ids.ts';
import { LIMITS } from './limits.ts';
import { RunRequestSchema } from './run.ts';

const Seed = Type.Integer({ minimum: 0, maximum: 4_294_967_295 });
const Path = Type.String({ minLength: 1, maxLength: 1_000 });

export const RunFileDataSchema = Type.Union([
  /** A dataset that the coordinator has. */
  Type.Object({ kind: Type.Literal('stored'), id: DatasetIdSchema }, { additionalProperties: false }),
  /** The built-in digits, drawn from a seed. */
  Type.Object(
    {
      kind: Type.Literal('digits'),
      seed: Type.Optional(Seed),
      trainSampleCount: Type.Optional(Type.Integer({ minimum: 100, maximum: 100_000 })),
      validationSampleCount: Type.Optional(Type.Integer({ minimum: 100, maximum: 20_000 })),
    },
    { additionalProperties: false },
  ),
  /** A pair of IDX files, plain or gzipped. */
  Type.Object(
    {
      kind: Type.Literal('idx'),
      images: Path,
      labels: Path,
      licence: Type.Optional(Type.String({ maxLength: 200 })),
      trainSampleCount: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.samplesMax })),
    },
    { additionalProperties: false },
  ),
]);

const { name, model, seed, training } = RunRequestSchema.properties;
export const RunFileSchema = Type.Object(
  { name, data: RunFileDataSchema, model, seed, training },
  { additionalProperties: false },
);
export type RunFile = Static<typeof RunFileSchema>;

/** GET /schemas/run.json: what editors and forms read. */
export const runFileJsonSchema = () => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://murmuration.example/schemas/run.json',
  title: 'A Murmuration run (run.yaml)',
  ...RunFileSchema,
});
