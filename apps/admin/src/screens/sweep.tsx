/** One sweep: what it tries, what came of it as a picture and as a table, and its buttons. */
import { useCallback, useState } from 'preact/hooks';
import {
  COMPARED_RUNS_MAX,
  type SweepOrder,
  type SweepTable,
  type SweepView,
  type Trial,
} from '@murmuration/protocol';
import { countText, durationText, lossText, percentText, settingText } from '../format.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Sure } from '../parts/sure.tsx';
import { SweepChart } from '../parts/sweep-chart.tsx';
import { messageOf, Trouble } from '../parts/trouble.tsx';
import { usePolled } from '../polled.ts';
import { addressOf, goTo } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { sweepStrings } from '../strings-sweeps.ts';
import { TableHead } from '../parts/table-head.tsx';

const text = sweepStrings.one;
const REFRESH_MS = 3_000;

export function SweepScreen({ sweepId }: { readonly sweepId: string }) {
  const ask = useCallback(() => api.sweep(sweepId), [sweepId]);
  const { known, trouble, refresh } = usePolled(ask, ({ sweep }) =>
    sweep.state === 'running' || sweep.state === 'paused' ? REFRESH_MS : null,
  );
  return (
    <>
      <p class="back">
        <a href={addressOf({ screen: 'sweeps' })}>← {sweepStrings.back}</a>
      </p>
      <Trouble text={trouble} />
      {known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known !== null && <Known table={known} onChanged={() => void refresh()} />}
    </>
  );
}

function Known({ table, onChanged }: { readonly table: SweepTable; readonly onChanged: () => void }) {
  const { sweep, trials } = table;
  const [pointed, setPointed] = useState<number | null>(null);
  const runs = trials.flatMap(({ runId }) => (runId === null ? [] : [runId])).slice(0, COMPARED_RUNS_MAX);
  return (
    <>
      <div class="titled">
        <div>
          <h1>{sweep.name}</h1>
          <p class="note">
            {sweepStrings.states[sweep.state]} ·{' '}
            {sweepStrings.trialsOf(countText(sweep.trialsOver), countText(sweep.trialCount))}
          </p>
        </div>
        <Orders sweep={sweep} onChanged={onChanged} />
      </div>
      <section class="card" aria-labelledby="picture-heading">
        <h2 id="picture-heading">{text.picture}</h2>
        <SweepChart table={table} pointed={pointed} />
      </section>
      <section class="card" aria-labelledby="trials-heading">
        <h2 id="trials-heading">{text.table}</h2>
        <p class="links">
          <a href={`/api/sweeps/${sweep.id}/table.csv`} download>
            {text.csv}
          </a>
          {runs.length > 1 && (
            <a href={addressOf({ screen: 'compare' }, { runs: runs.join() })}>{text.compare}</a>
          )}
        </p>
        <Trials table={table} onPoint={setPointed} />
      </section>
    </>
  );
}

interface OrdersProps {
  readonly sweep: SweepView;
  readonly onChanged: () => void;
}

function Orders({ sweep: { id, name, state }, onChanged }: OrdersProps) {
  const [trouble, setTrouble] = useState('');
  const act = async (work: () => Promise<unknown>) => {
    setTrouble('');
    try {
      await work();
      onChanged();
    } catch (reason) {
      setTrouble(messageOf(reason));
    }
  };
  const order = (word: SweepOrder) => act(() => api.orderSweep(id, word));
  const isOpen = state === 'running' || state === 'paused';
  return (
    <div>
      <div class="actions">
        {state === 'running' && (
          <button type="button" class="outline secondary" onClick={() => void order('pause')}>
            {text.pause}
          </button>
        )}
        {state === 'paused' && (
          <button type="button" onClick={() => void order('resume')}>
            {text.resume}
          </button>
        )}
        {isOpen && (
          <Sure
            word={text.stop}
            label={text.stop}
            question={text.stopSure(name)}
            yes={text.stopYes}
            no={text.stopNo}
            onYes={() => void order('stop')}
          />
        )}
        {state !== 'running' && (
          <Sure
            word={text.delete}
            label={text.delete}
            question={text.deleteSure(name)}
            yes={text.deleteYes}
            no={text.deleteNo}
            onYes={() =>
              void api.deleteSweep(id).then(
                () => goTo({ screen: 'sweeps' }),
                (reason: unknown) => setTrouble(messageOf(reason)),
              )
            }
          />
        )}
      </div>
      <Trouble text={trouble} />
    </div>
  );
}

interface TrialsProps {
  readonly table: SweepTable;
  readonly onPoint: (index: number | null) => void;
}

function Trials({ table: { sweep, trials }, onPoint }: TrialsProps) {
  const { columns } = text;
  const keys = [...new Set(trials.flatMap(({ assignment }) => Object.keys(assignment)))];
  const heads = [
    columns.trial,
    columns.state,
    ...keys,
    columns.accuracy,
    columns.loss,
    columns.rounds,
    columns.samples,
    columns.time,
  ];
  const cells = (trial: Trial) => [
    ...keys.map((key) => [key, settingText(trial.assignment[key])] as const),
    [columns.accuracy, percentText(trial.best?.accuracy ?? null)] as const,
    [columns.loss, lossText(trial.best?.loss ?? null)] as const,
    [columns.rounds, countText(trial.rounds)] as const,
    [columns.samples, countText(trial.samples)] as const,
    [columns.time, durationText(trial.trainingMs)] as const,
  ];
  return (
    <div class="scroller" tabIndex={0} role="region" aria-labelledby="trials-heading">
      <table role="table" class="stacking trials">
        <TableHead heads={heads} />
        <tbody role="rowgroup">
          {trials.map((trial) => (
            <tr
              role="row"
              key={trial.index}
              class={trial.index === sweep.bestTrial ? 'best' : ''}
              onMouseEnter={() => onPoint(trial.index)}
              onMouseLeave={() => onPoint(null)}
              onFocusIn={() => onPoint(trial.index)}
              onFocusOut={() => onPoint(null)}
            >
              <th scope="row" role="rowheader">
                {trial.runId === null ? (
                  trial.index
                ) : (
                  <a href={addressOf({ screen: 'run', runId: trial.runId })}>
                    {sweepStrings.bestTrial(String(trial.index))}
                  </a>
                )}
                {trial.index === sweep.bestTrial && <small> {text.best}</small>}
              </th>
              <td role="cell" data-head={columns.state}>
                <TrialState trial={trial} />
              </td>
              {cells(trial).map(([head, cell]) => (
                <td role="cell" key={head} data-head={head}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TrialState({ trial: { state, reason } }: { readonly trial: Trial }) {
  if (state !== 'pending' && state !== 'deleted' && state !== 'refused') return <StateMark state={state} />;
  return <span title={reason}>{reason === '' ? text.words[state] : `${text.words[state]}: ${reason}`}</span>;
}
