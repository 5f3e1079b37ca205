/** What became of each layer of a file: a table for eyes that look for the one that is in the way. */
import type { ImportReport } from '@murmuration/protocol';
import { models as text } from '../strings-models.ts';
import { TableHead } from './table-head.tsx';

const { reportColumns: columns } = text;

export const ModelReport = ({ report }: { readonly report: Readonly<ImportReport> }) => (
  <table role="table" class="stacking report" aria-label={text.report}>
    <TableHead heads={Object.values(columns)} />
    <tbody role="rowgroup">
      {report.map(({ layer, className, outcome, note }) => (
        <tr role="row" key={layer}>
          <th scope="row" role="rowheader">
            {layer}
          </th>
          <td role="cell" data-head={columns.kind}>
            {className}
          </td>
          <td role="cell" data-head={columns.outcome} class={`outcome ${outcome.replace(' ', '-')}`}>
            {text.outcomes[outcome]}
          </td>
          <td role="cell" data-head={columns.note}>
            {note}
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

/** The model as a whole, in a sentence. */
export function reportSentence(report: Readonly<ImportReport>, isTaken: boolean): string {
  const refused = report.filter(({ outcome }) => outcome === 'refused').length;
  if (refused > 0) return text.refused(refused);
  if (!isTaken) return text.noLayers;
  return report.length > 1 ? text.taken(String(report.length)) : text.takenFew;
}
