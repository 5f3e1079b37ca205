/** Where the volunteer stands: shape, word, sentence, and the time of the next thing where there is one. */
import { useEffect, useState } from 'preact/hooks';
import type { VolunteerState } from '@murmuration/swarm';
import { durationText } from '../format.ts';
import { states, strings } from '../strings.ts';
import { StateIcon } from './icons.tsx';

interface Standing {
  readonly state: VolunteerState;
  readonly detail: string;
  readonly nextAtMs: number | null;
}

export function StateBanner({ state, detail, nextAtMs }: Standing) {
  return (
    <section class="banner" data-tone={toneOf(state)} aria-labelledby="state-word">
      <StateIcon state={state} />
      <div>
        <h1 id="state-word">{states[state].word}</h1>
        <p>{states[state].sentence(detail)}</p>
        {nextAtMs !== null && <Countdown untilMs={nextAtMs} />}
      </div>
    </section>
  );
}

function toneOf(state: VolunteerState): 'busy' | 'resting' | 'troubled' {
  switch (state) {
    case 'recovering':
    case 'blocked':
      return 'troubled';
    case 'paused':
    case 'waiting':
    case 'finished':
      return 'resting';
    default:
      return 'busy';
  }
}

/** Once a second; a hidden tab's timers slow down by themselves. Not announced: `aria-live` is elsewhere. */
function Countdown({ untilMs }: { readonly untilMs: number }) {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    setNowMs(performance.now());
    const timer = setInterval(() => setNowMs(performance.now()), 1000);
    return () => clearInterval(timer);
  }, [untilMs]);
  const leftMs = untilMs - nowMs;
  return <p class="countdown">{leftMs >= 1000 ? strings.nextIn(durationText(leftMs)) : strings.nextNow}</p>;
}
