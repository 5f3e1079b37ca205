/** REST of imported models. */
import {
  ModelCheckSchema,
  ModelIdSchema,
  ModelImportSchema,
  ModelListSchema,
  ModelViewSchema,
} from '@murmuration/protocol';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { described } from './openapi.ts';

const OfModel = Type.Object({ id: ModelIdSchema });

export function routeModels(app: Api, { models, grid }: AppParts): void {
  app.post(
    '/api/models',
    {
      schema: {
        ...described({
          tag: 'models',
          id: 'importModel',
          summary:
            'Takes a model of Keras 3 or tfjs from uploads; a run names it: `model: {imported: <id>}`.',
          description:
            'A model is taken with exactly its settings or refused as a whole; POST /api/models/check says which layers are in the way.',
          answers: { 201: ModelViewSchema, 200: ModelViewSchema },
          errors: ['bad-field', 'bad-json', 'refused-model', 'full', 'busy'],
        }),
        body: ModelImportSchema,
      },
    },
    async (request, reply) => {
      const { view, isNew } = await models.add(request.body);
      return reply.status(isNew ? 201 : 200).send(view);
    },
  );

  app.post(
    '/api/models/check',
    {
      config: { access: 'read' },
      schema: {
        ...described({
          tag: 'models',
          id: 'checkModel',
          summary: 'What becomes of each layer of a file, and why one is refused; stores nothing.',
          answers: { 200: ModelCheckSchema },
          errors: ['bad-field', 'bad-json', 'busy'],
        }),
        body: ModelImportSchema,
      },
    },
    (request) => models.check(request.body),
  );

  app.get(
    '/api/models',
    {
      schema: described({
        tag: 'models',
        id: 'models',
        summary: 'All imported models, oldest first.',
        answers: { 200: ModelListSchema },
      }),
    },
    () => models.list(),
  );

  app.get(
    '/api/models/:id',
    {
      schema: {
        ...described({
          tag: 'models',
          id: 'model',
          summary: 'One imported model: its description, and the report of its import.',
          answers: { 200: ModelViewSchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: OfModel,
      },
    },
    ({ params }) => models.view(params.id),
  );

  app.delete(
    '/api/models/:id',
    {
      schema: {
        ...described({
          tag: 'models',
          id: 'deleteModel',
          summary: 'Removes a model that no run was made of, with its weights. Its uploads stay.',
          answers: { 204: null },
          errors: ['bad-field', 'not-found', 'in-use'],
        }),
        params: OfModel,
      },
    },
    async ({ params }, reply) => {
      // In turn with the runs that are being created, so that none begins with weights that are going.
      await grid.checkpoints.inTurn(async () => {
        models.view(params.id);
        if (grid.runs.some(({ state }) => state.setup.manifest.importOf?.modelId === params.id))
          throw new ApiError(409, 'in-use', 'a run was made of this model; its clones need it', 'id');
        const freed = await models.remove(params.id);
        if (freed !== null) await grid.checkpoints.prune(new Set([freed]));
      });
      return reply.status(204).send();
    },
  );
}
