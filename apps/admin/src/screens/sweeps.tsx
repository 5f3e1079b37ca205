/** All sweeps, newest first. */
import { useCallback } from 'preact/hooks';
import type { SweepView } from '@murmuration/protocol';
import { countText, durationText } from '../format.ts';
import { Trouble } from '../parts/trouble.tsx';
import { usePolled } from '../polled.ts';
import { addressOf } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { sweepStrings as text } from '../strings-sweeps.ts';
import { TableHead } from '../parts/table-head.tsx';

const REFRESH_MS = 5_000;
const { columns } = text;

export function SweepsScreen() {
  const ask = useCallback(async () => ({ sweeps: await api.sweeps(), atMs: Date.now() }), []);
  const { known, trouble } = usePolled(ask, () => REFRESH_MS);
  return (
    <>
      <div class="titled">
        <h1>{text.heading}</h1>
        <a role="button" href={addressOf({ screen: 'new-sweep' })}>
          {text.create}
        </a>
      </div>
      <Trouble text={trouble} />
      {known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known?.sweeps.length === 0 && <p class="card">{text.none}</p>}
      {known !== null && known.sweeps.length > 0 && (
        <section class="card" aria-label={text.heading}>
          <table role="table" class="stacking">
            <TableHead heads={Object.values(columns)} />
            <tbody role="rowgroup">
              {known.sweeps.map((sweep) => (
                <Row key={sweep.id} sweep={sweep} atMs={known.atMs} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}

const Row = ({ sweep, atMs }: { readonly sweep: SweepView; readonly atMs: number }) => (
  <tr role="row">
    <th scope="row" role="rowheader">
      <a href={addressOf({ screen: 'sweep', sweepId: sweep.id })}>{sweep.name}</a>
    </th>
    <td role="cell" data-head={columns.state}>
      {text.states[sweep.state]}
    </td>
    <td role="cell" data-head={columns.trials}>
      {text.trialsOf(countText(sweep.trialsOver), countText(sweep.trialCount))}
    </td>
    <td role="cell" data-head={columns.best}>
      {sweep.bestTrial === null ? '–' : text.bestTrial(countText(sweep.bestTrial))}
    </td>
    <td role="cell" data-head={columns.age}>
      {durationText(atMs - Date.parse(sweep.createdAt))}
    </td>
  </tr>
);
