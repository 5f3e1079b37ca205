/** The run as a whole: its name, how good the model is, how far it is to the aim. */
import type { VolunteerSnapshot } from '@murmuration/swarm';
import { countText, percentText } from '../format.ts';
import { strings } from '../strings.ts';

const text = strings.run;

export function RunProgress({ run }: { readonly run: NonNullable<VolunteerSnapshot['run']> }) {
  const target = run.targetAccuracy === null ? null : percentText(run.targetAccuracy);
  return (
    <section class="card" aria-labelledby="run-heading">
      <p class="eyebrow">{text.heading}</p>
      <h2 id="run-heading">{run.name}</h2>
      <AccuracyBar accuracy={run.accuracy} target={run.targetAccuracy} />
      <p class="note">
        {run.accuracy === null ? text.accuracyUnknown : text.accuracyOf(percentText(run.accuracy), target)}
      </p>
      <ul class="facts">
        <li>{text.round(countText(run.round), countText(run.roundsMax))}</li>
        <li>{text.devices(countText(run.volunteers), run.volunteers === 1)}</li>
        <li>{run.datasetName}</li>
      </ul>
    </section>
  );
}

function AccuracyBar({ accuracy, target }: { readonly accuracy: number | null; readonly target: number | null }) {
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
