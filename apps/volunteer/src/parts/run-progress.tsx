/** The run as a whole: its name, how good the model is, how far it is to the aim or to the last round. */
import type { VolunteerSnapshot } from '@murmuration/swarm';
import { hasAnswers } from '../active-run.ts';
import { countText, percentText } from '../format.ts';
import { strings } from '../strings/index.ts';

const text = strings.run;

type Run = NonNullable<VolunteerSnapshot['run']>;

export function RunProgress({ run }: { readonly run: Run }) {
  const isOver = run.state === 'finished' || run.state === 'failed';
  return (
    <section class="card" aria-labelledby="run-heading">
      <p class="eyebrow">{text.heading}</p>
      <h2 id="run-heading">{run.name}</h2>
      {hasAnswers(run.task) ? (
        <>
          <AccuracyBar accuracy={run.accuracy} target={run.targetAccuracy} />
          <p class="note">{accuracyText(run)}</p>
        </>
      ) : (
        <RoundsBar run={run} />
      )}
      <ul class="facts">
        <li>{text.round(countText(run.round), countText(run.roundsMax))}</li>
        {!isOver && <li>{text.devices(countText(run.volunteers), run.volunteers === 1)}</li>}
        <li>{run.datasetName}</li>
      </ul>
    </section>
  );
}

function accuracyText({ accuracy, targetAccuracy }: Run): string {
  if (accuracy === null) return text.accuracyUnknown;
  if (targetAccuracy === null) return percentText(accuracy);
  const say = accuracy >= targetAccuracy ? text.accuracyReached : text.accuracyOf;
  return say(percentText(accuracy), percentText(targetAccuracy));
}

/** Where no answer is right or wrong, the way to the last round. */
const RoundsBar = ({ run: { round, roundsMax } }: { readonly run: Run }) => (
  <div class="accuracy">
    <label for="rounds">{text.roundsLabel}</label>
    <div class="track">
      <progress id="rounds" max={roundsMax} value={Math.min(round, roundsMax)} />
    </div>
  </div>
);

function AccuracyBar({
  accuracy,
  target,
}: {
  readonly accuracy: number | null;
  readonly target: number | null;
}) {
  return (
    <div class="accuracy">
      <label for="accuracy">{text.accuracyLabel}</label>
      <div class="track">
        <progress id="accuracy" max={1} value={accuracy ?? 0} />
        {target !== null && (
          <span class={target < 0.3 ? 'aim early' : 'aim'} style={{ insetInlineStart: `${target * 100}%` }}>
            <span>{text.target(percentText(target))}</span>
          </span>
        )}
      </div>
    </div>
  );
}
