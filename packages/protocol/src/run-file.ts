/**
 * A run as a file (`run.yaml`): the same words as `POST /api/runs`, with the data described instead of named by an id, and
 * a model perhaps as a file. Whoever reads it creates dataset and model first. Paths are relative to the file.
 */
import Type, { type Static } from 'typebox';
import { datasetSchemas } from './dataset-requests.ts';
import { MODEL_FILES_MAX } from './api-models.ts';
import { DatasetIdSchema } from './ids.ts';
import { ImportedModelSchema, MODEL_DESCRIPTION, RunRequestSchema } from './run.ts';

const strict = { additionalProperties: false } as const;
const Path = Type.String({ minLength: 1, maxLength: 1_000 });
const paths = datasetSchemas(Path);

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

/** A model from elsewhere that is imported first, as `murmur models add` does. */
export const ModelFileSchema = Type.Object(
  {
    file: { ...Path, title: 'Model file', description: 'A .keras file, or a .json of Keras 3 or tfjs' },
    weightsFiles: Type.Optional(
      Type.Array(Path, {
        maxItems: MODEL_FILES_MAX - 1,
        title: 'Weights files',
        description: 'Those that a tfjs model.json names',
      }),
    ),
    weights: ImportedModelSchema.properties.weights,
  },
  strict,
);
export type ModelFile = Static<typeof ModelFileSchema>;

const { name, model, seed, training } = RunRequestSchema.properties;
export const RunFileSchema = Type.Object(
  {
    name,
    data: RunFileDataSchema,
    model: Type.Union([...model.anyOf, ModelFileSchema], {
      title: 'Model',
      description: `${MODEL_DESCRIPTION} Or a file of Keras or tfjs.`,
    }),
    seed,
    training,
  },
  strict,
);
export type RunFile = Static<typeof RunFileSchema>;

/** GET /schemas/run.json: what editors and forms read. */
export const runFileJsonSchema = () => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://murmuration.example/schemas/run.json',
  title: 'A Murmuration run (run.yaml)',
  ...RunFileSchema,
});
