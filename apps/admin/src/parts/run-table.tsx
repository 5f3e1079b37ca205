/** Runs as lines: what they are doing, the best so far, a curve in the size of a word. */
import { COMPARED_RUNS_MAX, type RunId, type RunSummary } from '@murmuration/protocol';
import { bestText, countText, durationText } from '../format.ts';
import { addressOf } from '../route.ts';
import { compareStrings } from '../strings-compare.ts';
import { strings } from '../strings.ts';
import { RunActions } from './run-actions.tsx';
import { Sparkline } from './sparkline.tsx';
import { StateMark } from './state-mark.tsx';
import { TableHead } from './table-head.tsx';

const { columns } = strings.runs;

interface Props {
  readonly runs: readonly RunSummary[];
  /** When this was how they stood. */
  readonly atMs: number;
  readonly picked: readonly string[];
  readonly onPick: (id: RunId, isPicked: boolean) => void;
  readonly onChanged: () => void;
}

export const RunTable = ({ runs, atMs, picked, onPick, onChanged }: Props) => (
  <table role="table" class="stacking runs">
    <TableHead heads={Object.values(columns)} />
    <tbody role="rowgroup">
      {runs.map((run) => {
        const isPicked = picked.includes(run.id);
        return (
          <tr role="row" key={run.id}>
            <td role="cell" class="pick" data-head={columns.pick}>
              <input
                type="checkbox"
                aria-label={compareStrings.pick(run.name)}
                checked={isPicked}
                disabled={!isPicked && picked.length >= COMPARED_RUNS_MAX}
                onChange={({ currentTarget }) => onPick(run.id, currentTarget.checked)}
              />
            </td>
            <th scope="row" role="rowheader">
              <a href={addressOf({ screen: 'run', runId: run.id })}>{run.name}</a>
              <small>{run.datasetName}</small>
            </th>
            <td role="cell" data-head={columns.state}>
              <StateMark state={run.state} />
            </td>
            <td role="cell" data-head={columns.best}>
              {bestText(run.best)}
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
        );
      })}
    </tbody>
  </table>
);
