/** REST of datasets, uploads and blobs. */
import {
  DatasetIdSchema,
  DatasetListSchema,
  DatasetManifestSchema,
  DatasetRequestSchema,
  DatasetSamplesSchema,
  Sha256Schema,
} from '@murmuration/protocol';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { BlobTooLargeError } from './blobs.ts';
import { isByteStream } from './body.ts';
import { described } from './openapi.ts';

const SAMPLES_DEFAULT = 20;

export function routeDatasets(app: Api, { datasets, blobs, grid }: AppParts): void {
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
        params: Type.Object({ id: DatasetIdSchema }),
        querystring: Type.Object(
          { count: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })) },
          { additionalProperties: false },
        ),
      },
    },
    (request) => {
      const dataset = datasets.get(request.params.id);
      const { count } = request.query;
      if (dataset === null) throw new ApiError(404, 'not-found', 'no such dataset');
      return datasets.samples(dataset, count === undefined ? SAMPLES_DEFAULT : Number(count));
    },
  );

  app.post(
    '/api/uploads',
    {
      bodyLimit: Number.MAX_SAFE_INTEGER,
      schema: described({
        tag: 'data',
        id: 'upload',
        summary: 'Stores one file (application/octet-stream); its id goes into POST /api/datasets.',
        answers: { 201: Type.Object({ id: Sha256Schema, byteLength: Type.Integer() }) },
        errors: ['bad-type', 'too-large'],
      }),
    },
    async (request, reply) => {
      if (!isByteStream(request.body))
        throw new ApiError(415, 'bad-type', 'send the file as application/octet-stream', 'content-type');
      try {
        return await reply.status(201).send(await datasets.upload(request.body));
      } catch (error) {
        if (error instanceof BlobTooLargeError)
          throw new ApiError(413, 'too-large', `the file has ${error.message}`, 'body');
        throw error;
      }
    },
  );

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
