/**
 * A run as a file (`run.yaml`): the same words as `POST /api/runs`, with the data described instead of named by an id.
 * Whoever reads the file creates the dataset first. Paths are relative to the file.
 */
import Type, { type Static } from 'typebox';
import { datasetSchemas } from './dataset-requests.ts';
import { DatasetIdSchema } from './ids.ts';
import { RunRequestSchema } from './run.ts';

const strict = { additionalProperties: false } as const;
const paths = datasetSchemas(Type.String({ minLength: 1, maxLength: 1_000 }));

export const RunFileDataSchema = Type.Union(
  [
    /** A dataset that the coordinator has. */
    Type.Object(
      {
        kind: Type.Literal('stored'),
        id: { ...DatasetIdSchema, title: 'Dataset', description: 'One that the coordinator has' },
      },
      strict,
    ),
    /** The built-in digits, drawn from a seed. */
    Type.Object(paths.digits, strict),
    /** A pair of IDX files, plain or gzipped. */
    Type.Object(paths.idx, strict),
    Type.Object(paths.csv, strict),
    Type.Object(paths.parquet, strict),
    Type.Object(paths.npz, strict),
    /** A zip, or a folder, with a folder a class. */
    Type.Object(paths.images, strict),
    Type.Object(paths.text, strict),
  ],
  { title: 'Data', description: 'What is trained on. Paths are relative to the file.' },
);
export type RunFileData = Static<typeof RunFileDataSchema>;

const { name, model, seed, training } = RunRequestSchema.properties;
export const RunFileSchema = Type.Object({ name, data: RunFileDataSchema, model, seed, training }, strict);
export type RunFile = Static<typeof RunFileSchema>;

/** GET /schemas/run.json: what editors and forms read. */
export const runFileJsonSchema = () => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://murmuration.example/schemas/run.json',
  title: 'A Murmuration run (run.yaml)',
  ...RunFileSchema,
});
