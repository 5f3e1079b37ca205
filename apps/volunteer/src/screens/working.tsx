/**
 * Everything between the first step and the end: training, waiting, paused, recovering, and finished while the tab
 * stays for the next run. One layout, so that nothing jumps when the state changes; the banner says what is going on.
 */
import { useState } from 'preact/hooks';
import type { Contributor, Standing } from '../contributor.ts';
import { Actions } from '../parts/actions.tsx';
import { DeviceNote } from '../parts/device-note.tsx';
import { ExampleGuesses } from '../parts/example-guesses.tsx';
import { LearnedCurves } from '../parts/learned-curves.tsx';
import { LimitsEditor } from '../parts/limits-editor.tsx';
import { LoadNow } from '../parts/load-now.tsx';
import { Numbers } from '../parts/numbers.tsx';
import { RunProgress } from '../parts/run-progress.tsx';
import { StateBanner } from '../parts/state-banner.tsx';
import { strings } from '../strings/index.ts';

interface Props {
  readonly contribution: Contributor;
  readonly standing: Standing;
}

export function Working({ contribution, standing }: Props) {
  const { snapshot, state, nextAtMs, load } = standing;
  const { detail, run } = snapshot;
  const [showsSettings, setShowsSettings] = useState(false);
  const check = contribution.gpuCheck.value;
  const examples = contribution.examples.value;
  return (
    <>
      <StateBanner state={state} detail={detail} nextAtMs={nextAtMs} />
      {load.going !== null && <p>{strings.actions.finishing}</p>}
      <Actions
        contribution={contribution}
        standing={standing}
        showsSettings={showsSettings}
        onSettings={() => setShowsSettings(!showsSettings)}
      />
      {showsSettings && (
        <section class="card" id="settings" aria-labelledby="settings-heading">
          <h2 id="settings-heading">{strings.actions.settings}</h2>
          <LimitsEditor
            limits={contribution.limits.value}
            onChange={(limits) => contribution.setLimits(limits)}
            dataNote={null}
            measuredShare={load.measuredShare}
          />
        </section>
      )}
      {state === 'finished' && detail !== 'left' && <p>{strings.ended.nextRun}</p>}
      {!snapshot.coordinatorConnected && state !== 'recovering' && (
        <p class="trouble">{strings.coordinatorAway}</p>
      )}
      <LoadNow load={load} limits={contribution.limits.value} />
      <Numbers snapshot={snapshot} />
      {run !== null && <RunProgress run={run} />}
      {run !== null && <LearnedCurves learned={contribution.learned.value} />}
      {run !== null && examples !== null && <ExampleGuesses examples={examples} />}
      <DeviceNote check={check} />
    </>
  );
}
