/**
 * What the run has learned since the person came, as two small curves: each a figure with a sentence, a table, and
 * arrow keys that read single values.
 */
import { useId, useState } from 'preact/hooks';
import type { Curve, Learned } from '../curve.ts';
import { countText, percentText } from '../format.ts';
import { strings } from '../strings/index.ts';

const text = strings.learned;
const WIDTH = 300;
const HEIGHT = 90;
const EDGE = 4;
/** Rows of the table under a chart. */
const ROWS_MAX = 12;

export function LearnedCurves({ learned }: { readonly learned: Learned }) {
  const isEmpty = learned.loss.length < 2 && learned.accuracy.length < 2;
  return (
    <section class="card" aria-labelledby="learned-heading">
      <h2 id="learned-heading">{text.heading}</h2>
      {isEmpty ? (
        <p class="note">{text.none}</p>
      ) : (
        <div class="curves">
          <Chart name={text.loss} curve={learned.loss} said={(value) => value.toFixed(3)} />
          <Chart name={text.accuracy} curve={learned.accuracy} said={percentText} />
        </div>
      )}
    </section>
  );
}

interface ChartProps {
  readonly name: string;
  readonly curve: Curve;
  readonly said: (value: number) => string;
}

function Chart({ name, curve, said }: ChartProps) {
  const id = useId();
  const [chosen, setChosen] = useState<number | null>(null);
  const first = curve[0];
  const last = curve.at(-1);
  if (first === undefined || last === undefined || curve.length < 2) return null;
  const place = placing(curve);
  const at = chosen === null ? null : (curve[Math.min(chosen, curve.length - 1)] ?? null);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setChosen(Math.max(0, Math.min(curve.length - 1, (chosen ?? curve.length - 1) + step)));
  };
  const marked = at ?? last;
  const [x, y] = place(marked.round, marked.value);
  return (
    <div>
      <div
        role="figure"
        class="chart"
        tabIndex={0}
        aria-labelledby={`${id}-name`}
        aria-describedby={`${id}-summary`}
        onKeyDown={move}
        onBlur={() => setChosen(null)}
      >
        <p class="chart-name">
          <span id={`${id}-name`}>{name}</span>
          <strong aria-live={at === null ? 'off' : 'polite'}>
            {at === null ? said(last.value) : text.at(countText(at.round), said(at.value))}
          </strong>
        </p>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" focusable="false">
          <polyline points={curve.map(({ round, value }) => place(round, value).join()).join(' ')} />
          <circle cx={x} cy={y} r={4} />
        </svg>
      </div>
      <p class="note" id={`${id}-summary`}>
        {text.summary(name, said(first.value), said(last.value))} {text.keys}
      </p>
      <details class="chart-table">
        <summary>{text.table}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{text.round}</th>
              <th scope="col">{name}</th>
            </tr>
          </thead>
          <tbody>
            {everySoOften(curve).map(({ round, value }) => (
              <tr key={round}>
                <td>{countText(round)}</td>
                <td>{said(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  );
}

/** Values into the picture: rounds from side to side, the largest value at the top. */
function placing(curve: Curve): (round: number, value: number) => [number, number] {
  const values = curve.map(({ value }) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const from = curve[0]!.round;
  const span = Math.max(1, curve.at(-1)!.round - from);
  return (round, value) => [
    EDGE + ((WIDTH - 2 * EDGE) * (round - from)) / span,
    EDGE + (HEIGHT - 2 * EDGE) * (1 - (value - low) / Math.max(1e-9, high - low)),
  ];
}

const everySoOften = (curve: Curve): Curve => {
  const step = Math.ceil(curve.length / ROWS_MAX);
  return curve.filter((_, index) => index % step === 0 || index === curve.length - 1);
};
