/**
 * REST of alerts. A webhook is an address that hears of what happens to runs; every delivery is a POST of `AlertSchema`,
 * signed: `x-murmuration-signature: t=<seconds>,v1=<HMAC-SHA-256 of "<seconds>.<body>" under the secret, hex>`.
 */
import Type, { type Static } from 'typebox';
import { RunIdSchema } from './ids.ts';
import { RunStateSchema } from './run.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const ALERT_EVENTS = ['finished', 'failed', 'not-finite', 'too-few-peers'] as const;
export const AlertEventSchema = Type.Enum(ALERT_EVENTS);
export type AlertEvent = (typeof ALERT_EVENTS)[number];

export const WebhookIdSchema = Type.String({ pattern: '^hook_[0-9a-z]{26}$' });
export const WebhookRequestSchema = Type.Object(
  {
    url: Type.String({
      maxLength: 500,
      pattern: '^https?://',
      description:
        'https, or http. Addresses inside private networks are refused unless the operator allows them.',
    }),
    events: Type.Array(AlertEventSchema, { minItems: 1, maxItems: ALERT_EVENTS.length }),
  },
  { additionalProperties: false },
);
export type WebhookRequest = Static<typeof WebhookRequestSchema>;

/** How a delivery went. `event` 'test': somebody pressed the button. */
export const DeliverySchema = Type.Object({
  event: Type.Enum([...ALERT_EVENTS, 'test']),
  at: Type.String(),
  /** 'delivered', 'retrying', 'given-up'. */
  outcome: Type.String(),
  attempts: Type.Integer({ minimum: 0 }),
  /** What went wrong, or the status that was answered. */
  detail: Type.String({ maxLength: 200 }),
});
export type Delivery = Static<typeof DeliverySchema>;
export const DELIVERIES_SHOWN_MAX = 20;
/** GET /api/webhooks/:id/deliveries: newest first. */
export const DeliveryListSchema = Type.Array(DeliverySchema, { maxItems: DELIVERIES_SHOWN_MAX });

export const WebhookViewSchema = Type.Object({
  id: WebhookIdSchema,
  url: Type.String(),
  events: Type.Array(AlertEventSchema),
  createdAt: Type.String(),
  /** The last attempt; null: none yet. */
  lastDelivery: Nullable(DeliverySchema),
});
export type WebhookView = Static<typeof WebhookViewSchema>;
/** The only answer that holds the secret. */
export const NewWebhookSchema = Type.Object({ ...WebhookViewSchema.properties, secret: Type.String() });
export type NewWebhook = Static<typeof NewWebhookSchema>;
export const WebhookListSchema = Type.Array(WebhookViewSchema);

/** What is delivered. */
export const AlertSchema = Type.Object({
  /** The same for every attempt of one delivery. */
  deliveryId: Type.String(),
  event: DeliverySchema.properties.event,
  at: Type.String(),
  /** null in a test. */
  run: Nullable(
    Type.Object({
      id: RunIdSchema,
      name: Type.String(),
      state: RunStateSchema,
      reason: Type.String(),
      round: Type.Integer({ minimum: 0 }),
      accuracy: Nullable(Type.Number()),
      loss: Nullable(Type.Number()),
    }),
  ),
});
export type Alert = Static<typeof AlertSchema>;
