/** Where the volunteer stands: shape, word, sentence, and the time of the next thing where there is one. */
import { useEffect, useState } from 'preact/hooks';
import type { VolunteerState } from '@murmuration/swarm';
import { clockText, durationText } from '../format.ts';
import { states, strings } from '../strings/index.ts';
import { toneOf } from '../tab-sign.ts';
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
        {nextAtMs !== null && <Countdown state={state} untilMs={nextAtMs} />}
        {nextAtMs === null && state === 'paused' && strings.resumesWhen[detail] !== undefined && (
          <p class="countdown">{strings.resumesWhen[detail]}</p>
        )}
      </div>
    </section>
  );
}

/** Once a second, and not while nobody looks. Not announced: `aria-live` is elsewhere. */
function Countdown({ state, untilMs }: { readonly state: VolunteerState; readonly untilMs: number }) {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const look = () => {
      if (!document.hidden) setNowMs(performance.now());
    };
    look();
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, [untilMs]);
  const leftMs = untilMs - nowMs;
  const left = durationText(leftMs);
  if (state === 'paused')
    return (
      <p class="countdown">
        {strings.resumesIn(left, clockText(Date.now() + Math.max(0, leftMs), strings.locale))}
      </p>
    );
  return <p class="countdown">{leftMs >= 1000 ? strings.nextIn(left) : strings.nextNow}</p>;
}
