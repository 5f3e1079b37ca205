/** REST of datasets, uploads and blobs. */
import { DatasetIdSchema, DatasetRequestSchema, Sha256Schema } from '@murmuration/protocol';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { AppParts } from './app.ts';
import { BlobTooLargeError } from './blobs.ts';
import { isByteStream } from './body.ts';
import { door } from './doors.ts';
import { noQuery, parsed } from './routes-runs.ts';

const datasetRequest = door(DatasetRequestSchema);
const datasetId = door(DatasetIdSchema);
const sha256 = door(Sha256Schema);
/** 1 to 100, as text: query strings are never coerced. */
const samplesQuery = door(
  Type.Object(
    { count: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })) },
    { additionalProperties: false },
  ),
);
const SAMPLES_DEFAULT = 20;

export function routeDatasets(app: FastifyInstance, { datasets, blobs, grid, adminOnly }: AppParts): void {
  app.post('/api/datasets', { onRequest: adminOnly }, async (request, reply) => {
    const { manifest, isNew } = await datasets.create(parsed(datasetRequest(request.body)));
    return reply.status(isNew ? 201 : 200).send(manifest);
  });

  app.get('/api/datasets', (request) => {
    parsed(noQuery(request.query), 'query');
    return datasets.list();
  });

  app.get('/api/datasets/:id/samples', (request) => {
    const dataset = datasets.get(parsed(datasetId((request.params as { id: string }).id), 'id'));
    const { count } = parsed(samplesQuery(request.query), 'query');
    if (dataset === null) throw new ApiError(404, 'not-found', 'no such dataset');
    return datasets.samples(dataset, count === undefined ? SAMPLES_DEFAULT : Number(count));
  });

  app.post(
    '/api/uploads',
    { onRequest: adminOnly, bodyLimit: Number.MAX_SAFE_INTEGER },
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

  app.get('/blobs/:sha256', async (request, reply) => {
    const hash = parsed(sha256((request.params as { sha256: string }).sha256), 'sha256');
    const isKnown = datasets.blobByteLength(hash) !== null || grid.isCheckpoint(hash);
    const byteLength = isKnown ? await blobs.byteLength(hash) : null;
    if (byteLength === null) throw new ApiError(404, 'not-found', 'no such blob');
    return reply
      .header('cache-control', 'public, max-age=31536000, immutable')
      .header('etag', `"${hash}"`)
      .header('content-length', byteLength)
      .type('application/octet-stream')
      .send(blobs.stream(hash));
  });
}
