/** REST of imported models: what is asked of `/api/models`, and the report layer by layer that it answers. */
import Type, { type Static } from 'typebox';
import { ModelIdSchema, Sha256Schema } from './ids.ts';
import { LIMITS } from './limits.ts';
import { ModelSpecSchema } from './model.ts';

const Count = Type.Integer({ minimum: 0 });
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const strict = { additionalProperties: false } as const;

/** A tfjs model of the largest size comes in some fifty weights files of 4 MiB. */
export const MODEL_FILES_MAX = 100;

/** POST /api/models, POST /api/models/check. */
export const ModelImportSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: LIMITS.nameMaxCharacters,
        description: 'What the list calls it. Default: as the file does',
      }),
    ),
    files: Type.Array(
      Type.Object(
        {
          name: Type.String({
            pattern: '^[^/\\\\\\x00-\\x1f]{1,200}$',
            description: 'As the file is called: model.keras, model.json, group1-shard1of1.bin',
          }),
          upload: Sha256Schema,
        },
        strict,
      ),
      {
        minItems: 1,
        maxItems: MODEL_FILES_MAX,
        description:
          'One .keras file; or a .json of Keras (model.to_json()) or tfjs, beside tfjs its weights files. Uploads first.',
      },
    ),
  },
  strict,
);
export type ModelImport = Static<typeof ModelImportSchema>;

/** What became of one layer of the file. */
export const ImportReportSchema = Type.Array(
  Type.Object({
    layer: Type.String(),
    className: Type.String(),
    outcome: Type.Enum(['taken', 'changed', 'left out', 'refused']),
    /** Why, or what is done instead; empty when there is nothing to say. */
    note: Type.String(),
  }),
);
export type ImportReport = Static<typeof ImportReportSchema>;

/** What a file is, without storing it. `model` null: refused; the report says which layer and why. */
export const ModelCheckSchema = Type.Object({
  report: ImportReportSchema,
  model: Nullable(ModelSpecSchema),
  parameterCount: Nullable(Count),
  hasWeights: Type.Boolean(),
  /** The file's model ends in a softmax. Here that is part of the loss, and exports have it again. */
  givesProbabilities: Type.Boolean(),
});
export type ModelCheck = Static<typeof ModelCheckSchema>;

const line = {
  id: ModelIdSchema,
  name: Type.String(),
  /** ISO 8601. */
  createdAt: Type.String(),
  parameterCount: Count,
  hasWeights: Type.Boolean(),
  givesProbabilities: Type.Boolean(),
  inputShape: ModelSpecSchema.properties.inputShape,
  outputShape: Type.Array(Count),
};
/** A model of the list. A run names it: `model: {imported: <id>}`. */
export const ModelLineSchema = Type.Object(line);
export type ModelLine = Static<typeof ModelLineSchema>;
/** GET /api/models: oldest first. */
export const ModelListSchema = Type.Array(ModelLineSchema);
/** GET /api/models/:id */
export const ModelViewSchema = Type.Object({ ...line, model: ModelSpecSchema, report: ImportReportSchema });
export type ModelView = Static<typeof ModelViewSchema>;
