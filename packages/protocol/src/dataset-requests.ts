/**
 * REST of datasets: what is asked of `/api/datasets`, and uploads. A run file describes its data in the same
 * words, with paths of files in place of the ids of uploads (run-file.ts).
 */
import Type, { type Static, type TSchema } from 'typebox';
import { DatasetManifestSchema } from './dataset.ts';
import { Sha256Schema } from './ids.ts';
import { LIMITS } from './limits.ts';

const Seed = Type.Integer({
  minimum: 0,
  maximum: 4_294_967_295,
  title: 'Seed of the data',
  description: 'Of what is drawn by chance when the data is made',
});
const Count = Type.Integer({ minimum: 0 });
const ColumnNameBounds = { minLength: 1, maxLength: LIMITS.columnNameMaxCharacters } as const;
const ColumnName = Type.String(ColumnNameBounds);

/** What is true of every file that is brought: both fields are asked for, because volunteers keep what they are sent. */
const consent = {
  licence: Type.String({
    minLength: 1,
    maxLength: 200,
    title: 'Licence',
    description: 'Under which terms the data is given away',
  }),
  sharedWithVolunteers: Type.Literal(true, {
    title: 'This goes to volunteers’ devices',
    description: 'The samples are sent to the devices of everybody who takes part. Must be true',
  }),
};

/** How rows become shards. */
const cut = {
  trainSampleCount: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMITS.samplesMax,
      title: 'Samples to train on',
      description: 'The first so many rows train and the rest are held out; instead of validationShare',
    }),
  ),
  validationShare: Type.Optional(
    Type.Number({
      minimum: 0.001,
      maximum: 0.9,
      title: 'Held out',
      description: 'Share of the rows that are held out. Default 0.2',
    }),
  ),
  splitBy: Type.Optional(
    Type.Enum(['chance', 'order'], {
      title: 'Split by',
      description:
        'Held out are rows drawn by the seed (equal rows stay together), or the last ones. Default chance',
    }),
  ),
  shardBy: Type.Optional(
    Type.Enum(['chance', 'label'], {
      title: 'Shards by',
      description:
        'A shard is a fair sample of all, or of as few classes as possible (non-IID). Default chance',
    }),
  ),
  shardSampleCount: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMITS.samplesMax,
      title: 'Samples a shard',
      description: 'At most so many; a shard is what a tab fetches and trains on at a time',
    }),
  ),
  seed: Type.Optional(Seed),
};
const CutSchema = Type.Object(cut);
export type DatasetCutWish = Static<typeof CutSchema>;

const task = Type.Optional(
  Type.Enum(['classes', 'values'], {
    title: 'Predict',
    description: 'Predict one of a few classes, or numbers. Default: as the target column looks',
  }),
);
const table = {
  target: Type.Optional(
    Type.Union([ColumnName, Type.Array(ColumnName, { minItems: 1, maxItems: LIMITS.targetValuesMax })], {
      title: 'Column to predict',
      description: 'The column that is predicted (several: numbers only). Default: the last one',
    }),
  ),
  task,
  categorical: Type.Optional(
    Type.Array(ColumnName, {
      maxItems: LIMITS.columnsMax,
      title: 'Categories',
      description: 'Columns of numbers that are names of categories',
    }),
  ),
  leaveOut: Type.Optional(
    Type.Array(ColumnName, {
      maxItems: LIMITS.columnsMax,
      title: 'Left out',
      description: 'Columns that the model does not see, for example row numbers',
    }),
  ),
  rename: Type.Optional(
    Type.Record(ColumnName, ColumnName, {
      title: 'Spelling',
      description:
        'Cells that hold the first text are read as the second, in every column: for what is misspelt',
      maxProperties: LIMITS.categoriesMax,
    }),
  ),
};
const side = (title: string) =>
  Type.Integer({
    minimum: 1,
    maximum: LIMITS.imageSideMax,
    title,
    description: 'Pixels that every picture is brought to. Default 32',
  });

/** A file's field with words for people. */
const named = <F extends TSchema>(File: F, title: string, description: string): F => ({
  ...File,
  title,
  description,
});

/** The fields of every kind, by how a file is named: by its upload's id, or by a path. */
export const datasetSchemas = <F extends TSchema>(File: F) =>
  ({
    digits: {
      kind: Type.Literal('digits'),
      seed: Type.Optional(Seed),
      trainSampleCount: Type.Optional(
        Type.Integer({
          minimum: 100,
          maximum: 100_000,
          title: 'Samples to train on',
          description: 'So many digits are drawn. Default 12,000',
        }),
      ),
      validationSampleCount: Type.Optional(
        Type.Integer({
          minimum: 100,
          maximum: 20_000,
          title: 'Samples held out',
          description: 'So many more are drawn to measure with. Default 2,000',
        }),
      ),
    },
    idx: {
      kind: Type.Literal('idx'),
      images: named(File, 'Images file', 'IDX of three dimensions, gzip or not: train-images-idx3-ubyte.gz'),
      labels: named(File, 'Labels file', 'IDX of one dimension, gzip or not: train-labels-idx1-ubyte.gz'),
      ...consent,
      ...cut,
    },
    csv: {
      kind: Type.Literal('csv'),
      file: named(File, 'File', 'A table with a line of column names, gzip or not'),
      delimiter: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 1,
          title: 'Delimiter',
          description: 'What stands between two cells. Default: as the header looks',
        }),
      ),
      ...table,
      ...consent,
      ...cut,
    },
    parquet: {
      kind: Type.Literal('parquet'),
      file: named(File, 'File', 'A table'),
      ...table,
      ...consent,
      ...cut,
    },
    /** One .npz, or a .npy with `labels` in another. */
    npz: {
      kind: Type.Literal('npz'),
      file: named(File, 'File', '.npz, or .npy with its labels in another file'),
      labels: Type.Optional(named(File, 'Labels file', '.npy with a label for each row')),
      features: Type.Optional(
        Type.String({
          ...ColumnNameBounds,
          title: 'Array of inputs',
          description: 'Its name in the .npz. Default: x, x_train, features, images, data, inputs or arr_0',
        }),
      ),
      target: Type.Optional(
        Type.String({
          ...ColumnNameBounds,
          title: 'Array to predict',
          description: 'Its name in the .npz. Default: y, y_train, labels, target or arr_1',
        }),
      ),
      task,
      ...consent,
      ...cut,
    },
    /** A zip with a folder a class. */
    images: {
      kind: Type.Literal('images'),
      file: named(File, 'File', 'A zip with a folder of pictures a class'),
      height: Type.Optional(side('Height')),
      width: Type.Optional(side('Width')),
      channels: Type.Optional(
        Type.Enum([1, 3], {
          title: 'Channels',
          description: '1 is grey, 3 is red, green and blue. Default 3',
        }),
      ),
      ...consent,
      ...cut,
    },
    text: {
      kind: Type.Literal('text'),
      file: named(File, 'File', 'Plain text, UTF-8'),
      tokens: Type.Optional(
        Type.Enum(['characters', 'byte-pairs'], {
          title: 'Tokens',
          description: 'Characters, or frequent pieces of words, found in this text. Default characters',
        }),
      ),
      vocabularySize: Type.Optional(
        Type.Integer({
          minimum: 257,
          maximum: LIMITS.bytePairsMax,
          title: 'Vocabulary',
          description: 'How many pieces; characters have as many as the text does. Default 512',
        }),
      ),
      sequenceLength: Type.Optional(
        Type.Integer({
          minimum: 2,
          maximum: LIMITS.sequenceMax,
          title: 'Sequence length',
          description: 'Tokens of one sample. Default 64',
        }),
      ),
      ...consent,
      validationShare: cut.validationShare,
      shardSampleCount: cut.shardSampleCount,
      seed: cut.seed,
    },
  }) as const;

const strict = { additionalProperties: false } as const;
const upload = datasetSchemas(Sha256Schema);
const withName = { name: Type.String({ minLength: 1, maxLength: LIMITS.nameMaxCharacters }) };

/** POST /api/datasets. Files are ids that POST /api/uploads or a finished upload in parts answered. */
export const DatasetRequestSchema = Type.Union([
  Type.Object(upload.digits, strict),
  Type.Object({ ...withName, ...upload.idx }, strict),
  Type.Object({ ...withName, ...upload.csv }, strict),
  Type.Object({ ...withName, ...upload.parquet }, strict),
  Type.Object({ ...withName, ...upload.npz }, strict),
  Type.Object({ ...withName, ...upload.images }, strict),
  Type.Object({ ...withName, ...upload.text }, strict),
]);
export type DatasetRequest = Static<typeof DatasetRequestSchema>;

export const DatasetListSchema = Type.Array(DatasetManifestSchema);

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
