/** After the end: thanks, what this device did, and the way back. */
import type { VolunteerSnapshot } from '@murmuration/swarm';
import type { Contributor, Ended } from '../contributor.ts';
import type { Learned } from '../curve.ts';
import { countText, percentText } from '../format.ts';
import { StateIcon } from '../parts/icons.tsx';
import { Diagnostics } from '../parts/diagnostics.tsx';
import { SharePicture } from '../parts/share-picture.tsx';
import { states, strings } from '../strings/index.ts';

const text = strings.ended;

interface Props {
  readonly contribution: Contributor;
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
      <MyPart last={last} ended={ended} learned={contribution.learned.value} />
      {troubled && <Diagnostics check={contribution.gpuCheck.value} end={ended.detail} />}
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

interface PartProps {
  readonly last: VolunteerSnapshot | null;
  readonly ended: Ended;
  readonly learned: Learned;
}

/** The person's part and its effect, and what to take home of it. */
function MyPart({ last, ended, learned }: PartProps) {
  if (last === null || last.totals.samples === 0) return <p>{text.nothing}</p>;
  const { totals, run, confirmedSamples } = last;
  const from = learned.accuracy[0]?.value;
  const to = learned.accuracy.at(-1)?.value;
  const effect =
    from !== undefined && to !== undefined && to > from
      ? text.effect(percentText(from), percentText(to))
      : null;
  const lines = [
    run === null
      ? text.samples(countText(totals.samples))
      : text.pictureLine(countText(totals.samples), run.name),
    ...(effect === null ? [] : [effect]),
  ];
  return (
    <section class="card" aria-labelledby="part-heading">
      <h2 id="part-heading">{text.partHeading}</h2>
      <ul class="part">
        <li>
          <strong>{text.samples(countText(totals.samples))}</strong> {text.samplesOf}
        </li>
        <li>{text.confirmed(countText(confirmedSamples))}</li>
        <li>
          <strong>{text.rounds(countText(totals.rounds))}</strong> {text.roundsOf}
        </li>
        {run !== null && run.accuracy !== null && (
          <li>
            <strong>{text.accuracy(percentText(run.accuracy))}</strong>{' '}
            {ended.reason === 'finished' ? text.accuracyOfFinished : text.accuracyOf}
          </li>
        )}
        {effect !== null && <li>{effect}</li>}
      </ul>
      <div class="actions keepsakes">
        <SharePicture lines={lines} />
        {ended.receipt !== null && <Receipt json={ended.receipt} />}
      </div>
    </section>
  );
}

/** A file that anybody can check with the coordinator's public key. */
const Receipt = ({ json }: { readonly json: string }) => (
  <a
    role="button"
    class="outline secondary"
    href={`data:application/json,${encodeURIComponent(json)}`}
    download="murmuration-receipt.json"
  >
    {text.receipt}
  </a>
);

function wordsOf({ reason, detail }: Ended): { readonly heading: string; readonly sentence: string } {
  switch (reason) {
    case 'left':
      return { heading: text.leftHeading, sentence: text.leftText };
    case 'moved':
      return { heading: text.movedHeading, sentence: text.movedText };
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
