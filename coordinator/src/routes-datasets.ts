/** REST of datasets, uploads and blobs. */
import {
  DatasetIdSchema,
  DatasetListSchema,
  DatasetManifestSchema,
  DatasetRequestSchema,
  DatasetSamplesSchema,
  PreprocessingSchema,
  PreviewSchema,
  Sha256Schema,
  UploadBeginSchema,
  UploadListSchema,
  UploadSchema,
  UploadStateSchema,
} from '@murmuration/protocol';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { BlobTooLargeError } from './blobs.ts';
import { isByteStream } from './body.ts';
import type { DatasetShelf } from './dataset-shelf.ts';
import { described } from './openapi.ts';
import type { StoredDataset } from './store.ts';

const SAMPLES_DEFAULT = 20;
const OfDataset = Type.Object({ id: DatasetIdSchema });
const OfParts = Type.Object({ id: UploadStateSchema.properties.id });
const strict = { additionalProperties: false } as const;

export function routeDatasets(app: Api, parts: AppParts): void {
  const { datasets } = parts;
  app.post(
    '/api/datasets',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'createDataset',
          summary: 'Makes a dataset of uploads, or the built-in digits. The same content is kept once.',
          answers: { 201: DatasetManifestSchema, 200: DatasetManifestSchema },
          errors: ['bad-field', 'bad-json', 'busy'],
        }),
        body: DatasetRequestSchema,
      },
    },
    async (request, reply) => {
      const { manifest, isNew } = await datasets.create(request.body);
      return reply.status(isNew ? 201 : 200).send(manifest);
    },
  );

  app.get(
    '/api/datasets',
    {
      schema: described({
        tag: 'data',
        id: 'datasets',
        summary: 'All datasets, oldest first.',
        answers: { 200: DatasetListSchema },
      }),
    },
    () => datasets.list(),
  );

  app.get(
    '/api/datasets/:id',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'dataset',
          summary: 'One dataset.',
          answers: { 200: DatasetManifestSchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: OfDataset,
      },
    },
    ({ params }) => found(datasets, params.id).manifest,
  );

  app.get(
    '/api/datasets/:id/samples',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'datasetSamples',
          summary: 'The first training samples.',
          answers: { 200: DatasetSamplesSchema },
          errors: ['bad-field', 'not-found', 'blob-damaged'],
        }),
        params: OfDataset,
        querystring: Type.Object(
          { count: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })) },
          strict,
        ),
      },
    },
    ({ params, query: { count } }) =>
      datasets.samples(found(datasets, params.id), count === undefined ? SAMPLES_DEFAULT : Number(count)),
  );

  app.get(
    '/api/datasets/:id/preview',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'datasetPreview',
          summary: 'Samples, class balance, histograms, missing values. The same bytes always.',
          answers: { 200: PreviewSchema },
          errors: ['bad-field', 'not-found', 'blob-damaged'],
        }),
        params: OfDataset,
      },
    },
    async ({ params }) => (await datasets.details(found(datasets, params.id))).preview,
  );

  app.get(
    '/api/datasets/:id/preprocessing.json',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'datasetPreprocessing',
          summary: "What was done to the source's values, for whoever uses the model.",
          answers: { 200: PreprocessingSchema },
          errors: ['bad-field', 'not-found', 'blob-damaged'],
        }),
        params: OfDataset,
      },
    },
    async ({ params }, reply) =>
      reply
        .header('content-disposition', 'attachment; filename="preprocessing.json"')
        .send((await datasets.details(found(datasets, params.id))).preprocessing),
  );

  app.delete(
    '/api/datasets/:id',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'deleteDataset',
          summary: 'Removes a dataset that no run was made on, with its shards. Its uploads stay.',
          answers: { 204: null },
          errors: ['bad-field', 'not-found', 'in-use', 'busy'],
        }),
        params: OfDataset,
      },
    },
    async ({ params }, reply) => {
      await datasets.remove(params.id);
      return reply.status(204).send();
    },
  );

  routeUploads(app, parts);
  routeParts(app, parts);
  routeBlobs(app, parts);
}

/** @throws ApiError 404 */
function found(datasets: DatasetShelf, id: string): StoredDataset {
  const dataset = datasets.get(id);
  if (dataset === null) throw new ApiError(404, 'not-found', 'no such dataset');
  return dataset;
}

/** @throws ApiError 415 */
function streamOf(body: unknown): AsyncIterable<Uint8Array> {
  if (isByteStream(body)) return body;
  throw new ApiError(415, 'bad-type', 'send the file as application/octet-stream', 'content-type');
}

function routeUploads(app: Api, { datasets }: AppParts): void {
  app.post(
    '/api/uploads',
    {
      bodyLimit: Number.MAX_SAFE_INTEGER,
      schema: described({
        tag: 'data',
        id: 'upload',
        summary: 'Stores one file (application/octet-stream); its id goes into POST /api/datasets.',
        answers: { 201: UploadSchema },
        errors: ['bad-type', 'too-large'],
      }),
    },
    async (request, reply) => {
      try {
        return await reply.status(201).send(await datasets.upload(streamOf(request.body)));
      } catch (error) {
        if (error instanceof BlobTooLargeError)
          throw new ApiError(413, 'too-large', `the file has ${error.message}`, 'body');
        throw error;
      }
    },
  );

  app.get(
    '/api/uploads',
    {
      schema: described({
        tag: 'data',
        id: 'uploads',
        summary: 'Files that were uploaded, and those that are not whole yet.',
        answers: { 200: UploadListSchema },
      }),
    },
    () => datasets.uploads(),
  );

  app.delete(
    '/api/uploads/:id',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'deleteUpload',
          summary: 'Removes an uploaded file. Datasets that were made of it stay.',
          answers: { 204: null },
          errors: ['bad-field', 'not-found', 'busy'],
        }),
        params: Type.Object({ id: Sha256Schema }),
      },
    },
    async ({ params }, reply) => {
      await datasets.removeUpload(params.id);
      return reply.status(204).send();
    },
  );
}

function routeParts(app: Api, { datasets }: AppParts): void {
  app.post(
    '/api/uploads/parts',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'beginUpload',
          summary:
            'Begins an upload in parts, which survives a lost connection and a restart of either side.',
          answers: { 201: UploadStateSchema },
          errors: ['bad-field', 'bad-json', 'too-large', 'too-many-uploads'],
        }),
        body: UploadBeginSchema,
      },
    },
    async (request, reply) => reply.status(201).send(await datasets.beginUpload(request.body)),
  );

  app.get(
    '/api/uploads/parts/:id',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'uploadState',
          summary: 'How far an upload in parts is: where its next part begins.',
          answers: { 200: UploadStateSchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: OfParts,
      },
    },
    ({ params }) => datasets.uploadState(params.id),
  );

  app.put(
    '/api/uploads/parts/:id',
    {
      bodyLimit: Number.MAX_SAFE_INTEGER,
      schema: {
        ...described({
          tag: 'data',
          id: 'appendPart',
          summary:
            'Appends a part (application/octet-stream) at its offset. It counts when its SHA-256 is right.',
          answers: { 200: UploadStateSchema },
          errors: [
            'bad-field',
            'bad-hash',
            'bad-length',
            'not-found',
            'wrong-offset',
            'busy',
            'too-large',
            'bad-type',
          ],
        }),
        params: OfParts,
        querystring: Type.Object(
          { offset: Type.String({ pattern: '^(0|[1-9][0-9]{0,11})$' }), sha256: Sha256Schema },
          strict,
        ),
      },
    },
    ({ params, query, body }) =>
      datasets.appendPart(params.id, Number(query.offset), query.sha256, streamOf(body)),
  );

  app.post(
    '/api/uploads/parts/:id/finish',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'finishUpload',
          summary: 'The parts are all there: answers the upload id that goes into POST /api/datasets.',
          answers: { 201: UploadSchema },
          errors: ['bad-field', 'not-found', 'unfinished', 'busy'],
        }),
        params: OfParts,
      },
    },
    async ({ params }, reply) => reply.status(201).send(await datasets.finishUpload(params.id)),
  );

  app.delete(
    '/api/uploads/parts/:id',
    {
      schema: {
        ...described({
          tag: 'data',
          id: 'deletePartialUpload',
          summary: 'Forgets an upload in parts that was not finished.',
          answers: { 204: null },
          errors: ['bad-field', 'not-found', 'busy'],
        }),
        params: OfParts,
      },
    },
    async ({ params }, reply) => {
      await datasets.removeUnfinished(params.id);
      return reply.status(204).send();
    },
  );
}

function routeBlobs(app: Api, { datasets, blobs, grid }: AppParts): void {
  app.get(
    '/blobs/:sha256',
    {
      schema: {
        ...described({
          tag: 'volunteers',
          id: 'blob',
          summary: 'A shard, held-out samples or a checkpoint, by its SHA-256.',
          answers: { 200: 'application/octet-stream' },
          errors: ['bad-field', 'not-found'],
        }),
        security: [],
        params: Type.Object({ sha256: Sha256Schema }),
      },
    },
    async (request, reply) => {
      const hash = request.params.sha256;
      const isKnown = datasets.blobByteLength(hash) !== null || grid.checkpoints.isKept(hash);
      const byteLength = isKnown ? await blobs.byteLength(hash) : null;
      if (byteLength === null) throw new ApiError(404, 'not-found', 'no such blob');
      return reply
        .header('cache-control', 'public, max-age=31536000, immutable')
        .header('etag', `"${hash}"`)
        .header('content-length', byteLength)
        .type('application/octet-stream')
        .send(blobs.stream(hash));
    },
  );
}
