/**
 * Results of a sweep drawn: with one key a scatter of result over value, with more parallel coordinates, an axis a key. The
 * best trial is thick and marked; the table below has the numbers.
 */
import type { SweepTable } from '@murmuration/protocol';
import { lossText, percentText } from '../format.ts';
import { sweepStrings } from '../strings-sweeps.ts';
import { resultOf, sweepPicture, type SweepAxis, type SweepPicture } from '../sweep-picture.ts';

const text = sweepStrings.one;
const SIZE = { width: 720, height: 300, start: 70, end: 70, top: 34, bottom: 22 } as const;
const TALL = SIZE.height - SIZE.top - SIZE.bottom;
/** A label longer than this is cut; the table has all of it. */
const LABEL_MAX = 22;

interface Props {
  readonly table: SweepTable;
  /** Index of the trial that is pointed at in the table. */
  readonly pointed: number | null;
}

export function SweepChart({ table, pointed }: Props) {
  const { metric } = table.sweep.request;
  const valueText = metric === 'accuracy' ? percentText : lossText;
  const picture = sweepPicture(table, valueText);
  const best = picture.trials.at(-1);
  if (best === undefined) return <p class="note">{text.nothing}</p>;
  const summary = text.summary(
    picture.trials.length,
    sweepStrings.form.metrics[metric],
    valueText(resultOf(best, metric)),
  );
  const drawn = { picture, pointed };
  return (
    <figure role="figure" aria-label={`${text.picture}. ${summary}`} class="chart sweep-chart">
      <figcaption>
        <strong>{summary}</strong>
        <ul class="legend" aria-hidden="true">
          <li>
            <span class="swatch strong" style={{ '--swatch': 'var(--glow)' }} />
            {text.legendBest}
          </li>
          <li>
            <span class="swatch" style={{ '--swatch': 'var(--teal)' }} />
            {text.legendOther}
          </li>
        </ul>
      </figcaption>
      <div class="scroller" tabIndex={0} role="region" aria-label={text.picture}>
        <svg viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} aria-hidden="true">
          {picture.axes.length === 2 ? <Scatter {...drawn} /> : <Parallel {...drawn} />}
        </svg>
      </div>
    </figure>
  );
}

interface Drawn {
  readonly picture: SweepPicture;
  readonly pointed: number | null;
}

const y = (at: number) => SIZE.top + (1 - at) * TALL;
const x = (at: number) => SIZE.start + at * (SIZE.width - SIZE.start - SIZE.end);
const short = (label: string) => (label.length > LABEL_MAX ? `${label.slice(0, LABEL_MAX - 1)}…` : label);
const classOf = (index: number, isBest: boolean, pointed: number | null) =>
  `trial${isBest ? ' best' : ''}${pointed === index ? ' pointed' : ''}`;

function Parallel({ picture: { axes, trials }, pointed }: Drawn) {
  const place = (index: number) => x(index / (axes.length - 1));
  return (
    <>
      {trials.map((trial, order) => {
        const points = axes.flatMap((axis, index) => {
          const at = axis.at(trial);
          return at === null ? [] : [`${place(index).toFixed(1)} ${y(at).toFixed(1)}`];
        });
        return (
          <path
            key={trial.index}
            class={classOf(trial.index, order === trials.length - 1, pointed)}
            d={`M${points.join('L')}`}
          />
        );
      })}
      {/* On top of the curves: their words have a rim of paper, so that no line crosses them. */}
      {axes.map((axis, index) => (
        <Upright key={axis.key} axis={axis} x={place(index)} isLast={index === axes.length - 1} />
      ))}
    </>
  );
}

function Scatter({ picture: { axes, trials }, pointed }: Drawn) {
  const [across, up] = axes as [SweepAxis, SweepAxis];
  return (
    <>
      <Upright axis={up} x={SIZE.start} isLast={false} />
      <line class="axis" x1={x(0)} x2={x(1)} y1={y(0)} y2={y(0)} />
      {across.ticks.map(({ at, text: label }) => (
        <text key={label} class="tick" x={x(at)} y={y(0) + 16} text-anchor="middle">
          {short(label)}
        </text>
      ))}
      <text class="key" x={x(1)} y={y(0) - 8} text-anchor="end">
        {across.key}
      </text>
      {trials.map((trial, order) => {
        const at = across.at(trial);
        return (
          at !== null && (
            <circle
              key={trial.index}
              class={classOf(trial.index, order === trials.length - 1, pointed)}
              cx={x(at)}
              cy={y(up.at(trial)!)}
              r={order === trials.length - 1 ? 6 : 4.5}
            />
          )
        );
      })}
    </>
  );
}

interface UprightProps {
  readonly axis: SweepAxis;
  readonly x: number;
  /** Its ticks stand on the other side. */
  readonly isLast: boolean;
}

const Upright = ({ axis: { key, ticks }, x: left, isLast }: UprightProps) => (
  <>
    <line class="axis" x1={left} x2={left} y1={y(0)} y2={y(1)} />
    <text class="key" x={left} y={SIZE.top - 16} text-anchor="middle">
      {short(key.replace(/^training\./, ''))}
    </text>
    {ticks.map(({ at, text: label }) => (
      <text
        key={label}
        class="tick"
        x={isLast ? left + 8 : left - 8}
        y={y(at) + 4}
        text-anchor={isLast ? 'start' : 'end'}
      >
        {short(label)}
      </text>
    ))}
  </>
);
