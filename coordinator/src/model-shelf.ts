/**
 * Models that were brought from elsewhere: read once (imports/), kept as a description and, where the file had any, its
 * weights as a blob. A run names one by its id and gets a copy of the description, so the shelf is asked at its creation
 * only; a model that a run was made of stays, because the run's clones name it again.
 */
import { randomBytes } from 'node:crypto';
import { parametersToBytes } from '@murmuration/codec';
import {
  idFromRandomBytes,
  parameterLayout,
  type ImportReport,
  type ModelCheck,
  type ModelId,
  type ModelImport,
  type ModelLine,
  type ModelSpec,
  type ModelView,
  type Sha256,
} from '@murmuration/protocol';
import type { Kysely } from 'kysely';
import { ApiError } from './api-error.ts';
import { sha256Of, type BlobShelf } from './blobs.ts';
import { ImportError, importModel, type ImportedModel } from './imports/import-model.ts';
import type { Tables } from './store-schema.ts';

const MODELS_MAX = 1_000;
/** The largest model's weights as float32 are 200 MB. All files are in memory while they are read. */
const FILES_MAX_BYTES = 256 * 1024 * 1024;
/** Names are the file's and may be of any length. */
const REPORT_TEXT_MAX_CHARACTERS = 200;
const FAULTS_MAX = 20;

interface StoredModel {
  readonly id: ModelId;
  readonly name: string;
  readonly createdAtMs: number;
  readonly model: ModelSpec;
  readonly report: ImportReport;
  readonly weights: Sha256 | null;
  readonly givesProbabilities: boolean;
}

export interface ModelPorts {
  readonly db: Kysely<Tables>;
  readonly blobs: BlobShelf;
  /** Length of a finished upload; null: there is none. */
  readonly uploadByteLength: (sha256: Sha256) => number | null;
  readonly nowMs: () => number;
}

export class ModelShelf {
  readonly #ports: ModelPorts;
  readonly #models = new Map<ModelId, StoredModel>();
  #isReading = false;

  private constructor(ports: ModelPorts) {
    this.#ports = ports;
  }

  static async open(ports: ModelPorts): Promise<ModelShelf> {
    const shelf = new ModelShelf(ports);
    const rows = await ports.db
      .selectFrom('models')
      .selectAll()
      .orderBy('created_at_ms')
      .orderBy('id')
      .execute();
    for (const row of rows)
      shelf.#models.set(row.id, {
        id: row.id,
        name: row.name,
        createdAtMs: row.created_at_ms,
        model: JSON.parse(row.model) as ModelSpec,
        report: JSON.parse(row.report) as ImportReport,
        weights: row.weights,
        givesProbabilities: row.gives_probabilities === 1,
      });
    return shelf;
  }

  list(): ModelLine[] {
    return [...this.#models.values()].map(lineOf);
  }

  /** @throws ApiError 404 */
  view(id: ModelId): ModelView {
    const stored = this.#models.get(id);
    if (stored === undefined) throw new ApiError(404, 'not-found', 'no such model');
    return { ...lineOf(stored), model: stored.model, report: stored.report };
  }

  /** Weights of a model that is kept here. */
  holds(sha256: Sha256): boolean {
    for (const { weights } of this.#models.values()) if (weights === sha256) return true;
    return false;
  }

  /** What a run begins with. `sha256` null: weights drawn from its seed. @throws ApiError */
  chosen({ imported, weights }: { readonly imported: ModelId; readonly weights?: 'file' | 'drawn' }): {
    readonly model: ModelSpec;
    readonly sha256: Sha256 | null;
  } {
    const stored = this.#models.get(imported);
    if (stored === undefined) throw new ApiError(400, 'bad-field', 'no such model', 'model.imported');
    if (weights === 'file' && stored.weights === null)
      throw new ApiError(
        400,
        'bad-field',
        'the file of this model had no weights; take "drawn"',
        'model.weights',
      );
    return { model: stored.model, sha256: weights === 'drawn' ? null : stored.weights };
  }

  /** Stores nothing. @throws ApiError when no report can be made */
  async check(request: ModelImport): Promise<ModelCheck> {
    const { report, model, parameters, givesProbabilities } = await this.#read(request);
    return {
      report,
      model,
      parameterCount: model === null ? null : parameterLayout(model).parameterCount,
      hasWeights: parameters !== null,
      givesProbabilities,
    };
  }

  /** The same model under the same name is kept once. @throws ApiError 422 naming the layers that are refused */
  async add(request: ModelImport): Promise<{ view: ModelView; isNew: boolean }> {
    if (this.#models.size >= MODELS_MAX)
      throw new ApiError(409, 'full', `there are ${MODELS_MAX} models already; delete some`);
    const { report, model, parameters, givesProbabilities } = await this.#read(request);
    if (model === null) throw refusedModel(report);
    const name = request.name ?? model.name;
    const bytes = parameters === null ? null : parametersToBytes(parameters);
    const content = sha256Of(
      Buffer.from(JSON.stringify([name, model, givesProbabilities, bytes === null ? null : sha256Of(bytes)])),
    );
    const known = await this.#ports.db
      .selectFrom('models')
      .select('id')
      .where('content', '=', content)
      .executeTakeFirst();
    if (known !== undefined) return { view: this.view(known.id), isNew: false };
    const stored: StoredModel = {
      id: idFromRandomBytes('model', randomBytes(26)),
      name,
      createdAtMs: Math.round(this.#ports.nowMs()),
      model,
      report,
      weights: bytes === null ? null : await this.#ports.blobs.put(bytes),
      givesProbabilities,
    };
    await this.#ports.db
      .insertInto('models')
      .values({
        id: stored.id,
        content,
        name,
        model: JSON.stringify(model),
        report: JSON.stringify(report),
        weights: stored.weights,
        gives_probabilities: givesProbabilities ? 1 : 0,
        created_at_ms: stored.createdAtMs,
      })
      .execute();
    this.#models.set(stored.id, stored);
    return { view: this.view(stored.id), isNew: true };
  }

  /** @returns the weights that nothing here refers to any more; null: there are none */
  async remove(id: ModelId): Promise<Sha256 | null> {
    const { weights } = this.#models.get(id)!;
    await this.#ports.db.deleteFrom('models').where('id', '=', id).execute();
    this.#models.delete(id);
    return weights === null || this.holds(weights) ? null : weights;
  }

  /** One at a time: the files are in memory. */
  async #read({ files }: ModelImport): Promise<Omit<ImportedModel, 'report'> & { report: ImportReport }> {
    if (this.#isReading)
      throw new ApiError(409, 'busy', 'another model is being read; try again when it is done');
    this.#isReading = true;
    try {
      const imported = await importModel(await this.#bytesOf(files));
      return { ...imported, report: imported.report.map(shortened) };
    } catch (error) {
      if (error instanceof ImportError) throw new ApiError(400, 'bad-field', error.message, 'files');
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  async #bytesOf(files: ModelImport['files']): Promise<Map<string, Uint8Array>> {
    const bytes = new Map<string, Uint8Array>();
    let byteLength = 0;
    for (const [index, { name, upload }] of files.entries()) {
      const refuse = (field: string, message: string): never => {
        throw new ApiError(400, 'bad-field', message, `files.${index}.${field}`);
      };
      if (bytes.has(name)) refuse('name', 'two files have this name; a model.json names each once');
      byteLength += this.#ports.uploadByteLength(upload) ?? 0;
      if (byteLength > FILES_MAX_BYTES)
        refuse('upload', `all files together have more than ${FILES_MAX_BYTES} bytes`);
      const whole =
        this.#ports.uploadByteLength(upload) === null ? null : await this.#ports.blobs.read(upload);
      bytes.set(name, whole ?? refuse('upload', 'no such upload; send the file to POST /api/uploads first'));
    }
    return bytes;
  }
}

function lineOf({ id, name, createdAtMs, model, weights, givesProbabilities }: StoredModel): ModelLine {
  const { parameterCount, outputShapes } = parameterLayout(model);
  return {
    id,
    name,
    createdAt: new Date(createdAtMs).toISOString(),
    parameterCount,
    hasWeights: weights !== null,
    givesProbabilities,
    inputShape: [...model.inputShape],
    outputShape: [...outputShapes.at(-1)!],
  };
}

function shortened({ layer, className, outcome, note }: ImportedModel['report'][number]) {
  const short = (text: string) => text.slice(0, REPORT_TEXT_MAX_CHARACTERS);
  return { layer: short(layer), className: short(className), outcome, note: short(note) };
}

function refusedModel(report: ImportReport): ApiError {
  const faults = report
    .filter(({ outcome }) => outcome === 'refused')
    .slice(0, FAULTS_MAX)
    .map(({ layer, className, note }) => ({
      field: 'files',
      message: `layer "${layer}" (${className}): ${note}`.slice(0, REPORT_TEXT_MAX_CHARACTERS),
    }));
  const message = faults[0]?.message ?? 'the model has no layer that can be trained';
  return new ApiError(422, 'refused-model', message, 'files', { faults });
}
