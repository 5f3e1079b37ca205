/** The page around the screens: header with the flock, the screen that is due, the space bar. */
import { useEffect } from 'preact/hooks';
import { Announcer } from './announcer.tsx';
import type { Contributor, Screen } from './contributor.ts';
import { Flock } from './flock.tsx';
import { Consent } from './screens/consent.tsx';
import { Elsewhere } from './screens/elsewhere.tsx';
import { EndedScreen } from './screens/ended.tsx';
import { GpuProblem, isGpuProblem } from './screens/gpu-problem.tsx';
import { Preparing } from './screens/preparing.tsx';
import { Working } from './screens/working.tsx';
import { Connectivity } from './parts/connectivity.tsx';
import { LanguageChoice } from './parts/language-choice.tsx';
import { Trust } from './parts/trust.tsx';
import { states, strings } from './strings/index.ts';
import type { GpuCheck } from './worker-protocol.ts';

export function Page({ contribution }: { readonly contribution: Contributor }) {
  const screen = contribution.screen.value;
  const word = wordOf(screen, contribution.gpuCheck.value);
  usePauseBySpace(contribution);

  return (
    <>
      <header class={screen.at === 'consent' ? 'sky tall' : 'sky'}>
        <Flock round={restingRound(screen)} />
        <div class="column">
          <p class="wordmark">
            <img src="/mark.svg" alt="" width="28" height="28" />
            {strings.name}
          </p>
          {screen.at === 'consent' && (
            <div class="promise">
              <h1>{strings.consent.headline}</h1>
              <p>{strings.consent.lead}</p>
            </div>
          )}
        </div>
      </header>
      <main
        class="column"
        data-screen={screen.at}
        data-state={screen.at === 'contributing' ? screen.state : undefined}
      >
        {shown(contribution, screen)}
      </main>
      <footer class="column">
        <Connectivity contribution={contribution} />
        <Trust contribution={contribution} />
        {(screen.at === 'consent' || screen.at === 'ended') && <LanguageChoice />}
      </footer>
      <Announcer text={announcementOf(screen, word)} />
    </>
  );
}

function shown(contribution: Contributor, screen: Screen) {
  const check = contribution.gpuCheck.value;
  switch (screen.at) {
    case 'consent':
      return <Consent contribution={contribution} />;
    case 'elsewhere':
      return <Elsewhere contribution={contribution} isWaiting={screen.isWaiting} />;
    case 'starting':
      return isGpuProblem(check) ? (
        <GpuProblem check={check} contribution={contribution} />
      ) : (
        <Preparing contribution={contribution} standing={null} />
      );
    case 'contributing': {
      const { state } = screen;
      if (isGpuProblem(check)) return <GpuProblem check={check} contribution={contribution} />;
      switch (state) {
        case 'checking':
        case 'ready':
        case 'loading':
        case 'warming-up':
        case 'connecting':
          return <Preparing contribution={contribution} standing={screen} />;
        case 'waiting':
        case 'training':
        case 'syncing':
        case 'paused':
        case 'recovering':
        case 'finished':
        case 'blocked':
          return <Working contribution={contribution} standing={screen} />;
        default:
          return state satisfies never;
      }
    }
    case 'ended':
      return screen.ended.reason === 'blocked' && isGpuProblem(check) ? (
        <GpuProblem check={check} contribution={contribution} />
      ) : (
        <EndedScreen contribution={contribution} ended={screen.ended} last={screen.last} />
      );
    default:
      return screen satisfies never;
  }
}

function wordOf(screen: Screen, check: GpuCheck | null): string {
  if (screen.at !== 'consent' && isGpuProblem(check)) return states.blocked.word;
  switch (screen.at) {
    case 'consent':
      return '';
    case 'elsewhere':
      return strings.elsewhere.word;
    case 'starting':
      return states.checking.word;
    case 'contributing':
      return states[screen.state].word;
    case 'ended':
      return screen.ended.reason === 'finished'
        ? states.finished.word
        : strings.ended.title[screen.ended.reason];
    default:
      return screen satisfies never;
  }
}

function announcementOf(screen: Screen, word: string): string {
  if (screen.at !== 'contributing') return word;
  return `${word}. ${states[screen.state].sentence(screen.snapshot.detail)}`;
}

/** The flock flies in once, on the consent screen; afterwards it steps with the rounds. */
function restingRound(screen: Screen): number | null {
  if (screen.at === 'consent') return null;
  return screen.at === 'contributing' ? (screen.snapshot.round ?? 0) : 0;
}

/** Elements that the space bar means something to. */
const OWN_SPACE = 'a, button, input, select, textarea, summary, [contenteditable], [tabindex]';

function usePauseBySpace(contribution: Contributor): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const screen = contribution.screen.value;
      if (event.key !== ' ' || event.repeat || screen.at !== 'contributing') return;
      if (event.target instanceof Element && event.target.closest(OWN_SPACE) !== null) return;
      event.preventDefault();
      contribution.wish(
        screen.snapshot.state === 'paused' ? { wish: 'resume' } : { wish: 'pause', untilMs: null },
      );
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [contribution]);
}
