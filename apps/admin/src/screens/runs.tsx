/** All runs, newest first, as they stand now; and the examples, which are all there is on a fresh coordinator. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { RunSummary } from '@murmuration/protocol';
import { countText, durationText, percentText } from '../format.ts';
import { Examples } from '../parts/examples.tsx';
import { RunActions } from '../parts/run-actions.tsx';
import { Sparkline } from '../parts/sparkline.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { messageOf, Trouble } from '../parts/trouble.tsx';
import { VolunteerLink } from '../parts/volunteer-link.tsx';
import { addressOf } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';

const text = strings.runs;
const REFRESH_MS = 3_000;

interface Known {
  readonly runs: readonly RunSummary[];
  readonly atMs: number;
}

export function RunsScreen() {
  const [known, setKnown] = useState<Known | null>(null);
  const [trouble, setTrouble] = useState('');
  const refresh = useCallback(async () => {
    if (document.hidden) return;
    try {
      const { items } = await api.runs({ limit: '100' });
      setKnown({ runs: items, atMs: Date.now() });
      setTrouble('');
    } catch (reason) {
      setTrouble(messageOf(reason));
    }
  }, []);
  useEffect(() => {
    void refresh();
    const timer = setInterval(refresh, REFRESH_MS);
    document.addEventListener('visibilitychange', refresh);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', refresh);
    };
  }, [refresh]);

  return (
    <>
      <div class="titled">
        <h1>{text.heading}</h1>
        <VolunteerLink />
      </div>
      <Trouble text={trouble} />
      {known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known !== null && known.runs.length > 0 && <RunTable known={known} onChanged={refresh} />}
      {known !== null && known.runs.length === 0 && (
        <section class="empty">
          <img src="/admin/flock.svg" alt="" width="520" height="180" />
          <h2>{text.emptyHeading}</h2>
          <p>{text.emptyText}</p>
        </section>
      )}
      {known !== null && <Examples />}
    </>
  );
}

function RunTable({
  known: { runs, atMs },
  onChanged,
}: {
  readonly known: Known;
  readonly onChanged: () => void;
}) {
  const { columns } = text;
  return (
    <section class="card" aria-label={text.heading}>
      <table role="table" class="stacking runs">
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
          {runs.map((run) => (
            <tr role="row" key={run.id}>
              <th scope="row" role="rowheader">
                <a href={addressOf({ screen: 'run', runId: run.id })}>{run.name}</a>
                <small>{run.datasetName}</small>
              </th>
              <td role="cell" data-head={columns.state}>
                <StateMark state={run.state} />
              </td>
              <td role="cell" data-head={columns.best}>
                {percentText(run.best?.accuracy ?? null)}
              </td>
              <td role="cell" data-head={columns.curve}>
                <Sparkline curve={run.sparkline} />
              </td>
              <td role="cell" data-head={columns.tabs}>
                {countText(run.volunteersConnected)}
              </td>
              <td role="cell" data-head={columns.age}>
                {durationText(atMs - Date.parse(run.createdAt))}
              </td>
              <td role="cell" data-head={columns.actions}>
                <RunActions run={run} onDone={onChanged} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
