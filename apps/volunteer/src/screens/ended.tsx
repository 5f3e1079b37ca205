/** After the end: thanks, what this device did, and the way back. */
import type { VolunteerSnapshot } from '@murmuration/swarm';
import type { Contribution, Ended } from '../contribution.ts';
import { countText, percentText } from '../format.ts';
import { StateIcon } from '../parts/icons.tsx';
import { Diagnostics } from '../parts/diagnostics.tsx';
import { states, strings } from '../strings.ts';
import type { StopReason } from '../worker-protocol.ts';

const text = strings.ended;

interface Props {
  readonly contribution: Contribution;
  readonly ended: Ended;
  readonly last: VolunteerSnapshot | null;
}

export function EndedScreen({ contribution, ended, last }: Props) {
  const { heading, sentence } = wordsOf(ended);
  const troubled = ended.reason === 'failed' || ended.reason === 'blocked';
  return (
    <>
      <section class="banner" data-tone={troubled ? 'troubled' : 'resting'} aria-labelledby="ended">
        <StateIcon state={troubled ? 'blocked' : 'finished'} />
        <div>
          <h1 id="ended">{heading}</h1>
          <p>{sentence}</p>
          {ended.reason === 'failed' && ended.detail !== '' && <p class="note">({ended.detail})</p>}
        </div>
      </section>
      <MyPart last={last} reason={ended.reason} />
      {troubled && <Diagnostics check={contribution.gpuCheck.value} />}
      <div class="actions">
        <button type="button" onClick={() => contribution.begin()}>
          {troubled ? strings.actions.retry : strings.actions.again}
        </button>
        <button type="button" class="outline secondary" onClick={() => contribution.forget()}>
          {strings.actions.back}
        </button>
      </div>
    </>
  );
}

function MyPart({ last, reason }: { readonly last: VolunteerSnapshot | null; readonly reason: StopReason }) {
  if (last === null || last.totals.samples === 0) return <p>{text.nothing}</p>;
  const { totals, run } = last;
  return (
    <section class="card" aria-labelledby="part-heading">
      <h2 id="part-heading">{text.partHeading}</h2>
      <ul class="part">
        <li>
          <strong>{text.samples(countText(totals.samples))}</strong> {text.samplesOf}
        </li>
        <li>
          <strong>{text.rounds(countText(totals.rounds))}</strong> {text.roundsOf}
        </li>
        {run !== null && run.accuracy !== null && (
          <li>
            <strong>{text.accuracy(percentText(run.accuracy))}</strong>{' '}
            {reason === 'finished' ? text.accuracyOfFinished : text.accuracyOf}
          </li>
        )}
      </ul>
    </section>
  );
}

function wordsOf({ reason, detail }: Ended): { readonly heading: string; readonly sentence: string } {
  switch (reason) {
    case 'left':
      return { heading: text.leftHeading, sentence: text.leftText };
    case 'finished':
      return { heading: text.finishedHeading, sentence: text.finishedText };
    case 'failed':
      return { heading: text.failedHeading, sentence: text.failedText };
    case 'blocked':
      return { heading: text.blockedHeading, sentence: states.blocked.sentence(detail) };
    default:
      return reason satisfies never;
  }
}
