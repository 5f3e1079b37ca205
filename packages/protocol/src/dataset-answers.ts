/** REST of datasets: how one is looked at (samples, preview), and what was done to its values (preprocessing). */
import Type, { type Static, type TSchema } from 'typebox';
import { DATASET_KINDS } from './dataset.ts';

const Count = Type.Integer({ minimum: 0 });
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

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
