/** The frame around the screens: header, the screen that the address names, the tab's title, the live region. */
import { useEffect } from 'preact/hooks';
import { announcement } from './announcer.ts';
import { addressOf, route, type Route } from './route.ts';
import { session, signOut } from './session.ts';
import { accessStrings } from './strings-access.ts';
import { compareStrings } from './strings-compare.ts';
import { sweepStrings } from './strings-sweeps.ts';
import { strings } from './strings.ts';
import { AccessScreen } from './screens/access.tsx';
import { CompareScreen } from './screens/compare.tsx';
import { data, launch } from './strings-launch.ts';
import { models } from './strings-models.ts';
import { DataScreen } from './screens/data.tsx';
import { DatasetScreen } from './screens/dataset.tsx';
import { ModelScreen } from './screens/model.tsx';
import { ModelsScreen } from './screens/models.tsx';
import { NewRunScreen } from './screens/new-run.tsx';
import { NewSweepScreen } from './screens/new-sweep.tsx';
import { RunScreen } from './screens/run.tsx';
import { RunsScreen } from './screens/runs.tsx';
import { SignIn } from './screens/sign-in.tsx';
import { SweepScreen } from './screens/sweep.tsx';
import { SweepsScreen } from './screens/sweeps.tsx';

/** Where the header leads. */
const PLACES = [
  ['runs', strings.nav.runs],
  ['compare', compareStrings.link],
  ['data', data.nav],
  ['models', models.nav],
  ['sweeps', sweepStrings.link],
  ['access', accessStrings.link],
  ['new-run', strings.nav.create],
] as const;

export function Page() {
  const { value: current } = session;
  const isAsking = current.kind === 'signed-out';
  const { value: here } = route;
  useEffect(() => {
    document.title = strings.titleOf(isAsking ? strings.signIn.heading : titleOf(here));
  }, [isAsking, here]);

  return (
    <>
      <header class="top">
        <div class="column">
          <a class="wordmark" href={addressOf({ screen: 'runs' })}>
            <img src="/admin/mark.svg" alt="" width="28" height="28" />
            {strings.name}
          </a>
          <nav aria-label={strings.nav.label}>
            {PLACES.map(([screen, word]) => (
              <a
                key={screen}
                href={addressOf({ screen })}
                aria-current={here.screen === screen ? 'page' : undefined}
              >
                {word}
              </a>
            ))}
            {current.kind === 'signed-in' && (
              <button type="button" class="plain" onClick={signOut}>
                {strings.nav.signOut}
              </button>
            )}
          </nav>
        </div>
      </header>
      <main class="column" data-screen={isAsking ? 'sign-in' : here.screen}>
        {current.kind === 'checking' && <p class="note">{strings.loading}</p>}
        {current.kind === 'signed-out' && <SignIn why={current.why} />}
        {current.kind === 'signed-in' && <Shown route={here} />}
      </main>
      <p class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </p>
    </>
  );
}

function Shown({ route: here }: { readonly route: Route }) {
  switch (here.screen) {
    case 'runs':
      return <RunsScreen />;
    case 'new-run':
      return <NewRunScreen datasetId={here.datasetId ?? null} modelId={here.modelId ?? null} />;
    case 'compare':
      return <CompareScreen />;
    case 'data':
      return <DataScreen />;
    case 'dataset':
      return <DatasetScreen key={here.datasetId} datasetId={here.datasetId} />;
    case 'models':
      return <ModelsScreen />;
    case 'model':
      return <ModelScreen key={here.modelId} modelId={here.modelId} />;
    case 'sweeps':
      return <SweepsScreen />;
    case 'new-sweep':
      return <NewSweepScreen />;
    case 'sweep':
      return <SweepScreen key={here.sweepId} sweepId={here.sweepId} />;
    case 'access':
      return <AccessScreen />;
    case 'run':
      return <RunScreen key={here.runId} runId={here.runId} />;
    default:
      return here satisfies never;
  }
}

function titleOf(here: Route): string {
  switch (here.screen) {
    case 'runs':
      return strings.runs.heading;
    case 'new-run':
      return launch.heading;
    case 'compare':
      return compareStrings.heading;
    case 'data':
    case 'dataset':
      return data.heading;
    case 'models':
    case 'model':
      return models.heading;
    case 'sweeps':
    case 'sweep':
      return sweepStrings.heading;
    case 'new-sweep':
      return sweepStrings.form.heading;
    case 'access':
      return accessStrings.heading;
    case 'run':
      return strings.run.eyebrow;
    default:
      return here satisfies never;
  }
}
