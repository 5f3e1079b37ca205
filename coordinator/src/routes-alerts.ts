/** REST of webhooks. */
import { randomBytes } from 'node:crypto';
import {
  DELIVERIES_SHOWN_MAX,
  DeliveryListSchema,
  DeliverySchema,
  idFromRandomBytes,
  NewWebhookSchema,
  WebhookIdSchema,
  WebhookListSchema,
  WebhookRequestSchema,
} from '@murmuration/protocol';
import Type from 'typebox';
import { ApiError } from './api-error.ts';
import type { Api, AppParts } from './app.ts';
import { described } from './openapi.ts';

export function routeAlerts(app: Api, { alerts }: AppParts): void {
  app.post(
    '/api/webhooks',
    {
      config: { access: 'admin' },
      schema: {
        ...described({
          tag: 'alerts',
          id: 'createWebhook',
          summary:
            'An address that hears when a run finishes, fails, is not finite any more, or has too few tabs.',
          description:
            'Deliveries are signed: x-murmuration-signature is "t=<seconds>,v1=<hex>", the HMAC-SHA-256 of "<seconds>.<body>" under the secret, which is shown here once.',
          answers: { 201: NewWebhookSchema },
          errors: ['bad-field', 'bad-json', 'full'],
        }),
        body: WebhookRequestSchema,
      },
    },
    async (request, reply) => {
      const made = await alerts.create(idFromRandomBytes('hook', randomBytes(26)), request.body);
      return reply.status(201).header('cache-control', 'no-store').send(made);
    },
  );

  app.get(
    '/api/webhooks',
    {
      config: { access: 'admin' },
      schema: described({
        tag: 'alerts',
        id: 'webhooks',
        summary: 'All webhooks, with how their last delivery went.',
        answers: { 200: WebhookListSchema },
      }),
    },
    () => alerts.list(),
  );

  const WebhookParams = Type.Object({ id: WebhookIdSchema });
  const found = <T>(value: T | null): T => {
    if (value === null) throw new ApiError(404, 'not-found', 'no such webhook');
    return value;
  };

  app.post(
    '/api/webhooks/:id/test',
    {
      config: { access: 'admin' },
      schema: {
        ...described({
          tag: 'alerts',
          id: 'testWebhook',
          summary: 'Delivers a test at once, a single time, and answers how that went.',
          answers: { 200: DeliverySchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: WebhookParams,
      },
    },
    (request) => alerts.test(request.params.id).then(found),
  );

  app.get(
    '/api/webhooks/:id/deliveries',
    {
      config: { access: 'admin' },
      schema: {
        ...described({
          tag: 'alerts',
          id: 'deliveries',
          summary: `How the last deliveries went, newest first, at most ${DELIVERIES_SHOWN_MAX}.`,
          answers: { 200: DeliveryListSchema },
          errors: ['bad-field', 'not-found'],
        }),
        params: WebhookParams,
      },
    },
    (request) => alerts.deliveries(request.params.id).then(found),
  );

  app.delete(
    '/api/webhooks/:id',
    {
      config: { access: 'admin' },
      schema: {
        ...described({
          tag: 'alerts',
          id: 'deleteWebhook',
          summary: 'Nothing is delivered there any more.',
          answers: { 204: null },
          errors: ['bad-field', 'not-found'],
        }),
        params: WebhookParams,
      },
    },
    async (request, reply) => {
      found((await alerts.delete(request.params.id)) || null);
      return reply.status(204).send();
    },
  );
}
