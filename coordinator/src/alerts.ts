/**
 * Webhooks and their deliveries. A delivery is in the store before it is tried, so a restart loses none; it is tried a few
 * times with growing waits and then given up. Of each webhook's past the last outcome is kept for people.
 */
import { randomBytes } from 'node:crypto';
import { DELIVERIES_SHOWN_MAX, idFromRandomBytes } from '@murmuration/protocol';
import type {
  Alert,
  AlertEvent,
  Delivery,
  NewWebhook,
  WebhookRequest,
  WebhookView,
} from '@murmuration/protocol';
import type { Kysely } from 'kysely';
import { alertOf, retryAfterMs, TOO_FEW_EVERY_MS } from './alert-plan.ts';
import { post, urlFault } from './alert-post.ts';
import { ApiError } from './api-error.ts';
import type { LedgerRecord, RunLedger } from './ledger.ts';
import type { Tables } from './store-schema.ts';

const WEBHOOKS_MAX = 50;
/** Of one webhook that wait or are over; the oldest go. */
const DELIVERIES_MAX = 1_000;
/** Tried in one turn. */
const BATCH_MAX = 20;

export interface AlertPorts {
  readonly db: Kysely<Tables>;
  readonly nowMs: () => number;
  readonly arePrivateAllowed: boolean;
}

export class Alerts {
  readonly #ports: AlertPorts;
  readonly #tooFewAtMs = new Map<string, number>();
  #delivering: Promise<void> | null = null;
  /** Notices are stored in order. */
  #storing: Promise<unknown> = Promise.resolve();

  constructor(ports: AlertPorts) {
    this.#ports = ports;
  }

  /** @throws ApiError naming the field */
  async create(id: string, { url, events }: WebhookRequest): Promise<NewWebhook> {
    const { db, nowMs, arePrivateAllowed } = this.#ports;
    const fault = urlFault(url, { arePrivateAllowed });
    if (fault !== null) throw new ApiError(400, 'bad-field', fault, 'url');
    const { count } = await db
      .selectFrom('webhooks')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (count >= WEBHOOKS_MAX) throw new ApiError(409, 'full', `there are ${WEBHOOKS_MAX} webhooks already`);
    const row = {
      id,
      url,
      secret: `whs_${randomBytes(32).toString('base64url')}`,
      events: JSON.stringify([...new Set(events)]),
      created_at_ms: Math.round(nowMs()),
    };
    await db.insertInto('webhooks').values(row).execute();
    return { ...webhookView(row, undefined), secret: row.secret };
  }

  /** Oldest first. */
  async list(): Promise<WebhookView[]> {
    const { db } = this.#ports;
    const rows = await db.selectFrom('webhooks').selectAll().orderBy('created_at_ms').execute();
    return Promise.all(
      rows.map(async (row) => {
        const last = await db
          .selectFrom('deliveries')
          .selectAll()
          .where('webhook_id', '=', row.id)
          .where('attempts', '>', 0)
          .orderBy('at_ms', 'desc')
          .limit(1)
          .executeTakeFirst();
        return webhookView(row, last);
      }),
    );
  }

  /** false: there is none. */
  async delete(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#ports.db
      .deleteFrom('webhooks')
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** One attempt, now, which is not tried again. null: there is no such webhook. */
  async test(webhookId: string): Promise<Delivery | null> {
    const { db, nowMs, arePrivateAllowed } = this.#ports;
    const webhook = await this.#webhook(webhookId);
    if (webhook === null) return null;
    const id = idFromRandomBytes('alert', randomBytes(26));
    const at = new Date(nowMs()).toISOString();
    const body = JSON.stringify({ deliveryId: id, event: 'test', at, run: null } satisfies Alert);
    const { url, secret } = webhook;
    const { isDelivered, detail } = await post({
      ...{ url, secret, event: 'test', deliveryId: id, body, nowMs: nowMs(), arePrivateAllowed },
    });
    const row = {
      ...{ id, webhook_id: webhookId, event: 'test', body, attempts: 1, due_at_ms: null, detail },
      outcome: isDelivered ? 'delivered' : 'given-up',
      at_ms: Math.round(nowMs()),
    };
    await this.#forgetOldest(webhookId);
    await db.insertInto('deliveries').values(row).execute();
    return deliveryView(row);
  }

  /** Newest first. null: there is no such webhook. */
  async deliveries(webhookId: string): Promise<Delivery[] | null> {
    if ((await this.#webhook(webhookId)) === null) return null;
    const rows = await this.#ports.db
      .selectFrom('deliveries')
      .selectAll()
      .where('webhook_id', '=', webhookId)
      .orderBy('at_ms', 'desc')
      .limit(DELIVERIES_SHOWN_MAX)
      .execute();
    return rows.map(deliveryView);
  }

  async #webhook(id: string): Promise<Tables['webhooks'] | null> {
    const { db } = this.#ports;
    return (await db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
  }

  /** A record of a run is on disk: whoever wants to hear of it gets a delivery. */
  notice(ledger: RunLedger, record: LedgerRecord): void {
    const event = alertOf(record, ledger.state);
    if (event === null) return;
    const { id, name } = ledger.state.setup.manifest;
    if (event === 'too-few-peers') {
      const lastMs = this.#tooFewAtMs.get(id);
      if (lastMs !== undefined && record.atMs < lastMs + TOO_FEW_EVERY_MS) return;
      this.#tooFewAtMs.set(id, record.atMs);
    }
    const { state, reason, round, best } = ledger.state;
    const run = {
      id,
      name,
      state,
      reason,
      round,
      accuracy: best?.accuracy ?? null,
      loss: best?.loss ?? null,
    };
    this.#storing = this.#storing
      .then(() => this.#store(event, { event, at: new Date(record.atMs).toISOString(), run }))
      .catch((error: unknown) => console.error(error));
  }

  async #store(event: AlertEvent, alert: Omit<Alert, 'deliveryId'>): Promise<void> {
    const { db } = this.#ports;
    const nowMs = Math.round(this.#ports.nowMs());
    const rows = await db.selectFrom('webhooks').select(['id', 'events']).execute();
    for (const { id: webhookId, events } of rows) {
      if (!(JSON.parse(events) as AlertEvent[]).includes(event)) continue;
      const id = idFromRandomBytes('alert', randomBytes(26));
      await this.#forgetOldest(webhookId);
      await db
        .insertInto('deliveries')
        .values({
          id,
          webhook_id: webhookId,
          event,
          body: JSON.stringify({ deliveryId: id, ...alert } satisfies Alert),
          attempts: 0,
          due_at_ms: nowMs,
          outcome: 'retrying',
          detail: '',
          at_ms: nowMs,
        })
        .execute();
    }
  }

  /** Makes room for one more. */
  async #forgetOldest(webhookId: string): Promise<void> {
    const { db } = this.#ports;
    const beyond = await db
      .selectFrom('deliveries')
      .select('id')
      .where('webhook_id', '=', webhookId)
      .orderBy('at_ms', 'desc')
      .offset(DELIVERIES_MAX - 1)
      .limit(DELIVERIES_MAX)
      .execute();
    for (const old of beyond) await db.deleteFrom('deliveries').where('id', '=', old.id).execute();
  }

  /** Tries what is due. Call it about once a second; one turn at a time. */
  deliverDue(): Promise<void> {
    this.#delivering ??= this.#deliverDue().finally(() => {
      this.#delivering = null;
    });
    return this.#delivering;
  }

  async #deliverDue(): Promise<void> {
    await this.#storing;
    const { db, nowMs, arePrivateAllowed } = this.#ports;
    const due = await db
      .selectFrom('deliveries')
      .innerJoin('webhooks', 'webhooks.id', 'deliveries.webhook_id')
      .select(['deliveries.id', 'event', 'body', 'attempts', 'url', 'secret'])
      .where('due_at_ms', '<=', Math.round(nowMs()))
      .orderBy('due_at_ms')
      .limit(BATCH_MAX)
      .execute();
    await Promise.all(
      due.map(async ({ id, event, body, attempts, url, secret }) => {
        const { isDelivered, detail } = await post({
          url,
          secret,
          event,
          deliveryId: id,
          body,
          nowMs: nowMs(),
          arePrivateAllowed,
        });
        const atMs = Math.round(nowMs());
        const waitMs = isDelivered ? null : retryAfterMs(attempts + 1);
        await db
          .updateTable('deliveries')
          .set({
            attempts: attempts + 1,
            due_at_ms: waitMs === null ? null : atMs + waitMs,
            outcome: isDelivered ? 'delivered' : waitMs === null ? 'given-up' : 'retrying',
            detail,
            at_ms: atMs,
          })
          .where('id', '=', id)
          .execute();
      }),
    );
  }
}

const webhookView = (
  row: Omit<Tables['webhooks'], 'secret'>,
  last: Tables['deliveries'] | undefined,
): WebhookView => ({
  id: row.id,
  url: row.url,
  events: JSON.parse(row.events) as AlertEvent[],
  createdAt: new Date(row.created_at_ms).toISOString(),
  lastDelivery: last === undefined ? null : deliveryView(last),
});

const deliveryView = ({
  event,
  at_ms: atMs,
  outcome,
  attempts,
  detail,
}: Pick<Tables['deliveries'], 'event' | 'at_ms' | 'outcome' | 'attempts' | 'detail'>): Delivery => ({
  ...{ event: event as Delivery['event'], outcome, attempts, detail },
  at: new Date(atMs).toISOString(),
});
