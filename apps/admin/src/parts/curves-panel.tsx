/**
 * Loss, accuracy and the churn lane on one time axis, with one way to read all three: hovering a chart, or a native
 * slider that speaks the same sentence. Below it the numbers as a table.
 */
import { useMemo, useState } from 'preact/hooks';
import type { RunPicture } from '../feed.ts';
import { curvesOf, nearest, sampled, type Curves } from '../curves.ts';
import { clockText, countText, lossText, percentText } from '../format.ts';
import { strings } from '../strings.ts';
import { Chart, GUTTER } from './chart.tsx';
import { ChurnLane } from './churn-lane.tsx';

const text = strings.curves;
const CHART_HEIGHT_PX = 230;
const TABLE_ROWS_MAX = 40;

export function CurvesPanel({ picture }: { readonly picture: RunPicture }) {
  const { points, events, run } = picture;
  const isOver = run.state === 'finished' || run.state === 'failed';
  const elapsedMs = isOver ? 0 : run.elapsedMs;
  const curves = useMemo(() => curvesOf(points, elapsedMs), [points, elapsedMs]);
  const [chosen, setChosen] = useState<number | null>(null);
  const cursor = chosen === null ? curves.points.length - 1 : Math.min(chosen, curves.points.length - 1);
  const target = run.manifest.training.targetAccuracy;
  const losses = useMemo(() => lossLines(curves), [curves]);
  const accuracies = useMemo(() => accuracyLines(curves, target), [curves, target]);

  return (
    <section class="card" aria-labelledby="curves-heading">
      <h2 id="curves-heading">{text.heading}</h2>
      {curves.points.length === 0 ? (
        <p class="note">{text.none}</p>
      ) : (
        <>
          <Chart
            heading={text.loss}
            summary={lossSummary(curves)}
            seconds={curves.seconds}
            range={curves.range}
            lines={losses}
            band={[1, 0]}
            valueText={(value) => String(Number(value.toPrecision(3)))}
            heightPx={CHART_HEIGHT_PX}
            cursor={cursor}
            onCursor={setChosen}
          />
          <ChurnLane events={events} points={curves.points} range={curves.range} />
          <Chart
            heading={text.accuracy}
            summary={accuracySummary(picture)}
            seconds={curves.seconds}
            range={curves.range}
            lines={accuracies}
            band={null}
            valueText={(value) => `${Number((value * 100).toPrecision(3))} %`}
            heightPx={CHART_HEIGHT_PX - 50}
            cursor={cursor}
            onCursor={setChosen}
          />
          <Scrubber curves={curves} cursor={cursor} onCursor={setChosen} />
          <CurveTable curves={curves} />
        </>
      )}
    </section>
  );
}

const lossLines = (curves: Curves) =>
  [
    { label: '', values: curves.lossMin, colour: '--teal', look: 'edge' },
    { label: text.legend.band, values: curves.lossMax, colour: '--band', look: 'edge' },
    { label: text.legend.raw, values: curves.loss, colour: '--teal', look: 'faint' },
    { label: text.legend.smooth, values: curves.lossSmooth, colour: '--teal', look: 'strong' },
    { label: text.legend.validation, values: curves.valLoss, colour: '--glow', look: 'dots' },
  ] as const;

const accuracyLines = (curves: Curves, target: number | null) =>
  [
    { label: text.legend.validation, values: curves.valAccuracy, colour: '--glow', look: 'dots' },
    ...(target === null
      ? []
      : [
          {
            label: text.legend.target,
            values: curves.seconds.map(() => target),
            colour: '--soft-ink',
            look: 'dashed',
          },
        ]),
  ] as readonly import('./chart.tsx').Line[];

function lossSummary({ points, lossSmooth }: Curves): string {
  const known = lossSmooth.filter((value) => value !== null);
  return text.lossSummary(
    lossText(known[0] ?? null),
    lossText(known.at(-1) ?? null),
    countText(points.at(-1)?.round ?? 0),
  );
}

function accuracySummary({ points, run }: RunPicture): string {
  const last = points.findLast((point) => point.valAccuracy !== null);
  return last === undefined
    ? text.noneAccuracy
    : text.accuracySummary(percentText(last.valAccuracy), percentText(run.best?.accuracy ?? null));
}

interface ScrubberProps {
  readonly curves: Curves;
  readonly cursor: number;
  readonly onCursor: (index: number) => void;
}

function Scrubber({ curves, cursor, onCursor }: ScrubberProps) {
  const point = curves.points[cursor];
  if (point === undefined) return null;
  const spread =
    point.lossMin === null || point.lossMax === null || point.lossMin === point.lossMax
      ? ''
      : text.lossRange(lossText(point.lossMin), lossText(point.lossMax));
  const reading = text.reading(
    clockText(point.atMs),
    countText(point.round),
    lossText(point.loss),
    spread,
    percentText(point.valAccuracy),
    countText(point.volunteers),
  );
  const step = (move: number) => onCursor(Math.max(0, Math.min(curves.points.length - 1, cursor + move)));
  return (
    <div class="scrubber" style={{ paddingInline: `${GUTTER.start}px ${GUTTER.end}px` }}>
      <input
        type="range"
        aria-label={text.scrubber}
        aria-valuetext={reading}
        min={curves.range[0]}
        max={curves.range[1]}
        step="any"
        value={curves.seconds[cursor]}
        onInput={({ currentTarget }) => onCursor(nearest(curves.seconds, Number(currentTarget.value)))}
        onKeyDown={(event) => {
          // An arrow moves by one point, whatever the distance in time is.
          const move = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
          if (move === undefined) return;
          event.preventDefault();
          step(move);
        }}
      />
      <p class="reading">{reading}</p>
    </div>
  );
}

function CurveTable({ curves }: { readonly curves: Curves }) {
  const { columns } = text;
  const heads = [
    columns.time,
    columns.round,
    columns.loss,
    columns.low,
    columns.high,
    columns.valLoss,
    columns.accuracy,
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
            {sampled(curves.points, TABLE_ROWS_MAX).map((point) => (
              <tr key={point.round}>
                <th scope="row">{clockText(point.atMs)}</th>
                <td>{countText(point.round)}</td>
                <td>{lossText(point.loss)}</td>
                <td>{lossText(point.lossMin)}</td>
                <td>{lossText(point.lossMax)}</td>
                <td>{lossText(point.valLoss)}</td>
                <td>{percentText(point.valAccuracy)}</td>
                <td>{countText(point.volunteers)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
