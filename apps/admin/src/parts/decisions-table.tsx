/** What tabs decided by themselves, newest first: how far each adapts to its line, its speed and its group, and why. */
import type { DecisionView } from '@murmuration/protocol';
import { clockText, countText, shortId } from '../format.ts';
import { strings } from '../strings.ts';
import { decisions as text } from '../strings-decisions.ts';

const ROWS_MAX = 50;

export function DecisionsTable({ decisions }: { readonly decisions: readonly DecisionView[] }) {
  const { columns } = text;
  return (
    <section class="card" aria-labelledby="decisions-heading">
      <h2 id="decisions-heading">{text.heading}</h2>
      {decisions.length === 0 ? (
        <p class="note">{text.none}</p>
      ) : (
        <details>
          <summary>{text.summary(countText(decisions.length), decisions.length === 1)}</summary>
          <div class="scroller" tabIndex={0} role="region" aria-labelledby="decisions-heading">
            <table role="table" class="stacking">
              <thead role="rowgroup">
                <tr role="row">
                  {Object.values(columns).map((head) => (
                    <th scope="col" role="columnheader" key={head}>
                      {head}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody role="rowgroup">
                {decisions
                  .slice(-ROWS_MAX)
                  .reverse()
                  .map((decision) => (
                    <Row key={decision.sequence} decision={decision} />
                  ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </section>
  );
}

function Row({
  decision: { atMs, volunteerId, round, what, from, to, because },
}: {
  readonly decision: DecisionView;
}) {
  const { columns } = text;
  return (
    <tr role="row">
      <th scope="row" role="rowheader" title={volunteerId ?? undefined}>
        {volunteerId === null ? text.coordinator : shortId(volunteerId)}
      </th>
      <td role="cell" data-head={columns.time}>
        {clockText(atMs)}
      </td>
      <td role="cell" data-head={strings.run.round}>
        {countText(round)}
      </td>
      <td role="cell" data-head={columns.what}>
        {text.what[what]}
      </td>
      <td role="cell" data-head={columns.change}>
        {text.change(countText(from), countText(to))}
      </td>
      <td role="cell" class="sentence" data-head={columns.why}>
        {text.why[what](because)}
      </td>
    </tr>
  );
}
