/** One run, live: where it stands, its curves, its tabs, its data, its log, its model. */
import { useEffect, useMemo } from 'preact/hooks';
import { publicPath } from '@murmuration/client';
import type { RunId, RunView } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { RunFeed, type RunPicture } from '../feed.ts';
import { countText, durationText, etaText, lossText, percentText, rateText } from '../format.ts';
import { CurvesPanel } from '../parts/curves-panel.tsx';
import { DatasetSamplesCard } from '../parts/dataset-samples.tsx';
import { DecisionsTable } from '../parts/decisions-table.tsx';
import { Downloads } from '../parts/downloads.tsx';
import { EventLog } from '../parts/event-log.tsx';
import { ChosenCard } from '../parts/plan-facts.tsx';
import { RunActions } from '../parts/run-actions.tsx';
import { DetailsCard, Figure, Progress } from '../parts/run-facts.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { TabsTable } from '../parts/tabs-table.tsx';
import { VolunteerLink } from '../parts/volunteer-link.tsx';
import { addressOf } from '../route.ts';
import { runStates, strings } from '../strings.ts';

const text = strings.run;

export function RunScreen({ runId }: { readonly runId: RunId }) {
  const source = useMemo(() => new RunFeed(runId), [runId]);
  useEffect(() => () => source.close(), [source]);
  const { value: feed } = source.feed;
  return (
    <>
      <p class="back">
        <a href={addressOf({ screen: 'runs' })}>← {text.back}</a>
      </p>
      {feed.state === 'connecting' && <p class="note">{text.connection.connecting}</p>}
      {feed.state === 'failed' && <p class="trouble">{feed.message}</p>}
      {(feed.state === 'live' || feed.state === 'reconnecting') && (
        <Picture picture={feed.picture} isLive={feed.state === 'live'} />
      )}
    </>
  );
}

function Picture({ picture, isLive }: { readonly picture: RunPicture; readonly isLive: boolean }) {
  const { run, volunteers, events, decisions } = picture;
  const { state, manifest } = run;
  useEffect(() => {
    document.title = strings.titleOf(`${runStates[state].word}: ${manifest.name}`);
  }, [state, manifest.name]);
  useEffect(() => announce(`${runStates[state].word}. ${runStates[state].sentence}`), [state]);
  return (
    <>
      <div class="titled">
        <div>
          <h1>{manifest.name}</h1>
          <p class="standing">
            <StateMark state={state} />
            <span>
              {run.reason === '' ? runStates[state].sentence : `${runStates[state].sentence} (${run.reason})`}
            </span>
          </p>
          <p class="note">
            {isLive ? text.connection.live : text.connection.reconnecting} · {heartbeatOf(picture)} ·{' '}
            <a href={publicPath(manifest.id)}>{text.publicPage}</a>
          </p>
        </div>
        <RunActions
          run={{ id: run.manifest.id, name: run.manifest.name, state: run.state }}
          onDone={() => {}}
          hasDescendants
        />
      </div>
      <Progress share={run.progress} label={text.progressLabel} />
      <Standing picture={picture} />
      {run.divergences > 0 && (
        <p class="trouble" role="alert">
          {text.divergences(countText(run.divergences))}
        </p>
      )}
      {run.volunteersConnected === 0 && run.state === 'waiting' && <VolunteerLink />}
      <CurvesPanel picture={picture} />
      <TabsTable volunteers={volunteers} />
      <DecisionsTable decisions={decisions} />
      <div class="pair">
        <div>
          <Downloads run={run} />
          {/* Rows of a table and tokens are no pictures. */}
          {manifest.dataset.sampleShape.length === 3 && <DatasetSamplesCard dataset={manifest.dataset} />}
        </div>
        <div>
          <Details run={run} />
          <ChosenCard manifest={run.manifest} />
          <EventLog events={events} />
        </div>
      </div>
    </>
  );
}

function heartbeatOf({ volunteers }: RunPicture): string {
  const ages = volunteers.filter((tab) => tab.connected).map((tab) => tab.heartbeatAgeMs);
  return ages.length === 0 ? text.heartbeatNone : text.heartbeat(durationText(Math.min(...ages)));
}

function Standing({ picture: { run, volunteers } }: { readonly picture: RunPicture }) {
  const { best, manifest } = run;
  const { targetAccuracy, roundsMax, objective } = manifest.training;
  const speed = volunteers.reduce((sum, tab) => sum + (tab.connected ? tab.stepsPerSecond : 0), 0);
  const isOver = run.state === 'finished' || run.state === 'failed';
  const target = targetAccuracy === null ? '' : text.bestOf(percentText(targetAccuracy));
  return (
    <dl class="numbers">
      {objective === 'autoencoding' ? (
        <Figure
          name={text.bestLoss}
          value={lossText(best?.loss ?? null)}
          note={
            best?.parts === undefined
              ? ''
              : text.bestParts(lossText(best.parts.reconstruction), lossText(best.parts.kl))
          }
        />
      ) : (
        <Figure
          name={text.best}
          value={percentText(best?.accuracy ?? null)}
          note={[target, best === null ? '' : text.bestRound(countText(best.round))]
            .filter(Boolean)
            .join(', ')}
        />
      )}
      <Figure name={text.loss} value={lossText(run.lossLatest)} note={text.lossNote} />
      <Figure name={text.round} value={countText(run.round)} note={text.roundOf(countText(roundsMax))} />
      <Figure
        name={text.eta}
        value={isOver ? text.etaOver : run.etaMs === null ? '–' : etaText(run.etaMs)}
        note={run.etaMs === null && !isOver ? text.etaUnknown : ''}
      />
      <Figure name={text.speed} value={rateText(speed)} note={text.speedNote} />
      <Figure
        name={text.tabs}
        value={countText(run.volunteersConnected)}
        note={text.tabsEver(countText(volunteers.length))}
      />
    </dl>
  );
}

function Details({ run }: { readonly run: RunView }) {
  const { manifest } = run;
  const rows: readonly (readonly [string, string])[] = [
    [text.model, text.modelOf(manifest.model.name, countText(manifest.parameterCount))],
    [text.dataset, manifest.dataset.name],
    [text.licence, manifest.dataset.licence || '–'],
    [text.seed, String(manifest.seed)],
    ...knobRows(run),
    [text.epoch, countText(run.epoch)],
    [text.totals, text.totalsOf(countText(run.localSteps), countText(run.samples))],
    [text.term, countText(run.term)],
    [text.started, new Date(run.createdAt).toLocaleString()],
  ];
  return <DetailsCard heading={text.details} rows={rows} />;
}

function knobRows({ manifest: { training } }: RunView): readonly (readonly [string, string])[] {
  const { knobs } = strings.newRun;
  return (Object.keys(knobs) as (keyof typeof knobs)[])
    .filter((name) => training[name] != null)
    .map((name) => [knobs[name][0], knobText(training[name])]);
}

/** Of tiers by hand, key by key as a run file says them. */
const knobText = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? Object.entries(value)
        .map(([key, each]) => `${key} ${String(each)}`)
        .join(', ')
    : String(value);
