/**
 * Loss, accuracy and the churn lane on one time axis, with one way to read all three: hovering a chart, or a native
 * slider that speaks the same sentence. Below it the numbers as a table.
 */
import { useMemo, useState } from 'preact/hooks';
import type { RunPicture } from '../feed.ts';
import { curvesOf, nearest, type Curves } from '../curves.ts';
import { clockText, countText, lossText, percentText } from '../format.ts';
import { query } from '../route.ts';
import { strings } from '../strings.ts';
import { viewOf } from '../view.ts';
import { Chart, GUTTER, type Line } from './chart.tsx';
import { ChurnLane } from './churn-lane.tsx';
import { CurveTable } from './curve-table.tsx';
import { ViewControls } from './view-controls.tsx';

const text = strings.curves;
const CHART_HEIGHT_PX = 230;

export function CurvesPanel({ picture }: { readonly picture: RunPicture }) {
  const { points, events, run } = picture;
  const isOver = run.state === 'finished' || run.state === 'failed';
  const elapsedMs = isOver ? 0 : run.elapsedMs;
  const view = viewOf(query.value);
  const { axis, smoothing } = view;
  const curves = useMemo(
    () => curvesOf(points, elapsedMs, { axis, smoothing }),
    [points, elapsedMs, axis, smoothing],
  );
  const [chosen, setChosen] = useState<number | null>(null);
  const cursor = chosen === null ? curves.points.length - 1 : Math.min(chosen, curves.points.length - 1);
  const target = run.manifest.training.targetAccuracy;
  const losses = useMemo(() => lossLines(curves), [curves]);
  const accuracies = useMemo(() => accuracyLines(curves, target), [curves, target]);
  const errors = useMemo(() => errorLines(curves), [curves]);
  const hasError = errors[0]!.values.some((value) => value !== null);
  const isAutoencoding = run.manifest.training.objective === 'autoencoding';
  const hasAccuracy = !isAutoencoding && (!hasError || curves.valAccuracy.some((value) => value !== null));
  const parts = useMemo(() => partLines(curves), [curves]);
  const shared = { xs: curves.xs, axis, range: curves.range, cursor, onCursor: setChosen };

  return (
    <section class="card" aria-labelledby="curves-heading">
      <h2 id="curves-heading">{text.heading}</h2>
      {curves.points.length === 0 ? (
        <p class="note">{text.none}</p>
      ) : (
        <>
          <ViewControls view={view} />
          <Chart
            {...shared}
            heading={text.loss}
            summary={lossSummary(curves)}
            lines={losses}
            band={[1, 0]}
            valueText={(value) => String(Number(value.toPrecision(3)))}
            heightPx={CHART_HEIGHT_PX}
          />
          <ChurnLane events={events} curves={curves} />
          {hasAccuracy && (
            <Chart
              {...shared}
              heading={text.accuracy}
              summary={accuracySummary(picture)}
              lines={accuracies}
              band={null}
              valueText={(value) => `${Number((value * 100).toPrecision(3))} %`}
              heightPx={CHART_HEIGHT_PX - 50}
            />
          )}
          {isAutoencoding && (
            <Chart
              {...shared}
              heading={text.parts}
              summary={partsSummary(picture)}
              lines={parts}
              band={null}
              valueText={(value) => String(Number(value.toPrecision(3)))}
              heightPx={CHART_HEIGHT_PX - 50}
            />
          )}
          {hasError && (
            <Chart
              {...shared}
              heading={isAutoencoding ? text.nats : text.error}
              summary={errorSummary(picture)}
              lines={errors}
              band={null}
              valueText={(value) => String(Number(value.toPrecision(3)))}
              heightPx={CHART_HEIGHT_PX - 50}
            />
          )}
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

const accuracyLines = (curves: Curves, target: number | null): readonly Line[] => [
  { label: text.legend.raw, values: curves.valAccuracy, colour: '--glow', look: 'marks' },
  { label: text.legend.smooth, values: curves.valAccuracySmooth, colour: '--glow', look: 'strong' },
  ...(target === null
    ? []
    : [
        {
          label: text.legend.target,
          values: curves.xs.map(() => target),
          colour: '--soft-ink',
          look: 'dashed',
        } as const,
      ]),
];

const errorLines = (curves: Curves): readonly Line[] => [
  { label: text.legend.raw, values: curves.valError, colour: '--glow', look: 'marks' },
  { label: text.legend.smooth, values: curves.valErrorSmooth, colour: '--glow', look: 'strong' },
];

const partLines = (curves: Curves): readonly Line[] => [
  { label: text.legend.reconstruction, values: curves.valReconstruction, colour: '--teal', look: 'dots' },
  { label: text.legend.kl, values: curves.valKl, colour: '--glow', look: 'dots' },
];

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

function errorSummary({ points, run }: RunPicture): string {
  const last = points.findLast((point) => point.valError != null);
  return text.errorSummary(lossText(last?.valError ?? null), lossText(run.best?.error ?? null));
}

function partsSummary({ points, run }: RunPicture): string {
  const last = points.findLast((point) => point.valKl !== undefined);
  return last === undefined
    ? text.noneAccuracy
    : text.partsSummary(
        lossText(last.valReconstruction ?? null),
        lossText(last.valKl ?? null),
        String(run.manifest.training.klWeight),
      );
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
    point.valKl !== undefined
      ? text.partsReading(lossText(point.valReconstruction ?? null), lossText(point.valKl))
      : point.valError != null
        ? text.errorReading(lossText(point.valError))
        : point.valAccuracy == null
          ? null
          : text.accuracyReading(percentText(point.valAccuracy)),
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
        value={curves.xs[cursor]}
        onInput={({ currentTarget }) => onCursor(nearest(curves.xs, Number(currentTarget.value)))}
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
