/** Several runs beside one another: their curves over each other, what came of them, and what was asked for differently. */
import type { ComponentChild } from 'preact';
import { useCallback, useMemo, useState } from 'preact/hooks';
import type { Comparison } from '@murmuration/protocol';
import {
  comparedCurves,
  type ComparedCurves,
  layerTexts,
  lookOf,
  pointsEach,
  valueAt,
} from '../comparison.ts';
import { axisText, countText, durationText, lossText, percentText, settingText } from '../format.ts';
import { Chart, GUTTER, type Line } from '../parts/chart.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { ViewControls } from '../parts/view-controls.tsx';
import { usePolled } from '../polled.ts';
import { addressOf, changeQuery, query } from '../route.ts';
import { api } from '../session.ts';
import { compareStrings as text, viewStrings } from '../strings-compare.ts';
import { strings } from '../strings.ts';
import { metricFor, metricOf, pickedOf, viewOf, withPick, type Metric } from '../view.ts';

const CHART_HEIGHT_PX = 340;
const REFRESH_MS = 5_000;
/** Beyond this many curves only the smooth ones are drawn. */
const RAW_CURVES_MAX = 6;
/** Runs that the slider reads out; more would not be listened to. */
const SPOKEN_MAX = 6;

type Run = Comparison['runs'][number];

export function CompareScreen() {
  const picked = pickedOf(query.value);
  const ids = picked.join();
  const ask = useCallback(async () => {
    const asked = ids.split(',').filter((id) => id !== '');
    return asked.length === 0 ? null : api.compare(asked, pointsEach(asked.length));
  }, [ids]);
  const { known, trouble } = usePolled(ask, (comparison) =>
    comparison?.runs.some(({ state }) => state !== 'finished' && state !== 'failed') ? REFRESH_MS : null,
  );
  const toList = addressOf({ screen: 'runs' }, ids === '' ? {} : { runs: ids });
  return (
    <>
      <div class="titled">
        <h1>{text.heading}</h1>
        {picked.length > 0 && <a href={toList}>{text.change}</a>}
      </div>
      <Trouble text={trouble} />
      {picked.length === 0 && (
        <section class="card">
          <p>{text.none}</p>
          <a role="button" href={toList}>
            {text.toList}
          </a>
        </section>
      )}
      {picked.length > 0 && known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known !== null && (
        <>
          <Curves runs={known.runs} />
          <Differences comparison={known} picked={picked} />
        </>
      )}
    </>
  );
}

const textOf = (metric: Metric) => (value: number | null) =>
  metric === 'valAccuracy' ? percentText(value) : lossText(value);

function Curves({ runs }: { readonly runs: readonly Run[] }) {
  const view = viewOf(query.value);
  const { axis, smoothing } = view;
  const usual = useMemo(() => metricFor(runs.flatMap(({ points }) => points)), [runs]);
  const metric = metricOf(query.value) ?? usual;
  const compared = useMemo(
    () => comparedCurves(runs as Comparison['runs'], metric, { axis, smoothing }),
    [runs, metric, axis, smoothing],
  );
  const lines = useMemo(() => linesOf(compared), [compared]);
  const [chosen, setChosen] = useState<number | null>(null);
  const { xs, curves, range } = compared;
  const cursor = Math.min(chosen ?? xs.length - 1, xs.length - 1);
  const valueText = textOf(metric);
  const values = curves.map(({ smooth }) => valueText(valueAt(smooth, cursor)));
  const at = text.at[axis](axisText(axis, xs[cursor] ?? 0));
  const spoken = runs.slice(0, SPOKEN_MAX).map(({ name }, index) => text.readingOf(name, values[index]!));
  const step = (move: number) => setChosen(Math.max(0, Math.min(xs.length - 1, cursor + move)));
  const pointCount = runs.reduce((sum, { points }) => sum + points.length, 0);
  return (
    <section class="card" aria-labelledby="curves-heading">
      <h2 id="curves-heading">{text.curves}</h2>
      <ViewControls view={view} metric={metric} />
      {xs.length === 0 ? (
        <p class="note">{text.noCurve(viewStrings.metrics[metric])}</p>
      ) : (
        <>
          <Chart
            heading={viewStrings.metrics[metric]}
            summary={text.summary(viewStrings.metrics[metric], runs.map(({ name }) => name).join(', '))}
            xs={xs}
            axis={axis}
            range={range}
            lines={lines}
            band={null}
            valueText={(value) =>
              metric === 'valAccuracy'
                ? `${Number((value * 100).toPrecision(3))} %`
                : String(Number(value.toPrecision(3)))
            }
            heightPx={CHART_HEIGHT_PX}
            cursor={cursor}
            onCursor={setChosen}
          />
          <div class="scrubber" style={{ paddingInline: `${GUTTER.start}px ${GUTTER.end}px` }}>
            <input
              type="range"
              aria-label={text.scrubber}
              aria-valuetext={`${at}: ${spoken.join(', ')}`}
              min={0}
              max={xs.length - 1}
              value={cursor}
              onInput={({ currentTarget }) => setChosen(currentTarget.valueAsNumber)}
              onKeyDown={(event) => {
                const move = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
                if (move === undefined) return;
                event.preventDefault();
                step(move);
              }}
            />
            <p class="reading">{at}</p>
          </div>
          <ul class="readings">
            {runs.map((run, index) => (
              <li key={run.id}>
                <Swatch index={index} />
                <span>{run.name}</span>
                <strong>{values[index]}</strong>
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="note">
        {text.points(countText(pointCount), countText(runs.length))} {viewStrings.linked}
      </p>
    </section>
  );
}

function linesOf({ curves }: ComparedCurves): readonly Line[] {
  const raw = curves.length > RAW_CURVES_MAX ? [] : curves;
  return [
    ...raw.map(
      (curve, index) =>
        ({ label: '', values: curve.raw, colour: lookOf(index).colour, look: 'faint' }) as const,
    ),
    // The list below the chart is its legend.
    ...curves.map((curve, index) => ({ label: '', values: curve.smooth, ...lookOf(index) })),
  ];
}

function Swatch({ index }: { readonly index: number }) {
  const { colour, look } = lookOf(index);
  return <span class={`swatch ${look}`} aria-hidden="true" style={{ '--swatch': `var(${colour})` }} />;
}

function Setting({ asked }: { readonly asked: string | null }) {
  if (asked === null) return <>–</>;
  const value: unknown = JSON.parse(asked);
  const layers = layerTexts(value);
  if (layers === null) return <>{settingText(value)}</>;
  return (
    <ol class="layers">
      {layers.map((layer, index) => (
        <li key={index}>{layer}</li>
      ))}
    </ol>
  );
}

interface DifferencesProps {
  readonly comparison: Comparison;
  readonly picked: readonly string[];
}

function Differences({ comparison: { runs, differs }, picked }: DifferencesProps) {
  const { rows } = text;
  const outcome: readonly (readonly [string, (run: Run) => ComponentChild])[] = [
    [rows.state, (run) => <StateMark state={run.state} />],
    ...(runs.some(({ best }) => best?.accuracy != null)
      ? [[rows.accuracy, (run: Run) => percentText(run.best?.accuracy ?? null)] as const]
      : []),
    ...(runs.some(({ best }) => best?.error != null)
      ? [[rows.error, (run: Run) => lossText(run.best?.error ?? null)] as const]
      : []),
    [rows.loss, (run) => lossText(run.best?.loss ?? null)],
    [rows.round, (run) => (run.best === null ? '–' : countText(run.best.round))],
    [rows.samples, (run) => countText(run.samples)],
    [rows.training, (run) => durationText(run.trainingMs)],
  ];
  return (
    <section class="card" aria-labelledby="differs-heading">
      <h2 id="differs-heading">{text.differs}</h2>
      {differs.length === 0 && <p class="note">{text.same}</p>}
      <div class="scroller" tabIndex={0} role="region" aria-labelledby="differs-heading">
        <table class="compared">
          <thead>
            <tr>
              <th scope="col">{text.key}</th>
              {runs.map((run, index) => (
                <th scope="col" key={run.id}>
                  <Swatch index={index} />
                  <a href={addressOf({ screen: 'run', runId: run.id })}>{run.name}</a>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {differs.map(({ key, values }) => (
              <tr key={key}>
                <th scope="row">
                  <code>{key}</code>
                </th>
                {values.map((value, index) => (
                  <td key={runs[index]!.id}>
                    <Setting asked={value} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
          <tbody>
            <tr>
              <th scope="rowgroup" colSpan={runs.length + 1} class="group">
                {text.outcome}
              </th>
            </tr>
            {outcome.map(([name, cell]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {runs.map((run) => (
                  <td key={run.id}>{cell(run)}</td>
                ))}
              </tr>
            ))}
            {runs.length > 1 && (
              <tr>
                <th scope="row">{text.removeWord}</th>
                {runs.map((run) => (
                  <td key={run.id}>
                    <button
                      type="button"
                      class="plain"
                      aria-label={text.remove(run.name)}
                      onClick={() => changeQuery({ runs: withPick(picked, run.id, false) })}
                    >
                      {text.removeWord}
                    </button>
                  </td>
                ))}
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </section>
  );
}
