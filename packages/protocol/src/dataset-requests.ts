/**
 * REST of datasets: what is asked of `/api/datasets` and what it answers. A run file describes its data in the same
 * words, with paths of files in place of the ids of uploads (run-file.ts).
 */
import Type, { type Static, type TSchema } from 'typebox';
import { DATASET_KINDS, DatasetManifestSchema } from './dataset.ts';
import { Sha256Schema } from './ids.ts';
import { LIMITS } from './limits.ts';

const Seed = Type.Integer({ minimum: 0, maximum: 4_294_967_295 });
const Count = Type.Integer({ minimum: 0 });
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const ColumnName = Type.String({ minLength: 1, maxLength: LIMITS.columnNameMaxCharacters });
const ColumnNames = Type.Array(ColumnName, { maxItems: LIMITS.columnsMax });

/** What is true of every file that is brought: both fields are asked for, because volunteers keep what they are sent. */
const consent = {
  licence: Type.String({
    minLength: 1,
    maxLength: 200,
    description: 'Under which terms the data is given away',
  }),
  sharedWithVolunteers: Type.Literal(true, {
    description: 'The samples are sent to the devices of everybody who takes part. Must be true',
  }),
};

/** How rows become shards. */
const cut = {
  trainSampleCount: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMITS.samplesMax,
      description: 'The first so many rows train and the rest are held out; instead of validationShare',
    }),
  ),
  validationShare: Type.Optional(
    Type.Number({
      minimum: 0.001,
      maximum: 0.9,
      description: 'Share of the rows that are held out. Default 0.2',
    }),
  ),
  splitBy: Type.Optional(
    Type.Enum(['chance', 'order'], {
      description:
        'Held out are rows drawn by the seed (equal rows stay together), or the last ones. Default chance',
    }),
  ),
  shardBy: Type.Optional(
    Type.Enum(['chance', 'label'], {
      description:
        'A shard is a fair sample of all, or of as few classes as possible (non-IID). Default chance',
    }),
  ),
  shardSampleCount: Type.Optional(
    Type.Integer({ minimum: 1, maximum: LIMITS.samplesMax, description: 'At most so many samples a shard' }),
  ),
  seed: Type.Optional(Seed),
};
const CutSchema = Type.Object(cut);
export type DatasetCutWish = Static<typeof CutSchema>;

const task = Type.Optional(
  Type.Enum(['classes', 'values'], {
    description: 'Predict one of a few classes, or numbers. Default: as the target column looks',
  }),
);
const table = {
  target: Type.Optional(
    Type.Union([ColumnName, Type.Array(ColumnName, { minItems: 1, maxItems: LIMITS.targetValuesMax })], {
      description: 'The column that is predicted (several: numbers only). Default: the last one',
    }),
  ),
  task,
  categorical: Type.Optional(ColumnNames),
  leaveOut: Type.Optional(ColumnNames),
  rename: Type.Optional(
    Type.Record(ColumnName, ColumnName, {
      description:
        'Cells that hold the first text are read as the second, in every column: for what is misspelt',
      maxProperties: LIMITS.categoriesMax,
    }),
  ),
};
const Side = Type.Integer({ minimum: 1, maximum: LIMITS.imageSideMax });

/** The fields of every kind, by how a file is named: by its upload's id, or by a path. */
export const datasetSchemas = <F extends TSchema>(File: F) =>
  ({
    digits: {
      kind: Type.Literal('digits'),
      seed: Type.Optional(Seed),
      trainSampleCount: Type.Optional(Type.Integer({ minimum: 100, maximum: 100_000 })),
      validationSampleCount: Type.Optional(Type.Integer({ minimum: 100, maximum: 20_000 })),
    },
    idx: { kind: Type.Literal('idx'), images: File, labels: File, ...consent, ...cut },
    csv: {
      kind: Type.Literal('csv'),
      file: File,
      delimiter: Type.Optional(Type.String({ minLength: 1, maxLength: 1 })),
      ...table,
      ...consent,
      ...cut,
    },
    parquet: { kind: Type.Literal('parquet'), file: File, ...table, ...consent, ...cut },
    /** One .npz, or a .npy with `labels` in another. */
    npz: {
      kind: Type.Literal('npz'),
      file: File,
      labels: Type.Optional(File),
      features: Type.Optional(ColumnName),
      target: Type.Optional(ColumnName),
      task,
      ...consent,
      ...cut,
    },
    /** A zip with a folder a class. */
    images: {
      kind: Type.Literal('images'),
      file: File,
      height: Type.Optional(Side),
      width: Type.Optional(Side),
      channels: Type.Optional(Type.Enum([1, 3])),
      ...consent,
      ...cut,
    },
    text: {
      kind: Type.Literal('text'),
      file: File,
      tokens: Type.Optional(Type.Enum(['characters', 'byte-pairs'])),
      /** Of byte pairs; characters have as many as the text does. */
      vocabularySize: Type.Optional(Type.Integer({ minimum: 257, maximum: LIMITS.bytePairsMax })),
      sequenceLength: Type.Optional(Type.Integer({ minimum: 2, maximum: LIMITS.sequenceMax })),
      ...consent,
      validationShare: cut.validationShare,
      shardSampleCount: cut.shardSampleCount,
      seed: cut.seed,
    },
  }) as const;

const strict = { additionalProperties: false } as const;
const upload = datasetSchemas(Sha256Schema);
const named = { name: Type.String({ minLength: 1, maxLength: LIMITS.nameMaxCharacters }) };

/** POST /api/datasets. Files are ids that POST /api/uploads or a finished upload in parts answered. */
export const DatasetRequestSchema = Type.Union([
  Type.Object(upload.digits, strict),
  Type.Object({ ...named, ...upload.idx }, strict),
  Type.Object({ ...named, ...upload.csv }, strict),
  Type.Object({ ...named, ...upload.parquet }, strict),
  Type.Object({ ...named, ...upload.npz }, strict),
  Type.Object({ ...named, ...upload.images }, strict),
  Type.Object({ ...named, ...upload.text }, strict),
]);
export type DatasetRequest = Static<typeof DatasetRequestSchema>;

export const DatasetListSchema = Type.Array(DatasetManifestSchema);

/** GET /api/datasets/:id/samples: the first training samples; features as base64 of the bytes in the shard. */
export const DatasetSamplesSchema = Type.Object({
  sampleShape: Type.Array(Type.Integer()),
  samples: Type.Array(Type.Object({ label: Type.Integer(), pixels: Type.String() }), { maxItems: 100 }),
});
export type DatasetSamples = Static<typeof DatasetSamplesSchema>;

const LeftOutSchema = Type.Object({ name: Type.String(), reason: Type.String() });

/**
 * GET /api/datasets/:id/preprocessing.json: what was done to the source's values, so that whoever uses the model does the
 * same. All numbers were fitted on the training rows alone.
 */
export const PreprocessingSchema = Type.Object({
  version: Type.Literal(1),
  name: Type.String(),
  kind: Type.Enum(DATASET_KINDS),
  licence: Type.String(),
  input: Type.Union([
    Type.Object({
      kind: Type.Literal('bytes'),
      sampleShape: Type.Array(Count),
      divideBy: Type.Literal(255),
      /** Images: how a picture becomes a sample. */
      resize: Type.Optional(
        Type.Object({ height: Count, width: Count, channels: Count, method: Type.Literal('area') }),
      ),
    }),
    /** Input value `from + i` of a number: (v - mean) / stdDev, 0 where it is missing. Of a category: 1 for its own. */
    Type.Object({
      kind: Type.Literal('numbers'),
      sampleShape: Type.Array(Count),
      columns: Type.Array(
        Type.Union([
          Type.Object({
            name: Type.String(),
            kind: Type.Literal('number'),
            from: Count,
            size: Count,
            mean: Type.Number(),
            stdDev: Type.Number(),
          }),
          Type.Object({
            name: Type.String(),
            kind: Type.Literal('category'),
            from: Count,
            categories: Type.Array(Type.String()),
          }),
        ]),
      ),
      leftOut: Type.Array(LeftOutSchema),
    }),
    Type.Object({
      kind: Type.Literal('tokens'),
      sequenceLength: Count,
      tokenizer: Type.Union([
        /** Id i is character i; a character that is not there has no id. */
        Type.Object({ kind: Type.Literal('characters'), characters: Type.Array(Type.String()) }),
        /** Ids 0 to 255 are bytes of UTF-8; id 256 + i is the pair `merges[i]`. Words are cut by `pattern` first. */
        Type.Object({
          kind: Type.Literal('byte-pairs'),
          pattern: Type.String(),
          merges: Type.Array(Type.Tuple([Count, Count])),
        }),
      ]),
      /** Characters of the source a token, for bits per character. */
      charactersPerToken: Type.Number(),
    }),
  ]),
  target: Type.Union([
    Type.Object({
      kind: Type.Literal('class'),
      column: Nullable(Type.String()),
      classNames: Type.Array(Type.String()),
    }),
    /** The model's output o means o * stdDev + mean. */
    Type.Object({
      kind: Type.Literal('value'),
      columns: Nullable(Type.Array(Type.String())),
      mean: Type.Array(Type.Number()),
      stdDev: Type.Array(Type.Number()),
    }),
    Type.Object({ kind: Type.Literal('next-token') }),
  ]),
});
export type Preprocessing = Static<typeof PreprocessingSchema>;

const Histogram = Type.Array(Count);

/** GET /api/datasets/:id/preview: the same bytes for the same dataset, always. */
export const PreviewSchema = Type.Object({
  trainSampleCount: Count,
  validationSampleCount: Count,
  /** Class balance; null: there are no classes. */
  classes: Nullable(Type.Array(Type.Object({ name: Type.String(), train: Count, validation: Count }))),
  /** The first 200 columns of a table. Missing values are counted over all rows, everything else over training rows. */
  columns: Type.Array(
    Type.Union([
      Type.Object({
        name: Type.String(),
        kind: Type.Literal('number'),
        missing: Count,
        mean: Type.Number(),
        stdDev: Type.Number(),
        min: Nullable(Type.Number()),
        max: Nullable(Type.Number()),
        /** Equal bins from min to max. */
        histogram: Histogram,
      }),
      Type.Object({
        name: Type.String(),
        kind: Type.Literal('category'),
        missing: Count,
        /** The 20 most frequent. */
        categories: Type.Array(Type.Object({ name: Type.String(), count: Count })),
      }),
    ]),
  ),
  /** All values of images; null for anything else. */
  values: Nullable(Type.Object({ min: Type.Number(), max: Type.Number(), histogram: Histogram })),
  /** The first 20 rows of the source. */
  samples: Type.Array(
    Type.Object({
      side: Type.Enum(['train', 'validation']),
      input: Type.Union([
        Type.Object({ kind: Type.Literal('bytes'), base64: Type.String() }),
        Type.Object({
          kind: Type.Literal('row'),
          cells: Type.Array(Type.Union([Type.Number(), Type.String(), Type.Null()])),
        }),
        Type.Object({ kind: Type.Literal('text'), text: Type.String() }),
      ]),
      /** The class's name, numbers, or null where the input says it. */
      target: Type.Union([Type.String(), Type.Array(Type.Number()), Type.Null()]),
    }),
  ),
  /** What was left out or guessed, in sentences. */
  notes: Type.Array(Type.String()),
});
export type Preview = Static<typeof PreviewSchema>;

/** POST /api/uploads: a whole file in one request; POST .../finish of an upload in parts. */
export const UploadSchema = Type.Object({ id: Sha256Schema, byteLength: Count });
export type Upload = Static<typeof UploadSchema>;

/** POST /api/uploads/parts begins an upload that survives both ends. */
export const UploadBeginSchema = Type.Object(
  {
    byteLength: Type.Integer({ minimum: 1, maximum: LIMITS.uploadMaxBytes }),
    /** For people; shown in the list of unfinished uploads. */
    name: Type.Optional(Type.String({ maxLength: 200 })),
  },
  strict,
);
export type UploadBegin = Static<typeof UploadBeginSchema>;

/** How far an upload in parts is. */
export const UploadStateSchema = Type.Object({
  id: Type.String({ pattern: '^part_[0-9a-z]{26}$' }),
  name: Type.String(),
  byteLength: Count,
  /** Where the next part begins. */
  offset: Count,
  partMaxBytes: Count,
});
export type UploadState = Static<typeof UploadStateSchema>;

/** GET /api/uploads */
export const UploadListSchema = Type.Object({
  finished: Type.Array(UploadSchema),
  unfinished: Type.Array(UploadStateSchema),
});
export type UploadList = Static<typeof UploadListSchema>;
