/** What happened, newest first. */
import type { RunEvent } from '@murmuration/protocol';
import { clockText, shortId } from '../format.ts';
import { strings } from '../strings.ts';

const text = strings.log;
const ROWS_MAX = 200;

export function EventLog({ events }: { readonly events: readonly RunEvent[] }) {
  return (
    <section class="card" aria-labelledby="log-heading">
      <h2 id="log-heading">{text.heading}</h2>
      {events.length === 0 ? (
        <p class="note">{text.none}</p>
      ) : (
        <div class="scroller log" tabIndex={0} role="region" aria-labelledby="log-heading">
          <ol reversed>
            {events
              .slice(-ROWS_MAX)
              .reverse()
              .map((event) => (
                <li key={event.sequence}>
                  <time>{clockText(event.atMs)}</time>
                  <span>
                    {event.volunteerId !== null && <code>{shortId(event.volunteerId)}</code>} {event.text}
                  </span>
                </li>
              ))}
          </ol>
        </div>
      )}
    </section>
  );
}
