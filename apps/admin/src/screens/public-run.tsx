/** The public page of a run: how far it is, its curve, and a way to take part. */
import { useCallback, useEffect, useMemo } from 'preact/hooks';
import { ApiClient } from '@murmuration/client';
import type { PublicRun as Run, PublicRunPage } from '@murmuration/protocol';
import { curvesOf } from '../curves.ts';
import { countText, durationText, etaText, lossText, percentText } from '../format.ts';
import { Chart } from '../parts/chart.tsx';
import { DetailsCard, Figure, Progress } from '../parts/run-facts.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { usePolled } from '../polled.ts';
import { publicStrings as text } from '../strings-public.ts';
import { metricFor, SMOOTHING_DEFAULT } from '../view.ts';

const REFRESH_MS = 5_000;
const CHART_HEIGHT_PX = 240;
const client = new ApiClient({ url: '' });
const isOver = ({ state }: Run) => state === 'finished' || state === 'failed';

export function PublicRun({ runId }: { readonly runId: string }) {
  const ask = useCallback(() => client.publicRun(runId), [runId]);
  const { known, trouble } = usePolled(ask, ({ run }) => (isOver(run) ? null : REFRESH_MS));
  const name = known?.run.name;
  useEffect(() => {
    if (name !== undefined) document.title = text.title(name);
  }, [name]);
  return (
    <>
      <header class="top">
        <div class="column">
          <a class="wordmark" href="/">
            <img src="/admin/mark.svg" alt="" width="28" height="28" />
            {text.name}
          </a>
        </div>
      </header>
      <main class="column" data-screen="public-run">
        {known === null && <p class="note">{trouble === '' ? text.loading : text.unknown}</p>}
        {known !== null && <Known page={known} />}
      </main>
    </>
  );
}

function Known({ page: { run, points } }: { readonly page: PublicRunPage }) {
  return (
    <>
      <div class="titled">
        <div>
          <h1>{run.name}</h1>
          <p class="standing">
            <StateMark state={run.state} />
            <span>{text.states[run.state]}</span>
          </p>
        </div>
        {!isOver(run) && (
          <div class="join-run">
            <a role="button" href="/">
              {text.join}
            </a>
            <small>{text.joinNote}</small>
          </div>
        )}
      </div>
      <Progress share={run.progress} label={text.progress} />
      <Figures run={run} />
      <section class="card">
        {points.length === 0 ? <p class="note">{text.none}</p> : <Curve run={run} points={points} />}
      </section>
      <Details run={run} />
      <p class="note">
        <a href={`/api/public/runs/${run.id}`}>{text.json}</a> · {text.noNames}
      </p>
    </>
  );
}

function Figures({ run }: { readonly run: Run }) {
  const figures: readonly (readonly [string, string, string])[] = [
    run.accuracy === null
      ? [text.loss, lossText(run.loss), '']
      : [
          text.accuracy,
          percentText(run.accuracy),
          run.targetAccuracy === null ? '' : text.aim(percentText(run.targetAccuracy)),
        ],
    [text.round, countText(run.round), text.roundOf(countText(run.roundsMax))],
    [text.tabs, countText(run.volunteersConnected), text.tabsEver(countText(run.volunteersEver))],
    [text.samples, countText(run.samples), ''],
    ...(isOver(run)
      ? []
      : ([
          [
            text.left,
            run.etaMs === null ? '–' : etaText(run.etaMs),
            run.etaMs === null ? text.unknownYet : '',
          ],
        ] as const)),
  ];
  return (
    <dl class="numbers loose">
      {figures.map(([name, value, note]) => (
        <Figure key={name} {...{ name, value, note }} />
      ))}
    </dl>
  );
}

function Curve({ run, points }: PublicRunPage) {
  const metric = useMemo(() => metricFor(points), [points]);
  const elapsedMs = isOver(run) ? 0 : run.elapsedMs;
  const curves = useMemo(
    () => curvesOf(points, elapsedMs, { axis: 'time', smoothing: SMOOTHING_DEFAULT }),
    [points, elapsedMs],
  );
  const [name, raw, smooth] = {
    valAccuracy: [text.accuracy, curves.valAccuracy, curves.valAccuracySmooth] as const,
    valError: [text.error, curves.valError, curves.valErrorSmooth] as const,
    loss: [text.loss, curves.loss, curves.lossSmooth] as const,
  }[metric];
  const lines = useMemo(
    () =>
      [
        { label: '', values: raw, colour: '--glow', look: 'marks' },
        { label: '', values: smooth, colour: '--glow', look: 'strong' },
      ] as const,
    [raw, smooth],
  );
  const valueText = (value: number | null) =>
    metric === 'valAccuracy' ? percentText(value) : lossText(value);
  const measured = raw.filter((value) => value !== null);
  return (
    <Chart
      heading={name}
      summary={text.summary(name, valueText(measured[0] ?? null), valueText(measured.at(-1) ?? null))}
      xs={curves.xs}
      axis="time"
      range={curves.range}
      lines={lines}
      band={null}
      valueText={(value) =>
        metric === 'valAccuracy'
          ? `${Number((value * 100).toPrecision(3))} %`
          : String(Number(value.toPrecision(3)))
      }
      heightPx={CHART_HEIGHT_PX}
      cursor={-1}
      onCursor={() => {}}
    />
  );
}

function Details({ run }: { readonly run: Run }) {
  const rows = [
    [text.model, text.modelOf(run.modelName, countText(run.parameterCount))],
    [text.dataset, run.datasetName],
    [text.licence, run.licence || '–'],
    [text.began, new Date(run.createdAt).toLocaleString()],
    [text.training, durationText(run.trainingMs)],
  ] as const;
  return <DetailsCard heading={text.details} rows={rows} />;
}
