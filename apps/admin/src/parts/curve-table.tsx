/** The numbers of a run's curves as a table, evenly taken from all of them. */
import { sampled, type Curves } from '../curves.ts';
import { clockText, countText, lossText, percentText } from '../format.ts';
import { strings } from '../strings.ts';

const text = strings.curves;
const ROWS_MAX = 40;

export function CurveTable({ curves }: { readonly curves: Curves }) {
  const { columns } = text;
  const isKnown = (value: number | null) => value !== null;
  const hasError = curves.valError.some(isKnown);
  const hasParts = curves.valKl.some(isKnown);
  const heads = [
    columns.time,
    columns.round,
    columns.loss,
    columns.low,
    columns.high,
    columns.valLoss,
    ...(hasParts ? [columns.reconstruction, columns.kl] : [columns.accuracy]),
    ...(hasError ? [columns.error] : []),
    columns.tabs,
  ];
  return (
    <details>
      <summary>{text.table}</summary>
      <div class="scroller" tabIndex={0} role="region" aria-label={text.table}>
        <table>
          <thead>
            <tr>
              {heads.map((head) => (
                <th scope="col" key={head}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sampled(curves.points, ROWS_MAX).map((point) => (
              <tr key={point.round}>
                <th scope="row">{clockText(point.atMs)}</th>
                <td>{countText(point.round)}</td>
                <td>{lossText(point.loss)}</td>
                <td>{lossText(point.lossMin)}</td>
                <td>{lossText(point.lossMax)}</td>
                <td>{lossText(point.valLoss)}</td>
                {hasParts ? (
                  <>
                    <td>{lossText(point.valReconstruction ?? null)}</td>
                    <td>{lossText(point.valKl ?? null)}</td>
                  </>
                ) : (
                  <td>{percentText(point.valAccuracy)}</td>
                )}
                {hasError && <td>{lossText(point.valError ?? null)}</td>}
                <td>{countText(point.volunteers)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
