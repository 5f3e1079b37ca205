/** Alerts: addresses that hear when a run ends or is in trouble, a test of each, and how its deliveries went. */
import { useCallback, useState } from 'preact/hooks';
import {
  ALERT_EVENTS,
  type AlertEvent,
  type Delivery,
  type NewWebhook,
  type WebhookView,
} from '@murmuration/protocol';
import { usePolled } from '../polled.ts';
import { api } from '../session.ts';
import { accessStrings } from '../strings-access.ts';
import { strings } from '../strings.ts';
import { Secret } from './secret.tsx';
import { Sure } from './sure.tsx';
import { messageOf, Trouble } from './trouble.tsx';
import { useWishes } from './wishes.ts';

const text = accessStrings.alerts;
const REFRESH_MS = 5_000;

export function Webhooks() {
  const { known, trouble, refresh } = usePolled(
    useCallback(() => api.webhooks(), []),
    () => REFRESH_MS,
  );
  const [made, setMade] = useState<NewWebhook | null>(null);
  const { failure, fail, act } = useWishes(refresh);
  const create = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    const events = data.getAll('events') as AlertEvent[];
    if (events.length === 0) return fail(text.missingEvents);
    void act(async () => {
      setMade(await api.createWebhook({ url: String(data.get('url')).trim(), events }));
      form.reset();
    });
  };
  return (
    <section class="card" aria-labelledby="alerts-heading">
      <h2 id="alerts-heading">{text.heading}</h2>
      <p class="note">{text.text}</p>
      <Trouble text={failure || trouble} />
      {made !== null && <Secret label={text.made} secret={made.secret} onHide={() => setMade(null)} />}
      {known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known?.length === 0 && <p class="note">{text.none}</p>}
      <ul class="webhooks">
        {known?.map((webhook) => (
          <Webhook
            key={webhook.id}
            webhook={webhook}
            onRemove={() => void act(() => api.deleteWebhook(webhook.id))}
          />
        ))}
      </ul>
      <form class="inline-form" onSubmit={create}>
        <label for="webhook-url" class="wide">
          {text.url}
          <input
            id="webhook-url"
            name="url"
            type="url"
            required
            maxLength={500}
            placeholder={text.urlHint}
            autocomplete="off"
          />
        </label>
        <fieldset class="wide">
          <legend>{text.events}</legend>
          {ALERT_EVENTS.map((event) => (
            <label key={event}>
              <input type="checkbox" name="events" value={event} defaultChecked />
              {text.eventNames[event]}
            </label>
          ))}
        </fieldset>
        <button type="submit">{text.create}</button>
      </form>
    </section>
  );
}

interface WebhookProps {
  readonly webhook: WebhookView;
  readonly onRemove: () => void;
}

function Webhook({ webhook: { id, url, events, lastDelivery }, onRemove }: WebhookProps) {
  const [deliveries, setDeliveries] = useState<readonly Delivery[] | null>(null);
  const [outcome, setOutcome] = useState('');
  const [busy, setBusy] = useState(false);
  const look = async () => setDeliveries(await api.deliveries(id));
  const ask = async (work: () => Promise<void>) => {
    setBusy(true);
    await work().catch((reason: unknown) => setOutcome(messageOf(reason)));
    setBusy(false);
  };
  const test = () =>
    ask(async () => {
      const { outcome: word, detail } = await api.testWebhook(id);
      setOutcome(word === 'delivered' ? text.tested(detail) : text.notTested(detail));
      await look();
    });
  const shown = deliveries ?? (lastDelivery === null ? [] : [lastDelivery]);
  return (
    <li>
      <div class="titled">
        <div>
          <strong>{url}</strong>
          <small>{events.map((event) => text.eventNames[event]).join(', ')}</small>
        </div>
        <div class="actions">
          <button
            type="button"
            class="outline secondary"
            disabled={busy}
            aria-label={text.testOf(url)}
            onClick={test}
          >
            {text.test}
          </button>
          <Sure
            word={text.remove}
            label={text.removeOf(url)}
            question={text.removeSure(url)}
            yes={text.removeYes}
            no={accessStrings.keep}
            onYes={onRemove}
          />
        </div>
      </div>
      <p class="note" role="status">
        {outcome}
      </p>
      <details
        onToggle={({ currentTarget }) => {
          if (currentTarget.open) void ask(look);
        }}
      >
        <summary>{text.deliveries}</summary>
        {shown.length === 0 && <p class="note">{text.noDeliveries}</p>}
        <ol class="deliveries">
          {shown.map((delivery) => (
            <li key={delivery.at}>
              <time dateTime={delivery.at}>{new Date(delivery.at).toLocaleString()}</time>
              <span>
                {text.delivery(
                  delivery.event === 'test' ? text.testEvent : text.eventNames[delivery.event],
                  text.outcomes[delivery.outcome] ?? delivery.outcome,
                  delivery.attempts,
                  delivery.detail,
                )}
              </span>
            </li>
          ))}
        </ol>
      </details>
    </li>
  );
}
